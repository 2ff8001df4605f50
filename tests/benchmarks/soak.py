"""Ten minutes at half load with a promotion every few seconds and a retraining job: no failures, stable memory.

    python tests/benchmarks/soak.py [--minutes 10] [--connections 16] [--rate REQUESTS] [--turn 5]
        [--training-rows 6000]

One worker, SQLite, audit level "durable". A turn is a promotion and, if none runs, a training. The rate is half of
what a short run at full load reaches, unless one is given. Requests that fail, the worker's memory over time, and audit
records beside answers are printed; exit code 1 if a request or a training failed, a record is missing, or memory at the
end is more than 5 % above that after the first tenth of at least ten turns.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from models.domains._discovery import load_domains
from models.records.audit_log.log import PredictionLog
from models.registry.database.engine import open_database
from tests.drills.faults.kill_training import train
from tests.drills.load import Loaded, load
from tests.drills.stage import NAME, score_request, scratch

MAX_GROWTH = 0.05
MIN_TURNS = 10
"""With fewer there is no first tenth to judge the growth of memory by."""


class Beside(threading.Thread):
    """Promotes, trains, and measures memory until it is stopped."""

    def __init__(self, store, pid: int, data: Path, *, seconds: float) -> None:
        super().__init__()
        self.store, self.pid, self.data, self.seconds = store, pid, data, seconds
        self.done, self.megabytes = threading.Event(), []
        self.n_promotions = self.n_trainings = self.n_failed_trainings = 0

    def run(self) -> None:
        """Take a turn every so many seconds."""
        job: subprocess.Popen[bytes] | None = None
        while True:
            self.n_promotions += 1
            self.store.registry.promote(NAME, 1 + self.n_promotions % 2, actor="soak", why="")
            self.megabytes.append(resident_megabytes(self.pid))
            if job is None or job.poll() is not None:
                self.n_failed_trainings += job is not None and job.returncode != 0
                job = train(self.store.home, self.data)
                self.n_trainings += 1
            if self.done.wait(self.seconds):
                break
        self.n_failed_trainings += job.wait() != 0


def resident_megabytes(pid: int) -> float:
    """Memory of a process."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--rate", type=float, help="requests a second; half of full load if left out")
    parser.add_argument("--turn", type=float, default=5, help="seconds from one promotion to the next")
    parser.add_argument("--training-rows", type=int, default=6_000)
    arguments = parser.parse_args()
    with scratch() as stage:
        store, data = stage.trained(), stage.home.path / "rows.csv"
        load_domains()[NAME].simulate(arguments.training_rows, 5).frame.to_csv(data, index=False)
        with stage.serving() as served:
            n_before = 0
            if arguments.rate is None:
                full = load(
                    served.port,
                    score_request(),
                    connections=arguments.connections,
                    seconds=min(10, 60 * arguments.minutes),
                )
                n_before, arguments.rate = len(full.latencies), full.rate / 2
            beside = Beside(store, served.process.pid, data, seconds=arguments.turn)
            beside.start()
            soaked = load(
                served.port,
                score_request(),
                connections=arguments.connections,
                seconds=60 * arguments.minutes,
                rate=arguments.rate,
            )
            beside.done.set()
            beside.join()
        store.registry.close()
        engine = open_database(store.home.database_url)
        n_recorded = PredictionLog(engine).count(NAME)
        engine.dispose()
        size = (store.home.path / "backscore.db").stat().st_size / 1e6
    end(
        arguments.minutes, soaked, beside, n_answered=n_before + len(soaked.latencies), n_recorded=n_recorded, size=size
    )


def end(minutes: float, soaked: Loaded, beside: Beside, *, n_answered: int, n_recorded: int, size: float) -> None:
    """Print the results; exit code 1 if something failed."""
    memory = np.array(beside.megabytes)
    first, last = np.median(memory[: max(1, len(memory) // 10)]), np.median(memory[-max(1, len(memory) // 10) :])
    print(
        f"{minutes:g} minutes at {soaked.rate:,.0f} requests a second: {len(soaked.latencies):,} answered, "
        f"{sum(soaked.others.values())} failed {dict(soaked.others) or ''}; p50 {soaked.milliseconds(0.5):.2f}, "
        f"p99 {soaked.milliseconds(0.99):.2f}, p99.9 {soaked.milliseconds(0.999):.1f} ms\n"
        f"{beside.n_promotions} promotions, {beside.n_trainings} trainings ({beside.n_failed_trainings} failed)\n"
        f"memory {first:.0f} MB at first, {last:.0f} MB at last ({last / first - 1:+.1%}), most {memory.max():.0f} MB\n"
        f"{n_answered:,} answers, {n_recorded:,} recorded, database {size:,.0f} MB"
    )
    grew = len(memory) >= MIN_TURNS and last / first - 1 > MAX_GROWTH
    sys.exit(bool(soaked.others) or n_answered != n_recorded or grew or beside.n_failed_trainings > 0)


if __name__ == "__main__":
    main()
