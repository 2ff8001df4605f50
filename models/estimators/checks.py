"""Checks of rows, row weights and the weights of a network, with errors that name the cell or parameter."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import _check_n_features, _check_sample_weight, column_or_1d, validate_data

from models.nn.arrays import Array
from models.nn.network import Network
from models.nn.sparse_rows import SparseRows

MAX_INPUT = 1e15
"""No input may be larger in absolute value: the square of a sum of 10,000 of them is still a float32 number."""


def checked_rows(estimator: BaseEstimator, X: Any, y: Any = "no_validation", **checks: Any) -> Any:
    """X as float32, and y, checked by `validate_data`; ValueError names the first cell of X out of range.

    `SparseRows` come from an encoder of ours: only y and their width are checked.
    """
    if isinstance(X, SparseRows):
        _check_n_features(estimator, X, reset=checks.get("reset", True))
        return X if isinstance(y, str) else (X, column_or_1d(y))
    # An overflow in X is reported below, one in y by `_targets`
    with np.errstate(over="ignore", invalid="ignore"):
        checked = validate_data(estimator, X, y, dtype=np.float32, order="C", ensure_all_finite=False, **checks)
    rows = checked[0] if isinstance(checked, tuple) else checked
    # NaN makes both comparisons false
    if not (rows.min() >= -MAX_INPUT and rows.max() <= MAX_INPUT):
        row, column = np.argwhere(~(np.abs(rows) <= MAX_INPUT))[0].tolist()
        value = X.iloc[row, column] if hasattr(X, "iloc") else np.asarray(X)[row, column]
        found = "NaN" if np.isnan(rows[row, column]) else "infinity or a value too large"
        raise ValueError(
            f"Input X contains {found}: row {row} (counted from 0), column {_column_name(estimator, column)} holds "
            f"{value}; it must be a number from {-MAX_INPUT:g} to {MAX_INPUT:g} (TableEncoder accepts "
            f"missing values and numbers of any size)"
        )
    return checked


def weight_column(sample_weight: Any, X: Array) -> Array | None:
    """Row weights as a column with mean 1; None for equal weights."""
    if sample_weight is None:
        return None
    weights = _check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
    if (largest := weights.max()) <= 0:
        raise ValueError("sample_weight must be positive for at least one row")
    weights = weights / largest  # their sum must stay finite
    scaled: Array = (weights / weights.mean()).astype(np.float32)[:, None]
    return scaled


def refuse_divergence(estimator: BaseEstimator, network: Network, inputs: Any) -> None:
    """ValueError if training on these inputs left weights that are not finite; it names the largest input."""
    if not all(np.isfinite(array).all() for array in network.arrays):
        if isinstance(inputs, SparseRows):
            raise ValueError(
                "training diverged: weights became infinite or NaN; lower "
                f"learning_rate={estimator.settings.learning_rate}"
            )
        largest = np.abs(inputs).max(axis=0)
        column = int(largest.argmax())
        raise ValueError(
            f"training diverged: weights became infinite or NaN; scale the inputs (column "
            f"{_column_name(estimator, column)} reaches {largest[column]:.3g}) or lower "
            f"learning_rate={estimator.settings.learning_rate}"
        )


def refuse_another_shape(
    network: Network, *, hidden: list[int], n_members: int, n_folds: int, directions: list[int] | None
) -> None:
    """ValueError unless the weights of a network can be continued in one of the requested shape."""
    if network.n_members in range(n_members, n_members * n_folds + 1, n_members):  # the members of all folds
        n_members = network.n_members
    found = {
        "hidden_layer_sizes": network.hidden_widths,
        "n_members": network.n_members,
        "monotonic_cst": None if network.directions is None else network.directions.tolist(),
    }
    requested = {"hidden_layer_sizes": hidden, "n_members": n_members, "monotonic_cst": directions}
    for name, value in requested.items():
        if found[name] != value:
            raise ValueError(
                f"{name}={value} was requested, but the weights to continue from have {found[name]}; "
                f"keep {name}, or start anew with fit and warm_start=False"
            )


def _column_name(estimator: BaseEstimator, column: int) -> str:
    names = getattr(estimator, "feature_names_in_", None)
    return str(column) if names is None else repr(str(names[column]))
