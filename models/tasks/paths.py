"""Path task: the next values of a series, predicted by quantiles of each step."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from time import perf_counter
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from pydantic import Field

from data.errors import TableError
from data.numbers import Numbers, first_wrong, numbers_of
from data.table import Table
from models.arrays import Floats
from models.contract import Summary, Targets, Task
from models.errors import OutcomeError
from models.evaluation.measures import NOTHING, ExpectedRows, Measure, RowMeasures, row_measures
from models.evaluation.metric_tables import PATH_METRICS
from models.evaluation.metrics import Contender
from models.evaluation.path_measures import interval_score
from models.series.paths import NAIVE, SCALE, aligned, paths_of, usual_step
from models.series.settings import INTERVALS, LEVELS, MEDIAN
from models.series.skill import mean_errors, skill_of

MEASURED = (80, 95)
"""The intervals whose coverage is measured, in per cent."""
CAP = 40.0
"""The interval score of a row counts up to so many usual steps in tests that need a bounded loss."""
LAST_VALUE = "last value"


def paths(*, answered: Callable[[Mapping[str, Any]], Floats | None], summary: str, bounds: tuple[float, ...]) -> Task:
    """Task whose target is a list of the next values, predicted as `models.series.paths` has them.

    Parameters
    ----------
    answered : answer as JSON -> its path, or None.
    summary : the answer field with the median change at the last step, in usual steps.
    bounds : of the histogram of that.
    """
    return Task(
        name="paths",
        prediction="paths",
        answered=answered,
        targets=path_targets,
        outcome_type=Annotated[
            list[Annotated[float, Field(strict=True, allow_inf_nan=False)]], Field(min_length=1, max_length=1_000)
        ],
        read_outcome=observed_path,
        target_of=lambda _table, outcome: np.array(outcome, np.float64),
        evaluate=evaluate_paths,
        metrics=PATH_METRICS,
        loss="pinball loss in usual steps",
        losses=scaled_pinball,
        bounded_loss=f"interval score of the 80 % interval, of at most {CAP:g} usual steps, as a share of that",
        bounded_losses=bounded_scores,
        constant=usual_changes,
        baselines=path_baselines,
        measures=measured_paths,
        expected=expected_paths,
        live_metrics=("coverage_80", "mase", "coverage_95"),
        summary=Summary(
            field=summary,
            title="Median change at the last step, in usual steps",
            unit="",
            bounds=bounds,
            of=last_changes,
        ),
        charts=("path_errors", "path_coverage"),
        findings=compared_with_last_value,
        beats_constant=False,
    )


def path_targets(table: Table, frame: pd.DataFrame) -> Floats:
    """The next values of each row, (n_rows, horizon), NaN where fewer are known."""
    target = table.target
    if target.kind != "numbers" or table.series is None:
        raise TableError(
            f"column {target.name!r}: the target must be a list of numbers in a table with [series]; it is a "
            f"{target.kind}"
        )
    found = np.full((len(frame), table.series.horizon), np.nan)
    for row, cell in zip(found, frame[target.name], strict=True):
        row[: len(cell)] = cell
    return found


def observed_path(table: Table, outcome: Any) -> Numbers:
    """The values that came, as a list or written as one; OutcomeError if they are none."""
    numbers = numbers_of(outcome)
    horizon = table.target.most_numbers or 0
    if numbers is None or not 1 <= len(numbers) <= horizon or first_wrong(numbers, positive=False) is not None:
        raise OutcomeError(f"must be a list of 1 to {horizon:,} numbers: the values that came, in their order")
    return numbers


def last_changes(predictions: Floats) -> Floats:
    """The median change at the last step of each row, in usual steps, (n_rows,)."""
    n_steps = (~np.isnan(predictions[:, :, MEDIAN])).sum(axis=1)
    last = predictions[np.arange(len(predictions)), n_steps - 1]
    changes: Floats = (last[:, MEDIAN] - last[:, NAIVE]) / last[:, SCALE]
    return changes


def _over_steps(values: Floats, targets: Floats) -> Floats:
    """The mean over the known steps of each row, 0 for rows without any."""
    known = ~np.isnan(targets) & ~np.isnan(values)
    sums = np.where(known, values, 0.0).sum(axis=1)
    means: Floats = sums / np.maximum(known.sum(axis=1), 1)
    return means


def scaled_pinball(targets: Targets, predictions: Floats) -> Floats:
    """Pinball loss of each row, the mean over steps and levels, in usual steps."""
    y, predicted = aligned(targets, predictions)
    missed = y[:, :, None] - predicted[:, :, : len(LEVELS)]
    levels = np.array(LEVELS)
    losses = np.maximum(levels * missed, (levels - 1) * missed).mean(axis=2) / predicted[:, :, SCALE]
    return _over_steps(losses, y)


def _interval_scores(targets: Targets, predictions: Floats, share: int) -> Floats:
    y, predicted = aligned(targets, predictions)
    low, high = INTERVALS[share]
    alpha = 1 - (LEVELS[high] - LEVELS[low])
    scores = interval_score(y, predicted[:, :, low], predicted[:, :, high], alpha)
    return _over_steps(scores / predicted[:, :, SCALE], y)


def bounded_scores(targets: Targets, predictions: Floats) -> Floats:
    """The interval score of the 80 % interval, in 0..1, see CAP."""
    if not len(predictions):
        return np.zeros(0)
    scores: Floats = np.minimum(_interval_scores(targets, predictions, 80), CAP) / CAP
    return scores


def _covered(targets: Targets, predictions: Floats, share: int) -> Floats:
    y, predicted = aligned(targets, predictions)
    low, high = INTERVALS[share]
    inside = (predicted[:, :, low] <= y) & (y <= predicted[:, :, high])
    return _over_steps(inside.astype(np.float64), y)


def _errors(targets: Targets, predictions: Floats, which: int = MEDIAN) -> Floats:
    y, predicted = aligned(targets, predictions)
    return mean_errors(y, predicted[:, :, which], predicted)


def _percentage_errors(targets: Targets, predictions: Floats) -> Floats:
    y, predicted = aligned(targets, predictions)
    size = np.abs(y) + np.abs(predicted[:, :, MEDIAN])
    return _over_steps(200 * np.abs(y - predicted[:, :, MEDIAN]) / np.where(size > 0, size, 1.0), y)


def evaluate_paths(targets: Targets, predictions: Floats, weights: Floats | None = None) -> dict[str, float]:
    """The metrics of `PATH_METRICS`, each row counted once, and the number of rows; `weights` of shape (n_rows,)."""

    def mean(of_rows: npt.NDArray[Any]) -> float:
        return float(np.average(of_rows, weights=weights))

    naive = mean(_errors(targets, predictions, NAIVE))
    return {
        "mase": mean(_errors(targets, predictions)),
        "smape": mean(_percentage_errors(targets, predictions)),
        "path_pinball": mean(scaled_pinball(targets, predictions)),
        "msis": mean(_interval_scores(targets, predictions, 95)),
        **{f"coverage_{share}": mean(_covered(targets, predictions, share)) for share in MEASURED},
        "skill": 1 - mean(_errors(targets, predictions)) / naive if naive else 0.0,
        "n_rows": float(len(targets)),
    }


def measured_paths(predictions: Floats, targets: Targets) -> RowMeasures:
    """Coverage, MASE and pinball loss of recorded predictions, with intervals."""
    if not len(targets):
        nothing = np.zeros(0)
        return row_measures(0, coverage_80=nothing, coverage_95=nothing, mase=nothing, path_pinball=nothing)
    return row_measures(
        len(targets),
        **{f"coverage_{share}": _covered(targets, predictions, share) for share in MEASURED},
        mase=_errors(targets, predictions),
        path_pinball=scaled_pinball(targets, predictions),
    )


def expected_paths(predictions: Floats, *, seed: int = 0) -> ExpectedRows:
    """The coverage that the intervals promise; errors are not known without outcomes."""
    del seed  # deterministic
    shares = {share: LEVELS[high] - LEVELS[low] for share, (low, high) in INTERVALS.items() if share in MEASURED}
    coverages = {f"coverage_{share}": Measure(value=one, low=one, high=one) for share, one in shares.items()}
    return ExpectedRows(n_rows=len(predictions), **coverages, mase=NOTHING, path_pinball=NOTHING)


def usual_changes(table: Table, train: pd.DataFrame, targets: Targets, predictions: Floats) -> Floats:
    """The last value, and around it the training rows' changes in usual steps, the same for every row."""
    spread = _spread(table, train, targets, lambda past, n_steps: np.full(n_steps, past[-1]))
    n_steps = min(len(spread), predictions.shape[1])
    found = predictions[:, :n_steps].copy()
    found[:, :, : len(LEVELS)] = found[:, :, [NAIVE]] + found[:, :, [SCALE]] * spread[:n_steps]
    return found


