"""Cost of the review queue per event, and of its pages with a month of stored events.

    python tests/benchmarks/review_queue.py [--url URL] [--events 300000] [--asked 2000]

Stores so many answered payments of 5,000 cards in an empty store (SQLite in a temporary folder, or the database of
--url, which must not hold events yet), 1 % of them reviewed. Then it asks about one new payment at a time, with and
without a queue: of those that pass, and of those that are reviewed. The answers are made up, so that only storing is
timed. One BLAS thread.
"""

from __future__ import annotations

import os

os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"))

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))

from models.monitoring.performance.alert_figures import live_figures
from models.records.events.event_log import EventLog
from models.records.events.rule_counts import rule_counts
from models.registry.database.engine import open_database, reading
from models.registry.database.migrations import create_schema
from tests.models.records.events.payments import NOON, Payments

N_CARDS, AT_ONCE = 5_000, 1_000


def fill(payments: Payments, n_events: int) -> None:
    """A month of payments up to noon, a thousand in a transaction."""
    rng = np.random.default_rng(0)
    for first in range(0, n_events, AT_ONCE):
        payments.clock.moment = NOON - timedelta(days=30) * (1 - first / n_events)
        payments.send_all([one_payment(payments, rng, rng.random() < 0.01) for _ in range(AT_ONCE)])
    payments.clock.moment = NOON


def one_payment(payments: Payments, rng: np.random.Generator, reviewed: bool) -> object:
    """A payment of any card, at any shop."""
    where = {"card": f"C{rng.integers(N_CARDS)}", "shop": f"S{rng.integers(N_CARDS)}"}
    return payments.payment("review" if reviewed else "allow", rng.random(), float(rng.integers(1, 500)), **where)


def milliseconds(calls: list[Callable[[], object]]) -> np.ndarray:
    times = np.empty(len(calls))
    for i, call in enumerate(calls):
        started = time.perf_counter()
        call()
        times[i] = time.perf_counter() - started
    return times * 1e3


def report(what: str, times: np.ndarray) -> None:
    median, p99 = np.quantile(times, [0.5, 0.99])
    print(f"{what:<40} median {median:8.3f} ms   p99 {p99:8.3f} ms")


def measure(url: str, n_events: int, n_asked: int) -> None:
    """Print the cost of an event with and without a queue, and of its pages."""
    engine = open_database(url)
    create_schema(engine)
    payments = Payments(engine, late_days=40)
    fill(payments, n_events)
    rng = np.random.default_rng(1)
    with_queue, without = payments.log, EventLog(engine, payments.model, payments.table, now=payments.clock)
    for what, reviewed in (("that passes", False), ("that is reviewed", True)):
        calls: dict[str, list[Callable[[], object]]] = {"without a queue": [], "with the queue": []}
        for i in range(2 * n_asked):  # in turn, so that both meet the same machine
            log, where = ((without, "without a queue"), (with_queue, "with the queue"))[i % 2]
            row, answer = one_payment(payments, rng, reviewed)
            calls[where].append(lambda log=log, row=row, answer=answer: log.answer([row], lambda _r, _p: [answer]))
        times = {where: np.empty(n_asked) for where in calls}
        for i in range(n_asked):
            for where, of_it in calls.items():
                times[where][i] = milliseconds([of_it[i]])[0]
        for where, measured in times.items():
            report(f"an event {what}, {where}", measured)
    report("the queue's first 50 alerts", milliseconds([lambda: payments.queue.alerts("open", 50)] * 20))
    with reading(engine) as connection:
        report("counts of rules", milliseconds([lambda: rule_counts(connection, payments.live, NOON)] * 20))
    report("figures", milliseconds([lambda: live_figures(engine, payments.live, now=NOON, k=100)] * 3))
    engine.dispose()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url")
    parser.add_argument("--events", type=int, default=300_000)
    parser.add_argument("--asked", type=int, default=2_000)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        measure(arguments.url or f"sqlite:///{folder}/events.db", arguments.events, arguments.asked)


if __name__ == "__main__":
    main()
