"""The report: complete without a network, honest in its words, and deaf to tags in names."""

from __future__ import annotations

import base64
import dataclasses
import json
import re
from datetime import UTC, datetime
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest

from data.column import Column
from data.sentences import percent
from data.table import Table
from models.evaluation.diagnostics import (
    ColumnFairness,
    Diagnostics,
    Fairness,
    GroupQuality,
    GroupTreatment,
    ImpactRatio,
    MeanEffectCurve,
    Proxies,
    Segment,
    Shift,
    Stability,
    StandIn,
)
from models.evaluation.intervals import wilson_interval
from models.evaluation.metric_tables import BINARY_METRICS
from models.evaluation.metrics import Comparison, Contender, evaluate
from models.reports.charts import MAX_POINTS, calibration_chart, roc_chart, thinned
from models.reports.report_data import ReportData
from models.reports.tables import column_row, contender_rows, decision_rows, in_words
from models.reports.training_report import render_report
from models.tasks.binary import binary

N_FIGURES = 11
"""Six of the model as a whole, impact ratios, groups, shifts, and two effect curves."""
HOSTILE = "<script>alert('x')</script>"


class Page(HTMLParser):
    """What a browser would see: tags with their attributes, scripts, and the text between."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.text = ""
        self._inside = ""
        self.feed(html)
        self.text = " ".join(self.text.replace("\N{NO-BREAK SPACE}", " ").split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._inside = tag
        if tag == "script":
            self.scripts.append("")

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside == "script":
            self.scripts[-1] += data
        elif self._inside != "style":
            self.text += f" {data}"

    @property
    def figures(self) -> dict[str, Any]:
        """The figure of every chart by the id of its place."""
        charts = [attributes["data-chart"] for tag, attributes in self.tags if "data-chart" in attributes]
        bodies = [body for body in self.scripts if body.startswith('{"data"')]
        return {str(chart): json.loads(body) for chart, body in zip(charts, bodies, strict=True)}


def small_diagnostics(name: str = "amount", **changes: Any) -> Diagnostics:
    """Diagnostics of a credit model; every text that a table can bring in is `name`."""
    quality: dict[str, Any] = {"n_rows": 400, "too_few": False, "observed_rate": 0.2, "mean_predicted": 0.21}
    quality |= {
        "observed_low": 0.16,
        "observed_high": 0.24,
        "within_chance": True,
        "calibration_ratio": 1.05,
        "calibration_error": 0.01,
        "log_loss": 0.4,
        "auc": 0.8,
    }
    group = GroupQuality(group=name, normalised_entropy=0.8, **quality)
    few = group.model_copy(update={"n_rows": 3, "too_few": True, "auc": None, "log_loss": None})
    treatment: dict[str, Any] = {"n_rows": 400, "too_few": False, "observed_rate": 0.2, "mean_predicted": 0.21}
    treatment |= {"event_refused_rate": 0.6, "no_event_refused_rate": None, "calibration_ratio": 1.05}
    reference = GroupTreatment(group="30-39", selection_rate=0.7, impact=None, **treatment)
    impact = ImpactRatio(ratio=0.71, low=0.66, high=0.77, four_fifths="below")
    lower = GroupTreatment(group=name, selection_rate=0.5, impact=impact, **treatment)
    column = ColumnFairness(column=name, label=name, reference_group="30-39", groups=(lower, reference))
    shift = Shift(column=name, label=name, psi=0.3, by_chance=0.02, reading="shifted")
    curve: dict[str, Any] = {"column": name, "label": name, "unit": name, "mean": (0.1, 0.2), "low": (0.05, 0.1)}
    curve |= {"high": (0.2, 0.3), "n_rows": 300}
    checked = {"direction": 1, "n_steps": 300, "n_violations": 0, "monotone": True}
    free: dict[str, Any] = {"direction": 0, "n_steps": None, "n_violations": None, "monotone": None}
    stands_in = StandIn(column=name, label=name, auc=0.7)
    found = Diagnostics(
        protected=(name,),
        protected_inputs=(),
        least_rows=30,
        segments=(Segment(column=name, label=name, protected=True, part="person", groups=(group, few)),),
        fairness=Fairness(favourable="approve", columns=(column,)),
        proxies=(Proxies(column=name, label=name, question=name, n_rows=900, together=0.75, strongest=(stands_in,)),),
        stability=Stability(
            recent="the test rows",
            n_training_rows=900,
            n_recent_rows=400,
            score=shift,
            columns=(shift,),
            left_out=(name,),
        ),
        effects={name: 0.7} if name == HOSTILE else {"amount": 0.7, "purpose": 0.1},
        effect_curves=(
            MeanEffectCurve(values=(1.0, 2.0), **curve, **checked),
            MeanEffectCurve(values=(name, "car"), **curve, **free),
        ),
    )
    return found.model_copy(update=changes)


def report_data(n_rows: int = 2_000, sharpness: float = 1.5, **changes: Any) -> ReportData:
    """A version whose probabilities are the true ones; the larger the sharpness, the better they rank."""
    rng = np.random.default_rng(0)
    log_odds = rng.normal(-1.5, sharpness, n_rows)
    probabilities = 1 / (1 + np.exp(-log_odds))
    labels = (rng.random(n_rows) < probabilities).astype(np.int64)
    noisy = 1 / (1 + np.exp(-(log_odds + rng.normal(0, 1, n_rows))))
    contenders = {
        "this version": Contender(probabilities, evaluate(labels, probabilities), 3.2),
        "logistic regression": Contender(noisy, evaluate(labels, noisy), 0.4, "trained on 200,000 random rows"),
    }
    table = Table(
        name="loans",
        columns=(
            Column(name="amount", kind="number", unit="EUR", missing=(-1,)),
            Column(name="purpose", kind="category"),
            Column(name="outcome", kind="category", role="target", positive="bad"),
        ),
    )
    frame = pd.DataFrame({"amount": [100.0, 300.0, -1.0, np.nan], "purpose": ["car", "car", "house", None]})
    data = ReportData(
        name="lending",
        domain="credit",
        task=binary("p"),
        created=datetime(2024, 5, 6, 7, 8, tzinfo=UTC),
        source="loans.csv",
        note="",
        split_description="60 training rows, cut at random",
        preset="fast",
        seed=0,
        n_rows={"train": 6_000, "validation": 900, "test": n_rows},
        table=table,
        training_curve=[0.6, 0.5, 0.4, 0.3],
        validation_curve=[0.55, 0.45, 0.44, 0.46],
        best_epoch=3,
        labels=labels,
        predictions=probabilities,
        contenders=contenders,
        comparison=None,
        why="it passes the gates and there was no champion",
        promoted=True,
        decisions=np.where(probabilities < 0.3, "approve", "decline").tolist(),
        policy={"decline_from": 0.3},
        diagnostics=small_diagnostics(),
        training_frame=frame,
        packages={"numpy": "2.0.0"},
    )
    return dataclasses.replace(data, **changes)


@pytest.fixture(scope="module")
def html() -> str:
    return render_report(report_data())


@pytest.fixture(scope="module")
def page(html: str) -> Page:
    return Page(html)


def values(array: Any) -> np.ndarray[Any, Any]:
    """Numbers of a figure, which plotly writes as a list or as base64 of a typed array."""
    if isinstance(array, dict):
        return np.frombuffer(base64.b64decode(array["bdata"]), array["dtype"])
    return np.asarray(array)


def test_the_page_needs_no_network(html: str, page: Page):
    """Nothing refers to another file, a policy forbids every request, and plotly.js is there once."""
    assert not [attributes for _, attributes in page.tags if {"src", "href", "srcset", "data"} & set(attributes)]
    policy = next(a["content"] for t, a in page.tags if a.get("http-equiv") == "Content-Security-Policy")
    assert policy is not None
    assert policy.startswith("default-src 'none'")
    assert html.count("plotly.js v") == 1
    assert "@import" not in re.sub(r"<script>.*?</script>", "", html, flags=re.DOTALL)
    assert len(html.encode()) < 6_000_000


def test_every_chart_has_its_place_and_its_statement(page: Page):
    """Each of the figures is drawn into an element of its own, under a title."""
    places = [attributes["id"] for _, attributes in page.tags if attributes.get("class") == "chart"]

    assert places == list(page.figures)
    assert len(places) == len(set(places)) == N_FIGURES
    assert len([tag for tag, _ in page.tags if tag == "figcaption"]) == N_FIGURES


def test_the_summary_says_what_how_good_and_whether_it_is_live(page: Page):
    """The first lines hold the target, the rows, the AUC in words, the verdict and its reason."""
    data = report_data()

    assert "predicts “outcome = bad” from 2 columns" in page.text
    assert "trained on 6,000 rows" in page.text
    assert f"On 2,000 test rows: AUC {data.ours.metrics['auc']:.3f}, Average precision" in page.text
    assert "It went live: it passes the gates and there was no champion." in page.text
    assert "Against logistic regression it is significantly better" in page.text


@pytest.mark.parametrize(("promoted", "words"), [(False, "It did not go live: it is"), (None, "Verdict: it is")])
def test_a_version_that_is_not_live_is_not_said_to_be(promoted: bool | None, words: str):
    """The verdict has a wording for each outcome."""
    text = Page(render_report(report_data(promoted=promoted, why="it is worse"))).text

    assert words in text
    assert "It went live" not in text


def test_little_signal_is_said_when_the_auc_is_low_or_the_note_knows():
    """The hint is there for a low AUC and for a note of that kind, and only then."""
    hint = "The raw columns hold little signal (AUC"

    assert hint in Page(render_report(report_data(sharpness=0.2))).text
    assert hint in Page(render_report(report_data(note="Raw columns hold little signal."))).text
    assert hint not in Page(render_report(report_data(note="Ids are numbers."))).text


def test_the_findings_come_first_and_are_few(page: Page):
    """A reader who stops after the first lines knows what was found of groups, stand-ins, shifts and directions."""
    start = page.text.index("Findings")
    findings = page.text[start : page.text.index("Average precision", start)]

    assert "The probabilities are calibrated within chance" in findings
    assert "gets “approve” 0.71 times as often as “30-39”, 95 % interval 0.66 to 0.77" in findings
    assert "can be predicted fairly well from the inputs (AUC 0.75" in findings
    assert "2 of 2 distributions shifted" in findings
    assert "keeps to it, in all 300 steps" in findings


def test_a_report_without_protected_columns_says_so_and_has_no_empty_part():
    """No table without rows, no chart without points, one sentence instead."""
    bare = small_diagnostics(protected=(), segments=(), fairness=None, proxies=(), effect_curves=())
    seen = Page(render_report(report_data(diagnostics=bare)))

    assert "marks no column as protected" in seen.text
    assert not {"chart-impact", "chart-groups", "chart-curve-1"} & set(seen.figures)
    for heading in ("Proxy variables", "Performance by group", "Effect curves", "Four fifths"):
        assert heading not in seen.text


def test_protected_inputs_of_a_domain_without_favours_are_named():
    """Where a model reads who someone is and refuses nobody, the report says both."""
    diagnostics = small_diagnostics(
        protected=("age", "sex"), protected_inputs=("age", "sex"), fairness=None, proxies=()
    )
    text = Page(render_report(report_data(diagnostics=diagnostics))).text

    assert "The model reads age and sex, as this domain allows." in text
    assert "has no favourable decision" in text


def test_names_levels_and_notes_are_shown_and_never_run():
    """Tags in whatever a user can choose stay text, in the page and in the charts."""
    table = Table(
        name=HOSTILE,
        description=HOSTILE,
        columns=(
            Column(name=HOSTILE, kind="category", description=HOSTILE),
            Column(name="outcome", kind="category", role="target", positive=HOSTILE),
        ),
    )
    data = report_data()
    hostile = dataclasses.replace(
        data,
        name=HOSTILE,
        source=HOSTILE,
        note=HOSTILE,
        why=HOSTILE,
        split_description=HOSTILE,
        table=table,
        training_frame=pd.DataFrame({HOSTILE: [HOSTILE, HOSTILE]}),
        diagnostics=small_diagnostics(HOSTILE),
        contenders={**data.contenders, HOSTILE: data.contenders["logistic regression"]},
        decisions=[HOSTILE] * len(data.labels),
        policy={HOSTILE: HOSTILE},
        packages={HOSTILE: HOSTILE},
    )

    seen = Page(render_report(hostile))

    assert not [script for script in seen.scripts if script.startswith("alert")]
    assert len(seen.scripts) == N_FIGURES + 2
    assert seen.text.count("alert") >= 15
    effects, roc = seen.figures["chart-effects"], seen.figures["chart-roc"]
    assert effects["layout"]["yaxis"]["ticktext"][0].startswith("&lt;script&gt;")
    assert "&lt;script&gt;" in effects["data"][0]["customdata"][0]
    for key in ("impact", "groups", "shifts"):
        texts = seen.figures[f"chart-{key}"]["layout"]["yaxis"]["ticktext"]
        assert any("&lt;script&gt;" in text for text in texts)
        assert not any("<script" in text for text in texts)
    assert seen.figures["chart-curve-1"]["layout"]["xaxis"]["title"]["text"].startswith("&lt;script&gt;")
    assert seen.figures["chart-curve-2"]["layout"]["yaxis"]["ticktext"][0].startswith("&lt;script&gt;")
    assert [trace["name"] for trace in roc["data"]][2] == "&lt;script&gt;alert('x')&lt;/script&gt;"


def test_curves_have_few_points_however_many_rows_there_are():
    """50,000 test rows give curves of at most 500 points."""
    figures = Page(render_report(report_data(n_rows=50_000))).figures
    sizes = [len(values(trace["x"])) for figure in figures.values() for trace in figure["data"]]

    assert max(sizes) <= MAX_POINTS
    assert max(sizes) > MAX_POINTS // 2


def test_a_thinned_curve_is_the_same_curve():
    """Both ends stay, and the area under it does not change."""
    rng = np.random.default_rng(0)
    x, y = (np.concatenate([[0], np.sort(rng.beta(*shape, 20_000)), [1]]) for shape in ((2, 1), (1, 4)))

    thin_x, thin_y = thinned(x, y)

    assert (thin_x[0], thin_y[0], thin_x[-1], thin_y[-1]) == (0, 0, 1, 1)
    assert np.trapezoid(thin_y, thin_x) == pytest.approx(np.trapezoid(y, x), abs=1e-4)


def test_the_kept_epoch_is_marked_on_the_validation_curve(page: Page):
    """The marker stands at the epoch whose weights were kept, at its validation loss."""
    marker = page.figures["chart-training"]["data"][-1]

    assert (values(marker["x"]).tolist(), values(marker["y"]).tolist()) == ([3], [0.44])
    assert "Lowest validation loss: epoch 3 of 4" in page.text


def test_a_training_without_validation_rows_is_judged_by_its_own_curve():
    """No validation curve, no line and no word of one."""
    seen = Page(render_report(report_data(validation_curve=[], best_epoch=4)))

    assert [trace["name"] for trace in seen.figures["chart-training"]["data"]] == ["training set", "kept: epoch 4"]
    assert "Lowest training loss: epoch 4 of 4" in seen.text


def test_a_refinement_claims_neither_folds_nor_epochs_that_it_did_not_have():
    """The summary says what it went on from; where no epoch was better than the start, none is said to be kept."""
    page = Page(render_report(report_data(origin="refined from version 4", best_epoch=0, validation_curve=[0.9, 0.8])))

    assert "It is refined from version 4 with 6,000 new rows and calibrated on 900 more." in page.text
    assert "weights of the start kept" in page.text
    assert "No epoch on the new rows lowered the validation loss; the weights are unchanged" in page.text
    assert "that network was kept" not in page.text
    assert "kept: epoch" not in str(page.figures["chart-training"]["data"])


def test_the_roc_curve_has_the_area_that_its_title_says():
    """The area under the drawn points is the AUC of the metrics."""
    data = report_data()
    ours = roc_chart(data.labels, data.contenders).figure["data"][0]

    area = np.trapezoid(values(ours["y"]), values(ours["x"]))
    assert area == pytest.approx(data.ours.metrics["auc"], abs=1e-3)


def test_calibration_bands_are_wilson_intervals():
    """The bands agree with scipy's, also where nothing or everything came about."""
    n_events, n_rows = np.array([0, 3, 20, 50]), np.array([40, 40, 100, 50])

    low, high = wilson_interval(n_events / n_rows, n_rows)

    for i, (events, rows) in enumerate(zip(n_events.tolist(), n_rows.tolist(), strict=True)):
        expected = binomtest(events, rows).proportion_ci(0.95, method="wilson")
        assert (low[i], high[i]) == pytest.approx((expected.low, expected.high), abs=1e-6)


