"""View of an answer to a picture: the probabilities, how unusual it is, and the pixels that speak for the reading."""

from __future__ import annotations

from collections.abc import Mapping
from math import isqrt
from typing import Any

from data.sentences import percent
from models.answers.default_view import tone_of
from models.contract import LiveModel
from models.contract.views import Amount, Part, View, bars, signed_picture, zoned
from models.domains.digits.policy import DigitsPolicy

N_STRONGEST = 3
N_SHOWN = 5
"""Levels with a bar."""


def digits_view(live: LiveModel, given: Mapping[str, Any]) -> View:
    """The reading, the levels that come into question, and the two reasons for which a person may check it."""
    tone = tone_of(live, given["decision"])
    ranked = sorted(given["probabilities"].items(), key=lambda pair: -pair[1])[:N_SHOWN]
    levels: list[Amount] = [
        (level, "", share, percent(share), "plain" if i else "accent") for i, (level, share) in enumerate(ranked)
    ]
    return View(
        title=f"{given['reading']}, probability {percent(given['probability'])}",
        decision=given["decision"],
        tone=tone,
        parts=[
            Part(title="Which of these it is", bars=bars(levels)),
            _unusual_part(live, given["unusual"]),
            _saliency_part(given),
        ],
    )


def _unusual_part(live: LiveModel, unusual: float) -> Part:
    policy = live.policy
    assert isinstance(policy, DigitsPolicy)  # noqa: S101 - a domain's models come with the domain's policy
    sentence = f"More unusual than {unusual:.4g} % of known pictures; a person checks from {policy.unusual_from:g} % on"
    zones: list[Any] = [(policy.unusual_from, "usual", "good"), (100, "check", "middle")]
    return Part(
        title="Does it look like one at all?",
        text=f"{sentence}.",
        scale=zoned(0, 100, zones, [], (unusual, f"{unusual:.4g}"), sentence),
        note="By the error of an autoencoder: a network that draws the picture again from a few numbers.",
    )


def _saliency_part(given: Mapping[str, Any]) -> Part:
    shares = given["saliency"]
    if not shares:
        return Part()
    side, reading, second = isqrt(len(shares)), given["reading"], given["second"]
    strongest = sorted(range(len(shares)), key=lambda place: -shares[place])[:N_STRONGEST]
    places = ", ".join(f"row {place // side + 1} column {place % side + 1}" for place in strongest)
    says = f"Saliency of {side} by {side} pixels; most for {reading}: {places}"
    return Part(
        title=f"Pixels that speak for {reading} and against {second}",
        text=f"Blue speaks for {reading}, red for {second}; most of all {places}.",
        picture=signed_picture(shares, side, says),
        note="Integrated gradients from a blank picture. What is missing, such as the stroke that would make it "
        "another one, has no pixel to be shown by.",
    )
