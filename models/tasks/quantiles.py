"""Quantile task: a number, predicted by its median and intervals around it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from pydantic import Field

from data.errors import TableError
from data.table import Table
from models.arrays import Floats
from models.contract import Summary, Targets, Task
from models.errors import OutcomeError
from models.estimators.quantile_scorer import weighted_quantiles
from models.evaluation.baselines import boosted_quantiles
from models.evaluation.measures import NOTHING, ExpectedRows, Measure, RowMeasures, row_measures
from models.evaluation.metric_tables import QUANTILE_METRICS
from models.evaluation.metrics import Contender


def quantiles(fields: Mapping[str, float], *, title: str, unit: str = "", bounds: tuple[float, ...]) -> Task:
    """Task with a numeric target, predicted by some of its quantiles.

    Parameters
    ----------
    fields : answer field -> quantile level: ascending, odd in number and symmetric around 0.5.
    title, unit : of the number.
    bounds : of the histogram of the median. Values are clipped to the first and last for tests that need a bounded
        loss.
    """
    levels = _checked_levels(np.array(list(fields.values())))
    names, middle, share = list(fields), len(levels) // 2, float(levels[-1] - levels[0])
    found = _Quantiles(names=names, levels=levels, low=bounds[0], high=bounds[-1])
    return Task(
        name="quantiles",
        prediction="quantiles",
        answered=found.answered,
        targets=number_targets,
        outcome_type=Annotated[float, Field(strict=True, allow_inf_nan=False)],
        read_outcome=observed_number,
        target_of=lambda _table, outcome: float(outcome),
        evaluate=partial(evaluate_quantiles, levels=levels),
        metrics=tuple(replace(one, perfect=share) if one.key == "coverage" else one for one in QUANTILE_METRICS),
        loss="pinball loss",
        losses=found.losses,
        bounded_loss="pinball loss, as a share of the range",
        bounded_losses=found.bounded_losses,
        constant=lambda table, train, targets, predictions: np.tile(
            weighted_quantiles(targets, levels, table.row_weights(train)), (len(predictions), 1)
        ),
        baselines=partial(_baselines, levels=levels),
        measures=found.measures,
        expected=found.expected,
        live_metrics=("coverage", "pinball", "mae"),
        summary=Summary(field=names[middle], title=title, unit=unit, bounds=bounds, of=lambda all_: all_[:, middle]),
        charts=("predicted_observed", "coverage"),
    )


def _checked_levels(levels: Floats) -> Floats:
    """The quantile levels; ValueError for those that have no middle one with pairs around it."""
    symmetric = np.allclose(levels + levels[::-1], 1)
    if len(levels) < 3 or len(levels) % 2 == 0 or (np.diff(levels) <= 0).any() or not symmetric:
        raise ValueError(
            "quantile levels must be ascending, odd in number and symmetric around 0.5, like 0.1, 0.5, 0.9; "
            f"got {levels.tolist()}"
        )
    return levels


@dataclass(frozen=True, kw_only=True, eq=False)
class _Quantiles:
    """Losses and performance at some quantile levels.

    Parameters
    ----------
    names : the answer fields, in the order of the levels.
    low, high : bounds that values are clipped to for the bounded loss.
    """

    names: list[str]
    levels: Floats
    low: float
    high: float

    def answered(self, answer: Mapping[str, Any]) -> list[float] | None:
        return None if self.names[0] not in answer else [answer[name] for name in self.names]

    def losses(self, targets: Targets, predictions: Floats) -> Floats:
        return pinball_losses(targets, predictions, self.levels)

    def bounded_losses(self, targets: Targets, predictions: Floats) -> Floats:
        clipped = self.losses(np.clip(targets, self.low, self.high), np.clip(predictions, self.low, self.high))
        scaled: Floats = 2 * clipped / (self.high - self.low)
        return scaled

    def measures(self, predictions: Floats, targets: Targets) -> RowMeasures:
        predictions = predictions.reshape(len(targets), len(self.levels))
        return row_measures(
            len(targets),
            coverage=_inside(targets, predictions).astype(np.float64),
            pinball=self.losses(targets, predictions),
            mae=np.abs(targets - predictions[:, len(self.levels) // 2]),
        )

    def expected(self, predictions: Floats, *, seed: int = 0) -> ExpectedRows:
        del seed  # deterministic
        share = float(self.levels[-1] - self.levels[0])
        coverage = Measure(value=share, low=share, high=share)
        return ExpectedRows(n_rows=len(predictions), coverage=coverage, pinball=NOTHING, mae=NOTHING)


def number_targets(table: Table, frame: pd.DataFrame) -> npt.NDArray[np.float64]:
    """The values of the target column."""
    if table.target.kind != "number" or table.target.positive is not None:
        raise TableError(
            f"column {table.target.name!r}: the target must be a number without `positive`; it is a {table.target.kind}"
        )
    return frame[table.target.name].to_numpy(np.float64)


def observed_number(_table: Table, outcome: Any) -> float:
    """The observed number; OutcomeError if it is not finite."""
    try:
        number = math.nan if isinstance(outcome, bool) else float(outcome)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise OutcomeError("must be a number")
    return number


def pinball_losses(targets: Targets, predictions: Floats, levels: Floats) -> Floats:
    """Mean pinball loss of each row over the quantiles, in the unit of the target."""
    missed = targets[:, None] - predictions.reshape(len(targets), len(levels))
    losses: Floats = np.maximum(levels * missed, (levels - 1) * missed).mean(axis=1)
    return losses


def evaluate_quantiles(
    targets: Targets, predictions: Floats, weights: Floats | None = None, *, levels: Floats
) -> dict[str, float]:
    """The metrics of `QUANTILE_METRICS`, and the number of rows; `weights` of shape (n_rows,)."""

    def mean(of_rows: npt.NDArray[Any]) -> float:
        return float(np.average(of_rows, weights=weights))

    middle = predictions[:, len(levels) // 2]
    return {
        "pinball": mean(pinball_losses(targets, predictions, levels)),
        "mae": mean(np.abs(targets - middle)),
        "rmse": mean(np.square(targets - middle)) ** 0.5,
        "coverage": mean(_inside(targets, predictions)),
        "width": mean(predictions[:, -1] - predictions[:, 0]),
        "n_rows": float(len(targets)),
    }


def _inside(targets: Targets, predictions: Floats) -> npt.NDArray[np.bool_]:
    """Mask of the targets within the outermost quantiles."""
    inside: npt.NDArray[np.bool_] = (predictions[:, 0] <= targets) & (targets <= predictions[:, -1])
    return inside


def _baselines(
    train: pd.DataFrame,
    targets: Targets,
    test: pd.DataFrame,
    test_targets: Targets,
    *,
    table: Table,
    seed: int,
    levels: Floats,
) -> dict[str, Contender]:
    """Quantiles of the training rows, and gradient boosting per quantile."""
    weights, test_weights = table.row_weights(train), table.row_weights(test)
    constant = np.tile(weighted_quantiles(targets, levels, weights), (len(test), 1))
    boosted, seconds = boosted_quantiles(train, targets, test, table=table, seed=seed, levels=levels)
    found = {"quantiles of the training rows": (constant, 0.0), "gradient boosting": (boosted, seconds)}
    return {
        name: Contender(predictions, evaluate_quantiles(test_targets, predictions, test_weights, levels=levels), took)
        for name, (predictions, took) in found.items()
    }
