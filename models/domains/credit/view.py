"""View of a credit answer: points on their scale, and the scorecard as a waterfall."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from data.sentences import label, percent
from models.answers.default_view import reasons_part, tone_of
from models.contract import LiveModel
from models.contract.views import Part, Scale, View, log_odds, strongest, waterfall, zoned
from models.domains.credit.policy import CreditPolicy


def credit_view(live: LiveModel, given: Mapping[str, Any]) -> View:
    """Points between the cut-offs, and each column's contribution relative to the typical accepted applicant."""
    policy, answer = live.policy, given["answer"]
    assert isinstance(policy, CreditPolicy)  # noqa: S101 - a domain's models come with the domain's policy
    points, scorecard, decision = answer["points"], answer["scorecard"], answer["decision"]
    texts = {share["column"]: share["text"] for share in given["shares"]}
    steps = [(label(live.table[name]), texts.get(name, ""), float(n)) for name, n in scorecard["shares"].items()]
    base = scorecard["base"]
    return View(
        title=f"{points} points",
        decision=decision,
        tone=tone_of(live, decision),
        parts=[
            Part(
                text=f"Probability of default {percent(answer['probability_of_default'])}.",
                scale=_points_scale(policy, points, decision),
            ),
            reasons_part(answer),
            Part(
                title=f"Score breakdown (baseline {base} → {points})",
                text=f"The baseline is the typical applicant of {scorecard['reference']}.",
                bars=waterfall(base, strongest(steps), 0, more_is="good"),
            ),
        ],
    )


def _points_scale(policy: CreditPolicy, points: int, decision: str) -> Scale:
    good = policy.base_odds / (1 + policy.base_odds)  # probability of a good outcome at the base odds
    decline, approve = (
        policy.base_points - policy.points_per_log_odds * (log_odds(p) + log_odds(good))
        for p in (policy.decline_from, policy.approve_below)
    )
    room = 3 * policy.points_to_double_odds
    low, high = min(decline - room, points - 10), max(approve + room, points + 10)
    return zoned(
        low, high,
        [(decline, "decline", "bad"), (approve, "refer", "middle"), (high, "approve", "good")],
        [(decline, f"{decline:.0f}"), (approve, f"{approve:.0f}")],
        (points, f"{points} points"),
        f"{points} points, {decision}: decline below about {decline:.0f}, approve from about {approve:.0f}",
    )  # fmt: skip
