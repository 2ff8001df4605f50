"""The promotion test: its intervals are valid at all times simultaneously, however often they are read."""

from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad

from models.monitoring.promotion import sequential_test
from models.monitoring.promotion.confidence_sequence import RHO, boundary, log_e_value
from models.monitoring.promotion.sequential_test import canary_improvements
from models.tasks.binary import binary

judge_canary = partial(sequential_test.judge_canary, task=binary("p"))
judge_shadow = partial(sequential_test.judge_shadow, task=binary("p"))

N_SEEDS, N_ROWS = 500, 10_000
REFUTED = np.log(1 / 0.025)


def mixture(excess, squares, scale):
    """The mixture of exponentials by numerical integration, as the head of the module writes it."""

    def density(x):  # of x = 1 - scale * l, not normalised
        return x ** (RHO - 1) * np.exp(-RHO * x)

    def evidence(x):
        bet = (1 - x) / scale
        cost = (-np.log(x) - (1 - x)) / scale**2
        return density(x) * np.exp(bet * excess - cost * squares)

    return np.log(quad(evidence, 0, 1, limit=500)[0] / quad(density, 0, 1)[0])


@pytest.mark.parametrize("scale", [1.0, 4.0])
@pytest.mark.parametrize(("excess", "squares"), [(0, 0), (0.5, 2), (-0.5, 2), (5, 3), (20, 30), (60, 400)])
def test_the_closed_form_is_the_integral(excess, squares, scale):
    """Numerical integration gives the same."""
    assert log_e_value(excess, squares, scale) == pytest.approx(mixture(excess, squares, scale), abs=1e-8)


@given(st.floats(-1, 50), st.floats(0, 0.999))
def test_the_inequality_that_everything_rests_on(z, t):
    """exp(t z - (-log(1 - t) - t) z**2) is at most 1 + t z from z = -1 on."""
    assert t * z + (np.log1p(-t) + t) * z**2 <= np.log1p(t * z) + 1e-9


@given(st.floats(0, 1e6), st.sampled_from([0.025, 0.05]), st.sampled_from([1.0, 10.0]))
def test_the_boundary_is_where_the_evidence_reaches_it(squares, alpha, scale):
    """At the boundary the evidence is 1 / alpha; above it there is more."""
    there = boundary(squares, alpha, scale)
    assert log_e_value(there, squares, scale) == pytest.approx(np.log(1 / alpha), abs=1e-6)
    assert log_e_value(there * 1.01, squares, scale) > log_e_value(there, squares, scale)


def refuted_at_any_time(improvements, scale_below, scale_above):
    """Of each series, whether a look after any of its rows finds the challenger better, or worse."""
    total, squares = improvements.cumsum(axis=1), (improvements**2).cumsum(axis=1)
    better = log_e_value(total, squares, scale_below) >= REFUTED
    worse = log_e_value(-total, squares, scale_above) >= REFUTED
    return better.any(axis=1), worse.any(axis=1)


def rows(rng, shape):
    """True probabilities, and what happened."""
    odds = -1.5 + rng.normal(size=shape)
    return odds, rng.random(shape) < probability(odds)


def probability(odds):
    return 1 / (1 + np.exp(-odds))


def test_two_models_that_are_equally_good_are_seldom_told_apart():
    """Looking after each of 10,000 rows; a usual interval finds a difference in most series sooner or later."""
    rng = np.random.default_rng(0)
    odds, happened = rows(rng, (N_SEEDS, N_ROWS))
    one, other = (probability(odds + rng.normal(scale=0.3, size=odds.shape)) for _ in range(2))
    improvements = (one - happened) ** 2 - (other - happened) ** 2

    better, worse = refuted_at_any_time(improvements, 1.0, 1.0)

    assert max(better.mean(), worse.mean()) <= 0.025
    total, squares = improvements.cumsum(axis=1), (improvements**2).cumsum(axis=1)
    usual = (total > 1.96 * np.sqrt(squares))[:, 30:]
    assert usual.any(axis=1).mean() > 0.15


def test_the_rate_of_error_is_kept_where_it_is_hardest_to_keep():
    """Differences of the greatest size and equal chances: more variance, so that the boundary is met more often."""
    rng = np.random.default_rng(1)
    signs = rng.choice(np.array([-1.0, 1.0], np.float32), size=(2_000, 2_000)).astype(float)

    better, worse = refuted_at_any_time(signs, 1.0, 1.0)

    assert 0.0005 < better.mean() <= 0.025
    assert 0.0005 < worse.mean() <= 0.025


@pytest.mark.parametrize("share", [0.1, 0.5])
def test_a_canary_that_is_equally_good_is_seldom_told_apart(share):
    """The same for a canary: chance decides who answers."""
    rng = np.random.default_rng(2)
    odds, happened = rows(rng, (N_SEEDS, N_ROWS))
    given_to_canary = rng.random(odds.shape) < share
    scores = (probability(odds + rng.normal(scale=0.3, size=odds.shape)) - happened) ** 2
    improvements = np.stack([canary_improvements(*pair, share) for pair in zip(scores, given_to_canary, strict=True)])

    better, worse = refuted_at_any_time(improvements, 1 / share, max(1 / (1 - share), 0.25 / share))

    assert max(better.mean(), worse.mean()) <= 0.025


def test_the_true_mean_lies_between_the_bounds_at_every_look():
    """Also while the improvement changes with time: the bounds are for its mean so far."""
    rng = np.random.default_rng(3)
    n_missed = 0
    for _ in range(100):
        odds, happened = rows(rng, 2_000)
        blur = np.where(np.arange(2_000) < 1_000, 0.2, 1.5)
        champion = probability(odds + blur * rng.normal(size=2_000))
        challenger = probability(odds)
        true = (champion - probability(odds)) ** 2  # the mean improvement, given the row
        for n in (50, 200, 700, 1_000, 1_500, 2_000):
            test = judge_shadow(champion[:n], challenger[:n], happened[:n])
            n_missed += not test.low <= true[:n].mean() <= test.high
    assert n_missed <= 10


