"""Inputs that earlier champions took: requests may still hold them for three versions, and they are ignored."""

from __future__ import annotations

import io
import json
import shutil
from dataclasses import replace

import pandas as pd
import pytest

from models.domains._discovery import load_domains
from models.records.audit_log.log import PredictionLog
from models.records.audit_log.personal import personal_key
from models.records.audit_log.replay import replay
from models.registry.live import load_live
from models.registry.rollouts import Rollout
from service.errors import InvalidRequestError
from service.live.served_model import ServedModel
from service.scoring.batches import SUFFIXES, read_file
from tests.conftest import MOMENT, open_store, quick_live, quick_scorer

REMOVED = {"credit": "income_eur", "ads": "ad_price_tier", "fraud": "distance_km"}
DOMAINS = load_domains()


def without(domain, *names):
    """The domain of a table of which some inputs are no longer read."""
    return replace(domain, table=domain.table.with_columns({name: {"role": "ignore"} for name in names}))


def fill(folder):
    store = open_store(folder)
    for name, column in REMOVED.items():
        domain = DOMAINS[name]
        store.add(domain, quick_scorer(domain, seed=0), promote=True)
        store.add(domain, quick_scorer(without(domain, column), seed=0), promote=True)
    store.registry.close()


@pytest.fixture
def shrunk(build_once, tmp_path):
    """A home in which version 2 of every model, the champion, no longer takes an input of version 1."""
    shutil.copytree(build_once("shrunk", fill), tmp_path / "home")
    store = open_store(tmp_path / "home")
    yield store
    store.registry.close()


@pytest.fixture
def client(start_service, shrunk):
    return start_service(shrunk.home.path).client


def example(name, **changes):
    """A row that version 1 takes, and the same without the removed input."""
    row = {**DOMAINS[name].restrict_inputs(DOMAINS[name].table).example(), **changes}
    return row, {column: value for column, value in row.items() if column != REMOVED[name]}


def said(number, column="income_eur"):
    last = "version 1 was the last to read it: stop sending it"
    return f"'{column}' is no input of version {number} and was ignored; {last}"


def warning(name):
    return f"{said(2, REMOVED[name])}, two more versions take it"


def plain(answer):
    """An answer without what differs between two requests for the same."""
    return {field: value for field, value in answer.items() if field not in ("prediction_id", "warnings")}


def post(client, path, body):
    response = client.post(path, json=body)
    assert response.status_code == 200, response.text
    return response.json()


@pytest.mark.parametrize("name", ["credit", "ads"])
def test_a_removed_input_is_ignored_and_the_answer_says_so(client, name):
    """The answer is that of the row without it."""
    full, rest = example(name)

    answer, expected = (post(client, f"/v1/{name}/score", row) for row in (full, rest))

    assert answer["warnings"] == [*expected["warnings"], warning(name)]
    assert plain(answer) == plain(expected)


@pytest.mark.parametrize("odd", [None, [1, 2], {"a": {}}, "x" * 1000, float("inf")])
def test_its_value_does_not_matter(client, odd):
    full, rest = example("credit")
    body = json.dumps({**full, "income_eur": odd})
    response = client.post("/v1/credit/score", content=body, headers={"Content-Type": "application/json"})
    assert plain(response.json()) == plain(post(client, "/v1/credit/score", rest))


def test_other_mistakes_are_reported_as_ever(client):
    """Beside it, and only they; a name that no version took is unknown."""
    full, _ = example("credit")
    response = client.post("/v1/credit/score", json={**full, "amount_eur": -1, "colour": "red"})
    assert response.status_code == 422
    assert {error["path"] for error in response.json()["errors"]} == {"/amount_eur", "/colour"}


def test_values_beside_it_keep_their_type(client):
    """A number that JSON cannot hold is refused, not taken for one that is missing."""
    full, _ = example("credit")
    body = json.dumps({**full, "savings_eur": float("nan")})
    response = client.post("/v1/credit/score", content=body, headers={"Content-Type": "application/json"})
    assert (response.status_code, response.json()["errors"][0]["path"]) == (422, "/savings_eur")


@pytest.mark.parametrize(
    ("name", "action", "place"),
    [
        ("credit", "explain", "row"),
        ("credit", "trace", "row"),
        ("credit", "counterfactuals", None),
        ("ads", "explain", "row"),
        ("fraud", "explain", "row"),
        ("fraud", "trace", "row"),
    ],
)
def test_operations_ignore_it_too(client, name, action, place):
    full, rest = ({place: row} if place else row for row in example(name))
    answer, expected = (post(client, f"/v1/{name}/{action}", body) for body in (full, rest))
    assert answer["warnings"] == [*expected["warnings"], warning(name)]
    assert {**plain(answer), "answer": None} == {**plain(expected), "answer": None}


def test_it_is_ignored_only_where_columns_stand(client):
    """Beside the row it is a mistake."""
    _, rest = example("credit")
    assert client.post("/v1/credit/explain", json={"row": rest, "income_eur": 1}).status_code == 422


