"""Inference of a table of series: its columns, its frequency, its season, and a horizon to begin with."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
import pandas as pd

from data.arrays import Floats
from data.checking import check_frame
from data.column import Column, in_digits
from data.errors import BadRowsError, TableError
from data.inference.column_facts import ColumnFacts
from data.inference.wide import wide_file
from data.series.frequencies import STEP_WORDS, STEPS, on_weekend, step_kinds
from data.series.histories import History, histories
from data.series.spec import Frequency, SeriesSpec
from data.table import Table

USUAL_SEASON: dict[Frequency, int] = {"H": 24, "D": 7, "B": 5, "W": 52, "MS": 12, "QS": 4, "YS": 1}
USUAL_HORIZON: dict[Frequency, int] = {
    "H": 48, "D": 14, "B": 10, "W": 13, "MS": 18, "QS": 8, "YS": 6, "observations": 10,
}  # fmt: skip
"""Those of the M4 competition (Makridakis, Spiliotis, Assimakopoulos 2020); ten weekdays, and ten observations."""
MIN_SHARE = 0.6
"""The share of the steps that must be of one frequency."""
MIN_SEASONALITY = 0.3
"""The autocorrelation of changes, a season apart, from which a season is seen."""


@dataclass(frozen=True, kw_only=True)
class SeriesProposal:
    """A first description of a file of series.

    Attributes
    ----------
    table : for `frame`.
    frame : the file, or its melted form: a row for each value.
    is_melted : whether it is another than the file.
    doubts : what a person should check first.
    assumed : what was read from the values.
    """

    table: Table
    frame: pd.DataFrame
    is_melted: bool
    doubts: tuple[str, ...]
    assumed: tuple[str, ...]


def propose_series(frame: pd.DataFrame, *, name: str, target: str | None = None) -> SeriesProposal:
    """Describe a file of series: long, with a column or a row for each series, or with one series alone.

    Parameters
    ----------
    frame : as read from a file.
    name : of the table.
    target : the column of the values, of a long file; it may be left out where only one column can be it.

    Raises TableError if the file cannot be read so, with what to change.
    """
    names = [str(column) for column in frame.columns]
    if target is not None and target not in names:
        raise TableError(f"the file has no column {target!r}; it has {', '.join(names) or 'none'}")
    wide = wide_file(frame) if target is None else None
    long = frame if wide is None else wide.melted()
    facts = [ColumnFacts(str(column), long[column], typical_row=0) for column in long.columns]
    order, key = _order_and_key(facts, long, target)
    value = _value(facts, [order, key], target)
    columns = tuple(_column(seen, value=value, order=order, key=key) for seen in facts)
    plain = Table(name=name, columns=columns, series=SeriesSpec(horizon=1))
    found = _histories(long, plain)
    spec, doubts, assumed = _settings(found, long, plain)
    if wide is not None:
        assumed = [f"{len(found):,} series, melted to one row for each value", *assumed]
    table = dataclasses.replace(plain, series=spec)
    return SeriesProposal(
        table=table, frame=long, is_melted=wide is not None, doubts=tuple(doubts), assumed=tuple(assumed)
    )


def series_question(table: Table, frame: pd.DataFrame) -> str:
    """A question to the user where the rows may be values of series, one for each name and step; else empty."""
    if table.target.kind != "number" or table.time is None or len(frame) == 0:
        return ""
    try:
        proposal = propose_series(frame, name=table.name, target=table.target.name)
    except (TableError, BadRowsError):
        return ""
    spec, key = proposal.table.series, proposal.table.series_column
    n_series = 1 if key is None else frame[key.name].nunique()
    if spec is None or spec.frequency == "observations" or len(frame) < 8 * n_series:
        return ""
    of_whom = f"each {key.name!r}" if key else "the file"
    return (
        f"{of_whom} has one value of {table.target.name!r} for {STEP_WORDS[spec.frequency]}. To forecast what comes "
        "next, add --series"
    )


def _order_and_key(facts: list[ColumnFacts], frame: pd.DataFrame, target: str | None) -> tuple[str | None, str | None]:
    """The columns of time or position, and of names, by which every row is another moment of a series."""
    others = [seen for seen in facts if seen.name != target and not seen.is_empty.any()]
    orders = [seen.name for seen in others if _is_time(seen)] or [seen.name for seen in others if _is_position(seen)]
    keys = [seen.name for seen in others if seen.name not in orders and _is_name(seen)]
    for order in orders:
        for key in (None, *keys):
            if not frame.duplicated([order] if key is None else [order, key]).any():
                return order, key
    if orders:
        raise TableError(
            f"several rows have the same {' and '.join(map(repr, [orders[0], *keys[:1]]))}, and no column tells their "
            "series apart; join the columns that name a series to one, or remove rows that repeat"
        )
    if doubted := [seen for seen in others if seen.time_doubt]:
        raise TableError(
            f"the times in {doubted[0].name!r} are in doubt: {doubted[0].time_doubt}; write ISO 8601 (2024-12-31)"
        )
    return None, next((name for name in keys if frame[name].nunique() <= len(frame) / 2), None)


def _is_time(seen: ColumnFacts) -> bool:
    """A time, or a whole number that is a year."""
    if seen.is_time:
        return True
    years = seen.is_number and seen.is_whole and seen.n_distinct > 1
    return bool(years and "year" in seen.words and seen.numbers.min() >= 1678 and seen.numbers.max() < 2262)


def _is_position(seen: ColumnFacts) -> bool:
    """A whole number from 0 or 1 on that names a step."""
    if not (seen.is_number and seen.is_whole) or len(seen.present) == 0:
        return False
    least, most = float(seen.numbers.min()), float(seen.numbers.max())
    return seen.n_distinct > 1 and least in (0, 1) and seen.n_distinct == most - least + 1


def _is_name(seen: ColumnFacts) -> bool:
    """Texts or codes that repeat; a number with fractions is none."""
    return 1 < seen.n_distinct <= len(seen.present) / 2 and (seen.is_whole or not seen.is_number)


def _value(facts: list[ColumnFacts], taken: list[str | None], target: str | None) -> str:
    """The column of the values."""
    if target is not None:
        return target
    numbers = [seen.name for seen in facts if seen.is_number and seen.name not in taken and len(seen.present)]
    if len(numbers) == 1:
        return numbers[0]
    held = f"{len(numbers)} columns of numbers ({', '.join(numbers[:8])})" if numbers else "no column of numbers"
    raise TableError(f"the file has {held}; name the one with the values of the series by --target")


def _column(seen: ColumnFacts, *, value: str, order: str | None, key: str | None) -> Column:
    words = f"{seen.name}; observed: {seen.n_distinct} different values"
    if seen.name == value:
        if not seen.is_number or not len(seen.present):
            raise TableError(f"the column {value!r} holds no numbers; name the one with the values by --target")
        return Column(name=value, kind="number", role="target", description=words, whole=seen.is_whole)
    example = str(seen.present.iloc[0]) if len(seen.present) else None
    if seen.name == order and _is_time(seen):
        form = seen.time_format if seen.is_time else "%Y"
        return Column(name=seen.name, kind="time", role="time", description=words, format=form, example=example)
    if seen.name == order:
        return Column(name=seen.name, kind="number", role="position", whole=True, description=words)
    if seen.name == key:
        return Column(name=seen.name, kind="key", role="series", description=words, example=example)
    kind = "number" if seen.is_number and len(seen.present) else "text"
    return Column(name=seen.name, kind=kind, role="ignore", description=words, optional=bool(seen.is_empty.any()))  # type: ignore[arg-type]


def _histories(frame: pd.DataFrame, table: Table) -> list[History]:
    checked, problems = check_frame(table, frame, training=True)
    if problems:
        raise BadRowsError("the file", problems)
    return histories(checked, table, "the file")


def _settings(found: list[History], frame: pd.DataFrame, table: Table) -> tuple[SeriesSpec, list[str], list[str]]:
    """The settings, what is doubtful, and what was assumed."""
    frequency, doubts = _frequency(found)
    if frequency != "observations":
        tried = dataclasses.replace(table, series=SeriesSpec(horizon=1, frequency=frequency))
        try:
            _histories(frame, tried)
        except BadRowsError as error:
            doubts.append(f"frequency = 'observations', since {frequency!r} breaks at {error.problems[0]}")
            frequency = "observations"
    lengths = np.array([len(history) for history in found])
    season, seen = _season(found, frequency)
    if season > 1 and not seen:
        doubts.append(f"season = {season} is usual for this frequency, but not seen in the values; 1 for none")
    horizon = max(1, min(USUAL_HORIZON[frequency], int(np.median(lengths)) // 3))
    doubts.append(f"horizon = {horizon} is a usual one; set it to what you need")
    values = np.concatenate([history.values for history in found])
    doubts += _doubts_of_values(values)
    counts = bool((values >= 0).all() and (values == np.floor(values)).all() and (values > 0).any())
    steps = "" if frequency == "observations" else f", a step is {STEP_WORDS[frequency]}"
    assumed = [
        f"{len(found):,} series of {lengths.min():,} to {lengths.max():,} values{steps}, season = {season}",
        *(["floor = 0, since all values are whole numbers from 0 on"] if counts else []),
    ]
    spec = SeriesSpec(horizon=horizon, frequency=frequency, season=season, floor=0.0 if counts else None)
    return spec, doubts, assumed


def _frequency(found: list[History]) -> tuple[Frequency, list[str]]:
    """The frequency of most steps."""
    times = [history.times for history in found if history.times is not None]
    if not times:
        return "observations", []
    kinds = np.concatenate([step_kinds(of) for of in times])
    if len(kinds) == 0:
        return "observations", ["frequency = 'observations', since no series has two times"]
    counts = np.bincount(kinds[kinds >= 0], minlength=len(STEPS)) / len(kinds)
    place = int(counts.argmax())
    if counts[place] < MIN_SHARE:
        return "observations", [f"frequency = 'observations', since only {counts[place]:.0%} of the steps are alike"]
    if STEPS[place] == "D" and not np.concatenate([on_weekend(of) for of in times]).any() and len(kinds) >= 5:
        return "B", []
    return STEPS[place], []


def _season(found: list[History], frequency: Frequency) -> tuple[int, bool]:
    """The season, and whether it is seen; one that is only usual needs two seasons of values."""
    candidates = sorted(set(USUAL_SEASON.values()) - {1}) if frequency == "observations" else [USUAL_SEASON[frequency]]
    seen = {season: _seasonality(found, season) for season in candidates if season > 1}
    best = max(seen, key=lambda season: seen[season], default=1)
    if best > 1 and seen[best] >= MIN_SEASONALITY:
        return best, True
    is_usual = frequency not in ("observations", "B") and np.median([len(one) for one in found]) >= 2 * best
    return (best, False) if is_usual and best > 1 else (1, False)


def _seasonality(found: list[History], season: int) -> float:
    """The median autocorrelation of changes a season apart; -1 if no series has more than three seasons."""
    long = [np.diff(one.values) for one in found if len(one) > 3 * season]
    return float(np.median([_autocorrelation(changes, season) for changes in long])) if long else -1.0


def _autocorrelation(changes: Floats, lag: int) -> float:
    changes = changes - changes.mean()
    total = float(changes @ changes)
    return float(changes[lag:] @ changes[:-lag]) / total if total > 0 else 0.0


def _doubts_of_values(values: Floats) -> list[str]:
    """Zeros far below all other values may stand for no value."""
    positive = values[values > 0]
    n_zeros = int((values == 0).sum())
    if n_zeros and len(positive) + n_zeros == len(values) and positive.min() > 0.05 * np.median(positive):
        least = in_digits(float(positive.min()))
        return [f"{n_zeros:,} values are 0 and all others at least {least}: if 0 means no value, set missing = [0]"]
    return []