def test_a_better_challenger_is_found_and_a_worse_one_too():
    """Blurred odds against true ones; the number of rows that is said to be needed is about the one that decides."""
    rng = np.random.default_rng(4)
    odds, happened = rows(rng, 20_000)
    blurred, true = probability(odds + rng.normal(scale=0.6, size=odds.shape)), probability(odds)

    early = judge_shadow(blurred[:1_000], true[:1_000], happened[:1_000])
    assert early.verdict == "undecided"
    assert early.n_needed > 1_000
    decided = next(n for n in range(1_000, 20_000, 100) if judge_shadow(blurred[:n], true[:n], happened[:n]).low > 0)
    middle = judge_shadow(*(values[: decided // 2] for values in (blurred, true, happened)))
    assert decided / 4 < middle.n_needed < decided * 4
    late = judge_shadow(blurred, true, happened)
    assert (late.verdict, late.n_needed, late.n_predictions) == ("better", None, 20_000)
    assert late.low < late.improvement < late.high
    assert "is better" in late.text
    assert judge_shadow(true, blurred, happened).verdict == "worse"


def test_a_canary_is_found_to_be_better_or_worse():
    """It takes more rows than a shadow, for each row has one answer only; harm is found from a small share too."""
    rng = np.random.default_rng(5)
    odds, happened = rows(rng, 100_000)
    blurred, true = probability(odds + rng.normal(scale=1.0, size=odds.shape)), probability(odds)
    given_to_canary = rng.random(100_000) < 0.2

    better = judge_canary(np.where(given_to_canary, true, blurred), given_to_canary, happened, share=0.2)
    worse = judge_canary(np.where(given_to_canary, blurred, true), given_to_canary, happened, share=0.2)

    assert (better.verdict, worse.verdict) == ("better", "worse")
    difference = np.mean((blurred - happened) ** 2 - (true - happened) ** 2)
    assert better.low < difference < better.high
    assert worse.low < -difference < worse.high
    assert better.challenger_brier == pytest.approx(np.mean((true - happened)[given_to_canary] ** 2))
    assert better.champion_brier == pytest.approx(np.mean((blurred - happened)[~given_to_canary] ** 2))


def test_improvements_of_a_canary_row_by_row():
    """By hand: each score counts from the mean of those before, at most 1/4, and stands for 1 / share rows."""
    scores, given_to_canary = np.array([0.4, 0.2, 0.9, 0.1]), np.array([False, True, True, False])

    found = canary_improvements(scores, given_to_canary, 0.2)

    assert found == pytest.approx([0.4 / 0.8, -(0.2 - 0.25) / 0.2, -(0.9 - 0.25) / 0.2, (0.1 - 0.25) / 0.8])


def test_nothing_is_said_without_outcomes_or_without_a_difference():
    """No row, and rows that both answer alike."""
    nothing = judge_shadow([], [], [])
    assert (nothing.verdict, nothing.n_predictions, nothing.improvement) == ("undecided", 0, None)
    assert judge_canary([], [], [], share=0.1) == nothing
    alike = judge_shadow([0.2] * 100, [0.2] * 100, [0, 1] * 50)
    assert (alike.verdict, alike.improvement, alike.n_needed) == ("undecided", 0, None)
    assert alike.low < 0 < alike.high


def test_early_outcomes_of_one_kind_make_no_verdict():
    """Defaults are known and "paid back" is not yet: a version that predicts too many defaults looks better on them."""
    rng = np.random.default_rng(5)
    odds, happened = rows(rng, 3_000)
    champion, challenger = probability(odds), probability(odds + 1)
    early = np.where(happened, 1.0, np.nan)

    alone = judge_shadow(champion[happened], challenger[happened], early[happened])
    test = judge_shadow(champion, challenger, early)

    assert alone.verdict == "better"  # as in the order of arrival
    assert test.verdict == "undecided"
    assert test.n_predictions + test.n_unknown + test.n_waiting == 3_000
    assert judge_shadow(champion, challenger, happened).verdict == "worse"


def test_unknown_outcomes_count_against_either_verdict():
    """Bounds with unknown outcomes hold the bounds of the same rows with any outcomes in their place."""
    rng = np.random.default_rng(6)
    odds, happened = rows(rng, 2_000)
    champion, challenger = probability(odds + rng.normal(scale=0.5, size=2_000)), probability(odds)
    told = np.where(rng.random(2_000) < 0.01, np.nan, happened)
    test = judge_shadow(champion, challenger, told)
    n = test.n_predictions + test.n_unknown
    assert test.n_unknown > 0

    for filled in (np.zeros(2_000), np.ones(2_000), rng.integers(0, 2, 2_000).astype(float)):
        outcomes = np.where(np.isnan(told), filled, told)[:n]
        complete = judge_shadow(champion[:n], challenger[:n], outcomes)
        assert test.low <= complete.low
        assert complete.high <= test.high
    assert "count against either verdict" in test.text


def test_the_first_unknown_outcome_stops_the_comparison_until_it_comes():
    """With few rows before it there is nothing to say but that."""
    test = judge_shadow([0.1, 0.2, 0.3], [0.2, 0.3, 0.1], [np.nan, np.nan, np.nan])

    assert (test.verdict, test.n_predictions, test.n_waiting) == ("undecided", 0, 3)
    assert "send outcomes of all kinds" in test.text