def _spread(table: Table, train: pd.DataFrame, targets: Targets, simple: Callable[[Floats, int], Floats]) -> Floats:
    """Quantiles of the training rows' errors by a simple forecast, in usual steps, median 0, (horizon, n_levels)."""
    pasts = _pasts(table, train)
    middle = np.array([simple(past, targets.shape[1]) for past in pasts])
    scale = np.array([usual_step(past, _season(table)) for past in pasts])
    spread: Floats = np.nanquantile((targets - middle) / scale[:, None], LEVELS, axis=0).T
    return spread - spread[:, [MEDIAN]]


def _season(table: Table) -> int:
    return 1 if table.series is None else table.series.season


def _pasts(table: Table, frame: pd.DataFrame) -> list[Floats]:
    return [np.asarray(one, np.float64) for one in frame[table.history.name]]


def seasonal(past: Floats, n_steps: int, season: int) -> Floats:
    """The last season again and again; the last value where there is no whole season."""
    last = past[-season:] if len(past) >= season else past[-1:]
    return np.asarray(np.resize(last, n_steps))


def path_baselines(
    train: pd.DataFrame, targets: Targets, test: pd.DataFrame, test_targets: Targets, *, table: Table, seed: int
) -> dict[str, Contender]:
    """The last value and, where there is a season, the last season, each with the spread of its errors."""
    del seed  # deterministic
    season, weights = _season(table), table.row_weights(test)
    found_by: dict[str, Callable[[Floats, int], Floats]] = {LAST_VALUE: lambda past, n: np.full(n, past[-1])}
    if season > 1:
        found_by["last season"] = lambda past, n: seasonal(past, n, season)
    found = {}
    for name, simple in found_by.items():
        started = perf_counter()
        spread, pasts = _spread(table, train, targets, simple), _pasts(table, test)
        middle = np.array([simple(past, len(spread)) for past in pasts])
        units = paths_of(np.zeros((len(pasts), len(spread), 0)), pasts, season)
        quantiles = middle[:, :, None] + units[:, :, [1]] * spread
        predictions = np.concatenate([quantiles, units], axis=2)
        metrics = evaluate_paths(test_targets, predictions, weights)
        found[name] = Contender(predictions, metrics, perf_counter() - started)
    return found


def compared_with_last_value(targets: Targets, predictions: Floats) -> Sequence[str]:
    """Whether the last value is beaten on the test rows, and by how much."""
    skill = skill_of(*aligned(targets, predictions))
    interval = f"{skill.value:+.1%}, 95 % interval {skill.low:+.1%} to {skill.high:+.1%}"
    if skill.low > 0:
        return (f"The forecast beats the last value (naive) on {skill.n_rows:,} test rows: skill {interval}.",)
    worse = ", and the forecast is worse" if skill.high < 0 else ""
    return (f"Naive is not beaten on {skill.n_rows:,} test rows{worse}: skill against the last value {interval}.",)
