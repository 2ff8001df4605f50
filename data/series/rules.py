"""The rules of values of series: each finds the rows that break it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from data.arrays import Integers, Mask
from data.column import in_digits
from data.errors import Problem
from data.numbers import MAX_SIZE
from data.series.frequencies import STEP_WORDS, STEPS, Times, on_weekend, step_kinds
from data.series.sorted_values import SortedValues

MAX_PERIODS = 1_000_000
"""A series spans no more periods, so that one wrong date does not fill the memory with carried values."""
MIN_RUN = 4
"""So many steps of another frequency in a row are no gaps."""


def value_problems(found: SortedValues, column: str, *, positive: str) -> Iterator[Problem]:
    """Values that are too large, below the floor, or, where `positive` says why they must be, not above 0."""
    values, floor = found.values, found.spec.floor
    rules: list[tuple[Mask, str]] = [
        (np.abs(values) > MAX_SIZE, f"must be a number from {-MAX_SIZE:g} to {MAX_SIZE:g}"),
        (values <= 0 if positive else np.zeros(len(values), bool), f"must be above 0, since {positive}"),
        (values < floor if floor is not None else np.zeros(len(values), bool),
         f"must not be below the floor of {in_digits(floor or 0)}; correct it, or change 'floor' in [series]"),
    ]  # fmt: skip
    for broken, rule in rules:
        for place in np.flatnonzero(broken).tolist():
            yield Problem(int(found.rows[place]), column, float(values[place]), rule)


def repeated(found: SortedValues) -> Mask:
    """Which values stand at the same moment of their series as the value before."""
    return np.concatenate([[False], found.follows & (np.diff(found.order) == 0)])


def conflict_problems(found: SortedValues, column: str) -> Iterator[Problem]:
    """Rows that give one moment of a series another value than an earlier row does."""
    values = found.values
    differ = (values[1:] != values[:-1]) & ~(np.isnan(values[1:]) & np.isnan(values[:-1]))
    for place in (np.flatnonzero(repeated(found)[1:] & differ) + 1).tolist():
        earlier, row = sorted((int(found.rows[place - 1]), int(found.rows[place])))
        other, value = (values[place - 1], values[place]) if found.rows[place] == row else values[[place, place - 1]]
        rule = f"{_where(found, place)} has {_shown(value)} here and {_shown(other)} in row {earlier}; keep one of them"
        yield Problem(row, column, None, rule)


def frequency_problems(found: SortedValues, column: str) -> Iterator[Problem]:
    """Times that are not of the table's frequency: the first of each series; found has no repeated moments."""
    frequency, periods = found.spec.frequency, found.periods
    if found.times is None or periods is None:
        return
    refused = set()
    for place, problem in _other_steps(found, found.times, column):
        refused.add(int(found.of[place]))
        yield problem
    if frequency == "B":
        for place in _first_of_series(found, np.flatnonzero(on_weekend(found.times)), refused):
            refused.add(int(found.of[place]))
            day = found.times[place].astype("datetime64[D]").item()
            rule = f"is a {day:%A}, and frequency = 'B' is Mondays to Fridays; write frequency = 'D' or 'observations'"
            yield Problem(int(found.rows[place]), column, str(day), rule)
    same = np.flatnonzero(found.follows & (np.diff(periods) == 0)) + 1
    for place in _first_of_series(found, same, refused):
        rule = (
            f"and {_time(found, place - 1)} in row {found.rows[place - 1]} are two values for {STEP_WORDS[frequency]} "
            f"of {_series(found, place)}; keep one of them, or write another 'frequency' in [series]"
        )
        yield Problem(int(found.rows[place]), column, _time(found, place), rule)


def _other_steps(found: SortedValues, times: Times, column: str) -> Iterator[tuple[int, Problem]]:
    """Series with a frequency of their own, or with two, each with the place of its first such step."""
    expected = STEPS.index("D" if found.spec.frequency == "B" else found.spec.frequency)
    kinds = np.where(found.follows, step_kinds(times), -2)
    of, n_kinds = found.of[1:], len(STEPS)
    runs = np.cumsum(np.concatenate([[True], (np.diff(kinds) != 0) | (np.diff(of) != 0)])[: len(kinds)]) - 1
    in_run = np.bincount(runs)[runs] >= MIN_RUN if len(runs) else np.zeros(0, bool)
    other = np.flatnonzero((kinds >= 0) & (kinds != expected))
    labels = of[other] * n_kinds + kinds[other]
    n_steps, n_in_runs = (np.bincount(labels, weights=w) for w in (np.ones(len(other)), in_run[other].astype(float)))
    broken = other[in_run[other] & (2 * n_in_runs[labels] > n_steps[labels])]
    for step in _first_of_series(found, broken + 1, set()):
        yield step, _two_frequencies(found, column, step, kinds, expected)


