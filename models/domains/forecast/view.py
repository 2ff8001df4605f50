"""View of a forecast: the fan of its intervals after the last values, its steps, and what it is worth."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from data.sentences import percent
from models.contract import LiveModel
from models.contract.views import Part, Tone, View, fan

TONES: Mapping[str, Tone] = {"rise": "accent", "fall": "accent", "open": "plain"}
MAX_LISTED = 12
"""Steps listed in words."""


def forecast_view(live: LiveModel, given: Mapping[str, Any]) -> View:
    """The chart, the answer's reason, and the steps."""
    steps = given["steps"]
    last = steps[-1]
    return View(
        title=f"{last['median']:.5g} after {len(steps)} steps, {last['lo80']:.5g} to {last['hi80']:.5g} in 80 of 100",
        decision=given["decision"],
        tone=TONES[given["decision"]],
        parts=[
            Part(
                text=f"By {given['method']}: {given['why']}.",
                fan=fan(
                    start=given["naive"],
                    median=[step["median"] for step in steps],
                    bands=[
                        ([step[f"lo{share}"] for step in steps], [step[f"hi{share}"] for step in steps])
                        for share in (95, 80, 50)
                    ],
                    says=f"Fan chart of {len(steps)} steps; the dashed line is the last value, {given['naive']:.5g}",
                ),
                note="Dark to light: intervals of 50, 80 and 95 %. Dashed: the last value, the forecast to beat.",
            ),
            Part(title="Notes", items=given["notes"]),
            Part(title="What it is worth", text=_worth(given["skill"])),
            Part(title="Steps", facts=[(_name(step), _range(step)) for step in steps[:MAX_LISTED]]),
        ],
    )


def _worth(skill: Mapping[str, Any] | None) -> str:
    if skill is None:
        return "The forecast is the last value itself: there is nothing that it is better than."
    interval = f"{percent(skill['low'])} to {percent(skill['high'])}"
    if skill["low"] > 0:
        return (
            f"On {skill['n_rows']:,} forecasts that the model had not seen its error was {percent(skill['value'])} "
            f"smaller than that of the last value (95 % interval {interval})."
        )
    return (
        f"On {skill['n_rows']:,} forecasts that the model had not seen the last value was not beaten: skill "
        f"{percent(skill['value'])} (95 % interval {interval})."
    )


def _name(step: Mapping[str, Any]) -> str:
    return f"Step {step['h']}" + (f", {step['time']}" if step["time"] else "")


def _range(step: Mapping[str, Any]) -> str:
    intervals = [f"{share} %: {step[f'lo{share}']:.5g} to {step[f'hi{share}']:.5g}" for share in (80, 95)]
    return f"{step['median']:.5g} ({'; '.join(intervals)})"
