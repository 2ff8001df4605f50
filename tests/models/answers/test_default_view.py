"""The view of any answer, made from its fields and the cut-offs of the policy."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from data.rows import row_adapter
from models.answers.default_view import default_view, tone_of
from models.answers.respond import respond
from models.contract.forms import form_of
from models.contract.views import log_odds
from models.domains._discovery import load_domains
from tests.conftest import quick_live


@pytest.fixture(scope="module", params=sorted(load_domains()))
def live(request):
    return quick_live(load_domains()[request.param])


def row_of(live):
    row = row_adapter(live.table).validate_json(json.dumps(live.table.example()))
    return {**row, **{column.name: None for column in live.table.windows}}


def answer_of(live):
    reasons = "all" if live.domain.explain else "none"
    return respond(live, [row_of(live)], ["id"], reasons=reasons)[0].model_dump(mode="json")


def test_an_answer_is_shown_whatever_the_domain(live):
    """Its probability at its place on the scale, where it is that of one event, and its reasons, each once."""
    answer = answer_of(live)
    view = default_view(live, answer)
    p = answer[live.domain.task.summary.field]
    scales = [part.scale for part in view.parts if part.scale]
    assert len(scales) == live.domain.task.is_binary
    for scale in scales:
        marks = {mark.text: mark.at for mark in scale.marks}
        cuts = {text: log_odds(float(text.rstrip(" %\N{NO-BREAK SPACE}")) / 100) for text in marks}
        places = np.interp(log_odds(p), sorted(cuts.values()), sorted(marks.values()))
        if min(cuts.values()) < log_odds(p) < max(cuts.values()):
            assert scale.value.at == pytest.approx(places, abs=0.1)
        assert sum(zone.width for zone in scale.zones) == pytest.approx(100, abs=0.02)
        zone = next(zone for zone in scale.zones if zone.end >= scale.value.at)
        assert zone.text in ("", answer.get("decision")) or "anomaly" in str(answer.get("reasons"))
    assert [text for part in view.parts for text in part.items] == [one["text"] for one in answer.get("reasons", [])]


def test_fields_that_nothing_else_draws_are_listed(live):
    """Numbers by name as bars, the rest as text; a prediction's own fields stand elsewhere on the page."""
    answer = {**answer_of(live), "shares_of": {"a": 0.25, "b": 0.5}, "interval": [1.0, 2.5], "nothing": None}
    view = default_view(live, answer)
    facts = dict(fact for part in view.parts for fact in part.facts)
    assert (facts["Interval"], facts["Nothing"]) == ("1, 2.5", "–")
    assert "Prediction id" not in facts
    (bars,) = [part.bars for part in view.parts if part.title == "Shares of"]
    assert [(bar.label, bar.amount, bar.span.width) for bar in bars] == [("a", "0.25", 50.0), ("b", "0.5", 100.0)]


def test_an_answer_without_a_probability_has_a_view(live):
    """A number with its interval, say."""
    answer = {"prediction_id": "id", "estimate": 3.25, "interval": [1.0, 4.0]}
    view = default_view(live, answer)
    assert (view.title, view.decision, view.tone) == ("Answer", "", "plain")
    assert [fact for part in view.parts for fact in part.facts] == [("Estimate", "3.25"), ("Interval", "1, 4")]

    task = live.domain.task
    task = replace(task, is_binary=False, summary=replace(task.summary, field="estimate", unit="EUR"))
    view = default_view(replace(live, domain=replace(live.domain, task=task)), answer)
    assert (view.title, [part.scale for part in view.parts if part.scale]) == ("Estimate 3.25 EUR", [])


def test_the_form_has_one_input_for_each_column(live):
    """At the place where the operation reads its row."""
    plain = replace(live, domain=replace(live.domain, form=None))
    (section,) = form_of(plain).sections
    assert [one.column for one in section.inputs] == list(live.table.inputs)
    is_explained = any(one.name == "explain" for one in live.domain.operations)
    assert {one.place[:-1] for one in section.inputs} == {("row",) if is_explained else ()}
    (section,) = form_of(replace(plain, domain=replace(plain.domain, operations=()))).sections
    assert {one.place[:-1] for one in section.inputs} == {()}


@pytest.mark.parametrize(
    ("name", "tones"),
    [
        ("credit", {"approve": "good", "refer": "middle", "decline": "bad", "": "plain"}),
        ("fraud", {"allow": "good", "review": "middle", "block": "bad", "": "plain"}),
    ],
)
def test_the_tone_is_that_of_the_decision(name, tones):
    """With cut-offs by zone; without them by what the domain favours."""
    live = quick_live(load_domains()[name])
    assert {decision: tone_of(live, decision) for decision in tones} == tones
    bare = replace(live, domain=replace(live.domain, cut_offs=None, alert_budget=None))
    expected = {"approve": "good", "refer": "bad", "decline": "bad", "review": "bad", "block": "bad"}
    assert {one: tone_of(bare, one) for one in tones} == {one: expected.get(one, "plain") for one in tones}
