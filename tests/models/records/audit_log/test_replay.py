"""Replay: what was recorded is answered again to the bit, and what differs, or cannot be answered, is told."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from data.column import Stored
from data.rows import row_adapter
from models.answers.respond import respond
from models.contract import Answer, LiveModel
from models.domains._discovery import load_domains
from models.errors import ReplayError
from models.records.audit_log.personal import PersonalData
from models.records.audit_log.record import BATCH, SCORE, PredictionRecord, features_digest, id_in_batch
from models.records.audit_log.replay import Replay, checked_row, replay
from models.registry.live import load_answering
from tests.conftest import Store, quick_scorer
from tests.models.records.audit_log import predictions

KEY = b"k" * 32
DOMAINS = load_domains()
OPERATIONS = [(name, one.name) for name, domain in DOMAINS.items() for one in domain.operations if one.recorded]


def live_of(store: Store, name: str, policy: int = 0) -> LiveModel:
    version = store.registry.champion(name)
    assert version is not None
    return load_answering(version, store.registry.policies.policy(name, policy), store.home.bundles)


def example(live: LiveModel) -> dict[str, Any]:
    """A row as requests hold it, checked, with windows as an event of a card with a past has them."""
    row = row_adapter(live.table).validate_json(json.dumps(live.table.example()))
    return {**row, **{column.name: 2.0 + place for place, column in enumerate(live.table.windows)}}


def recorded(live: LiveModel, action: str, request: Any, answer: Any, **more: Any) -> PredictionRecord:
    texts = {"request": PersonalData(live.table, KEY).text(request), "answer": json.dumps(answer)}
    return predictions.record("p", model=live.name, action=action, **texts, **more)


def scored(live: LiveModel) -> PredictionRecord:
    """The record of a row with all reasons."""
    row = example(live)
    (answer,) = respond(live, [row], ["p"], reasons="all")
    return recorded(live, SCORE, row, as_sent(answer), reasons="all", features_digest=digest(live, row))


def batch(live: LiveModel) -> PredictionRecord:
    """The record of a batch of two rows without reasons."""
    rows = [example(live)] * 2
    answers = respond(live, rows, [id_in_batch("p", place) for place in range(2)], reasons="none")
    return recorded(live, BATCH, rows, [*map(as_sent, answers)], features_digest=digest(live, *rows), n_rows=2)


def operated(live: LiveModel, name: str) -> PredictionRecord:
    """The record of an operation."""
    operation = {one.name: one for one in live.domain.operations}[name]
    body = TypeAdapter(operation.body(live.table)).validate_json(json.dumps(operation.example(live.table)))
    if operation.row_path == ("row",):
        body["row"] = example(live)
    return recorded(live, name, body, as_sent(operation.respond(live, body, "p")))


def digest(live: LiveModel, *rows: Any) -> str:
    return features_digest(live.scorer.encoder.encode_rows(rows))


def as_sent(answer: Answer) -> Any:
    return json.loads(answer.model_dump_json())


def again(store: Store, record: PredictionRecord) -> Replay:
    return replay(record, store.registry, store.home.bundles, personal_key=KEY)


def altered(record: PredictionRecord, **fields: Any) -> PredictionRecord:
    """The record with other fields in its answer."""
    return record._replace(answer=json.dumps(json.loads(record.answer) | fields))


@pytest.mark.parametrize("name", DOMAINS)
def test_rows_are_answered_again_to_the_bit(store: Store, name: str) -> None:
    """Alone and in batches, with their windows: other windows are other features."""
    live = live_of(store, name)
    for record in (scored(live), batch(live)):
        found = again(store, record)
        assert (found.same_features, found.differences, found.notes) == (True, {}, ())
    row = json.loads(record.request)[0]
    for column in live.table.windows[:1]:
        other = record._replace(request=json.dumps([{**row, column.name: 99.0}] * 2))
        assert again(store, other).same_features is False


@pytest.mark.parametrize(("name", "operation"), OPERATIONS)
def test_operations_are_answered_again_to_the_bit(store: Store, name: str, operation: str) -> None:
    """Wherever their bodies hold the row, and with its windows, which no request may send."""
    record = operated(live_of(store, name), operation)
    found = again(store, record)
    assert (found.same_features, found.differences, found.notes) == (None, {}, ())
    assert found.identical
    assert again(store, altered(record, model="other")).differences == {"model": ("other", name)}


def test_differences_are_told_with_the_row_of_a_batch(store: Store) -> None:
    """The sent value first."""
    live = live_of(store, "credit")
    assert again(store, altered(scored(live), version=7)).differences == {"version": (7, 1)}
    record = batch(live)
    answers = json.loads(record.answer)
    answers[1]["version"] = 7
    assert again(store, record._replace(answer=json.dumps(answers))).differences == {"p-1.version": (7, 1)}


def test_an_event_that_the_queue_passed_is_no_difference(store: Store) -> None:
    """But it is if anything else differs, and another decision is."""
    content = {"review_from": 0, "block_from": 1}
    about = {"model_version": 1, "simulation": {}, "actor": "tests", "why": ""}
    policy = store.registry.policies.add(name="fraud", domain="fraud", content=content, **about)
    record = scored(live_of(store, "fraud", policy.number))._replace(policy_version=policy.number)
    assert json.loads(record.answer)["decision"] == "review"

    passed = again(store, altered(record, decision="allow", warnings=["cleared"]))
    assert passed.identical
    assert "had cleared the subject" in passed.notes[0]
    also = again(store, altered(record, decision="allow", fraud_probability=0.5))
    assert set(also.differences) == {"decision", "fraud_probability"}
    assert again(store, altered(record, decision="block")).differences == {"decision": ("block", "review")}
    assert again(store, record).notes == ()


def hidden(store: Store, how: Stored) -> LiveModel:
    """A next version of credit, live, whose table stores a feature otherwise."""
    scorer = quick_scorer(DOMAINS["credit"], 0)
    scorer.table = scorer.table.with_columns({"purpose": {"stored": how}})
    store.add(DOMAINS["credit"], scorer, promote=True)
    return live_of(store, "credit")


@pytest.mark.parametrize("how", ["hashed", "left_out"])
def test_what_was_not_stored_cannot_be_answered_again(store: Store, how: Stored) -> None:
    """The columns are named, for rows and operations: a hash is a level like any other, and would be answered."""
    live = hidden(store, how)
    named = rf"not stored in full: 'purpose' \({how.replace('_', ' ')}\)"
    for record in (scored(live), batch(live), operated(live, "explain"), operated(live, "counterfactuals")):
        with pytest.raises(ReplayError, match=named):
            again(store, record._replace(version=live.version))


def test_a_row_that_does_not_fit_its_table_is_told_as_such(store: Store) -> None:
    """Unless a personal column may be why: what an earlier release stored of it is no value of its kind."""
    live = live_of(store, "credit")
    row = {**live.table.example(), "amount_eur": "much"}
    with pytest.raises(ValidationError, match="amount_eur"):
        checked_row(live, row, PersonalData(live.table, KEY))
    table = live.table.with_columns({"purpose": {"role": "ignore", "stored": "hashed"}})
    with pytest.raises(ReplayError, match="'purpose'"):
        checked_row(live, row, PersonalData(table, KEY))