def test_the_effect_curve_of_a_removed_column_is_that_of_another(client):
    _, rest = example("credit")
    answer = post(client, "/v1/credit/explain", {"row": rest, "column": "income_eur"})
    assert answer["curve"]["column"] == answer["shares"][0]["column"]
    assert warning("credit") in answer["warnings"]


def test_candidate_ads_may_hold_it(client):
    """In each of them, with one warning."""
    ads = DOMAINS["ads"].operations[-1]
    body = ads.example(DOMAINS["ads"].restrict_inputs(DOMAINS["ads"].table))
    rest = json.loads(json.dumps(body))
    for candidate in rest["candidates"]:
        del candidate["ad"]["ad_price_tier"]

    answer, expected = (post(client, "/v1/ads/rank", one) for one in (body, rest))

    assert answer["warnings"] == [*expected["warnings"], warning("ads")]
    assert [ad["expected_value"] for ad in answer["ads"]] == [ad["expected_value"] for ad in expected["ads"]]


def csv_of(rows):
    return pd.DataFrame(rows).to_csv(index=False).encode(), "text/csv"


def parquet_of(rows):
    file = io.BytesIO()
    pd.DataFrame(rows).to_parquet(file)
    return file.getvalue(), "application/vnd.apache.parquet"


def json_of(rows):
    return json.dumps({"rows": rows}).encode(), "application/json"


@pytest.mark.parametrize("written", [json_of, csv_of, parquet_of])
def test_batches_ignore_it_whatever_their_format(client, written):
    """Some of the rows may lack it; the document says it once."""
    full, rest = example("credit")
    rows = [full, rest if written is json_of else full]

    answers = []
    for some in (rows, [rest, rest]):
        content, kind = written(some)
        answers.append(client.post("/v1/credit/batch", content=content, headers={"Content-Type": kind}).json())

    assert answers[0]["warnings"] == [warning("credit")]
    assert answers[1]["warnings"] == []
    assert [plain(one) for one in answers[0]["answers"]] == [plain(one) for one in answers[1]["answers"]]


def tensors(row):
    return {
        "inputs": [
            {
                "name": name,
                "shape": [2, 1],
                "datatype": "BYTES" if isinstance(value, str) else "BOOL" if isinstance(value, bool) else "FP64",
                "data": [value] * 2,
            }
            for name, value in row.items()
        ]
    }


@pytest.mark.parametrize("path", ["/v2/models/credit/infer", "/v2/models/credit/versions/2/infer"])
def test_the_inference_protocol_ignores_it(client, path):
    """Each answer has the warning."""
    full, rest = example("credit")
    found = [{t["name"]: t["data"] for t in post(client, path, tensors(row))["outputs"]} for row in (full, rest)]
    assert [json.loads(one) for one in found[0]["warnings"]] == [[warning("credit")]] * 2
    assert [json.loads(one) for one in found[1]["warnings"]] == [[]] * 2
    same = "probability_of_default"
    assert found[0][same] == found[1][same]


def test_an_event_may_hold_it_and_is_the_same_event_again(start_service, shrunk):
    """Also one that an earlier version read and stored with it: a repeat after the promotion gets its first answer."""
    shrunk.registry.rollback("fraud", actor="tests", why="")
    service = start_service(shrunk.home.path)
    old, _ = example("fraud", transaction_id="old")
    first = post(service.client, "/v1/fraud/score", old)
    post(service.client, "/v1/models/fraud/promote", {"version": 2})
    full, rest = example("fraud", transaction_id="new")

    again = [post(service.client, "/v1/fraud/score", one) for one in (old, full, rest, full)]

    assert plain(again[0]) == plain(first)
    assert again[0]["warnings"] == [*first["warnings"], warning("fraud")]
    assert [warning("fraud") in one["warnings"] for one in again[1:]] == [True, False, True]
    assert plain(again[1]) == plain(again[2]) == plain(again[3])


@pytest.mark.parametrize("name", ["credit", "fraud"])
def test_what_is_no_input_is_never_stored_and_the_record_replays(start_service, shrunk, name):
    """To the same bits: neither the row nor its answer says anything of the ignored field."""
    client = start_service(shrunk.home.path).client
    value = "31415.9265"
    full = {**example(name)[0], REMOVED[name]: float(value)}
    answers = [post(client, f"/v1/{name}/score", full), post(client, f"/v1/{name}/explain", {"row": full})]
    batch = post(client, f"/v1/{name}/batch", {"rows": [{**full, "transaction_id": "b"} if name == "fraud" else full]})

    log = PredictionLog(shrunk.registry._engine)
    records = [log.records(one["prediction_id"])[0] for one in [*answers, *batch["answers"]]]

    assert [record.action for record in records] == ["score", "explain", "batch"]
    for record in records:
        assert value not in record.request + record.answer
        assert REMOVED[name] not in record.request + record.answer
        key = personal_key(shrunk.home.path)
        assert replay(record, shrunk.registry, shrunk.home.bundles, personal_key=key).identical


