"""The replay of past days against a plain count of them, one transaction after the other."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.costs import AlertCosts
from models.decisions.alerts.day_simulation import simulate_days
from models.decisions.alerts.transactions import Transactions
from tests.models.decisions.alerts.past_days import decided, replayed, scored_transactions

COSTS = AlertCosts(review=5, blocked_good=30, missed_share=0.5)
CUT_OFFS = st.tuples(st.floats(0, 1), st.floats(0, 1)).map(sorted)


@given(scored_transactions(), CUT_OFFS)
def test_every_figure_of_every_day_is_that_of_a_plain_count(scored, cut_offs):
    """Alerts, cards, values and costs, by day and in all."""
    reviewed, blocked = decided(scored, *cut_offs)
    found = simulate_days(scored.past, scored.probabilities, reviewed=reviewed, blocked=blocked, costs=COSTS)
    by_hand = replayed(scored, reviewed, blocked, COSTS)

    assert [day.day for day in found.days] == [str(day) for day in by_hand]
    for day, count in zip(found.days, by_hand.values(), strict=True):
        figures = day.model_dump(include=set(count))
        assert figures == pytest.approx({what: float(count[what]) for what in figures})
    for what, total in found.totals.model_dump(exclude={"precision", "value_share"}).items():
        assert total == pytest.approx(sum(getattr(day, what) for day in found.days))


@given(scored_transactions(), CUT_OFFS)
def test_rates_are_shares_of_the_counts_and_none_of_nothing(scored, cut_offs):
    """Precision of the alerted cards, and the share of the value."""
    reviewed, blocked = decided(scored, *cut_offs)
    totals = simulate_days(scored.past, scored.probabilities, reviewed=reviewed, blocked=blocked, costs=None).totals

    n_cards, value = totals.n_reviewed + totals.n_blocked, totals.value_detected + totals.value_missed
    assert totals.precision == (pytest.approx(totals.n_found / n_cards) if n_cards else None)
    assert totals.value_share == (pytest.approx(totals.value_detected / value) if value else None)
    assert (totals.cost, totals.expected_cost) == (None, None)


@given(scored_transactions())
def test_without_amounts_only_cards_are_counted(scored):
    """Values and costs are left out, all else stays."""
    reviewed, blocked = decided(scored, 0.1, 0.5)
    bare = dataclasses.replace(scored.past, amounts=None)
    found = simulate_days(bare, scored.probabilities, reviewed=reviewed, blocked=blocked, costs=COSTS).totals
    whole = simulate_days(scored.past, scored.probabilities, reviewed=reviewed, blocked=blocked, costs=COSTS).totals

    values = {"value_detected", "value_missed", "value_share", "cost", "expected_cost"}
    assert {getattr(found, what) for what in values} == {None}
    assert found.model_dump(exclude=values) == whole.model_dump(exclude=values)


def test_what_passed_before_the_alert_of_a_day_is_missed_though_the_card_is_found():
    """One fraud of 100 is seen, one of 20 is not; from the next day on the card is stopped."""
    past = Transactions(np.array(["a"] * 3), np.array([1, 1, 2]), np.array([1, 1, 1]), np.array([100.0, 20.0, 50.0]))
    reviewed = np.array([True, False, False])
    totals = simulate_days(past, np.zeros(3), reviewed=reviewed, blocked=~reviewed & False, costs=None).totals

    assert (totals.n_found, totals.n_missed, totals.n_transactions) == (1, 0, 2)
    assert (totals.value_detected, totals.value_missed) == (100.0, 20.0)
