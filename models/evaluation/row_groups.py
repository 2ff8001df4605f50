"""Named groups of rows by a column, protected ones above all, whether or not a model reads them."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from data.column import Column, level_text
from data.sentences import spoken
from data.spellings import number_codes, text_codes
from data.table import Table

NOT_GIVEN = "not given"
"""Group of the rows whose value is missing."""

MIN_ROWS = 30
"""Minimum rows of a group; with fewer, the 95 % interval of a share near one half is wider than 0.3."""


def groups_of(table: Table, frame: pd.DataFrame) -> dict[str, pd.Series[Any]]:
    """The group of each row, for each protected column that the frame has, in the table's order.

    Numbers are grouped in bands (years by decade, others by quartile), times by decade, other columns by level. A level
    that the table does not list is a group of its own, named as unknown.

    Parameters
    ----------
    frame : rows as returned by `data.checking.check_frame`.

    Returns
    -------
    for each column a categorical series with the frame's index; its categories are the groups that occur, in order.
    """
    return {
        column.name: groups_by(column, frame[column.name])
        for column in table.columns
        if column.protected and column.name in frame.columns
    }


def groups_by(column: Column, values: pd.Series[Any]) -> pd.Series[Any]:
    """The group of each row by one column, see `groups_of`."""
    return _groups(column, values).cat.remove_unused_categories()


def _groups(column: Column, values: pd.Series[Any]) -> pd.Series[Any]:
    match column.kind:
        case "number":
            codes = [code for code in number_codes(column).values() if code is not None]
            numbers = values.mask(values.isin(codes))
            return _by_decade(numbers) if column.unit == "years" else _by_quartile(numbers)
        case "time":
            return _by_decade(values.dt.year)
        case _:
            return _by_level(column, values)


def _by_decade(years: pd.Series[Any]) -> pd.Series[Any]:
    """20-29, 30-39, ...; fractions of a year are ignored."""
    decades = np.floor(years / 10)
    labels = {first: f"{10 * first:.0f}-{10 * first + 9:.0f}" for first in sorted(decades.dropna().unique())}
    return _labelled(decades.map(labels), list(labels.values()))


def _by_quartile(numbers: pd.Series[Any]) -> pd.Series[Any]:
    """Up to four equal-count bands; fewer if many rows have the same number."""
    if numbers.isna().all():
        return _labelled(numbers.astype(object), [])
    edges = np.unique(np.quantile(numbers.dropna(), [0.25, 0.5, 0.75]))
    texts = [f"{edge:,.6g}" for edge in edges]
    between = [f"above {low} to {high}" for low, high in pairwise(texts)]
    labels = [f"up to {texts[0]}", *between, f"above {texts[-1]}"]
    bands = pd.Series(np.array(labels, object)[np.searchsorted(edges, numbers)], index=numbers.index)
    return _labelled(bands.mask(numbers.isna()), labels)


def _by_level(column: Column, values: pd.Series[Any]) -> pd.Series[Any]:
    """One group per level, in the table's order; levels with the same meaning are merged."""
    codes, listed = text_codes(column), [*column.levels] or [*column.flag_values]
    labels = {}
    for value in sorted(values.dropna().unique(), key=lambda value: (_place(listed, value), str(value))):
        text = level_text(value)
        if text not in codes:
            known = text in listed or (column.kind != "flag" and not column.levels)
            labels[value] = spoken(column, value) if known else f"unknown level {text!r}"
    return _labelled(values.map(labels), list(labels.values()))


def _place(listed: list[str], value: object) -> int:
    text = level_text(value)
    return listed.index(text) if text in listed else len(listed)


def _labelled(groups: pd.Series[Any], labels: list[str]) -> pd.Series[Any]:
    """The groups as categories in the order of `labels`, missing last."""
    dtype = pd.CategoricalDtype([*dict.fromkeys(labels), NOT_GIVEN], ordered=True)
    return groups.astype(object).fillna(NOT_GIVEN).astype(dtype)
