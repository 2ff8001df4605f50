"""Card precision against the handbook's own way of computing it, with data frames, one day after the other."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.decisions.alerts.subject_precision import subject_precision_at_k
from tests.benchmarks.unknown_cards import rows_of_unknown_cards

CARDS, DAYS, LABELS = st.integers(0, 6), st.integers(3, 8), st.integers(0, 1)
TRANSACTIONS = st.lists(st.tuples(CARDS, DAYS, LABELS), min_size=1, max_size=40)


@st.composite
def scored_transactions(draw):
    """Transactions in any order, no two with the same score: the handbook does not say which card of a tie is taken."""
    rows = draw(TRANSACTIONS)
    ranks = draw(st.permutations(range(len(rows))))
    frame = pd.DataFrame(rows, columns=["card", "day", "fraud"])
    return frame.assign(score=np.array(ranks) / len(rows))


def handbook_card_precision(frame, k):
    """The handbook's `card_precision_top_k`: group each day by card, sort, count, drop the cards found."""
    found, precisions = [], []
    for day in sorted(frame["day"].unique()):
        of_day = frame[(frame["day"] == day) & ~frame["card"].isin(found)]
        highest = of_day.groupby("card")[["score", "fraud"]].max().sort_values("score", ascending=False).head(k)
        new = highest.index[highest["fraud"] == 1].tolist()
        precisions.append(len(new) / k)
        found += new
    return np.mean(precisions)


def handbook_test_rows(frame, first_day, n_train_days, delay):
    """The handbook's `get_train_test_set`: each test day without the cards whose fraud was known by then."""
    train = frame[(frame["day"] >= first_day) & (frame["day"] < first_day + n_train_days)]
    known, kept = set(train.loc[train["fraud"] == 1, "card"]), []
    for day in range(first_day + n_train_days + delay, frame["day"].max() + 1):
        just_known = frame[frame["day"] == day - delay - 1]
        known |= set(just_known.loc[just_known["fraud"] == 1, "card"])
        of_day = frame[frame["day"] == day]
        kept += of_day.index[~of_day["card"].isin(known)].tolist()
    return kept


@given(scored_transactions(), st.integers(1, 8))
def test_subject_precision_is_the_handbooks(frame, k):
    """The same number for any transactions, in any order."""
    columns = [frame[name].to_numpy() for name in ("card", "day", "score", "fraud")]
    assert subject_precision_at_k(*columns, k=k) == pytest.approx(handbook_card_precision(frame, k))


@given(scored_transactions(), st.integers(1, 3), st.integers(0, 2))
def test_the_rows_of_unknown_cards_are_the_handbooks_test_rows(frame, n_train_days, delay):
    """On the days of the test the same rows are left."""
    first_day = int(frame["day"].min())
    unknown = rows_of_unknown_cards(
        frame["card"].to_numpy(),
        frame["day"].to_numpy(),
        frame["fraud"].to_numpy(),
        first_day=first_day,
        label_delay_days=delay,
    )
    in_test = (frame["day"] >= first_day + n_train_days + delay).to_numpy()
    assert set(frame.index[unknown & in_test]) == set(handbook_test_rows(frame, first_day, n_train_days, delay))


def test_frauds_before_the_training_window_make_no_card_known():
    """As in the handbook, what was known before training began is not looked at."""
    cards, days, labels = np.array(["a", "a"]), np.array([0, 20]), np.array([1, 0])
    assert rows_of_unknown_cards(cards, days, labels, first_day=1, label_delay_days=7).all()
    assert not rows_of_unknown_cards(cards, days, labels, first_day=0, label_delay_days=7).all()


def test_a_card_that_was_found_makes_room_for_the_next():
    """One look a day: the card found on the first day is left out on the second, though its score is highest again."""
    cards, days = np.array(["a", "b", "a", "b"]), np.array([1, 1, 2, 2])
    scores, labels = np.array([0.9, 0.1, 0.9, 0.1]), np.array([1, 0, 1, 1])
    assert subject_precision_at_k(cards, days, scores, labels, k=1) == 1.0


def test_of_equal_scores_the_card_that_sorts_first_is_alerted():
    """The answer does not depend on the order of the rows."""
    cards, days = np.array(["b", "a"]), np.array([1, 1])
    scores, labels = np.array([0.5, 0.5]), np.array([1, 0])
    backwards = (values[::-1] for values in (cards, days, scores, labels))
    assert subject_precision_at_k(cards, days, scores, labels, k=1) == subject_precision_at_k(*backwards, k=1) == 0.0


@pytest.mark.parametrize(("n_rows", "k", "words"), [(3, 0, "at least 1; got 0"), (0, 5, "got none")])
def test_no_looks_and_no_transactions_are_refused(n_rows, k, words):
    """Neither has a precision."""
    nothing = np.zeros(n_rows)
    with pytest.raises(ValueError, match=words):
        subject_precision_at_k(nothing, nothing, nothing, nothing.astype(int), k=k)
