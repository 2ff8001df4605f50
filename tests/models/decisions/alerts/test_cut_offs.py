"""Cut-offs against brute force: every pair that decides differently is replayed, and the chosen one is the best."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.costs import AlertCosts
from models.decisions.alerts.cut_offs import cut_off_for_reviews, least_cost_cut_offs
from models.errors import CutOffError
from tests.models.decisions.alerts.past_days import decided, replayed, scored_transactions, summed

COSTS = st.builds(
    AlertCosts,
    review=st.sampled_from([0.0, 0.5, 5.0]),
    blocked_good=st.sampled_from([0.0, 2.0, 30.0]),
    missed_share=st.sampled_from([0.5, 1.0, 3.0]),
)
FREE = AlertCosts(review=1, blocked_good=1)


def cut_offs_of(scored):
    """Every cut-off that decides differently about some transaction."""
    return sorted({*scored.probabilities.tolist(), 1.0})


def n_reviews(scored, review_from, block_from):
    """Cards that are looked at on all days together."""
    return summed(replayed(scored, *decided(scored, review_from, block_from), FREE), "n_reviewed")


@given(scored_transactions(), COSTS)
def test_no_pair_of_cut_offs_costs_less(scored, costs):
    """Brute force over all pairs; and the cost that is named is what the replay of the chosen pair adds up to."""
    found = least_cost_cut_offs(scored.scored, costs)
    tried = cut_offs_of(scored)
    pairs = [(lower, upper) for lower in tried for upper in tried if lower <= upper]
    of_pair = [summed(replayed(scored, *decided(scored, *pair), costs), "cost") for pair in pairs]
    chosen = replayed(scored, *decided(scored, found.review_from, found.block_from), costs)

    assert found.review_from <= found.block_from
    assert summed(chosen, "cost") == pytest.approx(min(of_pair))
    assert found.cost_per_day == pytest.approx(min(of_pair) / len(chosen))


@given(scored_transactions(), st.sampled_from([0.25, 0.5, 1.0, 1.5, 3.0]), st.sampled_from([0.2, 0.7, 1.0]))
def test_a_budget_is_kept_by_the_lowest_cut_off_that_can(scored, per_day, block_from):
    """Every cut-off is replayed; where none keeps the budget, the error says how many are reviewed anyway."""
    n_days = len(np.unique(scored.past.days))
    tried = sorted({min(cut_off, block_from) for cut_off in [*cut_offs_of(scored), block_from]})
    good_enough = [cut_off for cut_off in tried if n_reviews(scored, cut_off, block_from) <= per_day * n_days]

    if good_enough:
        found = cut_off_for_reviews(scored.scored, per_day, block_from=block_from)
        same = decided(scored, found, block_from)[0] == decided(scored, good_enough[0], block_from)[0]
        assert found <= block_from
        assert same.all()
    else:
        with pytest.raises(CutOffError, match="subjects a day are reviewed at any cut-off of the probability"):
            cut_off_for_reviews(scored.scored, per_day, block_from=block_from)


@given(scored_transactions())
def test_amounts_that_nobody_knows_have_no_least_cost(scored):
    """The error names the alternative."""
    without = dataclasses.replace(scored, past=dataclasses.replace(scored.past, amounts=None))
    with pytest.raises(CutOffError, match="the table names no amount; give the reviews"):
        least_cost_cut_offs(without.scored, FREE)


@pytest.mark.parametrize("per_day", [0, -1, float("nan"), float("inf")])
def test_a_budget_that_is_none_is_refused(per_day):
    """The text has the invalid value."""
    with pytest.raises(CutOffError, match=f"must be a finite number above 0, got {per_day:g}"):
        cut_off_for_reviews(None, per_day, block_from=0.5)


@pytest.mark.parametrize(
    ("costs", "words"),
    [
        ({"review": -1, "blocked_good": 30}, "the cost of a review must be a finite number of at least 0, got -1"),
        ({"review": 5, "blocked_good": float("nan")}, "the cost of a blocked good customer .* got nan"),
        ({"review": 5, "blocked_good": 3, "missed_share": float("inf")}, "amount that is lost .* got inf"),
        ({"review": 0, "blocked_good": 0, "missed_share": 0}, "one of the costs must be above 0"),
    ],
)
def test_costs_that_are_none_are_refused(costs, words):
    """Negative, endless or missing costs decide nothing."""
    with pytest.raises(CutOffError, match=words):
        AlertCosts(**costs)


def test_costs_are_told_in_words():
    """As the simulation says what a policy was chosen by."""
    assert (
        str(AlertCosts(review=5, blocked_good=30)) == "review 5, blocked good customer 30, missed positive its amount"
    )
    assert str(AlertCosts(review=5, blocked_good=30, missed_share=2)).endswith("missed positive 2 times its amount")
