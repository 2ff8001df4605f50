"""Policy of pictures: which readings are taken, and which a person checks."""

from __future__ import annotations

from pydantic import Field

from data.table import Table
from models.arrays import Scores
from models.contract import Columns, Policy, Rows

READ, CHECK = "read", "check"


class DigitsPolicy(Policy):
    """How sure a reading has to be, and how usual its picture."""

    sure_from: float = Field(0.9, ge=0, le=1, description="A person checks readings less probable than this.")
    unusual_from: float = Field(
        99.0, ge=0, le=100, description="A person checks pictures from this percentile of unusualness on."
    )


def decide(policy: DigitsPolicy, scores: Scores, rows: Rows, table: Table) -> Columns:
    """The two most probable levels of each picture, how unusual it is, and whether a person checks."""
    probabilities, unusual = scores["probabilities"], scores["unusual"].tolist()
    levels = table.target.levels
    ranked = probabilities.argsort(axis=1)[:, :-3:-1].tolist()
    best = probabilities.max(axis=1).tolist()
    return {
        "reading": [levels[first] for first, _ in ranked],
        "probability": best,
        "second": [levels[second] for _, second in ranked],
        "unusual": unusual,
        "decision": [
            READ if p >= policy.sure_from and strange < policy.unusual_from else CHECK
            for p, strange in zip(best, unusual, strict=True)
        ],
        "probabilities": [dict(zip(levels, row, strict=True)) for row in probabilities.tolist()],
    }
