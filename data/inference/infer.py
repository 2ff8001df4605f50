"""Inference of an initial table description, for a person to review and edit.

It describes what was observed and decides only what the values show. The rest (bounds, units, directions, protected
columns) is left to the person.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pandas as pd

from data.column import Column, Scalar, level_text
from data.errors import TableError
from data.inference.column_facts import ColumnFacts
from data.inference.messages import described_message, message_column
from data.inference.pixels import pixel_columns
from data.spellings import FLAG_WORDS, MAX_CHARACTERS
from data.table import Table

MAX_LEVELS = 50
"""Maximum of listed levels; a text column with more is a category only if there are many more rows than levels."""
MAX_INTENTS = 1000
"""Maximum of levels of what messages are about."""

_POSITIVE_WORDS = ("yes", "true", "bad", "default", "defaulted", "fraud", "fraudulent", "churned", "clicked")
_ID_WORDS = {"id", "ids", "uuid", "guid", "key", "identifier"}
_BIRTH_WORDS = {"birth", "birthday", "birthdate", "dob"}
_NEARLY_ALL = 0.95
_MIN_ROWS_FOR_IDS = 20
_MIN_ROWS_FOR_LEAKS = 100


def infer_table(frame: pd.DataFrame, *, name: str, target: str) -> Table:
    """Describe the columns of a frame by their values.

    Parameters
    ----------
    frame : rows as read from a file; numbers, times and flags in text columns are recognised.
    name : of the table.
    target : the column to predict. If it has two values, one becomes `positive`: the true one of a flag, else the one
        that names an event ("bad", "default"), else the rarer one.

    Raises
    ------
    TableError : the target is missing, constant or cannot be predicted; no column can be an input; a column is
        duplicate or holds structures.
    """
    names = [str(column) for column in frame.columns]
    if target not in names:
        raise TableError(f"the file has no column {target!r}; it has {', '.join(names) or 'none'}")
    typical = _typical_row(frame)
    facts = [ColumnFacts(names[i], frame.iloc[:, i], typical_row=typical) for i in range(len(names))]
    pixels = pixel_columns([seen for seen in facts if seen.name != target])
    message = message_column(facts, facts[names.index(target)])
    known = pixels if message is None else {message.name: described_message(message)}
    max_levels = MAX_LEVELS if message is None else MAX_INTENTS
    columns = [
        _target(seen, of_pictures=bool(pixels), max_levels=max_levels)
        if seen.name == target
        else known.get(seen.name) or _input(seen)
        for seen in facts
    ]
    columns = _without_leaks(columns, facts, facts[names.index(target)])
    return Table(name=name, columns=tuple(_with_row_time(columns, facts)))


def _typical_row(frame: pd.DataFrame) -> int:
    """Position of the most complete row among the first thousand."""
    n_empty = frame.head(1000).isna().sum(axis=1).to_numpy()
    return int(np.argmin(n_empty)) if len(n_empty) else 0


def _input(seen: ColumnFacts) -> Column:
    """The description of any column but the target."""
    described: dict[str, Any] = {"name": seen.name, "optional": bool(seen.is_empty.any()), **_kind(seen)}
    empty = f"; {seen.is_empty.mean():.1%} of the rows are empty" if described["optional"] else ""
    described["description"] = described["description"] + empty
    if described.get("role") != "ignore":
        described["example"] = _example(seen, described)
    return Column(**described)


def _kind(seen: ColumnFacts) -> dict[str, Any]:
    """Kind, role and description of a column, with levels where it has few."""
    if seen.n_distinct < 2:
        held = _shortened(seen.counts.index[0]) if seen.n_distinct else "empty"
        return {"kind": "text", "role": "ignore", "description": f"Always {held}"}
    if (levels := _flag_levels(seen)) is not None:
        return {"kind": "flag", "levels": levels, "description": _observed(seen, _shares(seen))}
    if _is_row_id(seen):
        return {"kind": "key", "role": "ignore", "description": "An ID: differs in (nearly) every row"}
    if seen.is_time or seen.time_doubt:
        return _kind_of_times(seen)
    return _kind_of_numbers(seen) if seen.is_number else _kind_of_texts(seen)


def _observed(seen: ColumnFacts, values: str) -> str:
    """An initial description: the name, for a person to replace, then the observed values."""
    return f"{seen.name}; observed: {values}"


def _kind_of_times(seen: ColumnFacts) -> dict[str, Any]:
    if seen.time_doubt:
        words = f"Dates in doubt: {seen.time_doubt}; set kind = 'time' and format = '...'"
        return {"kind": "text", "role": "ignore", "description": words}
    span = f"{seen.times.min().isoformat()} to {seen.times.max().isoformat()}"
    words = _observed(seen, f"{span}, {seen.n_distinct} different times")
    return {"kind": "time", "format": seen.time_format, "description": words}


def _kind_of_numbers(seen: ColumnFacts) -> dict[str, Any]:
    if seen.is_whole and (seen.words & _ID_WORDS or seen.has_long_numbers):
        return _kind_of_names(seen)
    finite = seen.numbers[np.isfinite(seen.numbers)]
    span = f"{finite.min():g} to {finite.max():g}, " if len(finite) else ""
    words = _observed(seen, f"{span}{seen.n_distinct} different values")
    return {"kind": "number", "whole": seen.is_whole, "description": words}


def _kind_of_texts(seen: ColumnFacts) -> dict[str, Any]:
    texts = seen.counts.index
    max_words = 5
    if seen.longest > MAX_CHARACTERS or np.median([len(text.split()) for text in texts[:1000]]) > max_words:
        return {"kind": "text", "role": "ignore", "description": f"Free text, such as {_shortened(texts[0])}"}
    return _kind_of_names(seen)


def _kind_of_names(seen: ColumnFacts) -> dict[str, Any]:
    """Names: a category if there are few, else a key."""
    always_few, max_levels, max_share_of_rows = 10, 1000, 0.05
    repeats = seen.n_distinct <= always_few or seen.share_distinct <= 1 / 2
    if seen.n_distinct <= MAX_LEVELS and repeats:
        return {"kind": "category", "levels": _sorted_levels(seen), "description": _observed(seen, _shares(seen))}
    few = seen.n_distinct <= min(max_levels, max_share_of_rows * seen.n_rows) and not seen.words & _ID_WORDS
    words = _observed(seen, f"{seen.n_distinct} different values")
    return {"kind": "category" if few else "key", "whole": seen.is_number and seen.is_whole, "description": words}


def _is_row_id(seen: ColumnFacts) -> bool:
    """Whether the values only identify rows: a named id, a row number, or unique texts."""
    if seen.words & _ID_WORDS and (seen.is_whole if seen.is_number else seen.is_text):
        return seen.share_distinct >= _NEARLY_ALL
    if seen.share_distinct < 1 or seen.n_rows < _MIN_ROWS_FOR_IDS or seen.is_time:
        return False
    if seen.is_number:
        return seen.is_whole and bool((np.diff(seen.numbers) == 1).all())
    return bool(_kind_of_texts(seen)["kind"] != "text")


def _flag_levels(seen: ColumnFacts) -> tuple[str, ...] | None:
    """The false and the true spelling of a flag, () for the default 0 and 1; None if the column is not a flag."""
    for false, true in FLAG_WORDS if seen.n_distinct == 2 else ():
        spelled = sorted(seen.counts.index, key=lambda text: text.lower() == true)
        if [text.lower() for text in spelled] == [false, true]:
            return () if false == "0" else tuple(spelled)
    return None


def _sorted_levels(seen: ColumnFacts) -> tuple[str, ...]:
    """All levels, whole numbers in numeric order."""
    texts = seen.counts.index.tolist()
    return tuple(sorted(texts, key=float if seen.is_number and seen.is_whole else str))


def _shares(seen: ColumnFacts) -> str:
    """The most frequent values with their shares of the non-empty rows."""
    shown = [f"{_shortened(text)} {count / len(seen.present):.1%}" for text, count in seen.counts.head(3).items()]
    return ", ".join(shown) + (", ..." if seen.n_distinct > len(shown) else "")


def _shortened(text: Any) -> str:
    max_shown = 40
    return repr(text if len(text) <= max_shown else text[:max_shown] + "...")


def _example(seen: ColumnFacts, described: dict[str, Any]) -> Scalar:
    """The typical value as a request spells it."""
    value = seen.present.loc[seen.typical_row]
    match described["kind"]:
        case "number" if not np.isfinite(float(value)):
            return 0
        case "number":
            return int(level_text(value)) if described["whole"] else float(value)
        case "flag" if not described["levels"]:
            return level_text(value) == "1"
        case "time":
            return str(seen.times.loc[seen.typical_row].isoformat())
    return level_text(value)


def _target(seen: ColumnFacts, *, of_pictures: bool, max_levels: int) -> Column:
    """The description of the column to predict; a few whole numbers beside pictures are what these show."""
    if seen.n_distinct < 2:
        held = f"holds only {_shortened(seen.counts.index[0])}" if seen.n_distinct else "is empty"
        raise TableError(f"the target {seen.name!r} {held}; rows of at least two different values are needed")
    described: dict[str, Any] = {"name": seen.name, "role": "target", "description": _observed(seen, _shares(seen))}
    if (levels := _flag_levels(seen)) is not None:
        return Column(kind="flag", levels=levels, positive=levels[1] if levels else "1", **described)
    if seen.n_distinct == 2 and not seen.is_time and seen.longest <= MAX_CHARACTERS:
        return Column(kind="category", levels=_sorted_levels(seen), positive=_positive(seen), **described)
    are_classes = of_pictures and seen.is_whole and seen.n_distinct <= MAX_LEVELS
    if seen.is_number and not are_classes:
        return Column(kind="number", whole=seen.is_whole, **described)
    if not seen.is_time and seen.n_distinct <= max_levels and seen.longest <= MAX_CHARACTERS:
        return Column(kind="category", levels=_sorted_levels(seen), **described)
    held = "times" if seen.is_time else f"{seen.n_distinct} different texts"
    raise TableError(f"the target {seen.name!r} holds {held}; it must hold numbers or at most {max_levels} levels")


def _positive(seen: ColumnFacts) -> str:
    """The event among two values: the one with such a name, else the rarer one."""
    texts = seen.counts.index.tolist()
    if set(texts) == {"-1", "1"}:
        return "1"
    named = [text for text in texts if text.lower() in _POSITIVE_WORDS]
    return str(named[0] if len(named) == 1 else texts[-1])


def _without_leaks(columns: list[Column], facts: list[ColumnFacts], target: ColumnFacts) -> list[Column]:
    """Ignore columns that leak a two-valued target; they were most likely recorded after the event."""
    checked = list(columns)
    for i, (column, seen) in enumerate(zip(columns, facts, strict=True)):
        if column.role == "feature" and _gives_away(seen, target):
            words = f"Leaks {target.name!r}, so it was most likely recorded afterwards. {column.description}"
            checked[i] = dataclasses.replace(column, role="ignore", description=words)
    any_left = any(column.role == "feature" for column in checked)
    return checked if any_left else columns


def _gives_away(seen: ColumnFacts, target: ColumnFacts) -> bool:
    """Whether each of the column's few values, or its emptiness, occurs with only one value of a two-valued target."""
    if target.n_distinct != 2 or seen.n_rows < _MIN_ROWS_FOR_LEAKS:
        return False
    labels = pd.Series(target.present).reindex(range(seen.n_rows)).astype(object)
    groups = [pd.Series(seen.is_empty)]
    if seen.n_distinct <= MAX_LEVELS:
        groups.append(seen.present.reindex(range(seen.n_rows)).astype(object))
    return any(
        group.nunique(dropna=False) > 1
        and (labels.groupby(group.to_numpy(), dropna=False, sort=False).nunique() <= 1).all()
        for group in groups
    )


def _with_row_time(columns: list[Column], facts: list[ColumnFacts]) -> list[Column]:
    """Give the role `time` to the first time column that is never empty and not constant."""
    min_times = 10
    for i, (column, seen) in enumerate(zip(columns, facts, strict=True)):
        plausible = not column.optional and seen.n_distinct >= min_times and not seen.words & _BIRTH_WORDS
        if column.kind == "time" and column.role == "feature" and plausible:
            return [*columns[:i], dataclasses.replace(column, role="time"), *columns[i + 1 :]]
    return columns
