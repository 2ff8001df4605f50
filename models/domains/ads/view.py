"""The ads page: a form for a rank request, and the ranking as bars of expected value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from data.column import Column, Scalar, level_text
from data.sentences import percent
from data.table import Table
from models.contract import LiveModel
from models.contract.forms import Form, Repeated, Section, inputs_of
from models.contract.views import Amount, Part, View, bars
from models.domains.ads.exploration import ChosenBy
from models.domains.ads.ranking import WhyNot
from models.domains.ads.request import MAX_TIMES_SEEN, parts_of

MAX_CANDIDATES = 12
"""Limit of the form; the API accepts more."""
EXAMPLE_BIDS = (0.8, 1.2, 0.5)
TITLES = {"person": "Person", "context": "Context"}
CANDIDATE = (
    Column(name="id", kind="key", description="Ad ID"),
    Column(name="bid", kind="number", description="Bid: value of a click", minimum=0),
    Column(
        name="times_seen", kind="number", description="Times seen by this person",
        minimum=0, maximum=MAX_TIMES_SEEN, whole=True, optional=True,
    ),
)  # fmt: skip
CHOSEN: Mapping[ChosenBy, str] = {
    "greedy": "Highest expected value",
    "epsilon": "Uniform draw among the eligible ads",
    "thompson": "Highest value for one member of the ensemble (Thompson sampling)",
}
WHY_NOT: Mapping[WhyNot, str] = {
    "targeting": "excluded by targeting",
    "paused": "campaign paused",
    "frequency cap": "frequency cap reached",
    "reserve": "below the reserve",
}


def rank_form(table: Table) -> Form:
    """Person and context once, then candidates that can be added and removed."""
    parts = parts_of(table)
    of_ad: Sequence[Column] = parts.pop("ad").inputs if "ad" in parts else ()

    def candidate(number: int) -> Section:
        examples: Mapping[str, Scalar] = {"id": f"ad-{number + 1}", "bid": EXAMPLE_BIDS[number % len(EXAMPLE_BIDS)]}
        own = [replace(column, example=examples.get(column.name)) for column in CANDIDATE]
        ad = [_other_level(column, number) for column in of_ad]
        place = ("candidates", number)
        return Section(f"Candidate {number + 1}", [*inputs_of(own, place), *inputs_of(ad, (*place, "ad"))])

    return Form(
        operation="rank",
        sections=[Section(TITLES[name], inputs_of(part.inputs, (name,))) for name, part in parts.items()],
        repeated=Repeated("candidate", candidate, len(EXAMPLE_BIDS), MAX_CANDIDATES),
        button="Rank candidates",
        note="Campaigns and targeting are available in the API.",
    )


def rank_view(live: LiveModel, given: Mapping[str, Any]) -> View:
    """The ad to show, and all candidates by expected value."""
    shown = given["shown"]
    chosen = f"{CHOSEN[given['chosen_by']]}; propensity {round(given['propensity'], 4)}" if shown is not None else ""
    lines: list[Amount] = [
        (
            f"{ad['rank']}. {ad['id']}" + (" – shown" if ad["id"] == shown else ""),
            f"click probability {percent(ad['click_probability'])} × bid {ad['bid']:g} × pacing {ad['pacing']:g}; "
            + (f"propensity {round(ad['propensity'], 4)}" if ad["eligible"] else WHY_NOT[ad["why_not"]]),
            ad["expected_value"],
            f"{ad['expected_value']:.4g}",
            "accent" if ad["id"] == shown else "plain",
        )
        for ad in given["ads"]
    ]
    note = "Expected value = click probability × bid × pacing, in the unit of the bids."
    return View(
        title="No ad is eligible" if shown is None else f"Show {shown}",
        parts=[Part(text=f"{chosen}." if chosen else "", bars=bars(lines), note=note)],
    )


def _other_level(column: Column, number: int) -> Column:
    """The column, with a different example for each candidate if its levels are listed."""
    levels = column.levels
    if not number or not levels:
        return column
    example = level_text(column.example)
    start = levels.index(example) if example in levels else 0
    return replace(column, example=levels[(start + number) % len(levels)])
