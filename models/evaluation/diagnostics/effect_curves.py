"""Mean effects of columns, and their effect curves.

A curve is the partial dependence of the probability on one column (Friedman 2001); its band shows how much single rows
differ (individual conditional expectation, Goldstein et al. 2015). Correlated columns are still varied one at a time,
so the ends of a curve may stand for rows that do not occur.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from data.column import Column
from data.sentences import label, spoken
from models.arrays import Floats
from models.encoding import Features
from models.estimators.table_classifier import TableClassifier
from models.evaluation.diagnostics.results import MeanEffectCurve

MAX_CURVES = 12
"""Number of curves besides those of columns with a direction, which are always shown."""
MAX_CURVE_ROWS = 300
MAX_CURVE_LEVELS = 12
_ROWS_FOR_EFFECTS = 200


def mean_effects(scorer: TableClassifier, X: Features) -> dict[str, float]:
    """Mean absolute contribution of each of the scorer's `columns` to the log-odds, largest first.

    Parameters
    ----------
    X : encoded rows; only the first few hundred are used.
    """
    shares = np.mean([np.abs(scorer.shares(x)) for x in X[:_ROWS_FOR_EFFECTS]], axis=0)
    order = np.argsort(-shares, kind="stable").tolist()
    columns = scorer.columns
    return {columns[i].name: float(shares[i]) for i in order}


def effect_curves(
    scorer: TableClassifier, X: Features, effects: Mapping[str, float], *, seed: int
) -> tuple[MeanEffectCurve, ...]:
    """Effect curves of the columns with the largest effects, and of every column with a direction.

    Parameters
    ----------
    X : encoded test rows; at most MAX_CURVE_ROWS, drawn at random, are used.
    effects : of each column, largest first.
    """
    if len(X) > MAX_CURVE_ROWS:
        X = X[np.sort(np.random.default_rng(seed).choice(len(X), MAX_CURVE_ROWS, replace=False))]
    read = set(scorer.column_names)  # derived columns cannot be varied by themselves
    columns = [scorer.table[name] for name in effects if name in read]
    columns = [column for column in columns if column.kind not in ("key", "time")]
    chosen = [column for place, column in enumerate(columns) if place < MAX_CURVES or column.direction]
    return tuple(
        _curve(scorer, X, column, values)
        for column in chosen
        if (values := _values(column, scorer.background.usual_values[column.name]))
    )


def _values(column: Column, usual: list[Any]) -> list[Any]:
    return usual if column.kind == "number" else usual[:MAX_CURVE_LEVELS]


def _curve(scorer: TableClassifier, X: Features, column: Column, values: list[Any]) -> MeanEffectCurve:
    probabilities = scorer.probabilities_with(X, column.name, values)
    low, high = np.quantile(probabilities, [0.1, 0.9], axis=1)
    steps = steps_along(column, values, probabilities) if column.direction else None
    n_violations = None if steps is None else int((steps < 0).sum())
    return MeanEffectCurve(
        column=column.name,
        label=label(column),
        unit=column.unit,
        direction=column.direction,
        values=tuple(values) if column.kind == "number" else tuple(spoken(column, value) for value in values),
        mean=tuple(probabilities.mean(axis=1).tolist()),
        low=tuple(low.tolist()),
        high=tuple(high.tolist()),
        n_rows=len(X),
        n_steps=None if steps is None else steps.size,
        n_violations=n_violations,
        monotone=None if n_violations is None else n_violations == 0,
    )


def steps_along(column: Column, values: list[float], probabilities: Floats) -> Floats:
    """Change of the probability in the column's direction at each step; negative is a violation.

    Numbers up to `ordered_above` are unordered state codes: a step leads from each to the first number above.

    Parameters
    ----------
    values : ascending.
    probabilities : of every row at each value, shape (n_values, n_rows).

    Returns
    -------
    array of shape (n_steps, n_rows).
    """
    above = np.array(values) > (-np.inf if column.ordered_above is None else column.ordered_above)
    ordered, states = probabilities[above], probabilities[~above]
    steps: Floats = np.concatenate([np.diff(ordered, axis=0), ordered[:1] - states if len(ordered) else states[:0]])
    return column.direction * steps
