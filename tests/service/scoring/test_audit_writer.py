"""Over HTTP: every answer is in the audit log before it leaves, and is answered again to the bit."""

import asyncio
import itertools
import json
import threading
import time
from dataclasses import replace
from types import SimpleNamespace

import pytest
import structlog
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic_core import from_json, to_json

from data.table import Table
from models.answers.respond import respond
from models.domains._discovery import load_domains
from models.errors import BundleError, DatabaseError, ReplayError
from models.records.audit_log.log import PredictionAppender
from models.records.audit_log.personal import personal_key
from models.records.audit_log.replay import replay
from models.registry.audit_settings import AuditSettings
from service.errors import BusyError
from service.live.served_model import ServedModel
from service.metrics.metrics import Metrics
from service.requests.call import Call
from service.scoring.audit_writer import AuditWriter
from service.scoring.row_batcher import RowBatcher
from service.scoring.shadow_worker import ShadowWorker
from tests.conftest import MOMENT, quick_live

EVENTS = load_domains()["fraud"].table


CALL = Call("key", 0, 0.0)
ANY_RECORD = SimpleNamespace(id="any", n_rows=1)


def audit_log(service):
    return service.client.app.state.predictions


def bodies(applicant):
    """A request to each action of each domain."""
    domains = load_domains()
    ads, fraud = (domains[name].restrict_inputs(domains[name].table) for name in ("ads", "fraud"))
    (rank,) = (one for one in domains["ads"].operations if one.name == "rank")
    return {
        "/v1/credit/score?reasons=all": applicant,
        "/v1/credit/counterfactuals": applicant,
        "/v1/credit/explain": {"row": applicant},
        "/v1/ads/score": ads.example(),
        "/v1/ads/rank": rank.example(ads),
        "/v1/fraud/score": fraud.example(),
        "/v1/fraud/explain": {"row": {**fraud.example(), fraud.event.name: "77"}},
    }


def test_every_kind_of_answer_is_recorded_and_answered_again(start_service, store, applicant):
    """The record holds what was sent, and the stored bundle and policy give the same bits."""
    service = start_service(store.home.path)
    for path, body in bodies(applicant).items():
        response = service.client.post(path, json=body)
        assert response.status_code == 200, response.text
        (record,) = audit_log(service).records(response.json()["prediction_id"])

        assert from_json(record.answer) == response.json()
        assert (record.action, record.role) == (path.split("?")[0].rsplit("/")[-1], "champion")
        again = replay(record, store.registry, store.home.bundles, personal_key=personal_key(store.home.path))
        assert (again.identical, dict(again.differences)) == (True, {}), path
        assert again.same_features is (True if record.action == "score" else None)


@pytest.mark.parametrize("name", ["credit", "fraud"])
def test_batches_are_recorded_whole(start_service, store, applicant, name):
    """One record for all rows that were answered; each of them can be found by its own id."""
    service = start_service(store.home.path)
    rows = [applicant, {**applicant, "income_eur": -5}, applicant]
    if name == "fraud":
        rows = [
            {**EVENTS.example(), "transaction_id": number, "amount_eur": amount}
            for number, amount in ((1, 5.0), (2, -5), (3, 9.0))
        ]
    answers = service.client.post("/v1/" + name + "/batch", json={"rows": rows}).json()["answers"]

    assert answers[1] is None
    for place in (0, 2):
        stored = audit_log(service).prediction(answers[place]["prediction_id"])
        assert stored.answer == answers[place]
        assert stored.id.endswith(f"-{place}")
    (record,) = audit_log(service).records(answers[0]["prediction_id"])
    assert record.n_rows == 2
    assert replay(record, store.registry, store.home.bundles, personal_key=b"").identical


