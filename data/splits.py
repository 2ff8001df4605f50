"""Splits into training, validation and test set: at random, in order, or by time with a gap for the label delay."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import ceil
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.model_selection import train_test_split

from data.errors import DataError

Rows = npt.NDArray[np.intp]


@dataclass(frozen=True, kw_only=True)
class Split:
    """The specification of a split.

    Parameters
    ----------
    kind : `random` (stratified by class), `time` (the last rows are the test set), or `order` (the last rows of the
        file, for files in time order without times).
    test_fraction : share of all rows, between 0 and 1.
    label_delay_days : how long after its row a label becomes known; only used by `time`.
    """

    kind: Literal["random", "time", "order"] = "random"
    test_fraction: float = 0.2
    label_delay_days: float = 0.0

    def __post_init__(self) -> None:
        """Validate the specification."""
        if self.kind not in ("random", "time", "order"):
            raise DataError(f"a split is 'random', 'time' or 'order', got {self.kind!r}")
        _check_fraction("test_fraction", self.test_fraction)
        if not 0 <= self.label_delay_days < float("inf"):
            raise DataError(f"label_delay_days must be a number of at least 0, got {self.label_delay_days!r}")


@dataclass(frozen=True, kw_only=True, eq=False)
class SplitRows:
    """Positions of the rows of each set, disjoint; `description` is a sentence about the split."""

    train: Rows
    validation: Rows
    test: Rows
    description: str


def random_split(labels: npt.ArrayLike, *, test_fraction: float, seed: int) -> tuple[Rows, Rows]:
    """Split rows at random, stratified by class; equals scikit-learn's `train_test_split` row for row.

    Integers, booleans and texts are classes and are stratified; floats are regression targets and are not.

    Returns
    -------
    rest, test : positions, shuffled; ceil(test_fraction * n_rows) of them are in `test`.

    Raises
    ------
    DataError : a side would be empty, or would lack a class.
    """
    _check_fraction("test_fraction", test_fraction)
    labels = np.asarray(labels)
    classes = None if labels.dtype.kind == "f" else labels
    try:
        rest, test = train_test_split(
            np.arange(len(labels)), test_size=test_fraction, random_state=seed, stratify=classes
        )
    except ValueError as error:  # scikit-learn raises it only for too few rows, of all or of one class
        raise DataError(_too_few_rows(labels, test_fraction)) from error
    if not _every_class_on_every_side(labels, rest, test):
        raise DataError(_too_few_rows(labels, test_fraction))
    return rest.astype(np.intp), test.astype(np.intp)


def time_split(
    times: npt.ArrayLike | pd.Series[Any], *, test_fraction: float, label_delay: pd.Timedelta
) -> tuple[Rows, Rows]:
    """Split rows by time: the last share is the test set, the rest has labels known at the first test time.

    Rows of the same time stay together, on the test side. A row is left out of both sides if its label was still
    unknown at the first test time, i.e. if `time + label_delay` is later than that.

    Returns
    -------
    rest, test : positions in time order; rows of the same time keep their order.

    Raises
    ------
    DataError : a time is missing, or a side would be empty.
    """
    _check_fraction("test_fraction", test_fraction)
    moments = _moments(times)
    if len(moments) == 0:
        raise DataError("there are no rows to split")
    order = np.argsort(moments, kind="stable").astype(np.intp)
    in_order = moments[order]
    first_test_time = in_order[int(len(order) * (1 - test_fraction))]
    known = (in_order < first_test_time) & (in_order + label_delay.to_timedelta64() <= first_test_time)
    if not known.any():
        raise DataError(
            f"no row is left to train on: the test rows begin at {pd.Timestamp(first_test_time)}, the earliest row is "
            f"of {pd.Timestamp(in_order[0])}, and labels take {label_delay / pd.Timedelta(days=1):g} days; "
            "use more history, a smaller test share or a shorter label delay"
        )
    return order[known], order[in_order >= first_test_time]


def split_rows(
    split: Split,
    *,
    labels: npt.ArrayLike,
    times: npt.ArrayLike | pd.Series[Any] | None,
    seed: int,
    validation_fraction: float = 0.15,
) -> SplitRows:
    """Split a table into training, validation and test rows.

    The test set is split off first, by `split`. The validation set is a share of the rest, split the same way: at
    random, or the last part. The label delay also separates training and validation, unless the gap would leave out
    more than half of the rows before the validation set, or a class: then there is no gap, and `description` says
    so. `labels` and `times` have the shape (n_rows,); only a split by time needs `times`.

    Raises
    ------
    DataError : a set would be empty or would lack a class; the message says how many rows there are and are needed.
    """
    labels = np.asarray(labels)
    _check_fraction("validation_fraction", validation_fraction)
    if split.kind == "random":
        rest, test = random_split(labels, test_fraction=split.test_fraction, seed=seed)
        train, validation = random_split(labels[rest], test_fraction=validation_fraction, seed=seed)
        how = f"at random with seed {seed}"
        return described(how, rest[train], rest[validation], test)
    if split.kind == "order":
        return _rows_in_order(split, labels, validation_fraction)
    if times is None:
        raise DataError("a split by time needs a time column; mark one with role = 'time', or split at random")
    return _rows_by_time(split, labels, _moments(times), validation_fraction)


def with_whole_windows(
    rows: SplitRows, times: npt.ArrayLike | pd.Series[Any], labels: npt.NDArray[Any], *, reach_seconds: int
) -> SplitRows:
    """Leave out training rows whose windows reach back before the first row, since they see too little history.

    They stay if they are more than half of the training rows, or if a class would be missing without them.

    Parameters
    ----------
    times, labels : of all rows, of shape (n_rows,). reach_seconds : how far windows look back; 0 leaves out none.
    """
    moments = _moments(times)
    whole = moments[rows.train] >= moments.min() + np.timedelta64(reach_seconds, "s")
    if whole.all() or 2 * whole.sum() < len(whole) or not _every_class_on_every_side(labels, rows.train[whole]):
        return rows
    left_out = f"{np.sum(~whole):,} earlier rows are used as history only, since their windows would be incomplete"
    return replace(rows, train=rows.train[whole], description=f"{rows.description}; {left_out}")


def _rows_in_order(split: Split, labels: npt.NDArray[Any], validation_fraction: float) -> SplitRows:
    n_rest = int(len(labels) * (1 - split.test_fraction))
    n_train = int(n_rest * (1 - validation_fraction))
    train, validation, test = np.split(np.arange(len(labels)), [n_train, n_rest])
    rows = described("in the order of the rows, the test rows last", train, validation, test)
    if not _every_class_on_every_side(labels, rows.train, rows.validation, rows.test):
        raise DataError(_class_missing("order", labels, rows))
    return rows


def _rows_by_time(
    split: Split, labels: npt.NDArray[Any], moments: npt.NDArray[np.datetime64], validation_fraction: float
) -> SplitRows:
    delay = pd.Timedelta(days=split.label_delay_days)
    rest, test = time_split(moments, test_fraction=split.test_fraction, label_delay=delay)
    train, validation = time_split(moments[rest], test_fraction=validation_fraction, label_delay=pd.Timedelta(0))
    how = f"by time, test rows from {pd.Timestamp(moments[test[0]])}"
    if delay > pd.Timedelta(0):
        known = moments[rest[train]] + delay.to_timedelta64() <= moments[rest[validation[0]]]
        gap_fits = 2 * known.sum() >= len(train) and _every_class_on_every_side(labels[rest], train[known], validation)
        train = train[known] if gap_fits else train
        where = "both the validation and the test rows" if gap_fits else "the test rows only (too few rows for both)"
        how += f", with a gap of {split.label_delay_days:g} days for late labels before {where}"
    rows = described(how, rest[train], rest[validation], test)
    if not _every_class_on_every_side(labels, rows.train, rows.validation, rows.test):
        raise DataError(_class_missing("time", labels, rows))
    return rows


def described(how: str, train: Rows, validation: Rows, test: Rows) -> SplitRows:
    """A split with its sentence: the sizes of the sets, and how they were cut."""
    sizes = f"{len(train):,} training, {len(validation):,} validation and {len(test):,} test rows"
    return SplitRows(train=train, validation=validation, test=test, description=f"{sizes}, cut {how}")


def _moments(times: npt.ArrayLike | pd.Series[Any]) -> npt.NDArray[np.datetime64]:
    """Times as datetime64 in UTC, so that time zones and daylight saving cannot change their order."""
    moments = pd.DatetimeIndex(pd.to_datetime(np.asarray(times), utc=True)).tz_localize(None)
    if n_missing := int(np.sum(moments.isna())):
        raise DataError(f"a split by time needs a time in every row; {n_missing} of {len(moments)} rows have none")
    return moments.to_numpy()


def _check_fraction(name: str, fraction: float) -> None:
    if not 0 < fraction < 1:
        raise DataError(f"{name} must be between 0 and 1, got {fraction!r}")


def _every_class_on_every_side(labels: npt.NDArray[Any], *sides: Rows) -> bool:
    if labels.dtype.kind == "f":  # regression targets, not classes
        return True
    n_classes = len(np.unique(labels))
    return n_classes > 1 and all(len(np.unique(labels[side])) == n_classes for side in sides)


def _too_few_rows(labels: npt.NDArray[Any], test_fraction: float) -> str:
    if len(labels) < 2 or labels.dtype.kind == "f":
        return f"there are {len(labels)} rows; at least 2 are needed to cut off {test_fraction:g} of them"
    classes, counts = np.unique(labels, return_counts=True)
    if len(classes) == 1:
        return f"all {len(labels)} rows are of class {classes[0]}; at least two classes are needed"
    # A class with at least one expected row on the smaller side gets a row on each side, however scikit-learn rounds.
    n_test = ceil(test_fraction * len(labels))
    n_smaller_side = max(1, min(n_test, len(labels) - n_test))
    rarest = counts.argmin()
    return (
        f"only {counts[rarest]} of {len(labels)} rows are of class {classes[rarest]}; about "
        f"{ceil(len(labels) / n_smaller_side)} are needed to have one on each side when {test_fraction:g} is cut off"
    )


def _class_missing(kind: str, labels: npt.NDArray[Any], rows: SplitRows) -> str:
    if len(labels) == 0:
        return "there are no rows to split"
    if len(np.unique(labels)) == 1:
        return f"all {len(labels)} rows are of class {labels[0]}; at least two classes are needed"
    counts = "; ".join(
        f"class {value}: {np.sum(labels[rows.train] == value)} training, "
        f"{np.sum(labels[rows.validation] == value)} validation, {np.sum(labels[rows.test] == value)} test rows"
        for value in np.unique(labels)
    )
    return f"a split by {kind} needs at least 1 row of every class in every set, here are {counts}; give more rows"
