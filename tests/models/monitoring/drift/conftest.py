"""A table of every kind of column, rows of it that may have shifted, and a model that answered them."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest

from data.column import Column
from data.table import Table
from models.contract import LiveModel
from models.domains._discovery import load_domains
from models.monitoring.drift.reference import Reference, training_reference
from models.presets import PRESETS
from models.records.audit_log.log import PredictionLog
from models.records.audit_log.record import BATCH, SCORE, PredictionRecord, id_in_batch, milliseconds
from models.registry.database.engine import open_database
from models.registry.database.migrations import create_schema
from tests.models.records.audit_log.predictions import store

NOW = datetime(2024, 5, 31, 12, tzinfo=UTC)
TABLE = Table(
    name="loans",
    columns=(
        Column(name="income", kind="number", description="Income", unit="EUR"),
        Column(name="age", kind="number", whole=True, optional=True, missing=("unknown",)),
        Column(name="balance", kind="number", missing=(-1,)),
        Column(name="purpose", kind="category", missing=("?",), optional=True),
        Column(name="rooms", kind="category"),
        Column(name="guarantor", kind="flag"),
        Column(name="married", kind="flag", levels=("no", "yes"), optional=True),
        Column(name="email", kind="category", stored="hashed"),
        Column(name="card", kind="key", role="entity"),
        Column(name="account", kind="key"),
        Column(name="at", kind="time", role="time", time_input=True),
        Column(name="bad", kind="flag", role="target"),
    ),
)
COMPARED = ["income", "age", "balance", "purpose", "rooms", "guarantor", "married"]


def simulated(n_rows: int, seed: int) -> pd.DataFrame:
    """Rows as a checked frame holds them."""
    rng = np.random.default_rng(seed)

    def levels(*names: str | None, p: list[float] | None = None) -> np.ndarray:
        return rng.choice(np.array(names, object), n_rows, p=p)

    return pd.DataFrame(
        {
            "income": np.round(rng.lognormal(7.5, 0.5, n_rows), 2),
            "age": np.where(rng.random(n_rows) < 0.05, np.nan, rng.integers(18, 80, n_rows)),
            "balance": np.where(rng.random(n_rows) < 0.2, -1, rng.gamma(2, 300, n_rows)),
            "purpose": levels("car", "house", "?", None, p=[0.5, 0.3, 0.1, 0.1]),
            "rooms": levels("1", "2", "3"),
            "guarantor": levels("0", "1", p=[0.9, 0.1]),
            "married": levels("no", "yes", None),
        }
    )


@dataclass(frozen=True)
class Scene:
    """A model, what is kept of its training, and the log that its answers are recorded in."""

    live: LiveModel
    reference: Reference
    log: PredictionLog

    def answer(
        self, frame: pd.DataFrame, scores: np.ndarray, *, per_request: int = 1, version: int = 1, days: float = 5
    ) -> None:
        """Record answers to rows that came evenly within the last days, of the frame's cards if it has any."""
        rows = [_as_requested(place, row) for place, row in enumerate(frame.to_dict("records"))]
        n_requests = -(-len(rows) // per_request)
        records = []
        for place in range(n_requests):
            name = f"v{version}-{place:06}x"
            asked = rows[place * per_request : (place + 1) * per_request]
            ids = [name] if per_request == 1 else [id_in_batch(name, i) for i in range(len(asked))]
            values = scores[place * per_request : (place + 1) * per_request].tolist()
            answers = [
                {"prediction_id": one, "probability_of_default": value} for one, value in zip(ids, values, strict=True)
            ]
            alone = per_request == 1
            records.append(
                PredictionRecord(
                    id=name,
                    version=version,
                    model="loans",
                    policy_version=0,
                    role="champion",
                    action=SCORE if alone else BATCH,
                    at=milliseconds(NOW - timedelta(days=days * (1 - place / n_requests))),
                    latency=1,
                    key_id="",
                    reasons="none",
                    n_rows=len(asked),
                    request=json.dumps(asked[0] if alone else asked),
                    features_digest="",
                    answer=json.dumps(answers[0] if alone else answers),
                )
            )
        store(self.log, records)


def _as_requested(place: int, row: dict[str, Any]) -> dict[str, Any]:
    """A row as a checked request holds it: None where it is empty, whole numbers as levels, true and false."""
    kept = {name: None if pd.isna(value) else value for name, value in row.items()}
    kept["rooms"] = int(kept["rooms"])
    kept["guarantor"] = kept["guarantor"] == "1"
    return {"card": f"c{place}"} | kept | {"email": "a" * 32, "account": "a1", "at": "2024-05-31T10:00:00"}


def scores_of(n_rows: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).beta(1, 8, n_rows)


@pytest.fixture(scope="session")
def rows_of() -> Callable[[int, int], tuple[pd.DataFrame, np.ndarray]]:
    """Rows and scores like those of the training, drawn with another seed."""
    return lambda n_rows, seed: (simulated(n_rows, seed), scores_of(n_rows, seed))


@pytest.fixture
def scene(url: str) -> Any:
    """An empty log, on either database."""
    engine = open_database(url)
    create_schema(engine)
    domain = load_domains()["credit"]
    live = LiveModel(
        name="loans",
        version=1,
        domain=domain,
        scorer=domain.build(TABLE, PRESETS["fast"], 0),
        policy=domain.policy(),
    )
    reference = training_reference(TABLE, simulated(10_000, 0), scores_of(3_000, 0))
    yield Scene(live, reference, PredictionLog(engine))
    engine.dispose()
