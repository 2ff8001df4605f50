"""View of a fraud answer: probability and anomaly on their scales, reasons and history."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from data.sentences import percent
from models.answers.default_view import breakdown_part, probability_part, reasons_part, tone_of, windows_part
from models.contract import LiveModel
from models.contract.views import Part, View, zoned
from models.domains.fraud.policy import FraudPolicy


def fraud_view(live: LiveModel, given: Mapping[str, Any]) -> View:
    """The default view with the anomaly score on a scale of its own."""
    policy, answer = live.policy, given["answer"]
    assert isinstance(policy, FraudPolicy)  # noqa: S101 - a domain's models come with the domain's policy
    anomaly, review = answer["anomaly_score"], policy.review_anomaly_from
    sentence = f"More unusual than {anomaly:.4g} % of genuine transactions; review threshold {review:g} %"
    scale = zoned(
        0, 100, [(review, "usual", "good"), (100, "review", "middle")], [], (anomaly, f"{anomaly:.4g}"), sentence
    )
    rules = f"Rules hit: {', '.join(answer['rules'])}." if answer["rules"] else ""
    return View(
        title=f"Fraud probability {percent(answer['fraud_probability'])}",
        decision=answer["decision"],
        tone=tone_of(live, answer["decision"]),
        parts=[
            probability_part(live, answer),
            Part(title="Anomaly score", text=f"{sentence}.", scale=scale, note=rules),
            reasons_part(answer),
            breakdown_part(given),
            windows_part(live, answer, "Card and terminal history"),
        ],
    )
