"""Accuracy of forecasts by the measures of the M4 competition, on M4 weekly, M3 monthly finance and exchange rates.

    python tests/benchmarks/forecast_accuracy.py --data FOLDER [--tasks m4,m3,exchange] [--seed 0]
    python tests/benchmarks/forecast_accuracy.py --simulated 8

FOLDER holds m4_weekly.parquet and m3_finance_monthly.parquet, with the columns series, split, t and value, and
exchange_rate.parquet, with a column of daily rates for each currency. M4 and M3 are forecast once from the end of the
training part. OWA is the mean of sMAPE and MASE, each divided by that of the competition's Naive2. Exchange rates
follow the multivariate protocol of Autoformer (Wu et al. 2021): rates standardised by the first 70 %, learned from the
first 80 %, and the last 20 % forecast from every day; beside them the last value repeated. The script fails where a
measure is beyond its bound. Times are seconds of CPU.
"""

from __future__ import annotations

import os

os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"))

import argparse
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).parents[2]))

from models.arrays import Floats
from models.evaluation.path_measures import coverage, mase, msis, seasonal_steps, smape
from models.series.forecaster import SeriesForecaster
from models.series.settings import LEVELS, MEDIAN, SeriesSettings

M4_NAIVE2 = 9.161, 2.777
"""sMAPE and MASE of the competition's benchmark on the weekly series (M4-methods, Evaluation and Ranks)."""
HORIZONS = 96, 192, 336, 720


@dataclass(frozen=True)
class Task:
    """A file of series, the settings for it, the season of MASE, and the bounds of its measures."""

    file: str
    settings: SeriesSettings
    season: int
    most: dict[str, float] = field(default_factory=dict)
    coverage: bool = False


TASKS = {
    "m4": Task("m4_weekly", SeriesSettings(13, season=52), 1, {"OWA": 0.77, "MSIS": 15.0}, coverage=True),
    "m3": Task(
        "m3_finance_monthly", SeriesSettings(18, season=12, transform="log"), 12, {"sMAPE": 12.65, "MASE": 1.05}
    ),
}
COVERAGE = {"95": (0, 6, 0.02), "80": (1, 5, 0.04)}
"""Of each interval the positions of its bounds in LEVELS, and how far the coverage may be off."""


def series_of(file: Path) -> tuple[list[Floats], Floats]:
    """The training part of each series, and the test parts, (n_series, horizon)."""
    frame = pd.read_parquet(file).sort_values(["series", "t"])
    parts = {
        split: [one.to_numpy(float) for _, one in rows.groupby("series")["value"]]
        for split, rows in frame.groupby("split")
    }
    return parts["train"], np.stack(parts["test"])


def simulated(n_series: int, horizon: int) -> tuple[list[Floats], Floats]:
    """Random walks with a drift."""
    walks = 100 + np.random.default_rng(0).normal(0.1, 1, (n_series, 120)).cumsum(axis=1)
    return list(walks[:, :-horizon]), walks[:, -horizon:]


def judge(name: str, task: Task, histories: list[Floats], outcome: Floats, seed: int) -> list[str]:
    """Print the measures of a task; returns those beyond their bounds."""
    started = time.process_time()
    forecaster = SeriesForecaster(task.settings, seed=seed).fit(histories)
    trained = time.process_time()
    paths = np.stack([one.quantiles for one in forecaster.forecasts(histories)])
    seconds = time.process_time() - trained
    unit = seasonal_steps(histories, task.season)
    median, (low, high, _) = paths[:, :, MEDIAN], COVERAGE["95"]
    measured = {"sMAPE": smape(outcome, median), "MASE": mase(outcome, median, unit)}
    measured["OWA"] = (measured["sMAPE"] / M4_NAIVE2[0] + measured["MASE"] / M4_NAIVE2[1]) / 2
    measured["MSIS"] = msis(outcome, paths[:, :, low], paths[:, :, high], unit)
    if name == "m3":
        del measured["OWA"]
    naive = np.stack([np.full(outcome.shape[1], one[-1]) for one in histories])
    print(
        f"{name}: {len(histories)} series, method {forecaster.method}, "
        + " ".join(f"{measure} {value:.4f}" for measure, value in measured.items())
        + f", training {trained - started:.1f} s, forecasts {seconds:.1f} s"
    )
    print(f"{name}, last value: sMAPE {smape(outcome, naive):.4f} MASE {mase(outcome, naive, unit):.4f}")
    wrong = [f"{name}: {one} above {most}" for one, most in task.most.items() if measured[one] > most]
    for share, (low, high, off) in COVERAGE.items():
        covered = coverage(outcome, paths[:, :, low], paths[:, :, high])
        print(f"{name}, interval of {share} %: covers {covered:.4f}")
        if task.coverage and abs(covered - (LEVELS[high] - LEVELS[low])) > off:
            wrong.append(f"{name}: the interval of {share} % is off by more than {off}")
    return wrong


def judge_rates(rates: Floats, horizon: int, seed: int) -> list[str]:
    """Print the squared and absolute errors on standardised rates, (n_days, n_currencies), beside the last value's."""
    n_train, n_test = int(len(rates) * 0.7), int(len(rates) * 0.2)
    known, first = len(rates) - n_test, rates[:n_train]
    rates = (rates - first.mean(axis=0)) / first.std(axis=0)
    origins = np.arange(known - 1, len(rates) - horizon)
    started = time.process_time()
    forecaster = SeriesForecaster(SeriesSettings(horizon), seed=seed).fit(list(rates[:known].T))
    trained = time.process_time() - started
    errors = {"forecast": [], "last value": []}
    for one in rates.T:
        outcome = one[origins[:, None] + np.arange(1, horizon + 1)]
        errors["last value"].append(outcome - one[origins, None])
        errors["forecast"].append(outcome - forecaster.quantiles_at(one, origins)[:, :, MEDIAN])
    squares = {name: float(np.mean(np.square(all_))) for name, all_ in errors.items()}
    for name, all_ in errors.items():
        print(f"exchange {horizon}, {name}: MSE {squares[name]:.4f} MAE {np.abs(all_).mean():.4f}")
    ratio = squares["forecast"] / squares["last value"]
    print(
        f"exchange {horizon}: method {forecaster.method}, ratio of MSE {ratio:.4f}, training {trained:.1f} s",
        flush=True,
    )
    return [f"exchange {horizon}: more than 1.002 of the last value's error"] if ratio > 1.002 else []


def main() -> int:
    """Measure the tasks; returns how many bounds are broken."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder of the public files")
    parser.add_argument("--tasks", default="m4,m3,exchange", help="names, with commas between")
    parser.add_argument("--simulated", type=int, default=0, help="number of simulated series, in place of --data")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    wrong: list[str] = []
    if given.simulated:
        histories, outcome = simulated(given.simulated, 5)
        judge("simulated", Task("", SeriesSettings(5, n_epochs=2), 1), histories, outcome, given.seed)
        judge_rates(np.stack([np.r_[a, b] for a, b in zip(histories, outcome, strict=True)], axis=1), 5, given.seed)
        return 0
    for name in given.tasks.split(","):
        if name == "exchange":
            rates = pd.read_parquet(given.data / "exchange_rate.parquet").to_numpy(float)
            wrong += [problem for horizon in HORIZONS for problem in judge_rates(rates, horizon, given.seed)]
        else:
            task = TASKS[name]
            wrong += judge(name, task, *series_of(given.data / f"{task.file}.parquet"), given.seed)
    print("\n".join(wrong))
    return len(wrong)


if __name__ == "__main__":
    sys.exit(main())
