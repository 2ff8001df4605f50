"""Reasons: the columns that pushed a score up most, in words."""

from __future__ import annotations

from data.sentences import reason_sentence
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
                text=reason_sentence(column, value, typical),
                value=value,
                typical=typical,
                effect=float(shares[i]),
            )
        )
    return reasons
