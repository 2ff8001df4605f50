"""What a policy decides about the rows of a frame."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from models.contract import LiveModel

Decisions: TypeAlias = npt.NDArray[np.object_]

_ROWS_AT_ONCE = 65_536
"""Bounds the memory of the encoded rows."""


def decisions_on(live: LiveModel, frame: pd.DataFrame) -> Decisions:
    """One decision a row of a checked frame; empty for a domain whose answer to a row is none."""
    decisions: list[str] = []
    for start in range(0, len(frame), _ROWS_AT_ONCE):
        rows = frame.iloc[start : start + _ROWS_AT_ONCE]
        X = live.scorer.encoder.transform(rows)
        decisions += live.domain.decide(live.scorer, live.policy, X, rows).get("decision", [])
    return np.array(decisions, dtype=object)
