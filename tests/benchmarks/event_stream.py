"""A week of transactions over HTTP: events a second, and every answer checked against the bulk computation.

    python tests/benchmarks/event_stream.py [--events 65000] [--database URL] [--workers 1] [--connections 16]

Plays the handbook's test week, 25 to 31 July 2018, against a `backscore serve` process whose store holds what came
before. The client sends in time order, and no event while an earlier one of the same card or terminal is unanswered.
Windows, scores and decisions must be those of the bulk computation, bit for bit. The digest of all answers is the same
for SQLite and for PostgreSQL with several workers. Needs BACKSCORE_DATA_HOME; exit code 1 if anything differs.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from data.tables._catalogue import load_public
from tests.drills.replay import Replay
from tests.drills.stage import Stage, end_with, scratch
from tests.drills.stream import Stream, digest_of, prepare

TRAINING, WEEK = ("2018-07-11", "2018-07-18"), ("2018-07-25", "2018-08-01")


def handbook(stage: Stage, n_events: int) -> Stream:
    """The first events of the test week, after a training on the handbook's own days."""
    data_home = os.environ.get("BACKSCORE_DATA_HOME")
    public, frame = load_public("handbook", Path(data_home) if data_home else None, stage.home.path / "downloads")
    times = frame["TX_DATETIME"]
    n_history, n_all = int((times < WEEK[0]).sum()), int((times < WEEK[1]).sum())
    n_all = min(n_all, n_history + n_events)
    training = ((times >= TRAINING[0]) & (times < TRAINING[1])).to_numpy()[:n_all]
    return prepare(stage, public.table, frame.iloc[:n_all], n_stream=n_all - n_history, training=training)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=10**6, help="at most so many of the week's")
    parser.add_argument("--database", help="URL of a PostgreSQL database; SQLite if left out")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--connections", type=int, default=16)
    arguments = parser.parse_args()
    with scratch(arguments.database) as stage:
        stream = handbook(stage, arguments.events)
        with stage.serving(workers=arguments.workers) as served:
            replay = Replay(served.port, "fraud", stream.rows, stream.entities, connections=arguments.connections)
            replayed = asyncio.run(replay.run())
        problems = stream.problems(replayed.answers)
    p50, p99 = np.quantile(replayed.milliseconds, [0.5, 0.99])
    print(
        f"{len(stream.rows):,} events, {arguments.workers} worker(s), {arguments.connections} connections: "
        f"{len(stream.rows) / replayed.seconds:.0f} a second, p50 {p50:.1f} ms, p99 {p99:.1f} ms, "
        f"{len(replayed.refusals)} refused, {replayed.n_broken} connections broken"
    )
    print(f"{len(problems)} differences from the bulk computation; digest of the answers {digest_of(replayed.answers)}")
    end_with(problems)


if __name__ == "__main__":
    main()