def test_rows_beyond_the_calibration_chart_are_mentioned():
    """The histogram holds every row that lies within the axis, and the note counts the others."""
    data = report_data(n_rows=20_000)
    chart = calibration_chart(data.labels, data.predictions)
    n_drawn = values(chart.figure["data"][-1]["y"]).sum()
    n_beyond = int((data.predictions > chart.figure["layout"]["xaxis"]["range"][1]).sum())

    assert n_drawn + n_beyond == 20_000
    assert n_beyond > 0
    assert percent(n_beyond / 20_000) in chart.note


def test_decisions_are_counted_by_outcome_from_safe_to_risky():
    """The confusion table adds up to the test rows and their events."""
    decisions = ["decline", "approve", "refer", "decline", "approve", "approve"]
    labels = np.array([1, 0, 1, 0, 0, 0])
    probabilities = np.array([0.9, 0.1, 0.4, 0.8, 0.2, 0.1])

    approve, refer, decline = decision_rows(decisions, labels, probabilities)

    assert [row.decision for row in (approve, refer, decline)] == ["approve", "refer", "decline"]
    assert [row.n_rows for row in (approve, refer, decline)] == [3, 1, 2]
    assert [row.n_events for row in (approve, refer, decline)] == [0, 1, 1]
    assert [row.n_others for row in (approve, refer, decline)] == [3, 0, 1]
    assert (decline.share_of_rows, decline.share_of_events, decline.event_rate) == (2 / 6, 0.5, 0.5)


