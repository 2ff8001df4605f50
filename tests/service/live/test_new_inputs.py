"""Inputs that are new, with a default: callers who do not send them are answered as if they sent it."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import pandas as pd
import pytest

from models.domains._discovery import load_domains
from models.records.audit_log.log import PredictionLog
from models.records.audit_log.personal import personal_key
from models.records.audit_log.replay import replay
from models.records.events.history import rows_as_frame
from service.pages.trying.try_form import try_form
from tests.conftest import open_store, quick_scorer

CREDIT = load_domains()["credit"]
NEW, DEFAULT = "income_eur", 2_500


def with_default(domain):
    """Had the column not been there before, its callers would need a default for it."""
    return replace(domain, table=domain.table.with_columns({NEW: {"default": DEFAULT}}))


def without(domain):
    return replace(domain, table=domain.table.with_columns({NEW: {"role": "ignore"}}))


def fill(folder):
    store = open_store(folder)
    store.add(CREDIT, quick_scorer(without(CREDIT), seed=0), promote=True)
    store.add(CREDIT, quick_scorer(CREDIT, seed=0), promote=False)
    store.add(CREDIT, quick_scorer(with_default(CREDIT), seed=0), promote=False)
    store.registry.close()


@pytest.fixture
def grown(build_once, tmp_path):
    """A home in which versions 2 and 3 have an input that version 1, the champion, lacks; 3 has a default for it."""
    shutil.copytree(build_once("grown", fill), tmp_path / "home")
    store = open_store(tmp_path / "home")
    yield store
    store.registry.close()


@pytest.fixture
def client(start_service, grown):
    return start_service(grown.home.path).client


@pytest.fixture
def old_row(applicant):
    return {name: value for name, value in applicant.items() if name != NEW}


def post(client, path, body):
    response = client.post(path, json=body)
    assert response.status_code == 200, response.text
    return response.json()


def plain(answer):
    return {field: value for field, value in answer.items() if field != "prediction_id"}


def test_only_the_version_with_a_default_is_promoted(client, grown, old_row):
    """The other is refused as a problem that names the field, until that is allowed."""
    refused = client.post("/v1/models/credit/promote", json={"version": 2})

    assert refused.status_code == 409
    assert refused.headers["content-type"] == "application/problem+json"
    assert refused.json()["type"] == "urn:backscore:request-change"
    assert "column income_eur is new and required; give it a default in the table" in refused.json()["detail"]
    assert grown.registry.champion("credit").number == 1
    assert post(client, "/v1/models/credit/promote", {"version": 3})["live_version"] == 3
    post(client, "/v1/credit/score", old_row)
    assert post(client, "/v1/models/credit/promote", {"version": 2, "allow_request_change": True})["live_version"] == 2
    assert client.post("/v1/credit/score", json=old_row).status_code == 422


@pytest.mark.parametrize("action", ["score", "explain", "counterfactuals"])
def test_an_answer_to_a_row_without_it_is_that_to_its_default(client, grown, old_row, action):
    """The record holds the row that was answered, so it replays."""
    post(client, "/v1/models/credit/promote", {"version": 3})
    bodies = [{"row": row} if action == "explain" else row for row in (old_row, {**old_row, NEW: DEFAULT})]

    answers = [post(client, f"/v1/credit/{action}", body) for body in bodies]

    assert plain({**answers[0], "answer": None}) == plain({**answers[1], "answer": None})
    (record,) = PredictionLog(grown.registry._engine).records(answers[0]["prediction_id"])
    stored = json.loads(record.request)
    assert (stored["row"] if action == "explain" else stored)[NEW] == DEFAULT
    key = personal_key(grown.home.path)
    assert replay(record, grown.registry, grown.home.bundles, personal_key=key).identical


def test_batches_and_tensors_may_lack_it(client, old_row):
    post(client, "/v1/models/credit/promote", {"version": 3})
    expected = post(client, "/v1/credit/score", {**old_row, NEW: DEFAULT})["probability_of_default"]
    csv = pd.DataFrame([old_row]).to_csv(index=False)
    tensors = [
        {"name": name, "shape": [1], "datatype": "BYTES" if isinstance(value, str) else "FP64", "data": [value]}
        for name, value in old_row.items()
        if not isinstance(value, bool)
    ] + [{"name": n, "shape": [1], "datatype": "BOOL", "data": [v]} for n, v in old_row.items() if isinstance(v, bool)]

    as_json = post(client, "/v1/credit/batch", {"rows": [old_row]})
    as_csv = client.post("/v1/credit/batch", content=csv, headers={"Content-Type": "text/csv"}).json()
    outputs = post(client, "/v2/models/credit/infer", {"inputs": tensors})["outputs"]

    assert [one["answers"][0]["probability_of_default"] for one in (as_json, as_csv)] == [expected] * 2
    assert next(one["data"] for one in outputs if one["name"] == "probability_of_default") == [expected]
    described = {one["name"]: one.get("parameters") for one in client.get("/v2/models/credit").json()["inputs"]}
    assert described[NEW] == {"optional": True}


def test_a_shadow_answers_rows_that_lack_it(start_service, grown, old_row, eventually):
    """By the default, as it would as champion."""
    client = start_service(grown.home.path).client
    post(client, "/v1/models/credit/challenger", {"version": 3, "mode": "shadow"})
    answer = post(client, "/v1/credit/score", old_row)
    log = PredictionLog(grown.registry._engine)

    eventually(lambda: len(log.records(answer["prediction_id"])) == 2)

    shadow = next(one for one in log.records(answer["prediction_id"]) if one.role == "shadow")
    assert json.loads(shadow.request)[NEW] == DEFAULT
    post(client, "/v1/models/credit/promote", {"version": 3})
    same = "probability_of_default"
    assert json.loads(shadow.answer)[same] == post(client, "/v1/credit/score", old_row)[same]


def test_recorded_rows_of_earlier_versions_have_the_default_in_trainings(grown, old_row):
    """As they would have if they were sent to the new version; a null that was sent stays one."""
    optional = CREDIT.table.with_columns({NEW: {"default": DEFAULT, "optional": True}})
    frame = rows_as_frame(optional, [old_row, {**old_row, NEW: 1}, {**old_row, NEW: None}])
    assert frame[NEW].iloc[:2].tolist() == [DEFAULT, 1]
    assert pd.isna(frame[NEW].iloc[2])


def test_the_form_says_what_an_empty_field_stands_for(client):
    post(client, "/v1/models/credit/promote", {"version": 3})
    form = try_form(client.app.state.live_models.served("credit"), {})
    field = next(one for one in form.fields if one.column.name == NEW)
    assert field.hint.endswith(f"Default {DEFAULT}")
    assert NEW not in form.row
