"""What report and card say about alerts, on the test rows of a fraud model."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import average_precision_score

from data.splits import Split, split_rows
from data.tables._catalogue import public_tables
from data.windows import checked_history
from models.contract import AlertWords
from models.decisions.alerts.budget_curve import BudgetPoint
from models.decisions.alerts.subject_precision import subject_precision_at_k
from models.domains._discovery import load_domains
from models.reports.alert_report import alert_report, budget_chart
from models.reports.model_card import model_card, render_card
from models.reports.training_report import render_report
from models.training.trained import Trained
from tests.conftest import quick_scorer
from tests.models.reports.test_training_report import Page, report_data

ULB = public_tables()["ulb"].table
FRAUD = load_domains()["fraud"]
WORDS = FRAUD.alert_words
LATE = Split(kind="time", label_delay_days=7)


@pytest.fixture(scope="module")
def trained():
    """A model beside 60 days of rows, of which the last twelve test it."""
    scorer = quick_scorer(FRAUD, 0)
    frame, labels = checked_history(FRAUD.table, FRAUD.simulate(4_000, 7).frame, "rows")
    rows = split_rows(LATE, labels=labels, times=frame["time"].to_numpy(), seed=0)
    probabilities = scorer.probabilities(frame.iloc[rows.test])
    return Trained(
        scorer=scorer,
        preset="fast",
        refined_from=None,
        raw_frame=frame,
        frame=frame,
        labels=labels,
        rows=rows,
        task=FRAUD.task,
        test_scores={"probability": probabilities},
        seconds=0.0,
    )


@pytest.fixture(scope="module")
def decisions(trained):
    """Review of the most suspicious tenth."""
    probabilities = trained.test_probabilities
    return np.where(probabilities >= np.quantile(probabilities, 0.9), "review", "allow").tolist()


def test_subject_precision_is_that_of_the_test_rows(trained, decisions):
    """With the cards and days of the frame."""
    test = trained.frame.iloc[trained.rows.test]
    cards, days = test["customer_id"].to_numpy(str), test["time"].dt.date.to_numpy()
    expected = subject_precision_at_k(cards, days, trained.test_probabilities, trained.test_labels, 100)

    assert alert_report(trained, FRAUD.alert_budget, LATE, decisions).card_precision == pytest.approx(expected)


def test_the_clock_stands_at_the_last_test_row_and_hides_the_last_days(trained, decisions):
    """Matured figures are those of the rows before the last seven days; the naive ones take the rest for genuine."""
    clock = alert_report(trained, FRAUD.alert_budget, LATE, decisions).clock
    times = trained.frame["time"].iloc[trained.rows.test]
    old = (times <= times.max() - pd.Timedelta(days=7)).to_numpy()
    labels, probabilities = trained.test_labels, trained.test_probabilities

    assert clock.now == times.max().tz_localize("UTC")
    assert (clock.matured.n_rows, clock.naive.n_rows) == (old.sum(), len(labels))
    assert clock.matured.average_precision == pytest.approx(average_precision_score(labels[old], probabilities[old]))
    assert clock.naive.average_precision == pytest.approx(average_precision_score(labels * old, probabilities))


@pytest.mark.parametrize("split", [Split(kind="random"), Split(kind="time", label_delay_days=0)])
def test_labels_that_are_not_late_hide_nothing(trained, decisions, split):
    """No clock, and the same worth of reviews."""
    report = alert_report(trained, FRAUD.alert_budget, split, decisions)
    late = alert_report(trained, FRAUD.alert_budget, LATE, decisions)

    assert (report.clock, report.by_budget) == (None, late.by_budget)


def test_of_rows_without_times_nothing_is_said(trained, decisions):
    """It is unknown which of them are of one day."""
    untimed = replace(trained, scorer=_ReadsUlb())
    assert alert_report(untimed, FRAUD.alert_budget, LATE, decisions) is None


class _ReadsUlb:
    """As much of a scorer as the report looks at: a table without times."""

    table = ULB


def point(reviews, **shares):
    return BudgetPoint(
        reviews_per_day=reviews, review_from=0.5, **{"precision": 0.4, "found_share": 0.3, "value_share": 0.6, **shares}
    )


def test_the_chart_states_what_the_handbooks_number_of_reviews_finds():
    """100 a day, or the most below it; by value where amounts are known, by cards otherwise."""
    many = budget_chart([point(50), point(100, value_share=0.7), point(200)], WORDS)
    few = budget_chart([point(1, value_share=None)], WORDS)
    none = budget_chart([point(1, value_share=None, found_share=None)], WORDS)

    assert many.title.replace("\N{NO-BREAK SPACE}", " ") == (
        "100 reviews a day find 70.0 % of the value of frauds; 40.0 % of the reviewed cards hold one"
    )
    assert few.title.replace("\N{NO-BREAK SPACE}", " ").startswith(
        "1 review a day finds 30.0 % of the cards with fraud"
    )
    assert none.title == "With 1 review a day there is no fraud to find"
    assert [len(chart.figure["data"]) for chart in (many, few, none)] == [3, 2, 1]


def test_report_and_card_show_what_was_measured(trained, decisions):
    """The chart, both figures of the clock, its sentence, and a line for each number of reviews."""
    alerts = alert_report(trained, FRAUD.alert_budget, LATE, decisions)
    data = report_data(alerts=alerts, alert_words=WORDS)
    report, card = Page(render_report(data)), Page(render_card(model_card(data, FRAUD), FRAUD))

    assert "chart-budget" in report.figures
    for page in (report, card):
        assert alerts.clock.sentence in page.text
        assert "Card precision@100" in page.text
        assert f"{alerts.card_precision:.4f}" in page.text
    for figures in (alerts.clock.matured, alerts.clock.naive):
        assert f"{figures.average_precision:.4f}" in report.text
    for point in alerts.by_budget:
        assert f"{point.reviews_per_day:,} {point.review_from:.4f}" in card.text
    assert model_card(data, FRAUD).alerts == alerts


def test_without_alerts_neither_says_anything_about_them():
    """As for credit."""
    data = report_data()
    report, card = (
        Page(render_report(data)),
        Page(render_card(model_card(data, load_domains()["credit"]), load_domains()["credit"])),
    )

    assert "chart-budget" not in report.figures
    for page in (report, card):
        assert "late labels" not in page.text
        assert "Alerts by review budget" not in page.text


def test_the_report_speaks_in_the_nouns_of_the_domain(trained, decisions):
    """Chart and page of a domain with other words name no cards and no fraud."""
    words = AlertWords(subject="shop", subjects="shops", positive="dispute", positives="disputes", affected="bad shops")
    alerts = alert_report(trained, FRAUD.alert_budget, LATE, decisions)
    chart = budget_chart([point(1, value_share=None)], words)
    data = report_data(alerts=alerts, alert_words=words)
    domain = replace(FRAUD, queue=replace(FRAUD.queue, words=words))
    report, card = Page(render_report(data)), Page(render_card(model_card(data, domain), domain))

    assert "of the bad shops; " in chart.title
    assert [trace["name"] for trace in chart.figure["data"]] == ["shop precision", "shop recall"]
    for page in (report, card):
        assert "Shop precision@100" in page.text
        assert not re.search(r"\bcards\b|\bfrauds\b|Card (precision|recall)", page.text)