def test_a_domain_without_decisions_says_so():
    """No table is shown where there is nothing to count."""
    assert "makes no decisions on single rows" in Page(render_report(report_data(decisions=[]))).text


def test_the_best_value_of_each_metric_is_marked():
    """Higher ranks better, lower loses less, and a ratio is best near one, on either side."""
    metrics = {"auc": 0.8, "average_precision": 0.5, "ks": 0.4, "log_loss": 0.3, "normalised_entropy": 0.9}
    metrics |= {"brier": 0.1, "calibration_error": 0.02, "calibration_ratio": 0.97}
    other = {**metrics, "auc": 0.7, "log_loss": 0.2, "calibration_ratio": 1.01}
    nobody = np.zeros(0)

    ours, theirs = contender_rows(
        BINARY_METRICS, {"ours": Contender(nobody, metrics, 1.0), "theirs": Contender(nobody, other, 0.0)}
    )

    assert [best for _, best in ours.cells] == [True, True, True, False, True, True, True, False]
    assert [best for _, best in theirs.cells] == [False, True, True, True, True, True, True, True]
    assert (ours.seconds, theirs.seconds) == ("1.0", "–")


def test_the_champion_is_compared_by_the_numbers_that_decided():
    """The report repeats the comparison of the job and does not draw its own."""
    data = report_data()
    champion = {"champion (version 3)": data.contenders["logistic regression"]}
    comparison = Comparison(0.0123, 0.0011, 0.0222)

    text = Page(
        render_report(
            dataclasses.replace(data, contenders={**data.contenders, **champion}, comparison=comparison, promoted=False)
        )
    ).text

    assert f"Against champion (version 3) it is {in_words(comparison, 'log-loss')}" in text
    assert (
        in_words(comparison, "log-loss") == "significantly worse (log-loss +0.0123, 90 % interval +0.0011 to +0.0222)"
    )


