"""The answer to an applicant: probability, points, decision, and a scorecard that says where the points come from."""

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
    """A reason with its share in points."""

    points: int = Field(description="The column's line of the scorecard: points that it cost; negative or 0.")


class Scorecard(BaseModel):
    """Where the points come from: base and shares add up to them, without a remainder."""

    reference: str = Field(description="Whose typical applicant the shares compare with.")
    base: int = Field(description="Points of that applicant.")
    shares: dict[str, int] = Field(description="Points that each column added (or took, negative), the table's order.")


class CreditAnswer(Answer):
    """The answer to one applicant."""

    probability_of_default: float = Field(ge=0, le=1, description="Calibrated.")
    points: int = Field(description="Score on the PDO scale; higher is safer.")
    decision: Decision
    reasons: list[CreditReason] = Field(default_factory=list, description="What cost most points, most first.")
    scorecard: Scorecard | None = Field(None, description="Every column's share in the points; given with the reasons.")


def explain(live: LiveModel, row: Row, x: Features, decided: Mapping[str, Any]) -> dict[str, Any]:
    """The scorecard, and up to four columns that raised the probability of default most, with their points in it."""
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
    """Round shares so that they add up to `total`: down first, then up where the most was cut off (Hamilton's method).

    Each ends less than 1 from where it was, as long as `total` is within 1 of their sum.
    """
    lower = np.floor(shares)
    each, n_up = divmod(total - int(lower.sum()), len(shares))
    up = np.argsort(lower - shares, kind="stable")[:n_up]
    lower[up] += 1
    return [int(share) for share in lower + each]