def _two_frequencies(found: SortedValues, column: str, place: int, kinds: Integers, expected: int) -> Problem:
    own = np.flatnonzero((found.of[1:] == found.of[place]) & (kinds == expected)) + 1
    kind = STEPS[int(kinds[place - 1])]
    here = f"row {found.rows[place - 1]} to row {found.rows[place]}"
    is_step = f"{_series(found, place)} goes on by {STEP_WORDS[kind]} from {here}"
    if len(own):
        rule = (
            f"{is_step}, and by {STEP_WORDS[STEPS[expected]]} from row {found.rows[own[0] - 1]} to row "
            f"{found.rows[own[0]]}; a series has one frequency: give two series, or write frequency = 'observations'"
        )
    else:
        rule = f"{is_step}, and the table says frequency = {found.spec.frequency!r}; write frequency = {kind!r}"
    return Problem(int(found.rows[place]), column, None, rule)


def gap_problems(found: SortedValues, column: str) -> Iterator[Problem]:
    """What has no value at all; with gaps = "refuse" each gap; with "carry" a series that spans too many periods."""
    for piece in found.pieces():
        if found.missing[piece].all():
            rule = f"{_series(found, piece.start)} has no value; give at least one number, or leave the series out"
            yield Problem(int(found.rows[piece].min()), column, None, rule)
    if found.spec.gaps == "refuse":
        yield from _refused_gaps(found, column)
    if found.spec.gaps == "carry" and found.periods is not None:
        for piece in found.pieces():
            if (n_periods := int(found.periods[piece.stop - 1] - found.periods[piece.start]) + 1) > MAX_PERIODS:
                rule = (
                    f"{_series(found, piece.start)} spans {n_periods:,} periods from row {found.rows[piece.start]} to "
                    f"this one; with gaps = 'carry' at most {MAX_PERIODS:,} are allowed"
                )
                yield Problem(int(found.rows[piece.stop - 1]), column, None, rule)


def _refused_gaps(found: SortedValues, column: str) -> Iterator[Problem]:
    instead = "write gaps = 'keep' or 'carry' in [series]"
    for place in np.flatnonzero(found.missing).tolist():
        rule = f"{_where(found, place)} has no value; give it, or {instead}"
        yield Problem(int(found.rows[place]), column, None, rule)
    if found.periods is None:
        return
    for place in (np.flatnonzero(found.follows & (np.diff(found.periods) > 1)) + 1).tolist():
        n_missing = int(found.periods[place] - found.periods[place - 1]) - 1
        rule = (
            f"{_series(found, place)} lacks {n_missing:,} value(s) between row {found.rows[place - 1]} and this one; "
            f"give them, or {instead}"
        )
        yield Problem(int(found.rows[place]), column, None, rule)


def _first_of_series(found: SortedValues, places: Integers, refused: set[int]) -> list[int]:
    """The first of the places in each series that is not refused already."""
    series, first = np.unique(found.of[places], return_index=True)
    return [int(places[i]) for one, i in zip(series.tolist(), first.tolist(), strict=True) if one not in refused]


def _series(found: SortedValues, place: int) -> str:
    key = found.keys[int(found.of[place])]
    return f"the series {key!r}" if key else "the series"


def _time(found: SortedValues, place: int) -> str:
    """The moment of a value, as people write it."""
    if found.times is None:
        return f"position {found.order[place]}"
    return str(found.times[place].astype("datetime64[s]")).replace("T", " ").removesuffix(" 00:00:00")


def _where(found: SortedValues, place: int) -> str:
    return f"{_series(found, place)} at {_time(found, place)}"


def _shown(value: float) -> str:
    return "no value" if np.isnan(value) else f"{value:.15g}"
