"""No personal value is stored or logged, whatever is asked: values are marked, then all that is written is searched."""

from __future__ import annotations

import json
from dataclasses import replace

import pandas as pd
import pytest
import sqlalchemy as sa

from data.errors import SourceError
from data.table import Table
from models.domains._discovery import load_domains
from models.errors import ReplayError
from models.records.audit_log.personal import PersonalData, personal_key
from models.records.audit_log.replay import replay, replay_if_stored
from models.records.events.event_log import EventLog
from models.records.events.history import check_features
from models.registry.database import schema as tables
from tests.conftest import MOMENT, quick_live
from tests.service.inference_protocol.tensors import infer, request_of
from tests.service.pages.parsed import parsed

REVIEW_ALL = {"review_from": 0, "block_from": 1}
ENTITIES = {"customer_id": "hashed", "terminal_id": "hashed"}
EVERYTHING = {**ENTITIES, "terminal_id": "left_out", "merchant_category": "hashed", "channel": "left_out"}
EVERYTHING |= {"distance_km": "hashed"}
APPLICANT = {"purpose": "hashed", "housing": "left_out", "income_eur": "hashed", "savings_eur": "left_out"}
WRITER = {"text": "hashed"}
VISITOR = {"region": "hashed", "device": "left_out", "main_interest": "hashed", "ad_format": "hashed"}
NUMBER = 9_873.25
MARKS = ("Marked", "9873.2", "9,873")


def hidden_live(name, stored):
    """A model of a domain whose table stores these columns otherwise."""
    live = quick_live(load_domains()[name])
    changed = [replace(one, stored=stored.get(one.name, "plain")) for one in live.table.columns]
    live.scorer.table = Table(name=live.table.name, columns=tuple(changed))
    return live


def marked(table, stored, number):
    """A row in which every personal value can be recognized."""
    row = table.example()
    for name in stored:
        kind = table[name].kind
        row[name] = NUMBER if kind == "number" else f"Marked {name} {number % 2}"
    if table.event is not None:
        row |= {table.event.name: str(number), table.time.name: f"2024-05-31T10:{number:02d}:00"}
    return row


def promote(store, live, name):
    store.add(live.domain, live.scorer, name=name, promote=True)
    if live.queue is not None:
        policy = store.registry.policies.add(
            name=name, domain=name, content=REVIEW_ALL, model_version=1, simulation={}, actor="tests", why=""
        )
        store.registry.policies.activate(name, policy.number, actor="tests", why="")
    challenger = store.add(live.domain, live.scorer, name=name, promote=False)
    store.registry.rollouts.start(name, challenger.number, mode="shadow", share=0.0, actor="tests", why="")


def use_every_endpoint(client, name, table, stored):
    """The prediction IDs of what was asked, which all succeeded."""
    offered = client.get("/openapi.json").json()["paths"]
    numbers = iter(range(1, 60))
    ids = []

    def ask(path, **sent):
        answered = client.post(path, **sent)
        assert answered.status_code == 200, (path, answered.text)
        ids.append(answered.json().get("prediction_id"))
        return answered.json()

    def row():
        return marked(table, stored, next(numbers))

    first = row()
    for reasons in ("all", "adverse", "none"):
        ask(f"/v1/{name}/score?reasons={reasons}", json=row())
    ask(f"/v1/{name}/score?reasons=all", json=first)
    ask(f"/v1/{name}/score?reasons=all", json=first)  # the same event again
    if f"/v1/{name}/explain" in offered:
        for column in [one for one in stored if table[one].role == "feature"] or [None]:
            ask(f"/v1/{name}/explain", json={"row": row()} | ({"column": column} if column else {}))
    if f"/v1/{name}/trace" in offered:
        ask(f"/v1/{name}/trace", json={"row": row()})
    if name == "credit":
        ask("/v1/credit/counterfactuals", json=row())
    if name == "ads":
        domain = load_domains()[name]
        (rank,) = (one for one in domain.operations if one.name == "rank")
        person = rank.example(table)
        person["person"] |= {one: first[one] for one in stored if one in person["person"]}
        person["context"] |= {one: first[one] for one in stored if one in person["context"]}
        ask("/v1/ads/rank", json=person)
    frame = pd.DataFrame([row(), row(), row()])
    ask(f"/v1/{name}/batch?reasons=all", json={"rows": [row(), row()]})
    ask(f"/v1/{name}/batch?reasons=all", content=frame.to_csv(index=False), headers={"content-type": "text/csv"})
    for one in (table.time,) if table.time else ():
        frame[one.name] = pd.to_datetime(frame[one.name]) + pd.Timedelta(hours=1)
    if table.event is not None:
        frame[table.event.name] = [f"p{number}" for number in range(3)]
    parquet = {"content": frame.to_parquet(index=False), "headers": {"content-type": "application/vnd.apache.parquet"}}
    ids.append(ask(f"/v1/{name}/batch?reasons=all", **parquet)["answers"][0]["prediction_id"])
    assert infer(client, name, request_of([row(), row()], parameters={"reasons": "all"})).status_code == 200
    form = parsed(client.get(f"/models/{name}")).form(f"/models/{name}")
    texts = {one: str(value) for one, value in row().items()}
    filled = {field: texts.get(field.rpartition("/")[2], value) for field, value in form.items()}
    page = client.post(f"/models/{name}", data=filled)
    assert page.status_code == 200, page.text
    for bad in ("Marked", "9873.25x"):  # refusals quote the value, to the caller alone
        client.post(f"/v1/{name}/score", json={**row(), next(iter(stored)): [bad]})
        client.post(f"/v1/{name}/score", json={**row(), "Marked field": bad})
    for path in ("monitor", "performance", "alerts", "figures", "rules"):
        client.get(f"/v1/{name}/{path}")
        client.get(f"/models/{name}/{path}")
    return [one for one in ids if one]


