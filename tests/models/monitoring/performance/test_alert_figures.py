"""Figures of stored answers: by labels that have matured, and by all of them."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from models.decisions.alerts.subject_precision import subject_precision_at_k
from models.monitoring.performance.alert_figures import live_figures
from models.registry.database.engine import writing
from tests.models.records.events.payments import LATE, Payments
from tests.models.records.labels import add, label

SEED, N_DAYS = 7, 12


@pytest.fixture
def payments(engine):
    """Twelve days with a payment an hour; every fraud is known seven days later, and the last ones are not yet."""
    payments = Payments(engine, table=LATE, late_days=100)
    rng = np.random.default_rng(SEED)
    payments.truth = []
    for hour in range(24 * N_DAYS):
        fraud = rng.random() < 0.2
        p, eur = float(np.clip(rng.normal(0.6 if fraud else 0.3, 0.2), 0, 1)), float(rng.integers(1, 100))
        card = f"C{rng.integers(6)}"
        payments.truth.append((fraud, p, eur, card))
        payments.send("block" if p > 0.6 else "allow", p, eur, card=card, id=str(hour))
        payments.clock.forward(hours=1)
    known = [(i, 3600 * i) for i, (fraud, *_) in enumerate(payments.truth) if fraud]
    start = int(payments.clock().timestamp()) - 3600 * 24 * N_DAYS
    labels = [label(i, True, start + t + 7 * 86_400, "history") for i, t in known]
    with writing(payments.engine) as connection:
        add(connection, payments.model, labels)
    return payments


def expected(payments, n_rows, n_known):
    """The figures of the first rows, of which the frauds among the first n_known are known."""
    fraud, p, eur, cards = (np.array(values) for values in zip(*payments.truth[:n_rows], strict=True))
    labels = (fraud & (np.arange(n_rows) < n_known)).astype(int)
    hours = np.arange(n_rows) + 12  # payments begin at noon
    return {
        "n_rows": n_rows,
        "n_frauds": int(labels.sum()),
        "auc": roc_auc_score(labels, p),
        "average_precision": average_precision_score(labels, p),
        "card_precision": subject_precision_at_k(cards, hours // 24, p, labels, 2),
        "value_recall": (eur * labels)[p > 0.6].sum() / (eur * labels).sum(),
    }


def test_only_labels_that_have_matured_judge(payments):
    """Beside them stands what all events to date would say, and why the two differ."""
    figures = live_figures(payments.engine, payments.live, now=payments.clock(), k=2)

    n_rows, n_ripe = 24 * N_DAYS, 24 * (N_DAYS - 7) + 1  # the last one is seven days old to the second
    assert figures.clock.matured.model_dump() == pytest.approx(expected(payments, n_ripe, n_ripe))
    assert figures.clock.naive.model_dump() == pytest.approx(expected(payments, n_rows, n_ripe))
    assert "younger than the 7 days that labels take" in figures.clock.sentence


def test_alerts_a_day_are_cards(payments):
    """A card that is blocked several times a day is one alert."""
    figures = live_figures(payments.engine, payments.live, now=payments.clock(), k=2)

    blocked = {(card, (hour + 12) // 24) for hour, (_, p, _, card) in enumerate(payments.truth) if p > 0.6}
    assert figures.n_days == N_DAYS + 1  # from noon to noon
    assert figures.alerts_per_day == pytest.approx(len(blocked) / figures.n_days)


def test_figures_look_back_as_far_as_they_are_asked_to(payments):
    """Only events of the last days count then."""
    figures = live_figures(payments.engine, payments.live, now=payments.clock(), k=2, days=3)
    assert figures.clock.naive.n_rows == 72
    assert figures.clock.matured.n_rows == 0


def test_without_events_there_is_nothing_to_say(engine):
    """No figure is made up."""
    payments = Payments(engine)
    figures = live_figures(engine, payments.live, now=payments.clock(), k=100)

    assert (figures.since, figures.n_days, figures.alerts_per_day) == (None, 0, None)
    assert figures.clock.matured.auc is None
    assert figures.clock.sentence == "There are no transactions up to 2024-05-01 12:00."


def test_labels_take_as_long_as_the_table_says(engine):
    """With labels that are there at once, nothing waits."""
    payments = Payments(engine, late_days=100)
    payments.send("block", 0.9, id="1")
    clock = live_figures(engine, payments.live, now=payments.clock(), k=1).clock

    assert (clock.label_delay_days, clock.n_waiting, clock.matured.n_rows) == (0, 0, 1)
