"""What a day's reviews find: each point against a plain replay with its cut-off."""

from __future__ import annotations

import numpy as np
import pytest

from models.costs import AlertCosts
from models.decisions.alerts.budget_curve import BUDGETS, budget_curve
from models.decisions.alerts.transactions import Transactions
from tests.models.decisions.alerts.past_days import PastDays, decided, replayed, summed

COSTS = AlertCosts(review=1, blocked_good=1)


@pytest.fixture(scope="module")
def scored():
    """Five days of 400 transactions, scored fairly well; nothing is alerted anyway."""
    rng = np.random.default_rng(3)
    n_rows = 2_000
    labels = (rng.random(n_rows) < 0.1).astype(np.int64)
    past = Transactions(rng.integers(0, 90, n_rows), rng.integers(0, 5, n_rows), labels, rng.uniform(1, 200, n_rows))
    probabilities = 1 / (1 + np.exp(3 - 3 * labels - rng.normal(0, 1, n_rows)))
    return PastDays(past, probabilities, np.full(n_rows, "model"))


def test_every_point_is_what_a_replay_with_its_cut_off_counts(scored):
    """Precision, cards found, and value, for each budget that there are cards for."""
    points = budget_curve(scored.past, scored.probabilities)

    cards_a_day = len({*zip(scored.past.subjects.tolist(), scored.past.days.tolist(), strict=True)}) / 5
    assert [point.reviews_per_day for point in points] == [budget for budget in BUDGETS if budget <= cards_a_day]
    for point in points:
        days = replayed(scored, *decided(scored, point.review_from, 2.0), COSTS)
        n_reviewed, n_found, n_missed, detected, missed = (
            summed(days, what) for what in ("n_reviewed", "n_found", "n_missed", "value_detected", "value_missed")
        )
        assert n_reviewed <= 5 * point.reviews_per_day
        assert point.precision == pytest.approx(n_found / n_reviewed)
        assert point.found_share == pytest.approx(n_found / (n_found + n_missed))
        assert point.value_share == pytest.approx(detected / (detected + missed))


def test_without_frauds_or_amounts_shares_are_none(scored):
    """Precision is 0, and the other shares are undefined."""
    without = Transactions(scored.past.subjects, scored.past.days, scored.past.labels * 0, None)
    points = budget_curve(without, scored.probabilities)

    assert {(point.found_share, point.value_share, point.precision) for point in points} == {(None, None, 0.0)}


def test_no_transactions_have_no_points():
    """And no error."""
    nothing = np.zeros(0)
    assert budget_curve(Transactions(nothing, nothing, nothing.astype(int), None), nothing) == ()
