"""Reasons: the columns that pushed a score up most, in words."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from data.table import Column
from models.contract import Live, Reason, Row
from models.encoding import Features


def strongest_reasons(live: Live, row: Row, x: Features, *, n_most: int = 4) -> list[Reason]:
    """Up to `n_most` columns with the largest share in the log-odds above those of the reference row, largest first.

    Parameters
    ----------
    row, x : the row as it was asked about, and encoded, of shape (n_features,).
    """
    shares = live.scorer.shares(x)
    names = live.scorer.column_names
    reasons = []
    for i in shares.argsort()[::-1][:n_most]:
        if shares[i] <= 0:
            break
        column = live.table[names[i]]
        value, typical = row.get(column.name), live.scorer.reference_row[column.name]
        reasons.append(
            Reason(
                column=column.name,
                text=_sentence(column, value, typical),
                value=value,
                typical=typical,
                effect=float(shares[i]),
            )
        )
    return reasons


def _sentence(column: Column, value: Any, typical: Any) -> str:
    label = column.description.split(";")[0].rstrip(".") or column.name
    return f"{label}: {_spoken(column, value)}, typically {_spoken(column, typical)}"


def _spoken(column: Column, value: Any) -> str:
    if value is None:
        return "not given"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M}"
    if isinstance(value, float):
        value = f"{value:,.6g}"
    return f"{value} {column.unit}".rstrip()