def test_the_log_line_names_what_was_ignored(start_service, shrunk):
    """And so, with the key, who still sends it."""
    service = start_service(shrunk.home.path)
    for row in example("credit"):
        post(service.client, "/v1/credit/score", row)
    assert [line.get("ignored") for line in service.log_lines("request")] == [["income_eur"], None]


def test_the_documentation_marks_it_as_deprecated(client):
    """So that a strict client may go on sending it."""
    row = client.get("/openapi.json").json()["components"]["schemas"]["credit.Row"]
    assert row["properties"]["income_eur"] == {"deprecated": True, "description": warning("credit")}
    assert "income_eur" not in row["required"]


def test_after_three_versions_it_is_unknown(start_service, shrunk):
    """The warning counts down, then the field is refused; a rollback brings the last warning back."""
    client, full = start_service(shrunk.home.path).client, example("credit")[0]
    found = []
    for number in (2, 3, 4, 5):
        if number > 2:
            shrunk.add(
                DOMAINS["credit"], quick_scorer(without(DOMAINS["credit"], "income_eur"), seed=number), promote=False
            )
            post(client, "/v1/models/credit/promote", {"version": number})
        response = client.post("/v1/credit/score", json=full)
        found.append(response.json().get("warnings", [response.status_code])[-1])

    more = ("two more versions take it", "one more version takes it", "the next version refuses it")
    assert found == [*(f"{said(number)}, {text}" for number, text in zip((2, 3, 4), more, strict=True)), 422]
    post(client, "/v1/models/credit/rollback", {})
    assert post(client, "/v1/credit/score", full)["warnings"][-1] == found[2]


def test_after_a_rollback_a_new_input_of_the_version_rolled_back_is_ignored(start_service, shrunk):
    """Callers who had begun to send it are not broken by the rollback."""
    client = start_service(shrunk.home.path).client
    first = DOMAINS["credit"]
    shrunk.add(first, quick_scorer(first, seed=1), promote=False)  # reads the removed input again
    post(client, "/v1/models/credit/promote", {"version": 3, "allow_request_change": True})

    post(client, "/v1/models/credit/rollback", {})

    answer = post(client, "/v1/credit/score", example("credit")[0])
    assert answer["version"] == 2
    assert "version 3 was the last to read it" in answer["warnings"][-1]


@pytest.mark.parametrize("mode", [{"mode": "canary", "share": 0.5}, {"mode": "shadow"}])
def test_a_challenger_takes_what_the_champion_takes(start_service, shrunk, mode):
    """Both what the champion ignores, and what only the champion reads."""
    domain = without(DOMAINS["credit"], "income_eur", "housing")
    shrunk.add(domain, quick_scorer(domain, seed=2), promote=False)
    client, full = start_service(shrunk.home.path).client, example("credit")[0]
    post(client, "/v1/models/credit/challenger", {"version": 3, **mode})

    answers = [post(client, "/v1/credit/score", full) for _ in range(20)]

    ignored = {answer["version"]: len(answer["warnings"]) for answer in answers}
    assert ignored == ({2: 1, 3: 2} if mode["mode"] == "canary" else {2: 1})
    assert warning("credit") in next(answer for answer in answers if answer["version"] == 2)["warnings"]


def test_an_earlier_version_without_its_bundle_keeps_nothing_from_answering(start_service, shrunk):
    """Its inputs are then unknown, as the log says."""
    shutil.rmtree(shrunk.home.bundles / shrunk.registry.version("credit", 1).digest)
    service = start_service(shrunk.home.path)
    full, rest = example("credit")
    assert [service.client.post("/v1/credit/score", json=row).status_code for row in (full, rest)] == [422, 200]
    assert service.log_lines("inputs of an earlier version are unknown")[0]["model"] == "credit"


@pytest.mark.parametrize("written", [csv_of, parquet_of])
def test_a_file_may_hold_what_is_computed_now(shrunk, written):
    """An input that has become a window; it is dropped before the file is checked."""
    live = load_live(shrunk.registry.version("fraud", 2), shrunk.home.bundles)
    served = ServedModel.of(live, "", personal_key=b"k" * 32)
    window = live.table.windows[0].name
    content, kind = written([{**example("fraud")[1], window: 3}])
    with pytest.raises(InvalidRequestError):
        read_file(served, content, SUFFIXES[kind], 10, 10**6)

    batch = read_file(served.with_retired_inputs((), {window: "ignored"}), content, SUFFIXES[kind], 10, 10**6)

    assert (batch.errors, batch.warnings) == ([], ["ignored"])
    assert window not in batch.rows[0]


def test_a_canary_takes_what_is_ignored_for_the_last_time():
    """The champion ignores it, although it counts no more before the canary; an input of the canary's own stays one."""
    served = ServedModel.of(quick_live(DOMAINS["credit"]), "")
    champion = served.with_retired_inputs((), {"pets": "last time", "housing": "last time"})
    rollout = Rollout("credit", 2, "canary", 0.5, MOMENT, "tests")

    canary = champion.challenged_by(served.with_retired_inputs((), {"rooms": "first time"}), rollout).challenger

    assert canary.retired == {"pets": "last time", "rooms": "first time"}
