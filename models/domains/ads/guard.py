"""Guard against targeting or ranking housing, employment and credit ads by protected columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from data.table import Table
from models.domains.ads.request import Candidate, campaign_of
from models.errors import BadField

GUARDED_CATEGORIES = frozenset({"housing", "employment", "credit"})
"""Categories of campaigns that must not be targeted or ranked by protected columns.

United States law forbids advertisements of these three that prefer or exclude by sex, age, family and the like: Fair
Housing Act (42 U.S.C. 3604(c)), Title VII of the Civil Rights Act (42 U.S.C. 2000e-3(b)) with the Age Discrimination in
Employment Act (29 U.S.C. 623(e)), and Equal Credit Opportunity Act (Regulation B, 12 CFR 1002.4(b)). HUD charged
Facebook in March 2019 with both, targeting and delivery by a model that read protected traits; the settlement of
United States v. Meta Platforms (S.D.N.Y., June 2022) covers both. The guard is therefore not part of the policy and
cannot be switched off. Proxies, such as a postal code, must be marked `protected` in the table.
"""


def forbidden(table: Table, candidates: Sequence[Candidate]) -> list[BadField]:
    """Problems of guarded campaigns: targeting by protected columns, or ranking by a model that reads them.

    Parameters
    ----------
    table : the model's columns. Campaigns can target only these, so a table without protected ones has no problems.
    """
    protected = [column.name for column in table.inputs if column.protected]
    return [
        refused
        for i, candidate in enumerate(candidates)
        if protected and _kind(campaign_of(candidate)) in GUARDED_CATEGORIES
        for refused in _refusals(campaign_of(candidate), ("candidates", i, "campaign"), protected)
    ]


def _refusals(campaign: Mapping[str, Any], place: tuple[str | int, ...], protected: Sequence[str]) -> list[BadField]:
    """Problems of the guarded campaign at this place."""
    kind, names = _kind(campaign), ", ".join(protected)
    by_model = (
        f"{kind} ads must not be ranked by protected columns, and this model reads {names}; train one without them: "
        f"`backscore train ads --name NAME --without-protected`"
    )
    by_targeting = [
        BadField(
            (*place, "targeting", name),
            f"{kind} ads must not be targeted by {name}, which is protected; leave it out",
            condition,
        )
        for name, condition in (campaign.get("targeting") or {}).items()
        if name in protected
    ]
    return [BadField((*place, "category"), by_model, campaign["category"]), *by_targeting]


def _kind(campaign: Mapping[str, Any]) -> str:
    """The campaign's category, normalised: case and surrounding whitespace do not matter."""
    return (campaign.get("category") or "").strip().casefold()
