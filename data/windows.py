"""Computation of windows, for a whole history at once or for new events from stored ones.

`window_values` is used for both, so that training, backtests and serving cannot differ. It is vectorised over rows.
Amounts are summed as integers, so that sums do not depend on the order: the values of an event are bit-identical
whatever other events are computed with it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from data.arrays import Floats, Integers
from data.checking import checked_frame
from data.table import Column, Table
from data.window import OF_AMOUNTS, Window

FOREVER = np.iinfo(np.int64).max // 4
"""Infinity for times in seconds."""
MAX_WHOLE = 10**8
"""Maximum of amounts as integers: the sum of a thousand squares still fits into 64 bits."""
_MOST = float(np.iinfo(np.int32).max)
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
    return np.clip(scaled, -_MOST, _MOST).astype(np.int64)


def whole_number(value: float, scale: float) -> int:
    """A single amount as in `whole_amounts`, ten times faster; `scale` is that of its column."""
    return round(min(max(float(value) * scale, -_MOST), _MOST))


def whole_seconds(time: datetime) -> int:
    """A time in whole seconds since 1970, UTC, rounded down; naive times are in UTC."""
    return ((time if time.tzinfo else time.replace(tzinfo=UTC)) - _EPOCH) // _SECOND


def checked_history(
    table: Table,
    frame: pd.DataFrame,
    source: str,
    positives: KnownPositives | None = None,
    *,
    targets: Callable[[Table, pd.DataFrame], npt.NDArray[Any]] = Table.labels,
) -> tuple[pd.DataFrame, npt.NDArray[Any]]:
    """Checked rows with outcomes and windows, and their targets of shape (n_rows,).

    Parameters
    ----------
    positives : the times at which rows became known as positive; None if every label was known after the windows'
        delay.
    targets : function that reads targets from checked rows; 0/1 labels by default.

    Raises BadRowsError that names every bad value of `source`.
    """
    checked = checked_frame(table, frame, source, training=True)
    labels = targets(table, checked)
    return with_windows(table, checked, labels if positives is None else positives), labels


def with_windows(
    table: Table, frame: pd.DataFrame, labels: npt.NDArray[np.int64] | KnownPositives | None = None
) -> pd.DataFrame:
    """A checked frame with the table's windows, computed from the frame's own rows.

    Parameters
    ----------
    frame : as `data.checking.checked_frame` gives it, in any order.
    labels : 1 where a row was confirmed as positive, shape (n_rows,), known after the window's delay; or the times at
        which rows became known as positive; None if labels are unknown.

    Returns
    -------
    the frame itself if the table has no windows.
    """
    if not table.windows:
        return frame
    seconds = frame[_time_name(table)].to_numpy("datetime64[s]").astype(np.int64)
    positives = _as_known(labels, seconds) if isinstance(labels, np.ndarray) else labels
    events = {column.name: _events(table, column.name, frame, seconds, positives) for column in table.of_role("entity")}
    values = window_values(table, events, events)
    return frame.assign(**{column.name: values[column.name] for column in table.windows})


def _as_known(labels: npt.NDArray[np.int64], seconds: Integers) -> KnownPositives:
    """Labels known at the time of the row, so that only the windows' delay matters."""
    rows = np.flatnonzero(labels == 1)
    return KnownPositives(rows, seconds[rows], np.full(len(rows), FOREVER))


def _time_name(table: Table) -> str:
    assert table.time is not None  # noqa: S101 - a table with windows has a time
    return table.time.name


def _events(table: Table, entity: str, frame: pd.DataFrame, seconds: Integers, known: KnownPositives | None) -> Events:
    owner = pd.factorize(frame[entity])[0].astype(np.int64)
    windows = [column.window for column in table.windows if column.window and column.window.entity == entity]
    amounts = {w.of: whole_amounts(table[w.of], frame[w.of]) for w in windows if w.of and w.measure in OF_AMOUNTS}
    others = {w.of: pd.factorize(frame[w.of])[0].astype(np.int64) for w in windows if w.of and w.measure == "distinct"}
    positives = None
    if known is not None:
        positives = Positives(owner[known.row], seconds[known.row], known.since, known.until)
    return Events(owner, seconds, amounts, others, positives)