@pytest.mark.parametrize("kind", ["application/json", "text/csv", "application/vnd.apache.parquet"])
@pytest.mark.parametrize("name", sorted(load_domains()))
def test_rows_of_every_format_are_traced_and_answered_again(start_service, store, name, kind):
    """A file may hold protected columns and flags as 0.0 and 1.0; stored are the inputs, as requests hold them."""
    service, domain = start_service(store.home.path), load_domains()[name]
    table = domain.restrict_inputs(domain.table)
    frame = domain.simulate(300, 5).frame.tail(3)
    flags = [column.name for column in table.inputs if column.kind == "flag"]
    if kind == "application/json":
        inputs = frame[[column.name for column in table.inputs]]
        body = {"content": to_json({"rows": inputs.astype(object).where(inputs.notna(), None).to_dict("records")})}
    elif kind == "text/csv":
        body = {"content": frame.astype(dict.fromkeys(flags, float)).to_csv(index=False)}
    else:
        body = {"content": frame.to_parquet(index=False)}
    answered = service.client.post(f"/v1/{name}/batch", headers={"content-type": kind}, **body)
    assert (answered.status_code, answered.json()["errors"]) == (200, [])

    for answer in answered.json()["answers"]:
        named = answer["prediction_id"]
        stored = audit_log(service).prediction(named).row
        assert set(stored) <= {column.name for column in (*table.inputs, *table.windows)}
        assert all(type(stored[flag]) in (bool, int, str) for flag in flags)
        if not any(operation.name == "trace" for operation in domain.operations):
            continue
        traced = service.client.post(f"/v1/{name}/trace", json={"prediction_id": named})
        assert traced.status_code == 200, traced.text
        page = service.client.get(f"/models/{name}/trace", params={"prediction_id": named})
        assert page.status_code == 200
    (record,) = audit_log(service).records(named)
    assert replay(record, store.registry, store.home.bundles, personal_key=personal_key(store.home.path)).identical


def test_an_altered_record_is_found_out(start_service, store, applicant):
    """Another row has other features; another answer differs in the fields that are named."""
    service = start_service(store.home.path)
    answer = service.client.post("/v1/credit/score", json=applicant).json()
    (record,) = audit_log(service).records(answer["prediction_id"])

    other_row = record._replace(request=json.dumps({**from_json(record.request), "income_eur": 9_999}))
    other_answer = record._replace(answer=json.dumps({**answer, "points": answer["points"] + 1}))
    told = {"registry": store.registry, "bundles": store.home.bundles, "personal_key": b""}
    assert replay(other_row, **told).same_features is False
    again = replay(other_answer, **told)
    assert again.same_features
    assert dict(again.differences) == {"points": (answer["points"] + 1, answer["points"])}
    (store.home.bundles / store.registry.version("credit", 1).digest / "state.json").write_bytes(b"")
    with pytest.raises(BundleError):
        replay(record, **told)


def test_an_event_that_is_sent_again_is_recorded_once(start_service, store):
    """Its answer is the first one's."""
    service = start_service(store.home.path)
    n_before = audit_log(service).count("fraud")
    row = {**EVENTS.example(), "transaction_id": 4711}
    answers = [service.client.post("/v1/fraud/score", json=row).json() for _ in range(2)]
    assert answers[0] == answers[1]
    assert audit_log(service).count("fraud") == n_before + 1


@pytest.mark.parametrize("path", ["score", "batch", "explain"])
def test_what_cannot_be_recorded_is_not_answered(start_service, store, applicant, monkeypatch, path):
    """At level "durable" a database that is away means 503, and the next request is answered again."""
    service = start_service(store.home.path)
    body = {"score": applicant, "batch": {"rows": [applicant]}, "explain": {"row": applicant}}[path]

    def away(*_):
        raise DatabaseError("secret-host is down")

    with monkeypatch.context() as patch:
        patch.setattr(PredictionAppender, "write", away)
        response = service.client.post(f"/v1/credit/{path}", json=body)
        assert response.status_code == 503
        assert "retry-after" in response.headers
        assert "secret-host" not in response.text
    assert service.client.post(f"/v1/credit/{path}", json=body).status_code == 200


@pytest.mark.parametrize(("level", "n_recorded"), [("durable", 3), ("async", 3), ("off", 0)])
def test_levels(start_service, store, applicant, eventually, level, n_recorded):
    """What is recorded, of single rows, batches and operations."""
    store.registry.set_audit("credit", AuditSettings(level=level), actor="tests", why="")
    service = start_service(store.home.path)
    n_before = audit_log(service).count("credit")
    for path, body in (("score", applicant), ("batch", {"rows": [applicant]}), ("explain", {"row": applicant})):
        assert service.client.post(f"/v1/credit/{path}", json=body).status_code == 200
    eventually(lambda: audit_log(service).count("credit") == n_before + n_recorded)


def test_a_sample_holds_those_ids_that_it_should(start_service, store, applicant, eventually):
    """Whether an answer is recorded follows from its id alone; the settings reach a service that runs."""
    service = start_service(store.home.path, poll_seconds=0.02)
    half = AuditSettings(sample=0.5)
    store.registry.set_audit("credit", half, actor="tests", why="")
    eventually(lambda: service.client.app.state.live_models.served("credit").audit == half)
    ids = [service.client.post("/v1/credit/score", json=applicant).json()["prediction_id"] for _ in range(40)]
    recorded = {one for one in ids if audit_log(service).records(one)}
    assert recorded == {one for one in ids if half.records(one)}
    assert 0 < len(recorded) < 40


