"""False alarms of the drift monitor where rows are independent or of few people, and what it finds.

    python tests/benchmarks/statistics_drift.py [--trials 200] [--findings 40]

Each trial compares rows of six columns (three amounts, two categories and a flag) with 10,000 training rows. Where
rows are of few people, half of the variance is between these; training then has 250 people with 40 rows each. Without
drift it counts the trials in which any column is significant, and in which any is "watch" or "alarm"; with a change
in one column, the trials in which that column is.

Exit code 1 if more than 7 % of the trials without drift have a significant column, more than 1 % an alarm, or if a
change is found in less than 90 % of its trials where it ought to be. Three to four minutes.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.special import ndtr

sys.path.insert(0, str(Path(__file__).parents[2]))

from data.column import Column
from data.table import Table
from models.monitoring.drift import comparison
from models.monitoring.drift.comparison import compare
from models.monitoring.drift.entities import groups_in
from models.monitoring.drift.monitor import concluded
from models.monitoring.drift.reference import column_reference
from models.monitoring.drift.results import ColumnDrift

AMOUNTS = [Column(name=f"amount_{i}", kind="number", unit="EUR") for i in range(3)]
LEVELS = [Column(name=f"level_{i}", kind="category") for i in range(2)]
FLAG = Column(name="flag", kind="flag")
TABLE = Table(
    name="people",
    columns=(*AMOUNTS, *LEVELS, FLAG, Column(name="person", kind="key", role="entity")),
)
N_TRAINING, ICC = 10_000, 0.5
Change = Callable[[pd.DataFrame, np.random.Generator], pd.DataFrame]


def rows(rng: np.random.Generator, n_people: int, per_person: int) -> pd.DataFrame:
    """Rows of people; of one row each, they are independent."""
    n_rows = n_people * per_person

    def normal() -> np.ndarray:
        between, within = rng.normal(0, 1, n_people).repeat(per_person), rng.normal(0, 1, n_rows)
        return np.sqrt(ICC) * between + np.sqrt(1 - ICC) * within

    cells: dict[str, object] = {column.name: np.round(np.exp(7.5 + 0.5 * normal()), 2) for column in AMOUNTS}
    names = np.array([f"level {i}" for i in range(12)], object)
    cells |= {column.name: names[(ndtr(normal()) ** 2 * 12).astype(int)] for column in LEVELS}
    cells["flag"] = np.where(normal() > 1.3, "1", "0").astype(object)
    cells["person"] = rng.integers(0, 1 << 60) + np.arange(n_people).repeat(per_person)
    return pd.DataFrame(cells)


def findings(seed: int, n_people: int, per_person: int, change: Change | None = None) -> list[ColumnDrift]:
    rng = np.random.default_rng(seed)
    few = per_person > 1
    training = rows(rng, 250, 40) if few else rows(rng, N_TRAINING, 1)
    recent = rows(rng, n_people, per_person)
    if change is not None:
        recent = change(recent, rng)
    of_training, of_recent = (list(groups_in(TABLE, frame).values()) for frame in (training, recent))
    times = np.full(len(recent), np.datetime64("2024-05-30", "ms"))
    return concluded(
        [
            compare(
                column,
                column_reference(column, training[column.name], of_training),
                recent[column.name],
                times,
                entities=of_recent,
                seed=seed,
            )
            for column in TABLE.features
        ]
    )


def some_rows(share: float, frame: pd.DataFrame, rng: np.random.Generator) -> np.ndarray:
    return rng.permutation(len(frame)) < round(share * len(frame))


def times(share: float, factor: float, frame: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Some rows in another unit."""
    chosen = some_rows(share, frame, rng)
    return frame.assign(amount_0=frame["amount_0"].mask(chosen, frame["amount_0"] * factor))


def beyond(share: float, frame: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Some rows just beyond what training had: about 5 standard deviations of the logarithm."""
    return frame.assign(amount_0=frame["amount_0"].mask(some_rows(share, frame, rng), np.exp(7.5 + 0.5 * 5)))


def new_level(share: float, frame: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    return frame.assign(level_0=frame["level_0"].mask(some_rows(share, frame, rng), "new"))


def missing(share: float, frame: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    return frame.assign(level_0=frame["level_0"].mask(some_rows(share, frame, rng), None))


def shifted(by: float, frame: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    return frame.assign(amount_0=frame["amount_0"] * np.exp(0.5 * by))


CHANGES: dict[str, tuple[Change, str, bool]] = {
    "2 % of rows x 1,000": (partial(times, 0.02, 1_000), "amount_0", True),
    "2 % of rows x 100": (partial(times, 0.02, 100), "amount_0", True),
    "2 % of rows / 100": (partial(times, 0.02, 0.01), "amount_0", True),
    "1 % beyond the range": (partial(beyond, 0.01), "amount_0", True),
    "a new level in 1.3 %": (partial(new_level, 0.013), "level_0", True),
    "1.3 % missing": (partial(missing, 0.013), "level_0", True),
    "0.2 % of rows x 1,000": (partial(times, 0.002, 1_000), "amount_0", False),
    "a shift of 0.2 sd": (partial(shifted, 0.2), "amount_0", False),
    "a shift of 0.5 sd": (partial(shifted, 0.5), "amount_0", False),
    "a shift of 1 sd": (partial(shifted, 1.0), "amount_0", True),
}
"""Changes with their column, and whether each ought to be found."""
SHAPES = {
    "independent": (2_000, 1),
    "50 people x 40": (50, 40),
    "200 people x 10": (200, 10),
    "10 people x 200": (10, 200),
}


def without_drift(n_trials: int) -> bool:
    good = True
    for name, shape in SHAPES.items():
        found = [findings(seed, *shape) for seed in range(n_trials)]
        significant = sum(any(one.significant for one in columns) for columns in found)
        told = sum(any(one.state in ("watch", "alarm") for one in columns) for columns in found)
        alarms = sum(any(one.state == "alarm" for one in columns) for columns in found)
        print(
            f"no drift, {name}: significant {significant} of {n_trials}, watch or alarm {told}, alarm {alarms}",
            flush=True,
        )
        good &= significant <= max(0.07 * n_trials, 1) and alarms <= max(0.01 * n_trials, 1)
    return good


def with_drift(n_trials: int) -> bool:
    good = True
    for words, (change, column, ought) in CHANGES.items():
        for name in ("independent", "50 people x 40"):
            found = [
                next(one for one in findings(10_000 + seed, *SHAPES[name], change) if one.column == column)
                for seed in range(n_trials)
            ]
            told, significant = (
                sum(one.state in ("watch", "alarm") for one in found),
                sum(one.significant for one in found),
            )
            print(f"{words}, {name}: watch or alarm {told} of {n_trials}, significant {significant}", flush=True)
            good &= told >= 0.9 * n_trials or not ought
    return good


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=200, help="without drift, for each shape of rows")
    parser.add_argument("--findings", type=int, default=40, help="trials of each change")
    arguments = parser.parse_args()
    comparison.N_RESAMPLES = 50  # time goes into the bands, which the states need only roughly
    good = without_drift(arguments.trials)
    good &= with_drift(arguments.findings)
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
