"""Cut-offs against brute force: every cut-off that could be chosen is tried, and the chosen one is the best of them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from models.costs import Costs
from models.decisions.cut_offs import (
    band_around,
    cheapest_cut_off,
    cut_off_for_acceptance_rate,
    cut_off_for_bad_rate,
    least_cost_band,
    least_cost_cut_off,
)
from models.errors import CutOffError

COSTS = st.builds(Costs, st.sampled_from([0.5, 1, 5, 20]), st.sampled_from([0, 1, 3]))
# few distinct values, so that ties are the rule
PROBABILITIES = st.floats(0, 1) | st.sampled_from([0.0, 0.1, 0.2, 0.5, 1.0])
ROWS = st.lists(st.tuples(PROBABILITIES, st.integers(0, 1)), min_size=1, max_size=25).map(
    lambda rows: (np.array([p for p, _ in rows]), np.array([bad for _, bad in rows]))
)
RATES = st.floats(0.01, 0.99) | st.sampled_from([0.1, 0.29, 0.5, 0.7])


def candidates(probabilities):
    """Every cut-off that accepts another set of rows, in order."""
    return sorted({*probabilities.tolist(), 1.0})


def cost_of(cut_off, probabilities, labels, costs):
    """What a cut-off costs on the rows, one row at a time."""
    total = 0.0
    for p, bad in zip(probabilities.tolist(), labels.tolist(), strict=True):
        if p < cut_off and bad:
            total += costs.accepted_bad
        if p >= cut_off and not bad:
            total += costs.rejected_good
    return total / len(labels)


def test_the_cut_off_of_the_german_costs_is_one_sixth():
    """5:1, the cost matrix that comes with the German credit data."""
    assert least_cost_cut_off(Costs.parsed("5:1")) == pytest.approx(1 / 6)
    assert least_cost_cut_off(Costs(1, 0)) == 0
    assert least_cost_cut_off(Costs(0, 1)) == 1


@given(COSTS, st.sampled_from([None, 0, 0.1, 0.3, 0.8, 2]), st.floats(0, 1))
def test_within_the_band_a_persons_look_costs_least(costs, referred, p):
    """Below it accepting is cheapest, from its end on rejecting; where a look costs too much there is no band."""
    costs = Costs(costs.accepted_bad, costs.rejected_good, referred)
    lower, upper = least_cost_band(costs)
    assume(min(abs(p - lower), abs(p - upper)) > 1e-9)
    expected = {"accept": p * costs.accepted_bad, "reject": (1 - p) * costs.rejected_good}
    if referred is not None:
        expected["refer"] = referred

    decided = "accept" if p < lower else "reject" if p >= upper else "refer"
    assert expected[decided] == pytest.approx(min(expected.values()))
    assert Costs.parsed(str(costs)) == costs


@given(COSTS, st.floats(0, 1))
def test_at_the_cut_off_both_decisions_cost_the_same_and_below_it_accepting_is_cheaper(costs, p):
    """The rule for one row follows from its two expected costs."""
    accepting, rejecting = p * costs.accepted_bad, (1 - p) * costs.rejected_good
    cut_off = least_cost_cut_off(costs)
    assume(abs(p - cut_off) > 1e-9)

    assert (p < cut_off) == (accepting < rejecting)


@given(ROWS, COSTS)
def test_the_cheapest_cut_off_is_the_cheapest_of_all(rows, costs):
    """No other cut-off would have cost less on these rows, and the cost is what the rows add up to."""
    found = cheapest_cut_off(*rows, costs)

    assert found.cost == pytest.approx(cost_of(found.cut_off, *rows, costs))
    assert found.cost == pytest.approx(min(cost_of(cut_off, *rows, costs) for cut_off in candidates(rows[0])))


@given(ROWS, RATES)
def test_an_approval_rate_is_reached_as_far_as_ties_allow(rows, rate):
    """The chosen cut-off accepts no more than the rate, and the next higher one would."""
    probabilities, _ = rows
    found = cut_off_for_acceptance_rate(probabilities, rate)

    higher = [cut_off for cut_off in candidates(probabilities) if cut_off > found]
    assert (probabilities < found).sum() <= rate * len(probabilities) + 1e-9
    assert all((probabilities < cut_off).sum() > rate * len(probabilities) + 1e-9 for cut_off in higher)


@pytest.mark.parametrize("n_percent", range(1, 101))
def test_a_rate_of_whole_percent_is_met_exactly(n_percent):
    """Rounding never loses a row: of 100 rows without ties n % are n rows."""
    probabilities = np.linspace(0, 0.99, 100)
    cut_off = cut_off_for_acceptance_rate(probabilities, n_percent / 100)
    assert (probabilities < cut_off).sum() == n_percent


@given(ROWS, RATES)
def test_a_bad_rate_is_kept_by_the_largest_cut_off_that_can(rows, rate):
    """Brute force over every cut-off; if none keeps the rate, the error names the least there is."""
    probabilities, labels = rows
    rates = {
        cut_off: labels[probabilities < cut_off].mean()
        for cut_off in candidates(probabilities)
        if (probabilities < cut_off).any()
    }
    good_enough = [cut_off for cut_off, bad_rate in rates.items() if bad_rate <= rate]

    if good_enough:
        assert cut_off_for_bad_rate(probabilities, labels, rate) == max(good_enough)
    else:
        words = (
            f"the least on these .* rows is {min(rates.values()):.4f}" if rates else "certain that all of them are bad"
        )
        with pytest.raises(CutOffError, match=words):
            cut_off_for_bad_rate(probabilities, labels, rate)


@given(ROWS, st.floats(0, 1), st.floats(0, 0.99))
def test_the_band_holds_the_nearest_rows_and_never_more_than_its_share(rows, cut_off, share):
    """It surrounds the cut-off, holds at most half of the share on each side, and could not hold another row."""
    probabilities, _ = rows
    lower, upper = band_around(probabilities, cut_off, share)

    n_band = int(share * len(probabilities) + 1e-9)
    below = probabilities[(probabilities >= lower) & (probabilities < cut_off)]
    above = probabilities[(probabilities >= cut_off) & (probabilities < upper)]
    assert lower <= cut_off <= upper
    assert len(below) <= n_band // 2
    assert len(above) <= n_band - n_band // 2
    if (farther := probabilities[probabilities < lower]).size:
        assert len(below) + (farther == farther.max()).sum() > n_band // 2
    if (farther := probabilities[probabilities >= upper]).size and upper < 1:
        assert len(above) + (farther == farther.min()).sum() > n_band - n_band // 2


def test_a_band_of_a_tenth_takes_half_of_it_from_each_side():
    """Of 100 rows five below and five from the cut-off on."""
    probabilities = np.linspace(0, 0.99, 100)
    assert band_around(probabilities, 0.5, 0.1) == pytest.approx((0.45, 0.55))
    assert band_around(probabilities, 0.5, 0.0) == (0.5, 0.5)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("5:-1", "the cost of rejecting a good one must be a finite number of at least 0, got -1"),
        ("-5:1", "the cost of accepting a bad row"),
        ("nan:1", "got nan"),
        ("5:inf", "got inf"),
        ("0:0", "one of the two costs must be above 0"),
        ("5", "written 5:1 or 5:1:0.6; got '5'"),
        ("5:1:-1", "the cost of referring a row must be a finite number of at least 0, got -1"),
        ("5:1:2:3", "written 5:1 or 5:1:0.6; got '5:1:2:3'"),
        ("five:one", "written 5:1 or 5:1:0.6; got 'five:one'"),
    ],
)
def test_costs_that_are_none_are_refused(text, words):
    """Negative, endless or missing costs decide nothing."""
    with pytest.raises(CutOffError, match=words):
        Costs.parsed(text)


@pytest.mark.parametrize("rate", [0.0, -0.1, 1.1, float("nan")])
def test_an_approval_rate_outside_its_range_is_refused(rate):
    """A rate of 0 would approve no row."""
    with pytest.raises(CutOffError, match="approval rate must be above 0 and at most 1"):
        cut_off_for_acceptance_rate(np.array([0.5]), rate)


@pytest.mark.parametrize("rate", [-0.1, 1.0, float("nan")])
def test_a_bad_rate_or_a_band_outside_its_range_is_refused(rate):
    """The text has the invalid value."""
    with pytest.raises(CutOffError, match=f"bad rate must be at least 0 and below 1, got {rate:g}"):
        cut_off_for_bad_rate(np.array([0.5]), np.array([1]), rate)
    with pytest.raises(CutOffError, match=f"share to refer must be at least 0 and below 1, got {rate:g}"):
        band_around(np.array([0.5]), 0.5, rate)
