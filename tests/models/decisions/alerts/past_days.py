"""Past transactions of any kind, and a plain replay of them: one day after the other, one transaction at a time."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass

import numpy as np
from hypothesis import strategies as st

from models.decisions.alerts.transactions import ScoredTransactions, Transactions

# few distinct values, so that ties and cards with several days are the rule
PROBABILITIES = st.sampled_from([0.0, 0.05, 0.1, 0.2, 0.5, 0.9, 1.0]) | st.floats(0, 1)
ROWS = st.tuples(
    st.sampled_from(["anna", "bob", "eva", "max"]),
    st.integers(1, 4),
    st.integers(0, 1),
    st.sampled_from([0.0, 1.0, 20.0, 100.0]),
    PROBABILITIES,
    st.sampled_from(["model", "model", "model", "review", "block", "allow"]),
)


@st.composite
def scored_transactions(draw):
    """Cards, days, labels, amounts, probabilities, and what is decided by something else than the model."""
    cards, days, labels, amounts, probabilities, by_else = zip(
        *draw(st.lists(ROWS, min_size=1, max_size=25)), strict=True
    )
    past = Transactions(np.array(cards), np.array(days), np.array(labels), np.array(amounts))
    if draw(st.booleans()):
        by_else = ["model"] * len(by_else)
    return PastDays(past, np.array(probabilities), np.array(by_else))


@dataclass(frozen=True, eq=False)
class PastDays:
    """Transactions, their probabilities, and who decides about each: the model, or "review", "block", "allow"."""

    past: Transactions
    probabilities: np.ndarray
    by_else: np.ndarray

    @property
    def scored(self):
        """As the code under test reads them: a review by a rule does not prevent a block by the model."""
        p, anyhow = self.probabilities, self.by_else
        alert = np.select([anyhow == "allow", np.isin(anyhow, ["review", "block"])], [-np.inf, 1.0], p)
        block = np.select([anyhow == "allow", anyhow == "block"], [-np.inf, 1.0], p)
        return ScoredTransactions(self.past, alert, block)


def decided(days, review_from, block_from):
    """Which transactions are reviewed and which blocked, one at a time."""
    reviewed, blocked = [], []
    for p, decision in zip(days.probabilities.tolist(), days.by_else.tolist(), strict=True):
        is_blocked = decision == "block" or (decision != "allow" and p >= block_from)
        blocked.append(is_blocked)
        reviewed.append(not is_blocked and decision != "allow" and (decision == "review" or p >= review_from))
    return np.array(reviewed), np.array(blocked)


def replayed(scored, reviewed, blocked, costs):
    """The figures of each day, in order, by a plain loop."""
    past, stopped, days = scored.past, set(), {}
    for day in sorted(set(past.days.tolist())):
        count, cards = Counter(n_transactions=0), defaultdict(list)
        for i in np.flatnonzero(past.days == day).tolist():
            if past.subjects[i] not in stopped:
                cards[past.subjects[i]].append(i)
        for card, rows in cards.items():
            fraud = any(past.labels[i] for i in rows)
            is_blocked, is_alerted = any(blocked[i] for i in rows), any(reviewed[i] or blocked[i] for i in rows)
            count["n_blocked"] += is_blocked
            count["n_reviewed"] += is_alerted and not is_blocked
            count["n_found"] += is_alerted and fraud
            count["n_missed"] += fraud and not is_alerted
            count["n_good_blocked"] += is_blocked and not fraud
            if is_blocked:
                count["expected_cost"] += costs.blocked_good * (1 - max(scored.probabilities[i] for i in rows))
            for i in rows:
                alerted = reviewed[i] or blocked[i]
                count["n_transactions"] += 1
                count["n_frauds"] += past.labels[i]
                count["n_alerts"] += alerted
                count["value_detected"] += past.amounts[i] * past.labels[i] * alerted
                count["value_missed"] += past.amounts[i] * past.labels[i] * (not alerted)
                count["expected_cost"] += costs.missed_share * past.amounts[i] * scored.probabilities[i] * (not alerted)
            if is_alerted and fraud:
                stopped.add(card)
        count["expected_cost"] += costs.review * count["n_reviewed"]
        count["cost"] = (
            costs.review * count["n_reviewed"]
            + costs.blocked_good * count["n_good_blocked"]
            + costs.missed_share * count["value_missed"]
        )
        days[day] = count
    return days


def summed(days, what):
    """One count over all days."""
    return sum(count[what] for count in days.values())