def window_values(table: Table, past: Mapping[str, Events], asked: Mapping[str, Events]) -> dict[str, Floats]:
    """The values of the table's windows for some events.

    Parameters
    ----------
    past : by entity column, the visible events: at least those of the same entities within the table's reach; more
        make no difference.
    asked : by entity column, the events to compute windows for, with the amounts that `z_score` compares; each sees
        the earlier events of `past`.

    Returns
    -------
    dict of arrays of shape (n_asked,), NaN where undefined.
    """
    windows = {column.name: column.window for column in table.columns if column.window}
    reach = max((window.reach_seconds for window in windows.values()), default=0)
    entities = dict.fromkeys(window.entity for window in windows.values())
    timelines = {entity: _Timeline(past[entity], asked[entity], reach) for entity in entities}
    scales = {name: scale_of(table[name]) for entity in entities for name in past[entity].amounts}
    values = {}
    for name, window in windows.items():
        found = _MEASURES[window.measure](timelines[window.entity], window, scales.get(window.of or "", 1.0))
        found[asked[window.entity].owner < 0] = np.nan
        values[name] = found
    return values


class _Timeline:
    """The past events of one entity column sorted by owner and time, and the positions of the asked events in it.

    Events are located by a key, owner * span + time since the first: one sorted array for all owners.
    """

    def __init__(self, past: Events, asked: Events, reach: int) -> None:
        has_owner = past.owner >= 0
        if not has_owner.all():
            past = _only(past, has_owner)
        order = np.lexsort((past.time, past.owner))
        self.past, self.asked, self.order = past, asked, order
        self.owner, self.time = past.owner[order], past.time[order]
        both = np.concatenate([self.time, asked.time])
        self.first = int(both.min(initial=FOREVER))
        self.span = int(both.max(initial=0)) - self.first + reach + 2
        self.keys = self.key(self.owner, self.time)
        self._before: dict[int, npt.NDArray[np.intp]] = {}

    def key(self, owner: Integers, time: Integers) -> Integers:
        """The sort key of an owner's time."""
        place: Integers = owner * self.span + np.maximum(time - self.first, 0)
        return place

    def before(self, seconds: int) -> npt.NDArray[np.intp]:
        """For each asked event, the number of past events, including those of lower owners, before t - seconds."""
        if seconds not in self._before:
            self._before[seconds] = np.searchsorted(self.keys, self.key(self.asked.owner, self.asked.time - seconds))
        return self._before[seconds]

    def ends(self, window: Window) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
        """First and last (exclusive) position of each asked event's window."""
        return self.before(window.reach_seconds), self.before(window.delay_seconds)

    @cached_property
    def sums(self) -> dict[str, Integers]:
        """Prefix sums of each amount over the first 0, 1, ... events."""
        return {
            name: np.concatenate([[0], np.cumsum(values[self.order])]) for name, values in self.past.amounts.items()
        }

    @cached_property
    def squares(self) -> dict[str, npt.NDArray[np.uint64]]:
        """Prefix sums of squares; after an overflow of 64 bits their differences are still right."""
        return {
            name: np.concatenate(
                [np.zeros(1, np.uint64), np.cumsum((values[self.order] ** 2).astype(np.uint64), dtype=np.uint64)]
            )
            for name, values in self.past.amounts.items()
        }


def _only(events: Events, chosen: npt.NDArray[np.bool_]) -> Events:
    """The chosen events, and the positives with an owner."""
    positives = events.positives
    if positives is not None:
        kept = positives.owner >= 0
        positives = Positives(positives.owner[kept], positives.time[kept], positives.since[kept], positives.until[kept])
    return Events(
        events.owner[chosen],
        events.time[chosen],
        {name: values[chosen] for name, values in events.amounts.items()},
        {name: values[chosen] for name, values in events.others.items()},
        positives,
    )


def _count(line: _Timeline, window: Window, scale: float) -> Floats:
    first, last = line.ends(window)
    return (last - first).astype(np.float64)


def _sum(line: _Timeline, window: Window, scale: float) -> Floats:
    first, last = line.ends(window)
    sums = line.sums[window.of or ""]
    total: Floats = (sums[last] - sums[first]) / scale
    return total


