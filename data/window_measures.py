"""The measures of windows, vectorised over events.

Amounts are summed as integers, so that sums do not depend on the order: the values of an event are bit-identical
whatever other events are computed with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

import numpy as np
import numpy.typing as npt

from data.arrays import Floats, Integers
from data.table import Table
from data.window import Window
from data.window_events import FOREVER, Events, Positives, scale_of


def window_values(table: Table, past: Mapping[str, Events], requested: Mapping[str, Events]) -> dict[str, Floats]:
    """The values of the table's windows for some events.

    Parameters
    ----------
    past : by entity column, the visible events: at least those of the same entities within the table's reach; more
        make no difference.
    requested : by entity column, the events to compute windows for, with the amounts that `z_score` compares; each sees
        the earlier events of `past`.

    Returns
    -------
    dict of arrays of shape (n_requested,), NaN where undefined.
    """
    windows = {column.name: column.window for column in table.columns if column.window}
    reach = max((window.reach_seconds for window in windows.values()), default=0)
    entities = dict.fromkeys(window.entity for window in windows.values())
    timelines = {entity: _Timeline(past[entity], requested[entity], reach) for entity in entities}
    scales = {name: scale_of(table[name]) for entity in entities for name in past[entity].amounts}
    values = {}
    for name, window in windows.items():
        found = _MEASURES[window.measure](timelines[window.entity], window, scales.get(window.of or "", 1.0))
        found[requested[window.entity].owner < 0] = np.nan
        values[name] = found
    return values


class _Timeline:
    """The past events of one entity column sorted by owner and time, and the positions of the requested events in it.

    Events are located by a key, owner * span + time since the first: one sorted array for all owners.
    """

    def __init__(self, past: Events, requested: Events, reach: int) -> None:
        has_owner = past.owner >= 0
        if not has_owner.all():
            past = _only(past, has_owner)
        order = np.lexsort((past.time, past.owner))
        self.past, self.requested, self.order = past, requested, order
        self.owner, self.time = past.owner[order], past.time[order]
        both = np.concatenate([self.time, requested.time])
        self.first = int(both.min(initial=FOREVER))
        # The reach is added so that an event's end in a window stays below the keys of the next owner
        self.span = int(both.max(initial=0)) - self.first + reach + 2
        self.keys = self.key(self.owner, self.time)
        self._before: dict[int, npt.NDArray[np.intp]] = {}

    def key(self, owner: Integers, time: Integers) -> Integers:
        """The sort key of an owner's time."""
        place: Integers = owner * self.span + np.maximum(time - self.first, 0)
        return place

    def before(self, seconds: int) -> npt.NDArray[np.intp]:
        """For each requested event, the number of past events, including those of lower owners, before t - seconds."""
        # searchsorted finds the first of equal keys, so events of the same second do not see each other
        if seconds not in self._before:
            self._before[seconds] = np.searchsorted(
                self.keys, self.key(self.requested.owner, self.requested.time - seconds)
            )
        return self._before[seconds]

    def ends(self, window: Window) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
        """First and last (exclusive) position of each requested event's window."""
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
    ended = np.searchsorted(ends, line.key(line.requested.owner, line.requested.time))
    return (line.before(0) - ended).astype(np.float64)


def _since_last(line: _Timeline, window: Window, scale: float) -> Floats:
    first, last = line.ends(window)
    found = np.full(len(last), np.nan)
    some = last > first
    found[some] = line.requested.time[some] - line.time[last[some] - 1]
    return found


def _z_score(line: _Timeline, window: Window, scale: float) -> Floats:
    first, last = line.ends(window)
    sums, squares = line.sums[window.of or ""], line.squares[window.of or ""]
    n = (last - first).astype(np.float64)
    mean = _quotient((sums[last] - sums[first]).astype(np.float64), n)
    mean_square = _quotient((squares[last] - squares[first]).astype(np.float64), n)
    # Rounding can make the difference of the squares negative; n / (n - 1) removes the bias of small samples
    variance = np.maximum(mean_square - mean * mean, 0.0) * _quotient(n, n - 1)
    deviation = np.sqrt(variance)
    # equal amounts leave only rounding errors
    known = (n >= 2) & (deviation > 1 + 1e-7 * np.abs(mean))
    score = np.full(len(n), np.nan)
    score[known] = (line.requested.amounts[window.of or ""][known] - mean[known]) / deviation[known]
    return score


def _positives(line: _Timeline, window: Window, scale: float) -> Floats:
    """Count the labels that have begun to count and have not ended.

    A label counts from the time it is known, but not before the delay, until its event leaves the window.
    """
    positives = line.past.positives
    if positives is None:
        return np.full(len(line.requested.owner), np.nan)
    since = np.maximum(positives.time + window.delay_seconds, positives.since)
    until = np.minimum(positives.time + window.reach_seconds, positives.until)
    stands = since < until
    requested = line.key(line.requested.owner, line.requested.time)
    begun, ended = (
        np.searchsorted(np.sort(line.key(positives.owner[stands], times[stands])), requested)
        for times in (since, until)
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