def test_what_is_personal_is_not_stored(start_service, store, applicant):
    """A column that the model reads and is stored hashed cannot be answered again, and the error says so."""
    credit = load_domains()["credit"]
    live = quick_live(credit)
    hidden = [replace(one, stored="hashed") if one.name == "purpose" else one for one in live.table.columns]
    live.scorer.table = Table(name=live.table.name, columns=tuple(hidden))
    store.add(credit, live.scorer, name="secret", promote=True)
    service = start_service(store.home.path)

    answer = service.client.post("/v1/secret/score?reasons=all", json=applicant).json()
    (record,) = audit_log(service).records(answer["prediction_id"])
    assert from_json(record.request)["purpose"] != applicant["purpose"]
    assert all(one["value"] is None for one in from_json(record.answer)["reasons"] if one["column"] == "purpose")
    with pytest.raises(ReplayError, match="purpose"):
        replay(record, store.registry, store.home.bundles, personal_key=personal_key(store.home.path))


@pytest.fixture(scope="module")
def served_models():
    """Small live models."""
    return {name: ServedModel.of(quick_live(load_domains()[name]), "") for name in ("credit", "ads")}


class Kept:
    """A log that keeps records in a list, fails at given IDs, and blocks before writing until released."""

    def __init__(self, fails_at=()):
        self.records, self.sizes, self.fails_at = [], [], fails_at
        self.is_writing, self.may_go_on = threading.Event(), threading.Event()
        self.may_go_on.set()

    def write(self, records):
        self.is_writing.set()
        assert self.may_go_on.wait(10)
        if failing := [one.id for one in records if one.id in self.fails_at]:
            raise DatabaseError(f"cannot write {failing}")
        self.records += records
        self.sizes.append(len(records))

    def close(self):
        """As the database's."""


def writer_to(log, **changes):
    """A writer with its own metrics unless given."""
    told = {"on_written": lambda _n: None, "on_dropped": lambda _n: None, **changes}
    return AuditWriter(log, structlog.get_logger(), **told)


def ask_all(log, asked, *, max_waiting=100):
    """Answer (serving, row, reasons) at once; returns answers or errors, and the writer's counts."""
    counts = {"written": 0, "dropped": 0}
    writer = AuditWriter(
        log,
        structlog.get_logger(),
        on_written=lambda n: counts.update(written=counts["written"] + n),
        on_dropped=lambda n: counts.update(dropped=counts["dropped"] + n),
        max_waiting=max_waiting,
    )
    ids = (f"p{number}" for number in itertools.count())
    metrics = Metrics()
    answering = RowBatcher(writer, metrics, ShadowWorker(writer, metrics, structlog.get_logger()), now=lambda: MOMENT)

    async def ask():
        asking = [answering.score(served, row, next(ids), reasons, CALL) for served, row, reasons in asked]
        return await asyncio.gather(*asking, return_exceptions=True)

    writer.start()
    try:
        return asyncio.run(ask()), counts
    finally:
        writer.close()


@settings(max_examples=25)
@given(data=st.data())
def test_together_a_row_gets_the_bits_that_it_gets_alone(served_models, data):
    """Rows of two models, with and without reasons, that come in one turn of the event loop."""
    examples = {name: served.example() for name, served in served_models.items()}

    def asked(draw):
        name = draw(st.sampled_from(sorted(served_models)))
        served, row = served_models[name], dict(examples[name])
        for column in served.live.table.inputs:
            if column.kind == "number" and draw(st.booleans()):
                low, high = column.minimum or 0, column.maximum or 1e4
                row[column.name] = draw(st.integers(int(low), int(high)) if column.whole else st.floats(low, high))
        return served, served.row.validate_python(row), draw(st.sampled_from(["none", "all"]))

    several = [asked(data.draw) for _ in range(data.draw(st.integers(1, 80)))]
    answers, counts = ask_all(Kept(), several)
    for place, ((served, row, reasons), answer) in enumerate(zip(several, answers, strict=True)):
        (alone,) = respond(served.live, [row], [f"p{place}"], reasons=reasons)
        assert answer == alone.model_dump_json().encode()
    assert counts == {"written": len(several), "dropped": 0}


def test_rows_that_come_together_share_passes_and_transactions(served_models):
    """Those of one model and one wish for reasons; of two hundred no more than 64 at a time."""
    log, served = Kept(), served_models["credit"]
    row = served.row.validate_python(served.example())
    answers, _ = ask_all(log, [(served, row, "none")] * 200)
    assert all(isinstance(answer, bytes) for answer in answers)
    assert len(log.records) == 200
    assert len(log.sizes) <= 4


