"""What the command line says about alerts: by day, and in all where rows do not tell their days."""

from __future__ import annotations

import numpy as np
import pytest

from models.costs import AlertCosts
from models.decisions.alerts.day_simulation import simulate_days
from models.decisions.alerts.transactions import ALL_ROWS, Transactions
from models.domains._discovery import load_domains
from service.cli.commands.alert_tables import alerts_in_words

WORDS = load_domains()["fraud"].alert_words
COSTS = AlertCosts(review=5, blocked_good=30)


def alerts_of(days, amounts):
    """Two cards, one reviewed and with a fraud, one blocked and without."""
    past = Transactions(np.array(["a", "b"]), np.array(days), np.array([1, 0]), amounts)
    reviewed = np.array([True, False])
    found = simulate_days(past, np.array([0.5, 0.9]), reviewed=reviewed, blocked=~reviewed, costs=COSTS)
    return {"by_policy": found.model_dump(mode="json")}


@pytest.mark.parametrize(
    ("days", "amounts", "words"),
    [
        (
            ["2024-05-01", "2024-05-02"],
            np.array([80.0, 20.0]),
            "0.5 cards reviewed and 0.5 blocked a day, precision 50.0%, 100.0% of the value of frauds "
            "detected, cost a day 17.50",
        ),
        (
            [ALL_ROWS, ALL_ROWS],
            np.array([80.0, 20.0]),
            "1.0 cards reviewed and 1.0 blocked, precision 50.0%, 100.0% of the value of frauds detected, cost 35.00",
        ),
        (["2024-05-01"] * 2, None, "1.0 cards reviewed and 1.0 blocked a day, precision 50.0%"),
    ],
)
def test_a_replay_is_told_in_a_line(days, amounts, words):
    """With what is known, and no more."""
    assert alerts_in_words(alerts_of(days, amounts), WORDS) == words