def everything_written(service):
    """All tables as text, the log, the metrics."""
    found = {"log": service.log.getvalue(), "metrics": service.client.get("/metrics").text}
    with service.client.app.state.predictions.engine.connect() as connection:
        for table in tables.metadata.sorted_tables:
            found[table.name] = "\n".join(str(tuple(row)) for row in connection.execute(sa.select(table)))
    return found


@pytest.mark.parametrize("form", ["json", "console"])
@pytest.mark.parametrize(
    ("name", "stored"),
    [
        ("fraud", ENTITIES),
        ("fraud", EVERYTHING),
        ("credit", APPLICANT),
        ("ads", VISITOR),
        ("chat", WRITER),
        ("chat", {"text": "left_out"}),
    ],
    ids=["entities", "events", "credit", "ads", "messages", "left_out"],
)
def test_no_personal_value_is_written(start_service, store, eventually, name, stored, form):
    """Of rows, answers, events, windows, alerts, shadows, refusals and pages, in any format."""
    live = hidden_live(name, stored)
    promote(store, live, name)
    service = start_service(store.home.path, log_format=form)
    state = service.client.app.state
    table = state.live_models.served(name).live.table

    ids = use_every_endpoint(service.client, name, table, stored)
    alerts = service.client.get(f"/v1/{name}/alerts").json().get("alerts", [])
    if live.queue is not None:
        assert alerts
        said = {"verdict": "confirmed", "by": "Ada"}
        number = alerts[0]["id"]
        assert service.client.post(f"/v1/{name}/alerts/{number}/verdict", json=said).status_code == 200
    eventually(lambda: "shadow" in everything_written(service)["predictions"])

    for where, text in everything_written(service).items():
        for mark in MARKS:
            assert mark not in text, f"{mark} in {where}: {text[max(0, text.find(mark) - 300) :][:400]}"
    with state.predictions.engine.connect() as connection:
        kept = connection.execute(sa.select(tables.predictions.c["action", "features_digest"])).all()
    assert "trace" not in {record.action for record in kept}  # whose numbers lead back to the row
    if stored is not ENTITIES:  # of few possible values a fingerprint tells which
        assert {record.features_digest for record in kept} == {""}
    for named in ids:  # each is traced and answered again, or a sentence says why it cannot be
        for record in state.predictions.records(named):
            key = personal_key(store.home.path)
            again = replay_if_stored(record, store.registry, store.home.bundles, personal_key=key)
            assert again.is_possible == (stored is ENTITIES)
            assert again.identical == again.is_possible, again.differences
            assert again.is_possible or "were not stored in full" in again.notes[0]
        traced = service.client.post(f"/v1/{name}/trace", json={"prediction_id": named})
        if record.action not in ("score", "batch") or traced.json().get("title") == "Unknown operation":
            continue  # an operation may have no row; sparse networks are not traced
        if stored is ENTITIES:
            assert traced.status_code == 200, traced.text
        else:
            assert "not stored in full" in traced.text
        assert service.client.get(f"/models/{name}/trace?prediction_id={named}").status_code in (200, 422)


def rows_of(n_rows):
    """Events of two customers at three terminals, one a minute."""
    live = load_domains()["fraud"]
    table = live.restrict_inputs(live.table)
    for number in range(n_rows):
        yield {
            **table.example(),
            "transaction_id": str(number),
            "time": f"2024-05-31T10:{number:02d}:00",
            "customer_id": f"Marked {number % 2}",
            "terminal_id": f"Marked {number % 3}",
            "amount_eur": 10.0 + number,
        }