def test_numbers_are_described_without_codes_for_missing():
    """-1 stands for an empty cell here: it is counted as missing and is no minimum."""
    column = Column(name="amount", kind="number", unit="EUR", missing=(-1,))

    row = column_row(column, pd.Series([100.0, 300.0, -1.0, np.nan]))

    assert row.missing_share == 0.5
    assert (row.typical, row.span) == ("mean 200, standard deviation 100 EUR", "100 to 300 EUR")


def test_categories_are_described_by_their_most_frequent_levels():
    """Shares are those of the filled cells, most frequent first."""
    row = column_row(
        Column(name="purpose", kind="category"), pd.Series(["car", "car", "car", "house", None], dtype=object)
    )

    assert row.missing_share == 0.2
    assert (row.typical.replace("\N{NO-BREAK SPACE}", " "), row.span) == ("car 75.0 %, house 25.0 %", "2 levels")


def test_ids_are_counted_and_not_shown():
    """A report must not reveal which customer has most rows."""
    row = column_row(Column(name="card", kind="key"), pd.Series(["4711", "4711", "4712", "4713"], dtype=object))

    assert (row.typical, row.span) == ("1.3 rows each on average", "3 ids")


def test_times_are_described_by_their_span():
    """First and last moment, and the days between."""
    times = pd.Series(pd.to_datetime(["2024-01-03 10:00", "2024-01-01 08:30", None]))

    row = column_row(Column(name="at", kind="time", role="time"), times)

    assert (row.typical, row.span) == ("within 2 days", "2024-01-01 08:30 to 2024-01-03 10:00")


