"""The label clock: what has matured counts, what has not does not, and the naive figure shows what that changes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from models.decisions.alerts.matured_labels import label_clock, matured
from models.decisions.alerts.subject_precision import subject_precision_at_k
from models.decisions.alerts.transactions import Transactions

START, NOW = datetime(2024, 5, 1), datetime(2024, 5, 21)


def past_weeks(n_rows=3_000):
    """Three weeks of transactions with scores that tell frauds fairly well, some after NOW; with their true labels."""
    rng = np.random.default_rng(0)
    times = np.datetime64(START, "s") + np.sort(rng.integers(0, 21 * 86_400, n_rows)).astype("timedelta64[s]")
    labels = (rng.random(n_rows) < 0.05).astype(np.int64)
    scores = rng.normal(2.0 * labels, 1.0)
    cards, amounts = rng.integers(0, 200, n_rows), rng.integers(1, 100, n_rows).astype(float)
    return times, Transactions(cards, times.astype("datetime64[D]"), labels, amounts), scores


def known_at(past, known):
    """The same transactions as they look while some labels are not known."""
    return Transactions(past.subjects, past.days, past.labels * known, past.amounts)


def test_a_label_matures_with_its_delay_to_the_second():
    """At that moment it is known, a second before it is not; a zone changes nothing."""
    times = np.array(["2024-05-14T00:00:00", "2024-05-14T00:00:01"], "datetime64[s]")
    assert matured(times, NOW, 7).tolist() == [True, False]
    assert matured(times, NOW.replace(tzinfo=UTC), 7).tolist() == [True, False]
    assert matured(times, (NOW + timedelta(hours=2)).replace(tzinfo=timezone(timedelta(hours=2))), 7).tolist() == [
        True,
        False,
    ]


def test_matured_figures_are_those_of_the_old_transactions_and_naive_ones_those_of_all():
    """Both against scikit-learn and card precision on rows that are picked by hand."""
    times, past, scores = past_weeks()
    alerted = scores > 2
    old = times <= np.datetime64("2024-05-14")
    seen = times <= np.datetime64("2024-05-21")
    found = label_clock(known_at(past, old), times, scores, alerted, now=NOW, label_delay_days=7, k=5)

    for figures, part, labels in (
        (found.matured, old, past.labels),
        (found.naive, seen, past.labels * old),
    ):
        y, s = labels[part], scores[part]
        value = (labels * past.amounts)[part]
        assert (figures.n_rows, figures.n_frauds) == (part.sum(), y.sum())
        assert figures.auc == pytest.approx(roc_auc_score(y, s))
        assert figures.average_precision == pytest.approx(average_precision_score(y, s))
        assert figures.card_precision == subject_precision_at_k(past.subjects[part], past.days[part], s, y, 5)
        assert figures.value_recall == pytest.approx(value[alerted[part]].sum() / value.sum())
    assert found.n_waiting == seen.sum() - old.sum()
    assert seen.sum() < len(times)


def test_counting_too_early_makes_a_good_model_look_worse_and_the_sentence_says_why():
    """Frauds that were found but not labelled yet count as false alarms."""
    times, past, scores = past_weeks()
    known = known_at(past, matured(times, NOW, 7))
    found = label_clock(known, times, scores, scores > 2, now=NOW, label_delay_days=7, k=5)

    assert found.naive.average_precision < found.matured.average_precision
    assert f"{found.n_waiting:,} of the {found.naive.n_rows:,} transactions to 2024-05-21 00:00" in found.sentence
    assert f"is {found.naive.average_precision:.3f} on all transactions" in found.sentence
    assert f"{found.matured.average_precision:.3f} on matured labels" in found.sentence


def test_without_a_delay_nothing_differs():
    """Labels that are known at once make both figures the same."""
    times, past, scores = past_weeks()
    found = label_clock(past, times, scores, scores > 2, now=NOW, label_delay_days=0, k=5)

    assert (found.n_waiting, found.matured) == (0, found.naive)
    assert "no difference" in found.sentence


def test_before_any_label_can_be_known_there_is_no_figure():
    """Three days after the start nothing has matured, and no fraud is known."""
    times, past, scores = past_weeks()
    now = START + timedelta(days=3)
    known = known_at(past, matured(times, now, 7))
    found = label_clock(known, times, scores, scores > 2, now=now, label_delay_days=7, k=5)

    assert (found.matured.n_rows, found.matured.auc, found.naive.average_precision) == (0, None, None)
    assert found.naive.value_recall is None
    assert "too early to evaluate" in found.sentence


def test_without_amounts_the_value_is_left_out():
    """All else stays."""
    times, past, scores = past_weeks()
    bare = Transactions(past.subjects, past.days, past.labels, None)
    found = label_clock(bare, times, scores, scores > 2, now=NOW, label_delay_days=7, k=5)
    whole = label_clock(past, times, scores, scores > 2, now=NOW, label_delay_days=7, k=5)

    assert found.matured.value_recall is None
    assert found.matured.auc == whole.matured.auc