@pytest.mark.parametrize("stored", [ENTITIES, {**ENTITIES, "terminal_id": "left_out", "customer_id": "left_out"}])
def test_windows_over_hashed_entities_are_those_of_plain_ones(start_service, store, tmp_path, stored):
    """For every event, alone and in one batch; equal values keep equal hashes, others others."""
    found = {}
    for name, columns in (("plain", {}), ("secret", stored)):
        live = hidden_live("fraud", columns)
        store.add(live.domain, live.scorer, name=name, promote=True)
    service = start_service(store.home.path)
    for name in ("plain", "secret"):
        rows = list(rows_of(12))
        answers = [service.client.post(f"/v1/{name}/score", json=row).json() for row in rows[:9]]
        answers += service.client.post(f"/v1/{name}/batch", json={"rows": rows[9:]}).json()["answers"]
        found[name] = [answer["fraud_probability"] for answer in answers]
    assert found["plain"] == found["secret"]
    assert len(set(found["plain"])) > 6

    with service.client.app.state.predictions.engine.connect() as connection:
        values = set(connection.scalars(sa.select(tables.event_entities.c.value)))
        secret = {value for value in values if len(value) == 32}
    assert {value for value in values if "Marked" in value} == {f"Marked {number}" for number in range(3)}  # of "plain"
    assert len(secret) == 3


def test_what_an_earlier_release_stored_in_plain_is_still_found(store):
    """Its events count in windows, are answered again, and conflict as before; what comes from now on is hashed."""
    engine = store.registry._engine
    domain = load_domains()["fraud"]
    plain, hidden = quick_live(domain), hidden_live("fraud", ENTITIES)
    rows = [{**row, "time": pd.Timestamp(row["time"]).to_pydatetime()} for row in rows_of(12)]
    now = {"now": lambda: MOMENT}
    log = EventLog(engine, "old", plain.table, **now)
    log.load(rows[:6], [])
    expected = log.look(rows[6:])

    personal = PersonalData(hidden.table, b"k" * 32)
    again = EventLog(engine, "old", hidden.table, personal=personal, **now)
    assert again.look(rows[6:]) == expected
    again.load(rows[6:9], [])
    assert again.look(rows[9:]) == EventLogOfAll(engine, plain.table, rows[:9], **now).look(rows[9:])
    repeated, changed = again.answer([rows[2], {**rows[3], "customer_id": "other"}], None)
    assert "loaded as history" in str(repeated)  # its contents are the same
    assert "customer_id was" in str(changed)
    assert "Marked" not in str(changed)


def EventLogOfAll(engine, table, rows, **options):  # noqa: N802 - made like an EventLog
    """A log of the same rows in plain."""
    log = EventLog(engine, "all", table, **options)
    log.load(rows, [])
    return log


def test_an_open_alert_of_an_earlier_release_is_joined(start_service, store):
    """The subject has one open alert, although its name is stored otherwise now."""
    first = quick_live(load_domains()["fraud"])
    promote(store, first, "fraud")
    service = start_service(store.home.path)
    rows = list(rows_of(6))
    for row in rows[:2]:
        assert service.client.post("/v1/fraud/score", json=row).status_code == 200
    live = hidden_live("fraud", ENTITIES)
    store.registry.rollouts.stop("fraud", actor="tests", why="")
    store.add(live.domain, live.scorer, name="fraud", promote=True)
    service = start_service(store.home.path)
    for row in rows[2:]:
        assert service.client.post("/v1/fraud/score", json=row).status_code == 200

    alerts = service.client.get("/v1/fraud/alerts").json()["alerts"]
    assert sorted(alert["n_events"] for alert in alerts) == [3, 3]


def test_rows_that_are_not_stored_in_full_train_nothing(store):
    """The error names the columns and what to do."""
    engine = store.registry._engine
    key = b"k" * 32
    for stored, is_refused in ((EVERYTHING, True), ({"terminal_id": "left_out"}, True), (ENTITIES, False)):
        table = hidden_live("fraud", stored).table
        log = EventLog(engine, "fraud", table, personal=PersonalData(table, key))
        if is_refused:
            with pytest.raises(SourceError, match=r"terminal_id.*--data"):
                check_features(log)
        else:
            check_features(log)


def test_an_answer_that_cannot_be_given_again_says_why(start_service, store, applicant):
    """By naming the columns; values that were replaced are never taken for real ones."""
    live = hidden_live("credit", {"purpose": "hashed"})
    store.add(live.domain, live.scorer, name="secret", promote=True)
    service = start_service(store.home.path)
    named = service.client.post("/v1/secret/score", json=applicant).json()["prediction_id"]
    (record,) = service.client.app.state.predictions.records(named)
    assert json.loads(record.request)["purpose"] == PersonalData(live.table, personal_key(store.home.path)).hashed(
        applicant["purpose"]
    )
    with pytest.raises(ReplayError, match="'purpose' \\(hashed\\)"):
        replay(record, store.registry, store.home.bundles, personal_key=personal_key(store.home.path))
