"""Quantiles of the returns of the S&P 500 one day ahead, 2003 to 2018, beside the usual ways to value at risk.

    python tests/benchmarks/returns_accuracy.py --data FOLDER [--seed 0]
    python tests/benchmarks/returns_accuracy.py --simulated 600

FOLDER holds sp500_daily_ohlc.parquet, with the columns Date, High, Low and Close. Every forecast is made of the days
before. Beside the network: normal quantiles with the volatility of RiskMetrics; the quantiles of the last 500 days
(historical simulation); and, where `arch` is installed, GJR-GARCH with t-distributed shocks, fitted to all days before
every 21 days. The pinball loss is the mean over 11 levels, of returns in per cent. The script fails where the network
is beyond a bound. Times are seconds of CPU.
"""

from __future__ import annotations

import os

os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"))

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import norm, t

sys.path.insert(0, str(Path(__file__).parents[2]))

from models.arrays import Floats
from models.evaluation.breach_tests import christoffersen, kupiec
from models.series.returns.forecaster import RETURN_LEVELS, ReturnsSettings, forecast_returns
from models.series.returns.inputs import scale
from models.series.returns.market_days import MarketDays

LEVELS = np.array(RETURN_LEVELS)
N_HISTORY, REFIT_EVERY = 500, 21
LOW, HIGH = RETURN_LEVELS.index(0.025), RETURN_LEVELS.index(0.975)
GJR = "GJR-GARCH-t"


def ewma(days: MarketDays, first: int) -> Floats:
    """Normal quantiles with the volatility of RiskMetrics."""
    return scale(days)[first:, None] * norm.ppf(LEVELS)


def historical(days: MarketDays, first: int) -> Floats:
    """Quantiles of the last days."""
    return np.stack(
        [np.quantile(days.returns[max(0, day - N_HISTORY + 1) : day + 1], LEVELS) for day in range(first, len(days))]
    )


def gjr(days: MarketDays, first: int) -> Floats:
    """GJR-GARCH (Glosten, Jagannathan and Runkle 1993) with t-distributed shocks."""
    from arch import arch_model

    percent, quantiles = 100 * days.returns, []
    for start in range(first, len(days), REFIT_EVERY):
        fitted = arch_model(percent[: start + 1], p=1, o=1, q=1, dist="t").fit(disp="off", show_warning=False)
        mu, omega, alpha, gamma, beta, nu = fitted.params
        shocks = percent[: start + REFIT_EVERY] - mu
        variance = float(fitted.conditional_volatility[0] ** 2)
        for day, shock in enumerate(shocks):
            variance = omega + (alpha + gamma * (shock < 0)) * shock**2 + beta * variance
            if day >= start:
                unit = np.sqrt(variance * (nu - 2) / nu)
                quantiles.append((mu + unit * t.ppf(LEVELS, nu)) / 100)
    return np.array(quantiles)


def sp500(folder: Path) -> tuple[MarketDays, Floats]:
    """The days, and the year of each."""
    frame = pd.read_parquet(folder / "sp500_daily_ohlc.parquet").sort_values("Date")
    close, high, low = (frame[name].to_numpy(float) for name in ("Close", "High", "Low"))
    return MarketDays.from_prices(close, high=high, low=low), pd.to_datetime(frame["Date"]).dt.year.to_numpy()[1:]


def simulated(n_days: int, rng: np.random.Generator) -> tuple[MarketDays, Floats]:
    """Returns of a GJR-GARCH process with t-distributed shocks, in three parts of which the second is 2008."""
    variance, returns = 1.0, np.empty(n_days)
    for day, shock in enumerate(rng.standard_t(6, n_days) * np.sqrt(4 / 6)):
        returns[day] = np.sqrt(variance) * shock
        variance = 0.02 + (0.02 + 0.12 * (shock < 0)) * returns[day] ** 2 + 0.9 * variance
    return MarketDays(returns / 100), np.repeat(
        [2002, 2008, 2010], [n_days - 2 * (n_days // 4), n_days // 4, n_days // 4]
    )


def pinball(outcome: Floats, quantiles: Floats) -> float:
    """Mean over days and levels, of returns in per cent."""
    errors = 100 * (outcome[:, None] - quantiles)
    return float(np.mean(np.maximum(LEVELS * errors, (LEVELS - 1) * errors)))


def judge(name: str, outcome: Floats, quantiles: Floats, crisis: Floats) -> tuple[float, list[str]]:
    """Print the measures; returns the pinball loss and what is beyond its bounds."""
    loss = pinball(outcome, quantiles)
    p_values = {}
    for level in (0.01, 0.05):
        breaches = outcome < quantiles[:, RETURN_LEVELS.index(level)]
        p_values[f"Kupiec at {level:.0%}"] = kupiec(breaches, level).p_value
        p_values[f"Christoffersen at {level:.0%}"] = christoffersen(breaches).p_value
        print(f"{name}: breaches at {level:.0%} {breaches.mean():.4f}")
    inside = (quantiles[:, LOW] <= outcome) & (outcome <= quantiles[:, HIGH])
    covered = {"all": inside.mean(), "2008-09": inside[crisis].mean(), "others": inside[~crisis].mean()}
    print(f"{name}: pinball {loss:.4f}, " + ", ".join(f"{test} p {value:.3f}" for test, value in p_values.items()))
    print(
        f"{name}: 95 % band covers " + ", ".join(f"{part} {share:.4f}" for part, share in covered.items()), flush=True
    )
    wrong = [f"{name}: {test} p {value:.4f} below .05" for test, value in p_values.items() if value < 0.05]
    if abs(covered["2008-09"] - 0.95) > 0.02:
        wrong.append(f"{name}: coverage in 2008-09 is off by more than 2 points")
    return loss, wrong


def main() -> int:
    """Measure all; returns how many bounds are broken."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder of the public file")
    parser.add_argument("--simulated", type=int, default=0, help="number of simulated days, in place of --data")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    if given.simulated:
        days, years = simulated(given.simulated, np.random.default_rng(given.seed))
        settings = ReturnsSettings(n_members=2, n_epochs=2)
    elif given.data:
        (days, years), settings = sp500(given.data), ReturnsSettings()
    else:
        parser.error("--data FOLDER or --simulated N is needed")
    first = int(np.argmax(years >= 2003)) - 1
    outcome, crisis = days.returns[first + 1 :], np.isin(years[first + 1 :], (2008, 2009))
    ways: dict[str, Callable[[MarketDays, int], Floats]] = {
        "network": lambda days, first: forecast_returns(days, first, settings, seed=given.seed)[:, 0],
        "EWMA": ewma,
        "historical simulation": historical,
        GJR: gjr,
    }
    losses, wrong = {}, {}
    for name, way in ways.items():
        started = time.process_time()
        try:
            quantiles = way(days, first)[:-1]
        except ModuleNotFoundError:
            print(f"{name}: arch is not installed, so there is nothing to compare with")
            continue
        print(f"{name}: {len(outcome)} days, {time.process_time() - started:.1f} s")
        losses[name], wrong[name] = judge(name, outcome, quantiles, crisis)
    problems = wrong["network"]
    if GJR in losses and losses["network"] >= losses[GJR]:
        problems.append(f"network: the pinball loss is not below that of {GJR}")
    print("\n".join(problems))
    return 0 if given.simulated else len(problems)


if __name__ == "__main__":
    sys.exit(main())
