"""Random tables for property tests, and values that fit their columns or do not."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from data.column import Column
from data.table import Table

TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=12)
NAMES = st.one_of(st.sampled_from(["age", "Annual income (EUR)", "a.b", "größe", 'say "x"', "class", "x y\n"]), TEXTS)
LEVELS = st.sampled_from(["a", "b", "no", "yes", "rent", "A11", "3", "x y"])
FLAGS = st.sampled_from([(), ("no", "yes"), ("1", "2"), ("0", "1"), ("false", "true"), ("A192", "A191")])
FINITE = st.floats(-1e6, 1e6)
WHOLE = st.integers(-(10**6), 10**6)


@st.composite
def numbers(draw: st.DrawFn, name: str) -> Column:
    low, high = sorted([draw(FINITE), draw(FINITE)])
    whole, direction = draw(st.booleans()), draw(st.sampled_from([-1, 0, 1]))
    return Column(
        name=name,
        kind="number",
        unit=draw(st.sampled_from(["", "EUR"])),
        minimum=draw(st.sampled_from([None, float(int(low))])),
        maximum=draw(st.sampled_from([None, float(int(high) + 1)])),
        whole=whole,
        missing=tuple(draw(st.lists(st.sampled_from([-1, -999.5, "unknown"]), max_size=2, unique=True))),
        optional=draw(st.booleans()),
        direction=direction,
        ordered_above=draw(st.sampled_from([None, 0.0])) if direction else None,
        actionable=draw(st.booleans()),
        reasons=draw(st.sampled_from([{}, {"0": "none at all", "above": "{value} is more than {reference}"}])),
    )


@st.composite
def others(draw: st.DrawFn, name: str) -> Column:
    kind = draw(st.sampled_from(["category", "flag", "key", "time"]))
    levels: tuple[str, ...] = ()
    if kind == "category":
        levels = tuple(draw(st.lists(LEVELS, max_size=4, unique=True)))
    elif kind == "flag":
        levels = draw(FLAGS)
    return Column(
        name=name,
        kind=kind,
        description=draw(TEXTS),
        levels=levels,
        meanings={level: draw(TEXTS) for level in levels[:2]},
        missing=draw(st.sampled_from([(), ("?",), (9, "never")])),
        optional=draw(st.booleans()),
        protected=draw(st.booleans()),
    )


@st.composite
def tables(draw: st.DrawFn) -> Table:
    """Tables of inputs, at least one."""
    names = draw(st.lists(NAMES, min_size=1, max_size=6, unique=True))
    columns = [draw(st.one_of(numbers(name), others(name))) for name in names]
    return Table(name=draw(st.sampled_from(["credit", "my table-2"])), columns=tuple(columns))


def good_values(column: Column) -> st.SearchStrategy[Any]:
    """Values of a request that fit the column, as JSON spells them."""
    match column.kind:
        case "number":
            low = -(10**7) if column.minimum is None else int(column.minimum)
            high = 10**7 if column.maximum is None else int(column.maximum)
            values: st.SearchStrategy[Any] = st.integers(low, high) | st.integers(low, high).map(float)
            if not column.whole:
                values |= st.floats(low, high)
            values |= st.sampled_from([code for code in column.missing if not isinstance(code, str)] or [float(low)])
        case "flag":
            values = st.sampled_from(column.levels or (True, False, 0, 1))
        case "time":
            values = st.datetimes().filter(lambda time: 1678 <= time.year < 2262).map(lambda time: time.isoformat())
        case _:
            values = st.integers(-(2**63), 2**63) | st.text(st.characters(codec="utf-8"), min_size=1, max_size=200)
    return values | st.none() if column.optional else values


def bad_values(column: Column) -> st.SearchStrategy[Any]:
    """Values of a request that no column of this kind may take."""
    never: list[Any] = [[], {}, [1]] if column.optional else [[], {}, [1], None]
    match column.kind:
        case "number":
            never += [True, False, "1", "", "abc", float("inf"), float("-inf"), float("nan")]
            never += [] if column.minimum is None else [column.minimum - 10**7]
            never += [] if column.maximum is None else [column.maximum + 0.25]
            never += [0.5] if column.whole else []
        case "flag":
            never += [2.5, 7, "", "maybe", float("nan")]
            never += [True, 0, "0"] if column.levels == ("1", "2") else []
        case "time":
            never += [0, 1.5, True, 20240105, "20240105", "2024", "", "yesterday", "2024-13-01", "0001-01-01"]
        case _:
            never += [True, "", "x" * 201, float("nan"), 10**30]
    return st.sampled_from(never)
