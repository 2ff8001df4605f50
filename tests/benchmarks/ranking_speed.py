"""Latency of ranking 200 candidate ads: from a checked body to the answer, and from JSON to JSON.

    python tests/benchmarks/ranking_speed.py [--preset balanced] [--candidates 200] [--repeats 500] [--rows 60000]

Trains ads on its simulated rows, then ranks candidates of 40 campaigns with targeting, times seen and pacing, greedily
and with Thompson sampling. The simulated ads differ in three columns of three levels, so at most 27 of them are
distinct; "all distinct" counts two numbers of the person and the context (clicks_30d, hour) among the ads' columns.
Beside it: every pair through `respond` and sorted, which is what a caller without `rank` would do. One BLAS thread.
"""

from __future__ import annotations

import os

os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"))

import argparse
import copy
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))

from data.checking import checked_frame
from data.column import Column
from data.table import Table
from models.answers.respond import respond
from models.contract import LiveModel
from models.domains._discovery import load_domains
from models.domains.ads.policy import AdsPolicy, Exploration
from models.domains.ads.ranking import rank
from models.domains.ads.request import rank_example
from models.estimators.table_classifier import TableClassifier
from models.presets import PRESETS
from service.live.served_model import ServedModel
from tests.benchmarks.decision_speed import quartiles

ADS = load_domains()["ads"]
ALL_DISTINCT = {"clicks_30d": {"part": "ad"}, "hour": {"part": "ad"}}
N_CAMPAIGNS = 40


def trained(preset: str, n_rows: int) -> TableClassifier:
    """An ads model of the simulated rows."""
    frame = checked_frame(ADS.table, ADS.simulate(n_rows, 0).frame, "simulated rows", training=True)
    labels = ADS.table.labels(frame)
    n_training = len(frame) * 8 // 10
    validation = (frame.iloc[n_training:], labels[n_training:])
    return ADS.build(ADS.table, PRESETS[preset], 0).fit(
        frame.iloc[:n_training], labels[:n_training], validation=validation
    )


def with_parts(scorer: TableClassifier, changes: dict[str, Any]) -> TableClassifier:
    """The same model, whose requests put some columns elsewhere."""
    changed = copy.copy(scorer)
    changed.table = scorer.table.with_columns(changes)
    return changed


def body(table: Table, n_candidates: int) -> bytes:
    """A request whose candidates have ads drawn at random."""
    rng = np.random.default_rng(0)
    columns = [column for column in table.inputs if column.part == "ad"]

    def value(column: Column) -> Any:
        return str(rng.choice(column.levels)) if column.levels else int(rng.integers(24))

    request = rank_example(table)
    request["candidates"] = [
        {
            "id": f"ad-{i}",
            "bid": round(float(rng.uniform(0.1, 2)), 2),
            "ad": {column.name: value(column) for column in columns},
            "campaign": {
                "id": f"campaign-{i % N_CAMPAIGNS}",
                "category": "retail",
                "targeting": {"region": ["city", "suburb"]},
            },
            "times_seen": i % 4,
        }
        for i in range(n_candidates)
    ]
    return json.dumps(request).encode()


def pair_by_pair(live: LiveModel, request: dict[str, Any]) -> list[Any]:
    """The candidates by expected value, each pair scored by itself."""
    shared = {**request["person"], **request["context"]}
    answers = [(respond(live, [{**shared, **c["ad"]}], ["id"])[0], c) for c in request["candidates"]]
    return sorted(answers, key=lambda pair: -pair[0].click_probability * pair[1]["bid"])  # type: ignore[attr-defined]


def measure(label: str, scorer: TableClassifier, exploration: Exploration, n_candidates: int, repeats: int) -> None:
    """Print the figures of one model and one policy."""
    pacing = {f"campaign-{i}": 0.5 + i / N_CAMPAIGNS for i in range(N_CAMPAIGNS)}
    policy = AdsPolicy(pacing=pacing, most_impressions_per_person=3, exploration=exploration)
    live = LiveModel(name="ads", version=1, domain=ADS, scorer=scorer, policy=policy)
    served = ServedModel.of(live, digest="")
    raw = body(live.table, n_candidates)
    request = served.operations["rank"].body.validate_json(raw)
    n_distinct = len({tuple(candidate["ad"].values()) for candidate in request["candidates"]})
    print(f"{n_candidates} candidates, {label} ({n_distinct} distinct ads), exploration={exploration}")
    in_process = quartiles(lambda: rank(live, request, "id"), repeats)
    in_bytes = quartiles(lambda: served.operate("rank", raw, "id"), repeats)
    alone = quartiles(lambda: pair_by_pair(live, request), max(repeats // 25, 10))
    for name, (median, p95, p99) in (("checked body -> answer", in_process), ("JSON -> JSON", in_bytes)):
        print(f"  {name:<24} median {median / 1e3:6.2f} ms   p95 {p95 / 1e3:6.2f}   p99 {p99 / 1e3:6.2f}")
    print(f"  pair by pair             median {alone[0] / 1e3:6.2f} ms, {alone[0] / in_process[0]:.0f}x")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--preset", choices=list(PRESETS), default="balanced")
    parser.add_argument("--candidates", type=int, default=200)
    parser.add_argument("--repeats", type=int, default=500)
    parser.add_argument("--rows", type=int, default=ADS.n_simulated_rows, help="to train on")
    arguments = parser.parse_args()
    scorer = trained(arguments.preset, arguments.rows)
    for label, changes in (("as simulated", {}), ("all distinct", ALL_DISTINCT)):
        explorations: list[Exploration] = ["none", "thompson"]
        for exploration in explorations:
            measure(label, with_parts(scorer, changes), exploration, arguments.candidates, arguments.repeats)


if __name__ == "__main__":
    main()