def test_a_column_without_any_value_is_described_too():
    """All cells empty is a finding, not a failure."""
    row = column_row(Column(name="amount", kind="number"), pd.Series([np.nan, np.nan]))

    assert (row.missing_share, row.typical, row.span) == (1.0, "no value", "")


@pytest.mark.parametrize(
    ("share", "words"), [(0.0, "0 %"), (1e-6, "< 0.01 %"), (0.0123, "1.2 %"), (0.1234, "12.3 %"), (1.0, "100.0 %")]
)
def test_shares_are_worded_with_as_many_digits_as_they_deserve(share: float, words: str):
    """Small shares keep two digits, large ones one decimal."""
    assert percent(share).replace("\N{NO-BREAK SPACE}", " ") == words


def test_the_summary_gives_intervals_of_auc_gini_and_ks(html: str) -> None:
    """Gini is 2 AUC - 1, at both ends too; each interval holds its value."""
    found = re.search(r"With 95 % intervals: (.*?)\.</p>", html)
    assert found is not None
    numbers = [float(text) for text in re.findall(r"-?\d\.\d{3}", found[1])]
    auc, gini, ks = numbers[:3], numbers[3:6], numbers[6:]
    assert gini == pytest.approx([2 * value - 1 for value in auc], abs=0.002)
    for value, low, high in (auc, gini, ks):
        assert low < value < high
