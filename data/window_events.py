"""Events as arrays, by the entity they belong to: what windows are computed from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import numpy as np
import numpy.typing as npt

from data.arrays import Integers
from data.column import Column

FOREVER = np.iinfo(np.int64).max // 4
"""Infinity for times in seconds; a quarter of the maximum, so that sums with other times do not overflow."""
MAX_WHOLE = 10**8
"""Maximum of amounts as integers: the sum of a thousand squares still fits into 64 bits."""
_MAX_INT32 = float(np.iinfo(np.int32).max)
_EPOCH, _SECOND = datetime(1970, 1, 1, tzinfo=UTC), timedelta(seconds=1)


@dataclass(frozen=True, eq=False)
class Positives:
    """Events confirmed as positive, each with the period of its label: arrays of shape (n_positives,).

    Parameters
    ----------
    owner, time : as in `Events`.
    since, until : rows after `since` and up to `until` (in seconds) see the label.
    """

    owner: Integers
    time: Integers
    since: Integers
    until: Integers


@dataclass(frozen=True, eq=False)
class Events:
    """Events by one entity column, in any order: arrays of shape (n_events,).

    Parameters
    ----------
    owner : number of the entity, from 0 on; negative for an event without one.
    time : in whole seconds since 1970, UTC.
    amounts : of each column that windows sum, see `whole_amounts`.
    others : of each column whose distinct values are counted, a code for each value.
    positives : None if labels are unknown, which makes `positives` and `positive_rate` missing.
    """

    owner: Integers
    time: Integers
    amounts: Mapping[str, Integers] = field(default_factory=dict)
    others: Mapping[str, Integers] = field(default_factory=dict)
    positives: Positives | None = None


@dataclass(frozen=True, eq=False)
class KnownPositives:
    """Rows of a frame confirmed as positive, each with the period of its label: arrays of shape (n_positives,).

    Parameters
    ----------
    row : position in the frame; a row may occur several times.
    since, until : as in `Positives`.
    """

    row: Integers
    since: Integers
    until: Integers


def scale_of(column: Column) -> float:
    """Scale from amounts to integers: a power of ten, at most 10,000, that keeps them below MAX_WHOLE."""
    largest = max(abs(column.minimum or 0.0), abs(column.maximum or 0.0), 1.0)
    scale = 10_000.0
    while largest * scale > MAX_WHOLE:
        scale /= 10
    return scale


def whole_amounts(column: Column, values: npt.ArrayLike) -> Integers:
    """Amounts as integers for windows to sum, rounded to multiples of 1 / `scale_of`."""
    scaled = np.rint(np.asarray(values, np.float64) * scale_of(column))
    # values outside the column's bounds are refused elsewhere
    return np.clip(scaled, -_MAX_INT32, _MAX_INT32).astype(np.int64)


def whole_number(value: float, scale: float) -> int:
    """A single amount as in `whole_amounts`, ten times faster; `scale` is that of its column."""
    return round(min(max(float(value) * scale, -_MAX_INT32), _MAX_INT32))


def whole_seconds(time: datetime) -> int:
    """A time in whole seconds since 1970, UTC, rounded down; naive times are in UTC."""
    return ((time if time.tzinfo else time.replace(tzinfo=UTC)) - _EPOCH) // _SECOND
