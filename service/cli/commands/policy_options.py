"""Options of `backscore policy simulate`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Costs = Annotated[
    str | None,
    typer.Option(
        metavar="BAD:GOOD[:REFERRED]",
        help="Costs of accepting a bad row, of rejecting a good one and, optionally, of a referral; the cut-offs"
        " follow. Default: the costs of the domain. Beside a rate they only measure.",
    ),
]
ApprovalRate = Annotated[
    float | None, typer.Option(help="Use the largest cut-off that accepts at most this share of rows.")
]
BadRate = Annotated[
    float | None, typer.Option(help="Use the largest cut-off with at most this share of bad rows among the accepted.")
]
Refer = Annotated[
    float, typer.Option(help="Share of rows to refer to a person: half just below the cut-off, half just above.")
]
ReviewsPerDay = Annotated[float | None, typer.Option(help="For alerts: reviews a day, on average over past days.")]
ReviewCost = Annotated[
    float | None,
    typer.Option(
        help="For alerts: the cost of a review. Review and block so that the past days would have cost least; beside a"
        " number of reviews it only measures."
    ),
]
BlockedGoodCost = Annotated[
    float | None, typer.Option(help="For alerts: the cost of blocking a good customer for a day.")
]
MissedShare = Annotated[
    float | None,
    typer.Option(help="For alerts: cost of a missed positive event as a share of its amount; default 1."),
]
SetValues = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="FIELD=VALUE", help="Set a field of the policy; may be repeated."),
]
RulesFile = Annotated[Path | None, typer.Option(help="TOML file with [[rules]] that replace those of the policy.")]
StoredNumber = Annotated[
    int | None, typer.Option("--policy", min=0, help="Simulate this stored policy; 0 is that of the bundle.")
]
Save = Annotated[bool, typer.Option("--save", help="Store the policy, without activating it.")]
SavedWhy = Annotated[str | None, typer.Option("--why", help="The reason, stored with the policy.")]
