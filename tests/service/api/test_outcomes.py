"""Outcomes over HTTP: idempotent, joined with predictions, and used for training."""

from datetime import timedelta

import pytest

from models.domains._discovery import load_domains
from tests.conftest import MOMENT


def ask(service, row, n_times=1):
    return [service.client.post("/v1/credit/score", json=row).json()["prediction_id"] for _ in range(n_times)]


def tell(service, *outcomes):
    told = [{"prediction_id": name, "outcome": what, "observed": MOMENT.isoformat()} for name, what in outcomes]
    return service.client.post("/v1/outcomes", json={"outcomes": told})


def test_outcomes_are_taken(start_service, store, applicant):
    """Sending them again changes nothing; invalid ones are named by position."""
    service = start_service(store.home.path)
    first, second = ask(service, applicant, 2)
    assert tell(service, (first, True), (second, False), ("nobody", True)).json() == {
        "n_outcomes": 3,
        "n_new": 2,
        "errors": [
            {"path": "/outcomes/2/prediction_id", "message": "is the id of no recorded prediction", "value": "nobody"}
        ],
    }
    assert tell(service, (first, True)).json()["n_new"] == 0


def test_models_with_events_have_labels_instead(start_service, store):
    """The message says where to."""
    service = start_service(store.home.path)
    row = {**load_domains()["fraud"].table.example(), "transaction_id": 815}
    name = service.client.post("/v1/fraud/score", json=row).json()["prediction_id"]
    (error,) = tell(service, (name, True)).json()["errors"]
    assert "/v1/fraud/labels" in error["message"]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"outcomes": []},
        {"outcomes": [{"prediction_id": "a"}]},
        {"outcomes": [{"prediction_id": "a", "outcome": ["yes"]}]},
        {"outcomes": [{"prediction_id": "a", "outcome": 2}]},
        {"outcomes": [{"prediction_id": "a", "outcome": True, "observed": "2024-05-31"}]},
        {"outcomes": [{"prediction_id": "a", "outcome": True, "extra": 1}]},
    ],
)
def test_bodies_that_are_none(client, body):
    assert client.post("/v1/outcomes", json=body).status_code == 422


def test_more_than_fit_in_a_request(client):
    """The limit is that of batches."""
    outcomes = [{"prediction_id": "a", "outcome": True}] * 101
    assert client.post("/v1/outcomes", json={"outcomes": outcomes}).status_code == 413


def test_performance_is_shown(start_service, store, applicant):
    """Of scored rows and of rankings, whose outcome is that of the ad that was shown."""
    service = start_service(store.home.path)
    tell(service, *((name, True) for name in ask(service, applicant, 3)))
    found = service.client.get("/v1/models/credit/performance", params={"weeks": 1, "maturity_days": 0}).json()
    (week,) = found["by_week"]
    assert week["n_known"] >= 3
    assert week["realised"] is None
    assert "approve" in found["note"]

    (rank,) = (one for one in load_domains()["ads"].operations if one.name == "rank")
    answer = service.client.post("/v1/ads/rank", json=rank.example(load_domains()["ads"].table)).json()
    assert tell(service, (answer["prediction_id"], True)).json()["n_new"] == 1
    before = service.client.get("/v1/models/ads/performance").json()["by_week"][-1]
    assert before["n_known"] == 1
    assert service.client.get("/v1/models/nothing/performance").status_code == 404
    assert service.client.get("/v1/models/ads/performance?weeks=0").status_code == 422


def test_a_version_is_trained_from_outcomes(start_service, store):
    """Recorded rows with their outcomes, by the command line; immature ones are left out."""
    from data.errors import SourceError
    from models.records.outcomes.ledger import Outcome
    from models.records.outcomes.predictions import take_outcomes
    from models.training.outcome_rows import rows_with_outcomes

    credit = load_domains()["credit"]
    service = start_service(store.home.path)
    table = service.client.app.state.live_models.served("credit").live.table
    frame = credit.simulate(40, 3).frame
    rows = frame[[column.name for column in table.inputs]].astype(object)
    rows = rows.where(rows.notna(), None).to_dict("records")
    answers = service.client.post("/v1/credit/batch", json={"rows": rows}).json()["answers"]
    engine = service.client.app.state.predictions.engine
    labels = frame[table.target.name].astype(bool).tolist()
    told = [
        Outcome(answer["prediction_id"], label, MOMENT + timedelta(days=1))
        for answer, label in zip(answers, labels, strict=True)
    ]
    later = MOMENT + timedelta(days=60)
    take_outcomes(engine, told, now=later, targets={})

    found = rows_with_outcomes(engine, "credit", table, credit, now=later)
    assert found.frame[table.target.name].tolist() == frame[table.target.name].tolist()
    assert found.frame["income_eur"].tolist() == frame["income_eur"].tolist()
    assert "approve" in found.note
    with pytest.raises(SourceError, match="older than 30 days"):
        rows_with_outcomes(engine, "credit", table, credit, now=MOMENT + timedelta(days=20))
