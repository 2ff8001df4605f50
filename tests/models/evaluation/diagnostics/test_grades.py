"""Rating grades: who is in which, what the test of each says, and how often a calibrated model is found off."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit, logit
from scipy.stats import binomtest

from models.domains.credit import DOMAIN
from models.evaluation.diagnostics.grades import grade_calibration

BOUNDS = (0.1, 0.3)


def drawn(seed: int, n_rows: int = 2_000):
    """Right probabilities with outcomes drawn from them."""
    rng = np.random.default_rng(seed)
    probabilities = expit(rng.normal(-2, 1.2, n_rows))
    return (rng.random(n_rows) < probabilities).astype(np.int64), probabilities


def test_each_row_is_in_one_grade_and_a_bound_in_the_riskier_one():
    probabilities = np.array([0.0, 0.0999, 0.1, 0.2, 0.3, 1.0])

    grades = grade_calibration(BOUNDS, np.array([0, 0, 0, 1, 0, 1]), probabilities)

    assert [(grade.grade, grade.low, grade.high, grade.n_rows) for grade in grades] == [
        ("1", 0.0, 0.1, 2),
        ("2", 0.1, 0.3, 2),
        ("3", 0.3, 1.0, 2),
    ]
    assert [grade.observed_rate for grade in grades] == [0, 0.5, 0.5]
    assert [grade.mean_predicted for grade in grades] == pytest.approx([0.04995, 0.15, 0.65])


def test_the_numbers_of_a_grade_are_those_of_the_binomial_test():
    """Rows, rates, interval and p value as scipy has them, and Holm's factors over the grades with rows."""
    labels, probabilities = drawn(1)
    inside = probabilities < 0.3

    grades = grade_calibration(BOUNDS, labels[inside], probabilities[inside])

    plain = []
    for grade in grades[:2]:
        rows = (probabilities >= grade.low) & (probabilities < grade.high)
        n_events, n_rows, mean = int(labels[rows].sum()), int(rows.sum()), float(probabilities[rows].mean())
        tails = [binomtest(n_events, n_rows, mean, alternative=side).pvalue for side in ("less", "greater")]
        expected = binomtest(n_events, n_rows).proportion_ci(method="exact")
        plain.append(min(2 * min(tails), 1))
        assert grade.n_rows == n_rows
        assert grade.p_value == pytest.approx(plain[-1])
        assert (grade.observed_low, grade.observed_high) == pytest.approx((expected.low, expected.high))
    small, large = sorted(plain)
    adjusted = sorted(grade.adjusted_p_value for grade in grades[:2])
    assert adjusted == pytest.approx([min(2 * small, 1), min(max(2 * small, large), 1)])
    assert (grades[2].verdict, grades[2].p_value, grades[2].adjusted_p_value) == ("no rows", None, None)


def test_the_verdict_follows_the_adjusted_p_value():
    """What is off on its own, but not among as many grades, is in line; what is off clearly has a direction."""
    labels = np.repeat([0, 1, 0, 1, 0, 1], [188, 12, 160, 40, 30, 170])
    probabilities = np.repeat([0.03, 0.2, 0.6], 200)

    first, second, third = grade_calibration(BOUNDS, labels, probabilities)

    assert 0.05 / 3 < first.p_value < 0.05
    assert (first.verdict, second.verdict, third.verdict) == ("in line", "in line", "observed above predicted")
    assert third.adjusted_p_value == pytest.approx(3 * third.p_value)
    assert grade_calibration((0.3,), labels[-200:] * 0, probabilities[-200:])[1].verdict == "observed below predicted"


def test_few_rows_are_no_evidence_of_calibration():
    """29 rows without a difference tell nothing; a clear difference is one, however few they are."""
    few = grade_calibration((0.5,), np.zeros(29, np.int64), np.full(29, 0.05))[0]
    enough = grade_calibration((0.5,), np.zeros(30, np.int64), np.full(30, 0.05))[0]
    clear = grade_calibration((0.5,), np.ones(10, np.int64), np.full(10, 0.05))[0]

    assert [few.verdict, enough.verdict, clear.verdict] == [
        "too few rows to tell",
        "in line",
        "observed above predicted",
    ]