def _mean(line: _Timeline, window: Window, scale: float) -> Floats:
    return _quotient(_sum(line, window, scale), _count(line, window, scale))


def _max(line: _Timeline, window: Window, scale: float) -> Floats:
    """Maximum by a sparse table over runs of 1, 2, 4, ... events: two such runs cover any window."""
    first, last = line.ends(window)
    lengths = last - first
    result = np.full(len(lengths), np.nan)
    largest, step = line.past.amounts[window.of or ""][line.order], 1
    while (open_ := lengths >= step).any():
        here = np.flatnonzero(open_ & (lengths < 2 * step))
        result[here] = np.maximum(largest[first[here]], largest[last[here] - step]) / scale
        largest, step = np.maximum(largest[:-step], largest[step:]), 2 * step
    return result


def _distinct(line: _Timeline, window: Window, scale: float) -> Floats:
    """Count the values whose latest event lies in the window.

    An event represents its value until it leaves the window or the value's next event takes over. These intervals do
    not overlap, so the number of values is that of intervals that have begun and not ended.
    """
    others = line.past.others[window.of or ""][line.order]
    in_pairs = np.lexsort((line.time, others, line.owner))
    owner, other, time = line.owner[in_pairs], others[in_pairs], line.time[in_pairs]
    goes_on = (owner[1:] == owner[:-1]) & (other[1:] == other[:-1])
    next_time = np.append(np.where(goes_on, time[1:], FOREVER), FOREVER)[: len(time)]
    ends = np.sort(line.key(owner, np.minimum(time + window.seconds, next_time)))
    ended = np.searchsorted(ends, line.key(line.asked.owner, line.asked.time))
    return (line.before(0) - ended).astype(np.float64)


def _since_last(line: _Timeline, window: Window, scale: float) -> Floats:
    first, last = line.ends(window)
    found = np.full(len(last), np.nan)
    some = last > first
    found[some] = line.asked.time[some] - line.time[last[some] - 1]
    return found


def _z_score(line: _Timeline, window: Window, scale: float) -> Floats:
    first, last = line.ends(window)
    sums, squares = line.sums[window.of or ""], line.squares[window.of or ""]
    n = (last - first).astype(np.float64)
    mean = _quotient((sums[last] - sums[first]).astype(np.float64), n)
    mean_square = _quotient((squares[last] - squares[first]).astype(np.float64), n)
    variance = np.maximum(mean_square - mean * mean, 0.0) * _quotient(n, n - 1)
    deviation = np.sqrt(variance)
    # equal amounts leave only rounding errors
    known = (n >= 2) & (deviation > 1 + 1e-7 * np.abs(mean))
    score = np.full(len(n), np.nan)
    score[known] = (line.asked.amounts[window.of or ""][known] - mean[known]) / deviation[known]
    return score


def _positives(line: _Timeline, window: Window, scale: float) -> Floats:
    """Count the labels that have begun to count and have not ended.

    A label counts from the time it is known, but not before the delay, until its event leaves the window.
    """
    positives = line.past.positives
    if positives is None:
        return np.full(len(line.asked.owner), np.nan)
    since = np.maximum(positives.time + window.delay_seconds, positives.since)
    until = np.minimum(positives.time + window.reach_seconds, positives.until)
    stands = since < until
    asked = line.key(line.asked.owner, line.asked.time)
    begun, ended = (
        np.searchsorted(np.sort(line.key(positives.owner[stands], times[stands])), asked) for times in (since, until)
    )
    return (begun - ended).astype(np.float64)


def _positive_rate(line: _Timeline, window: Window, scale: float) -> Floats:
    return _quotient(_positives(line, window, scale), _count(line, window, scale))


def _quotient(above: Floats, below: Floats) -> Floats:
    """Above / below, NaN where `below` is 0."""
    quotient: Floats = np.divide(above, below, out=np.full(len(below), np.nan), where=below > 0)
    return quotient


_MEASURES = {
    "count": _count,
    "sum": _sum,
    "mean": _mean,
    "max": _max,
    "distinct": _distinct,
    "since_last": _since_last,
    "z_score": _z_score,
    "positives": _positives,
    "positive_rate": _positive_rate,
}
