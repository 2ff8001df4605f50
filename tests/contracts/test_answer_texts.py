"""Answers written field by field are the bytes of answers that were made and checked, for every domain."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.checking import checked_frame
from models.answers.frames import score_frame
from models.answers.respond import answer_columns, answer_texts, respond, respond_encoded, unseen_warnings
from models.domains._discovery import load_domains
from models.encoding import joined
from tests.conftest import quick_live


@pytest.fixture(scope="module", params=sorted(load_domains()))
def live(request):
    return quick_live(load_domains()[request.param])


@pytest.fixture(scope="module")
def rows(live):
    """Simulated rows as requests spell them, some of them with gaps and levels that nobody has seen."""
    table = live.table
    frame = live.domain.simulate(120, 9).frame
    inputs = frame[[column.name for column in table.inputs]].astype(object)
    found = inputs.where(inputs.notna(), None).to_dict("records")
    for category in [column.name for column in table.inputs if column.kind in ("category", "text")][:1]:
        for row in found[::7]:
            row[category] = "never seen"
    for row in found:
        row.update({column.name: None for column in table.windows})
    return found


@settings(max_examples=20)
@given(data=st.data())
def test_texts_are_the_bytes_of_answers(live, rows, data):
    """One row or many, with whatever reasons; encoded together they are encoded as alone."""
    start = data.draw(st.integers(0, len(rows) - 1))
    some = rows[start : start + data.draw(st.integers(1, 30))]
    reasons = data.draw(st.sampled_from(["none", "adverse", "all"] if live.domain.explain else ["none"]))
    ids = [f"id-{place}" for place in range(len(some))]
    encoder = live.scorer.encoder
    X = encoder.encode_rows(some)
    assert X.tobytes() == joined([encoder.encode_rows([row]) for row in some]).tobytes()

    texts = answer_texts(answer_columns(live, some, X, ids, reasons=reasons))
    assert texts == [answer.model_dump_json() for answer in respond_encoded(live, some, X, ids, reasons=reasons)]
    for row, name, text in zip(some, ids, texts, strict=True):
        (alone,) = respond(live, [row], [name], reasons=reasons)
        assert text == alone.model_dump_json()
        assert alone.warnings == unseen_warnings(live, row)


def test_files_hold_the_fields_of_answers(live):
    """Plain ones as they are, what else there is as JSON; the reasons of adverse decisions are those of the answers."""
    frame = live.domain.simulate(60, 9).frame
    scored = score_frame(live, frame, reasons=True).answers.to_pylist()
    rows = checked_frame(live.table, frame, "simulated rows", training=False)
    if live.table.windows:
        return  # of a file, windows are computed over its own rows
    X, ids = live.scorer.encoder.transform(rows), [str(place) for place in range(len(rows))]
    fields = answer_columns(live, rows.to_dict("records"), X, ids, reasons="adverse")
    for place, held in enumerate(scored):
        assert held["error"] is None
        for name in held.keys() & fields.keys() - {"reasons", "warnings"}:
            value = fields[name][place]
            read = json.loads(held[name]) if isinstance(value, dict) else held[name]
            assert read == value or isinstance(value, list)
        if "decision" in held and live.domain.explain:
            assert (held["reasons"] is not None) == (held["decision"] in live.domain.adverse)
