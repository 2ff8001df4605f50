"""GET /v1/models/{name}/monitor and `backscore monitor`: what the rows that come now have in common with training."""

import numpy as np
import pytest

from data.windows import checked_history
from models.bundles import write_bundle
from models.contract import load_domains
from models.drift.reference import REFERENCE, reference_file
from tests import conftest
from tests.conftest import quick_scorer

CREDIT = load_domains()["credit"]


@pytest.fixture
def watched(start_service, store, monkeypatch):
    """A service whose credit model keeps a reference of its training rows."""
    scorer = quick_scorer(CREDIT, seed=5)
    frame, _ = checked_history(scorer.table, CREDIT.simulate(1_000, 5).frame, "simulated rows")
    scores = scorer.probabilities(frame)
    extra = reference_file(scorer.table, frame, scores)

    def write_with_reference(folder, manifest, *, scorer, files):
        return write_bundle(folder, manifest, scorer=scorer, files={**files, **extra})

    with monkeypatch.context() as patch:
        patch.setattr(conftest, "write_bundle", write_with_reference)
        store.add(CREDIT, scorer, promote=True)
    return start_service(store.home.path, max_rows_per_batch=1_000)


def ask(service, n_rows, seed, **changes):
    """Score so many simulated applicants."""
    table = service.client.app.state.live_models.serving("credit").live.table
    frame = CREDIT.simulate(n_rows, seed).frame
    for name, change in changes.items():
        frame[name] = change(frame[name])
    inputs = frame[[column.name for column in table.inputs]].astype(object)
    rows = inputs.where(inputs.notna(), None).to_dict("records")
    answered = service.client.post("/v1/credit/batch", json={"rows": rows}).json()
    assert answered["n_answered"] == n_rows


def test_without_a_reference_it_says_so(client):
    """A version that was trained before references were kept."""
    response = client.get("/v1/models/credit/monitor")
    assert response.status_code in (404, 409)
    assert REFERENCE.removesuffix(".json") in response.json()["detail"]
    assert client.get("/v1/models/nothing/monitor").status_code == 404


def test_rows_like_those_of_training_are_well(watched):
    """Too few at first."""
    assert watched.client.get("/v1/models/credit/monitor").json()["state"] == "too_few"


def test_other_rows_are_an_alarm(watched):
    """Incomes that doubled: named first, in words and figures."""
    ask(watched, 800, 11, income_eur=lambda values: np.minimum(values * 2, 35_000).round())
    found = watched.client.get("/v1/models/credit/monitor").json()
    assert found["state"] == "alarm"
    assert found["columns"][0]["column"] == "income_eur"
    assert found["columns"][0]["psi"]["low"] > 0.1
    assert found["n_recent"] == 800
    assert all(one["state"] == "ok" for one in found["columns"] if one["column"] in ("duration_months", "purpose"))
