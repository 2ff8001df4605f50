"""Groups of rows by a column, in words: by protected ones above all, whether or not a model may read them."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from data.sentences import spoken
from data.spellings import number_codes, text_codes
from data.table import Column, Table, level_text

NOT_GIVEN = "not given"
"""The group of the rows in which the column holds nothing, or a code for that."""

MIN_ROWS = 30
"""A share among fewer rows says little: its 95 % interval is wider than 0.3 around one half."""


def groups_of(table: Table, frame: pd.DataFrame) -> dict[str, pd.Series[Any]]:
    """The group of each row, for each protected column that the frame has, in the table's order.

    Numbers are put in bands (ages and others in years in those of ten years, the rest in quartiles of these rows),
    times in decades; all others are grouped by level, in words. A level that the table does not list is a group of its
    own, and its name says so.

    Parameters
    ----------
    frame : rows as `data.checking.check_frame` gives them.

    Returns
    -------
    a categorical series with the frame's index for each column; its categories are the groups that occur, in order.
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
    """20-29, 30-39, ...; a fraction of a year does not count."""
    decades = np.floor(years / 10)
    labels = {first: f"{10 * first:.0f}-{10 * first + 9:.0f}" for first in sorted(decades.dropna().unique())}
    return _labelled(decades.map(labels), list(labels.values()))


def _by_quartile(numbers: pd.Series[Any]) -> pd.Series[Any]:
    """Up to four bands of about as many rows; fewer where many rows hold the same number."""
    if numbers.isna().all():
        return _labelled(numbers.astype(object), [])
    edges = np.unique(np.quantile(numbers.dropna(), [0.25, 0.5, 0.75]))
    texts = [f"{edge:,.6g}" for edge in edges]
    between = [f"above {low} to {high}" for low, high in pairwise(texts)]
    labels = [f"up to {texts[0]}", *between, f"above {texts[-1]}"]
    bands = pd.Series(np.array(labels, object)[np.searchsorted(edges, numbers)], index=numbers.index)
    return _labelled(bands.mask(numbers.isna()), labels)


def _by_level(column: Column, values: pd.Series[Any]) -> pd.Series[Any]:
    """One group for each level, the table's order first; levels with the same meaning are one group."""
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
    """The groups as categories in the order of `labels`, rows without one last."""
    dtype = pd.CategoricalDtype([*dict.fromkeys(labels), NOT_GIVEN], ordered=True)
    return groups.astype(object).fillna(NOT_GIVEN).astype(dtype)