def test_one_row_that_fails_takes_no_other_with_it(served_models):
    """A row that breaks the model's code gets an error, the others are answered."""
    served = served_models["credit"]
    row = served.row.validate_python(served.example())
    broken = {**row, "income_eur": "no number"}
    answers, _ = ask_all(Kept(), [(served, row, "none"), (served, broken, "none"), (served, row, "none")])
    assert [isinstance(answer, bytes) for answer in answers] == [True, False, True]
    assert isinstance(answers[1], ValueError)


def test_a_database_that_fails_answers_nobody(served_models):
    """All callers that shared the transaction get the error; none of their records is stored."""
    log, served = Kept(fails_at=("p1",)), served_models["credit"]
    row = served.row.validate_python(served.example())
    answers, counts = ask_all(log, [(served, row, "none")] * 3)
    assert [type(answer) for answer in answers] == [DatabaseError] * 3
    assert (log.records, counts["written"]) == ([], 0)


def test_more_than_may_wait_are_refused_or_dropped_and_counted(served_models):
    """At "durable" the caller gets a 503 with Retry-After; at "async" the answer, and the loss is counted."""
    log = Kept()
    log.may_go_on.clear()
    writer = writer_to(log, max_waiting=3, on_dropped=(dropped := []).append)
    writer.start()
    writer.record_deferred([ANY_RECORD])
    assert log.is_writing.wait(10)
    for _ in range(100):
        writer.record_deferred([ANY_RECORD])
    with pytest.raises(BusyError, match="3 groups"):
        writer.check_room()
    with pytest.raises(BusyError):
        writer.record([ANY_RECORD], lambda _problem: None)
    assert sum(dropped) == 97
    log.may_go_on.set()
    writer.close()
    assert len(log.records) == 4


def test_records_that_nobody_waits_for_share_a_transaction(served_models):
    """They wait a moment, unless they join one that a caller waits for."""
    log, stored = Kept(), threading.Event()
    writer = writer_to(log)
    writer.start()
    for _ in range(20):
        writer.record_deferred([ANY_RECORD])
    started = time.perf_counter()
    while len(log.records) < 20:
        assert time.perf_counter() - started < 10
        time.sleep(0.001)
    assert len(log.sizes) <= 3
    writer.record_deferred([ANY_RECORD])
    writer.record([ANY_RECORD, ANY_RECORD], lambda _problem: stored.set())
    assert stored.wait(10)
    assert log.sizes[-1] in (2, 3)
    writer.close()
    assert len(log.records) == 23


@pytest.mark.parametrize(("n_rows", "turns_between", "together"), [(10, 1, [10]), (70, 1, [64, 6]), (3, 4, [1, 1, 1])])
def test_rows_join_as_long_as_each_turn_of_the_loop_brings_some(served_models, n_rows, turns_between, together):
    """One that comes alone is answered when the next turn brings none; of a crowd no more than 64 wait."""
    served, recorded = served_models["credit"], []
    row = served.row.validate_python(served.example())

    def record(records, done):
        recorded.append(len(records))
        done(None)

    writer = SimpleNamespace(check_room=lambda: None, record=record)
    answering = RowBatcher(writer, Metrics(), None, now=lambda: MOMENT)

    async def ask():
        asking = []
        for number in range(n_rows):
            asking.append(asyncio.ensure_future(answering.score(served, row, f"p{number}", "none", CALL)))
            for _ in range(turns_between):
                await asyncio.sleep(0)
        await asyncio.gather(*asking)

    asyncio.run(ask())
    assert recorded == together


def test_a_shadow_sees_the_sampled_rows_alone(served_models):
    """Its answers are useful only with a record of what was sent."""
    champion = served_models["credit"].with_audit_settings(AuditSettings(sample=0.5))
    served = replace(champion, challenger=replace(served_models["credit"], role="shadow"))
    row, seen, recorded = served.row.validate_python(served.example()), [], []

    def record(records, done):
        recorded.extend(one.id for one in records)
        done(None)

    writer = SimpleNamespace(check_room=lambda: None, record=record)
    answering = RowBatcher(writer, Metrics(), SimpleNamespace(look=seen.extend), now=lambda: MOMENT)

    async def ask():
        await asyncio.gather(*(answering.score(served, row, f"p{number}", "none", CALL) for number in range(40)))

    asyncio.run(ask())
    assert 0 < len(recorded) < 40
    assert [one.ids for one in seen] == [[name] for name in recorded]


def test_what_waits_at_the_end_is_recorded(served_models):
    """Closing the writer loses nothing."""
    log = Kept()
    writer = writer_to(log)
    writer.start()
    for _ in range(50):
        writer.record_deferred([ANY_RECORD])
    writer.close()
    assert len(log.records) == 50
