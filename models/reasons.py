"""Reasons: the columns that pushed a score up most, in words."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from data.table import Column
from models.contract import Live, Reason, Row
from models.encoding import Features
from models.scoring import Floats


def reasons_alone(live: Live, row: Row, x: Features) -> dict[str, list[Reason]]:
    """The account of a domain that gives reasons and nothing else; see `models.contract.Domain`."""
    return {"reasons": strongest_reasons(live, row, live.scorer.shares(x))}


def strongest_reasons(live: Live, row: Row, shares: Floats, *, n_most: int = 4) -> list[Reason]:
    """Up to `n_most` columns with the largest share in the log-odds above those of the reference row, largest first.

    Parameters
    ----------
    row : as it was asked about.
    shares : of each column, see `TableClassifier.shares`.
    """
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
