"""The rank request: a person, the context, and candidate ads with bids, campaigns and times seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, NotRequired, TypeAlias

from pydantic import Field

from data.rows import closed_typed_dict, row_type
from data.table import Table
from models.domains.ads.policy import MAX_BID
from models.domains.ads.targeting import targetable, targeting_type
from models.errors import BadField

Candidate: TypeAlias = Mapping[str, Any]

ROW_PARTS = (("person",), ("context",), ("candidates", "*", "ad"))
"""Where a rank request holds columns of the table, see `models.contract.Operation`."""
MAX_CANDIDATES = 200
MAX_TIMES_SEEN = 10**9

_Id = Annotated[str, Field(min_length=1, max_length=200, strict=True)]
_Bid = Annotated[
    float, Field(ge=0, le=MAX_BID, allow_inf_nan=False, strict=True, description="Value of a click; 0 for none.")
]
_TimesSeen = Annotated[
    int,
    Field(
        ge=0,
        le=MAX_TIMES_SEEN,
        strict=True,
        description="How often this person has seen the campaign (or the ad, if it has none); default 0.",
    ),
]
_Category = Annotated[
    str,
    Field(
        max_length=200,
        strict=True,
        description="Category of the advertised product. Housing, employment and credit ads must not be ranked or "
        "targeted by protected columns.",
    ),
]


def rank_body(table: Table) -> Any:
    """Type of a rank request: the person, the context if the table has one, and the candidates."""
    parts = {name: row_type(part) for name, part in parts_of(table).items()}
    campaign = closed_typed_dict(
        "Campaign",
        {
            "id": _Id,
            "category": NotRequired[_Category | None],
            "targeting": NotRequired[targeting_type(table) | None],
        },
        "The campaign that the ad belongs to.",
    )
    ad = {"ad": parts.pop("ad")} if "ad" in parts else {}
    candidate = closed_typed_dict(
        "Candidate",
        {"id": _Id, "bid": _Bid, **ad, "campaign": NotRequired[campaign | None], "times_seen": NotRequired[_TimesSeen]},
        "A candidate ad. IDs must be unique.",
    )
    candidates: Any = list.__class_getitem__(candidate)
    limited = Annotated[candidates, Field(min_length=1, max_length=MAX_CANDIDATES)]
    return closed_typed_dict("RankRequest", {**parts, "candidates": limited}, "A person and the candidate ads.")


def rank_example(table: Table) -> dict[str, Any]:
    """A rank request with two candidates of one campaign, from the columns' examples."""
    examples = {name: part.example() for name, part in parts_of(table).items()}
    ad = {"ad": examples.pop("ad")} if "ad" in examples else {}
    campaign = {"id": "spring-sale", "category": "retail", **_targeting_example(table)}
    return {
        **examples,
        "candidates": [
            {"id": "ad-1", "bid": 0.8, **ad, "campaign": campaign, "times_seen": 1},
            {"id": "ad-2", "bid": 1.2, **ad},
        ],
    }


def shared_columns(body: Mapping[str, Any]) -> dict[str, Any]:
    """The columns shared by all candidates: those of the person and the context."""
    return {**body.get("person", {}), **body.get("context", {})}


def campaign_of(candidate: Candidate) -> Mapping[str, Any]:
    """The campaign of a candidate; empty if it has none."""
    return candidate.get("campaign") or {}


def doubled_ids(candidates: Sequence[Candidate]) -> list[BadField]:
    """Candidates with a duplicate ID; the answer identifies the shown ad by ID."""
    first: dict[str, int] = {}
    return [
        BadField(
            ("candidates", i, "id"),
            f"duplicates the ID of /candidates/{first[candidate['id']]}",
            candidate["id"],
        )
        for i, candidate in enumerate(candidates)
        if first.setdefault(candidate["id"], i) != i
    ]


def parts_of(table: Table) -> dict[str, Table]:
    """The request's parts and their columns: person and context, sent once, and ad, sent per candidate."""
    parts = {"person": _part(table, "person", None), "context": _part(table, "context"), "ad": _part(table, "ad")}
    return {name: part for name, part in parts.items() if part is not None}


def _part(table: Table, *parts: str | None) -> Table | None:
    """The table of the inputs that describe one of the parts; None if there are none."""
    columns = tuple(column for column in table.inputs if column.part in parts)
    return Table(name=f"{table.name} {parts[0]}", columns=columns) if columns else None


def _targeting_example(table: Table) -> dict[str, Any]:
    """Targeting by the first unprotected column with listed levels; empty if there is none."""
    for column in targetable(table):
        if column.kind == "category" and column.example in column.levels and not column.protected:
            return {"targeting": {column.name: [column.example]}}
    return {}
