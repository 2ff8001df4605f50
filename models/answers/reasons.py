"""Reasons: the columns that pushed a score up most, in words, relative to a reference group."""

from __future__ import annotations

import numpy as np
import pandas as pd

from data.column import Column
from data.sentences import reason_sentence
from models.arrays import Floats
from models.contract import Domain, LiveModel, Policy, Reason, Row
from models.encoding import Features
from models.estimators.table_classifier import MAX_BACKGROUND_ROWS, TableClassifier
from models.estimators.table_scorer import TableScorer


def refer_to_accepted(domain: Domain, scorer: TableScorer, policy: Policy, frame: pd.DataFrame) -> None:
    """Make the checked rows with the favourable decision the reference group of reasons; no-op if there are none."""
    if not domain.favourable or not isinstance(scorer, TableClassifier):
        return
    frame = frame.iloc[:: -(-len(frame) // MAX_BACKGROUND_ROWS)]
    decisions = domain.decide(policy, scorer.frame_scores(frame), frame, scorer.table)["decision"]
    accepted = frame[np.array(decisions) == domain.favourable]
    if len(accepted):
        scorer.refer_to(accepted, domain.accepted)


def strongest_reasons(live: LiveModel, row: Row, x: Features, shares: Floats, *, n_most: int = 4) -> list[Reason]:
    """Up to `n_most` columns with the largest positive contribution to the log-odds, largest first.

    Parameters
    ----------
    row, x : the row, raw and encoded.
    shares : of each column, see `TableClassifier.shares`.
    """
    scorer = live.classifier
    columns, held = scorer.columns, {**row, **scorer.derived_values(x)}
    # A date tells nobody what to do otherwise, and "2024-07-01, typically 2023-06-25" is no reason
    ranked = [i for i in shares.argsort()[::-1].tolist() if shares[i] > 0 and columns[i].kind != "time"]
    strongest = ranked[:n_most]
    return [reason(columns[i], held, scorer.reference_row, float(shares[i])) for i in strongest]


def reason(column: Column, held: Row, reference_row: Row, share: float) -> Reason:
    """The reason text of one column.

    Parameters
    ----------
    held, reference_row : values of the row and of the reference row, by column name.
    share : contribution of the column to the log-odds.
    """
    value, typical = held.get(column.name), reference_row[column.name]
    text = reason_sentence(column, value, typical)
    return Reason(column=column.name, text=text, value=value, typical=typical, effect=share)
