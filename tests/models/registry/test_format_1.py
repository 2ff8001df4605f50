"""Bundles of format 1, written once and never again, load and answer as they did.

They are the promise that a stored model stays readable: a change that makes this test fail needs a new format, beside
which this one is still read. Recorded by

    python -m tests.models.registry.test_format_1

which makes new bundles and answers in `format_1`; that is right for another format, and never to make a test pass.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from threadpoolctl import threadpool_info

from data.table import Table
from data.windows import checked_history
from models.domains._discovery import load_domains
from models.presets import PRESETS
from models.registry.bundles import Manifest, load_bundle, write_bundle

FOLDER = Path(__file__).parent / "format_1"
RECORDED = FOLDER / "answers.json"
NAMES = ("credit", "fraud")


def blas() -> str:
    """The kernel that multiplies matrices here; another one may round a sum's last bit otherwise."""
    return ", ".join(
        sorted({str(pool.get("architecture")) for pool in threadpool_info() if pool["user_api"] == "blas"})
    )


def answers(scorer: Any, rows: list[dict[str, Any]]) -> dict[str, Any]:
    """What a model says of rows, as JSON that holds every bit."""
    X = scorer.encoder.encode_rows(rows)
    said = {
        "log_odds": scorer.log_odds(X).tolist(),
        "of_members": scorer.log_odds_and_members(X)[1].tolist(),
        "shares": [scorer.explain(x).shares.tolist() for x in X],
    }
    if hasattr(scorer, "anomaly_percentiles"):
        said["anomaly"] = scorer.anomaly_percentiles(X).tolist()
    return {"features": hashlib.sha256(X.tobytes()).hexdigest(), **said}


def read_rows(table: Table, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows from JSON, with times in place of their texts."""
    times = {column.name for column in table.columns if column.kind == "time"}
    return [
        {name: datetime.fromisoformat(value) if name in times and value else value for name, value in row.items()}
        for row in rows
    ]


@pytest.mark.parametrize("name", NAMES)
def test_a_bundle_of_format_1_answers_as_when_it_was_recorded(name: str) -> None:
    """Features bit for bit everywhere, answers bit for bit on the kernel that they were recorded with."""
    everything: Mapping[str, Any] = json.loads(RECORDED.read_text())
    recorded = everything[name]
    bundle = load_bundle(FOLDER, recorded["digest"])
    found = answers(bundle.scorer, read_rows(bundle.manifest.table, recorded["rows"]))

    assert bundle.manifest.format == 1
    assert found.keys() == recorded["answers"].keys()
    assert found.pop("features") == recorded["answers"].pop("features")
    for what, numbers in found.items():
        if blas() == everything["blas"]:
            assert numbers == recorded["answers"][what], what
        else:
            np.testing.assert_allclose(numbers, recorded["answers"][what], rtol=1e-4, atol=1e-5)


def record() -> None:
    """Train two small models, store them, and write down what the stored ones answer."""
    balanced = PRESETS["balanced"]
    network = {**PRESETS["fast"].network, "hidden_layer_sizes": (8, 4), "n_members": 2, "max_epochs": 8}
    preset = replace(balanced, network=network)
    recorded: dict[str, Any] = {"blas": blas()}
    for name in NAMES:
        domain = load_domains()[name]
        table = domain.restrict_inputs(domain.table)
        frame, labels = checked_history(table, domain.simulate(2_000, 0).frame, "simulated rows")
        held_out = (frame.iloc[1_500:], labels[1_500:])
        scorer = domain.build(table, preset, 0).fit(frame.iloc[:1_500], labels[:1_500], validation=held_out)
        manifest = Manifest(
            name=name,
            domain=name,
            created=datetime(2026, 11, 30, tzinfo=UTC),
            table=table,
            metrics={},
            source="simulated rows",
            n_rows=len(frame),
            data_digest="0" * 64,
            seed=0,
            preset=preset.name,
        )
        digest = write_bundle(FOLDER, manifest, scorer=scorer, files={})
        rows = json.loads(frame.iloc[1_500:1_512].to_json(orient="records", date_format="iso", double_precision=15))
        said = answers(load_bundle(FOLDER, digest).scorer, read_rows(table, rows))
        recorded[name] = {"digest": digest, "rows": rows, "answers": said}
    RECORDED.write_text(json.dumps(recorded, indent=1, allow_nan=False) + "\n")


if __name__ == "__main__":
    record()
