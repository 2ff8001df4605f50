"""Answers as people want them: a scale with cut-offs, where the score comes from, candidates by value."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from data.sentences import label, spoken
from models.contract import LiveModel
from models.domains.ads.ranking import WhyNot
from models.domains.credit.policy import CreditPolicy
from models.domains.fraud.policy import FraudPolicy
from models.reports.shares import percent
from service.pages.trying.scales import Scale, bars, log_odds, waterfall, zoned

MAX_STEPS = 10
"""Of a waterfall; the smallest are put together."""
Given = Mapping[str, Any]
WHY_NOT: Mapping[WhyNot, str] = {
    "targeting": "is not for this person or context",
    "paused": "its campaign is paused",
    "frequency cap": "the person has seen it as often as the policy allows",
    "reserve": "is worth less than the policy's reserve",
}


def credit_answer(live: LiveModel, given: Given) -> dict[str, Any]:
    """Points on their scale, and what each column added to those of the typical accepted applicant."""
    policy, answer = live.policy, given["answer"]
    assert isinstance(policy, CreditPolicy)  # noqa: S101 - a domain's models come with the domain's policy
    points, scorecard = answer["points"], answer["scorecard"]
    notes = {share["column"]: share["text"] for share in given["shares"]}
    steps = [(_label(live, name), notes.get(name, ""), float(n)) for name, n in scorecard["shares"].items()]
    return {
        "scale": _points_scale(policy, points, answer["decision"]),
        "base": scorecard["base"],
        "reference": scorecard["reference"],
        "total": points,
        "steps": waterfall(scorecard["base"], _strongest(steps), 0, more_is="good"),
    }


def fraud_answer(live: LiveModel, given: Given) -> dict[str, Any]:
    """Probability and anomaly on their scales, what raised the probability, and what the past says."""
    policy, answer = live.policy, given["answer"]
    assert isinstance(policy, FraudPolicy)  # noqa: S101 - a domain's models come with the domain's policy
    anomaly, review = answer["anomaly_score"], policy.review_anomaly_from
    steps = [(share["label"], share["text"], share["share"]) for share in given["shares"]]
    return {
        "scale": _probability_scale(policy, answer["fraud_probability"], answer["decision"]),
        "anomaly": zoned(
            0, 100, [(review, "usual", "good"), (100, "review", "middle")], [],
            (anomaly, f"{anomaly:.4g}"),
            f"More unusual than {anomaly:.4g} % of genuine transactions; reviewed for that alone from {review:g} on",
        ),
        "reference": given["reference"],
        "steps": waterfall(given["base"], _strongest(steps), 2, more_is="bad"),
        "windows": [(_label(live, name), spoken(live.table[name], value)) for name, value in answer["windows"].items()],
    }  # fmt: skip


def ads_answer(live: LiveModel, given: Given) -> dict[str, Any]:
    """The candidates by what showing them is worth."""
    return {
        "bars": bars(
            [
                (
                    f"{ad['rank']}. {ad['id']}" + (" – shown" if ad["id"] == given["shown"] else ""),
                    f"click {percent(ad['click_probability'])} × bid {ad['bid']:g} × pacing {ad['pacing']:g}; "
                    + (
                        f"propensity {percent(ad['propensity'])}"
                        if ad["eligible"]
                        else f"not: {WHY_NOT[ad['why_not']]}"
                    ),
                    ad["expected_value"],
                    f"{ad['expected_value']:.4g}",
                    "accent" if ad["id"] == given["shown"] else "plain",
                )
                for ad in given["ads"]
            ]
        )
    }


ANSWERS: Mapping[str, Callable[[LiveModel, Given], dict[str, Any]]] = {
    "credit": credit_answer,
    "fraud": fraud_answer,
    "ads": ads_answer,
}
"""By domain; one that is not here has its answer listed field by field."""


def _points_scale(policy: CreditPolicy, points: int, decision: str) -> Scale:
    decline, approve = (
        policy.base_points - policy.points_per_log_odds * (log_odds(p) + log_odds(_good(policy)))
        for p in (policy.decline_from, policy.approve_below)
    )
    room = 3 * policy.points_to_double_odds
    low, high = min(decline - room, points - 10), max(approve + room, points + 10)
    return zoned(
        low, high,
        [(decline, "decline", "bad"), (approve, "refer", "middle"), (high, "approve", "good")],
        [(decline, f"{decline:.0f}"), (approve, f"{approve:.0f}")],
        (points, f"{points} points"),
        f"{points} points, {decision}: declined up to about {decline:.0f}, approved from about {approve:.0f} on",
    )  # fmt: skip


def _good(policy: CreditPolicy) -> float:
    """The probability of a good outcome at the base odds."""
    return policy.base_odds / (1 + policy.base_odds)


def _probability_scale(policy: FraudPolicy, probability: float, decision: str) -> Scale:
    low, high = log_odds(min(probability, policy.review_from, 0.001)) - 0.5, log_odds(0.99)
    review, block = log_odds(policy.review_from), log_odds(policy.block_from)
    high = max(high, block + 1, log_odds(probability) + 0.5)
    return zoned(
        low, high,
        [(review, "allow", "good"), (block, "review", "middle"), (high, "block", "bad")],
        [(review, percent(policy.review_from)), (block, percent(policy.block_from))],
        (log_odds(probability), percent(probability)),
        f"Probability of fraud {percent(probability)}, {decision}: reviewed from {percent(policy.review_from)} on, "
        f"blocked from {percent(policy.block_from)} on",
    )  # fmt: skip


def _strongest(steps: list[tuple[str, str, float]]) -> list[tuple[str, str, float]]:
    """The largest steps, and the sum of all others at the end."""
    ordered = sorted(steps, key=lambda step: -abs(step[2]))
    most, rest = ordered[:MAX_STEPS], ordered[MAX_STEPS:]
    if not rest:
        return most
    return [*most, (f"{len(rest)} other columns together", "", sum(amount for _, _, amount in rest))]


def _label(live: LiveModel, name: str) -> str:
    return label(live.table[name])
