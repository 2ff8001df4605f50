"""Wording of values and reasons, from the descriptions of columns."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from data.column import Column, level_text


def spoken(column: Column, value: Any) -> str:
    """A value in words: what a level means, a number with its unit, "not given" for None."""
    if value is None:
        return "not given"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M}"
    if (text := level_text(value)) in column.meanings:
        return column.meanings[text]
    if column.kind == "flag":
        number = column.flag_values.get(str(value))
        return str(value) if number is None else "yes" if number else "no"
    if column.unit == "share":
        return f"{value * 100:.4g} %"
    if column.kind == "number":
        text = f"{value:,.6g}" if isinstance(value, float) else f"{value:,}"
    unit = column.unit.removesuffix("s") if value == 1 else column.unit  # "1 month"
    return f"{text} {unit}".rstrip()


def without_unit(column: Column, value: float) -> str:
    """A number without its unit; shares keep their percent sign."""
    return spoken(column if column.unit == "share" else replace(column, unit=""), value)


def percent(share: float) -> str:
    """A share as percent, with a space that does not break: two digits below ten percent, one decimal above."""
    if 0 < share < 1e-4:
        return "< 0.01\N{NO-BREAK SPACE}%"
    return f"{share * 100:.2g}\N{NO-BREAK SPACE}%" if share < 0.1 else f"{share * 100:.1f}\N{NO-BREAK SPACE}%"


def label(column: Column) -> str:
    """Short label of a column: its description up to the first colon or semicolon."""
    return column.description.split(";")[0].split(":")[0].rstrip(".") or column.name


def comparison(column: Column, value: Any, reference: Any) -> str:
    """A value and that of the reference row, without a judgement."""
    return f"{label(column)}: {spoken(column, value)}, typically {spoken(column, reference)}"


def reason_sentence(column: Column, value: Any, reference: Any) -> str:
    """The reason for a column's adverse contribution: the table's sentence for such a value, or a plain comparison.

    Parameters
    ----------
    value, reference : of the row and of the reference row, None if missing.
    """
    template = next((column.reasons[key] for key in _keys(column, value, reference) if key in column.reasons), None)
    if template is None:
        return comparison(column, value, reference)
    return template.format(value=spoken(column, value), reference=spoken(column, reference))


def _keys(column: Column, value: Any, reference: Any) -> list[str]:
    """The keys of applicable sentences, the most specific first."""
    if value is None:
        return ["missing"]
    keys = [level_text(value)]
    if column.kind == "flag":
        keys += [text for text, number in column.flag_values.items() if number == column.flag_values.get(str(value))]
    if column.kind == "number" and reference is not None and value != reference:
        keys.append("above" if value > reference else "below")
    return [*keys, "any"]