def test_weighted_rows_count_as_effective_rows():
    """Equal weights change nothing, unequal ones widen the interval, and rows of weight 0 are not there."""
    labels, probabilities = drawn(2)
    plain = grade_calibration(BOUNDS, labels, probabilities)

    equal = grade_calibration(BOUNDS, labels, probabilities, np.full(len(labels), 0.3))
    doubled = grade_calibration(BOUNDS, labels, probabilities, np.where(np.arange(len(labels)) % 2, 0.0, 2.0))
    uneven = grade_calibration(BOUNDS, labels, probabilities, np.random.default_rng(0).pareto(1.5, len(labels)) + 0.01)

    for mine, theirs in zip(equal, plain, strict=True):
        assert mine.p_value == pytest.approx(theirs.p_value)
        assert (mine.observed_low, mine.observed_high) == pytest.approx((theirs.observed_low, theirs.observed_high))
    assert doubled == grade_calibration(BOUNDS, labels[::2], probabilities[::2])
    for mine, theirs in zip(uneven, plain, strict=True):
        assert mine.observed_high - mine.observed_low > 1.2 * (theirs.observed_high - theirs.observed_low)


def test_a_sample_of_the_rows_without_the_event_is_tested_as_it_was_drawn():
    """All events and one in six others, which weigh six: the rates of the population, the test of the sample."""
    labels, probabilities = drawn(3, 4_000)
    kept = (labels == 1) | (np.arange(len(labels)) % 6 == 0)
    weights = np.where(labels == 1, 1.0, 6.0)[kept]

    for grade in grade_calibration(BOUNDS, labels[kept], probabilities[kept], weights):
        rows = kept & (probabilities >= grade.low) & (probabilities < grade.high)
        n_events, n_rows = int(labels[rows].sum()), int(rows.sum())
        n_others = 6 * (n_rows - n_events)
        assert grade.observed_rate == pytest.approx(n_events / (n_events + n_others))
        odds = 6 * grade.mean_predicted / (1 - grade.mean_predicted)
        mean = odds / (1 + odds)  # in the sample
        tails = [binomtest(n_events, n_rows, mean, alternative=side).pvalue for side in ("less", "greater")]
        assert grade.p_value == pytest.approx(min(2 * min(tails), 1))
        interval = binomtest(n_events, n_rows).proportion_ci(method="exact")
        ends = [end / (end + 6 * (1 - end)) for end in (interval.low, interval.high)]
        assert (grade.observed_low, grade.observed_high) == pytest.approx(ends)


def test_few_events_alone_of_such_a_sample_are_no_surprise():
    """Seven rows with the event at a probability of 38 %: among six times as many of them, one in five."""
    labels = np.concatenate([np.repeat([0, 1], [300, 100]), np.ones(7, np.int64)])
    probabilities = np.concatenate([np.full(400, 1 / 19), np.full(7, 0.38)])

    grade = grade_calibration((0.3,), labels, probabilities, np.where(labels == 1, 1.0, 6.0))[1]

    assert grade.p_value == pytest.approx(2 * (6 * 0.38 / (6 * 0.38 + 0.62)) ** 7)
    assert grade.verdict == "too few rows to tell"


def test_weights_that_follow_the_probability_alone_change_no_rate():
    """Rows of the riskiest grade weigh five times as much; in no grade do events weigh more than the others."""
    labels, probabilities = drawn(4)

    found = grade_calibration(BOUNDS, labels, probabilities, np.where(probabilities >= 0.3, 5.0, 1.0))

    for mine, theirs in zip(found, grade_calibration(BOUNDS, labels, probabilities), strict=True):
        assert mine.p_value == pytest.approx(theirs.p_value)
        assert mine.observed_high == pytest.approx(theirs.observed_high)


def found_off(n_seeds: int, factor: float) -> list[bool]:
    """Whether any grade of the credit scale is found off, for log-odds that are `factor` times the right ones."""
    found = []
    for seed in range(n_seeds):
        labels, probabilities = drawn(seed)
        grades = grade_calibration(DOMAIN.grades, labels, expit(factor * logit(probabilities)))
        found.append(any(grade.verdict.startswith("observed") for grade in grades))
    return found


def test_a_calibrated_model_is_rarely_found_off_and_an_overconfident_one_always():
    """At most one report in twenty, over all grades together."""
    assert np.mean(found_off(400, 1.0)) <= 0.05
    assert all(found_off(30, 3.0))


def test_the_scale_of_credit_can_be_used():
    """At least seven grades (Basel II, paragraph 404), with the default cut-offs among the bounds."""
    policy = DOMAIN.policy()

    assert len(DOMAIN.grades) + 1 >= 7
    assert {policy.approve_below, policy.decline_from} <= set(DOMAIN.grades)
