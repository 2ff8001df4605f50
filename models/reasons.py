"""Reasons: the columns that pushed a score up most, in words, and whom they compare with."""

from __future__ import annotations

import numpy as np
import pandas as pd

from data.sentences import reason_sentence
from models.contract import Domain, Live, Policy, Reason, Row
from models.scoring import MOST_BACKGROUND_ROWS, Floats, TableClassifier


def refer_to_accepted(domain: Domain, scorer: TableClassifier, policy: Policy, frame: pd.DataFrame) -> None:
    """Let reasons compare with the checked rows that get the favourable decision; nothing changes if none does."""
    if not domain.favourable:
        return
    frame = frame.iloc[:: -(-len(frame) // MOST_BACKGROUND_ROWS)]
    decisions = domain.decide(scorer, policy, scorer.encoder.transform(frame), frame)["decision"]
    accepted = frame[np.array(decisions) == domain.favourable]
    if len(accepted):
        scorer.refer_to(accepted, domain.accepted)


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
