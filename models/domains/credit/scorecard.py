"""The credit answer: probability, points, decision, and the scorecard that breaks the points down."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from pydantic import BaseModel, Field

from models.answers.reasons import strongest_reasons
from models.arrays import Floats
from models.contract import Answer, LiveModel, Reason, Row
from models.domains.credit.policy import CreditPolicy, Decision
from models.encoding import Features


class CreditReason(Reason):
    """A reason with its contribution in points."""

    points: int = Field(description="Points the column cost, as in the scorecard; negative or 0.")


class Scorecard(BaseModel):
    """Breakdown of the points: base and shares add up to them exactly."""

    reference: str = Field(description="Reference group, whose typical applicant the shares compare with.")
    base: int = Field(description="Points of that applicant.")
    shares: dict[str, int] = Field(description="Points contributed by each column (negative: cost), in table order.")


class CreditAnswer(Answer):
    """The answer to one applicant."""

    probability_of_default: float = Field(ge=0, le=1, description="Calibrated.")
    points: int = Field(description="Score on the PDO scale; higher is safer.")
    decision: Decision
    reasons: list[CreditReason] = Field(
        default_factory=list, description="Columns that cost most points, largest first."
    )
    scorecard: Scorecard | None = Field(
        None, description="Breakdown of the points by column; included with the reasons."
    )


def explain(live: LiveModel, row: Row, x: Features, decided: Mapping[str, Any]) -> dict[str, Any]:
    """The scorecard, and up to four columns that raised the probability of default most, with their points."""
    policy = live.policy
    assert isinstance(policy, CreditPolicy)  # noqa: S101 - a domain's models come with the domain's policy
    explained = live.classifier.explain(x)
    base, points = policy.points(np.array([explained.base, explained.log_odds]))
    in_points = whole_shares(-policy.points_per_log_odds * explained.shares, points - base)
    scorecard = Scorecard(
        reference=live.classifier.background.reference_group,
        base=base,
        shares=dict(zip(live.classifier.column_names, in_points, strict=True)),
    )
    return {
        "reasons": [
            CreditReason(**dict(reason), points=scorecard.shares[reason.column])
            for reason in strongest_reasons(live, row, x, explained.shares)
        ],
        "scorecard": scorecard,
    }


def whole_shares(shares: Floats, total: int) -> list[int]:
    """Round shares so that they add up to `total`, by the largest-remainder (Hamilton) method.

    Each moves by less than 1 if `total` is within 1 of their sum.
    """
    lower = np.floor(shares)
    each, n_up = divmod(total - int(lower.sum()), len(shares))
    up = np.argsort(lower - shares, kind="stable")[:n_up]
    lower[up] += 1
    return [int(share) for share in lower + each]
