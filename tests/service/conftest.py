"""What tests of the monitor share: a model that keeps a reference of its training rows, and requests of yesterday."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from data.simulators.credit import simulate
from data.windows import checked_history
from models.domains._discovery import load_domains
from models.monitoring.drift.reference import reference_file
from models.records.audit_log.record import milliseconds
from models.registry.database.schema import predictions
from models.registry.live import load_live
from tests.conftest import Store


@pytest.fixture
def watched(store: Store) -> Store:
    """A home whose live version of credit, number 3, keeps a reference of training rows."""
    champion = store.registry.champion("credit")
    assert champion is not None
    scorer = load_live(champion, store.home.bundles).scorer
    frame, _ = checked_history(scorer.table, simulate(3_000, 0).frame, "simulated rows")
    reference = reference_file(scorer.table, frame, scorer.probabilities(frame.iloc[:1_000]))
    store.add(load_domains()["credit"], scorer, promote=True, more_files=reference)
    return store


@pytest.fixture(scope="session")
def ask_yesterday() -> Callable[..., None]:
    """Has a service score simulated rows, dated a day before `now` in the log."""

    def ask(client: Any, n_rows: int, *, now: datetime, **changes: Any) -> None:
        live = client.app.state.live_models.served("credit").live
        frame = simulate(n_rows, 5).frame[[column.name for column in live.table.inputs]].assign(**changes)
        rows = frame.astype(object).where(frame.notna(), None).to_dict("records")
        for start in range(0, n_rows, 500):
            some = rows[start : start + 500]
            answered = client.post("/v1/credit/batch", json={"rows": some}).json()
            assert answered["n_answered"] == len(some), answered["errors"][:1]
        with client.app.state.predictions.engine.begin() as connection:
            at = milliseconds(now - timedelta(days=1))
            connection.execute(predictions.update().values(at=at))

    return ask
