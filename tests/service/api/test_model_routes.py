"""Models over HTTP: listing, promotion, rollback."""

import pytest

from models.errors import RollbackOverError
from models.monitoring.promotion.changes import roll_back


@pytest.fixture
def client(start_service, store):
    """A client of a service that the test may change."""
    return start_service(store.home.path).client


def test_models_are_listed_with_what_answers(client):
    """One entry a name, with the paths that can be called."""
    models = {model["name"]: model for model in client.get("/v1/models").json()["models"]}

    assert models.keys() == {"ads", "chat", "credit", "digits", "forecast", "fraud"}
    actions = ("score", "batch", "explain", "trace", "rank")
    assert models["ads"]["endpoints"] == [f"/v1/ads/{action}" for action in actions]
    assert {(model["champion"], model["live_version"]) for model in models.values()} == {(1, 1)}


def test_a_model_that_was_never_promoted_is_listed_too(client, store):
    """What exists is shown even if it does not answer."""
    version = store.registry.version("credit", 2)
    store.registry.register(
        name="lending", domain="credit", digest=version.digest, metrics={}, actor="tests", why="", promote=False
    )

    listed = client.get("/v1/models").json()["models"]

    assert listed[-1] == {
        "name": "lending",
        "domain": "credit",
        "champion": None,
        "live_version": None,
        "active_policy": 0,
        "policy_version": None,
        "refused": None,
        "endpoints": [],
    }


def test_one_model_shows_versions_metrics_policy_and_history(client):
    """Everything that the registry knows."""
    model = client.get("/v1/models/credit").json()

    assert [version["version"] for version in model["versions"]] == [1, 2]
    assert model["versions"][0]["metrics"] == {"auc": 0.75}
    assert model["aliases"] == {"champion": 1}
    assert model["policy"]["base_points"] == 600
    assert [event["action"] for event in model["history"]] == ["register", "promote", "register"]
    assert "income_eur" in [column["name"] for column in model["columns"]]


def test_an_unknown_model_is_not_found(client):
    """The live ones are named instead."""
    response = client.get("/v1/models/lending")
    assert response.status_code == 404
    assert "live: ads, chat, credit, digits, forecast, fraud" in response.json()["detail"]


def test_promotion_and_rollback_take_effect_at_once(client, applicant):
    """The process that was asked answers with the new version as soon as it has said so; the history says why."""
    promoted = client.post("/v1/models/credit/promote", json={"version": 2, "why": "better"})
    assert (promoted.status_code, promoted.json()["live_version"]) == (200, 2)
    assert client.post("/v1/credit/score", json=applicant).json()["version"] == 2

    rolled_back = client.post("/v1/models/credit/rollback", json={"why": "worse after all"})
    assert (rolled_back.status_code, rolled_back.json()["live_version"]) == (200, 1)
    assert client.post("/v1/credit/score", json=applicant).json()["version"] == 1

    last_two = client.get("/v1/models/credit").json()["history"][-2:]
    assert [(event["action"], event["why"]) for event in last_two] == [
        ("promote", "better"),
        ("rollback", "worse after all"),
    ]
    assert last_two[0]["actor"] == "HTTP request from testclient"


def test_a_version_that_cannot_answer_is_not_promoted(client, store):
    """The bundle is verified before the registry is changed."""
    digest = store.registry.version("credit", 2).digest
    (store.home.bundles / digest / "state.json").write_bytes(b"")

    response = client.post("/v1/models/credit/promote", json={"version": 2})

    assert response.status_code == 409
    assert "state.json was altered" in response.json()["detail"]
    assert store.registry.champion("credit").number == 1


def test_nobody_rolls_back_to_a_version_that_cannot_answer(client, store, applicant):
    """Registry and answers stay as they are; promoting another version is the way on."""
    client.post("/v1/models/credit/promote", json={"version": 2})
    digest = store.registry.version("credit", 1).digest
    (store.home.bundles / digest / "state.json").write_bytes(b"")
    before = store.registry.history("credit")

    response = client.post("/v1/models/credit/rollback", json={})

    assert response.status_code == 409
    assert "version 1 of 'credit' cannot answer" in response.json()["detail"]
    assert "state.json was altered" in response.json()["detail"]
    assert store.registry.history("credit") == before
    assert client.post("/v1/credit/score", json=applicant).json()["version"] == 2
    assert client.get("/health/ready").json()["warnings"] == []


def test_a_rollback_that_was_overtaken_changes_nothing(store):
    """What was checked is what becomes champion, or nothing does."""
    store.registry.promote("credit", 2, actor="tests", why="")
    loaded = []

    def load(version, _policy):
        loaded.append(version.number)
        store.registry.promote("credit", 1, actor="tests", why="first")

    with pytest.raises(RollbackOverError, match="another change came first"):
        roll_back(store.registry, load, "credit", actor="tests", why="second")
    assert loaded == [1]
    assert store.registry.champion("credit").number == 1


def test_an_unknown_version_is_not_found(client):
    """The versions there are, are named."""
    response = client.post("/v1/models/credit/promote", json={"version": 9})
    assert response.status_code == 404
    assert "it has 1, 2" in response.json()["detail"]


def test_nothing_to_roll_back_is_a_conflict(client):
    """The first champion has none before it."""
    assert client.post("/v1/models/credit/rollback", json={}).status_code == 409


@pytest.mark.parametrize(
    ("body", "path"),
    [({}, "/version"), ({"version": "2"}, "/version"), ({"version": 0}, "/version"), ({"version": 1, "by": 1}, "/by")],
)
def test_a_bad_promotion_names_the_field(client, body, path):
    """Administration is checked like prediction."""
    response = client.post("/v1/models/credit/promote", json=body)
    assert response.status_code == 422
    assert [error["path"] for error in response.json()["errors"]] == [path]


def test_promotion_needs_json(client):
    """A form on another site's page cannot change what answers."""
    response = client.post(
        "/v1/models/credit/promote", content='{"version": 2}', headers={"content-type": "text/plain"}
    )
    assert response.status_code == 415
