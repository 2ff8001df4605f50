"""Ads: a person, a context and candidate ads in; the ads, ordered by expected value, out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field
from typing_extensions import TypedDict  # pydantic takes typing's own only from Python 3.12 on

from data.rows import row_type
from data.simulators import ads as simulator
from data.splits import Split
from data.table import Table
from models.calibration import probability
from models.contract import Answer, Domain, Live, Operation, Policy, unseen_warnings
from models.encoding import Features
from models.full_account import full_account_operation
from models.scoring import TableClassifier

MOST_CANDIDATES = 200


class AdsPolicy(Policy):
    """What an ad must be worth to be shown at all."""

    least_expected_value: float = Field(
        0.0, ge=0, description="Candidates worth less are ranked but not eligible, in the unit of the bids."
    )


class AdAnswer(Answer):
    """The answer to one pair of person and ad."""

    click_probability: float = Field(ge=0, le=1, description="Calibrated.")


class RankedAd(BaseModel):
    """One candidate in its place."""

    id: str
    rank: int = Field(ge=1)
    click_probability: float = Field(ge=0, le=1, description="Calibrated.")
    bid: float
    expected_value: float = Field(description="Click probability times bid, in the unit of the bids.")
    eligible: bool = Field(description="Worth at least what the policy asks.")


class RankAnswer(Answer):
    """The candidates, most valuable first; equal values keep the order in which they were sent."""

    ads: list[RankedAd]


def decide(scorer: TableClassifier, policy: AdsPolicy, X: Features) -> dict[str, list[Any]]:
    """Click probability of encoded pairs."""
    return {"click_probability": probability(scorer.log_odds(X)).tolist()}


def _part(table: Table, *parts: str | None) -> Table | None:
    """The table of the inputs that describe one of the parts; None if there are none."""
    columns = tuple(column for column in table.inputs if column.part in parts)
    return Table(name=f"{table.name} {parts[0]}", columns=columns) if columns else None


def _parts(table: Table) -> dict[str, Table]:
    """The columns a rank request holds once for all candidates (person, context), and those of each ad."""
    parts = {"person": _part(table, "person", None), "context": _part(table, "context"), "ad": _part(table, "ad")}
    return {name: part for name, part in parts.items() if part is not None}


def rank_body(table: Table) -> Any:
    """Type of a rank request: the person, the context if the table has one, and the candidates."""
    parts = {name: row_type(part) for name, part in _parts(table).items()}
    candidate: dict[str, Any] = {
        "id": Annotated[str, Field(min_length=1, max_length=200, strict=True)],
        "bid": Annotated[float, Field(ge=0, allow_inf_nan=False, strict=True, description="Value of a click.")],
    }
    if "ad" in parts:
        candidate["ad"] = parts.pop("ad")
    candidates: Any = list.__class_getitem__(_closed_typed_dict("Candidate", candidate))
    limited = Annotated[candidates, Field(min_length=1, max_length=MOST_CANDIDATES)]
    return _closed_typed_dict("RankRequest", {**parts, "candidates": limited})


def _closed_typed_dict(name: str, fields: Mapping[str, Any]) -> Any:
    # mypy knows only TypedDicts that are spelled out
    made = TypedDict(name, fields)  # type: ignore[misc]
    made.__pydantic_config__ = ConfigDict(extra="forbid")  # type: ignore[attr-defined]
    return made


def rank_example(table: Table) -> dict[str, Any]:
    """A rank request with two candidates, from the columns' examples."""
    examples = {name: part.example() for name, part in _parts(table).items()}
    ad = {"ad": examples.pop("ad")} if "ad" in examples else {}
    return {**examples, "candidates": [{"id": "ad-1", "bid": 0.8, **ad}, {"id": "ad-2", "bid": 1.2, **ad}]}


def rank(live: Live, body: Mapping[str, Any], prediction_id: str) -> RankAnswer:
    """Order the candidates by click probability times bid."""
    policy = live.policy
    assert isinstance(policy, AdsPolicy)  # noqa: S101 - a domain's models come with the domain's policy
    shared = {**body.get("person", {}), **body.get("context", {})}
    candidates = body["candidates"]
    rows = [{**shared, **candidate.get("ad", {})} for candidate in candidates]
    probabilities = probability(live.scorer.log_odds(live.scorer.encoder.encode_rows(rows)))
    values = probabilities * np.array([candidate["bid"] for candidate in candidates])
    order = np.argsort(-values, kind="stable").tolist()
    return RankAnswer(
        prediction_id=prediction_id,
        model=live.name,
        version=live.version,
        policy_version=live.policy_version,
        warnings=sorted({warning for row in rows for warning in unseen_warnings(live, row)}),
        ads=[
            RankedAd(
                id=candidates[i]["id"],
                rank=place,
                click_probability=probabilities[i],
                bid=candidates[i]["bid"],
                expected_value=values[i],
                eligible=bool(values[i] >= policy.least_expected_value),
            )
            for place, i in enumerate(order, start=1)
        ],
    )


DOMAIN = Domain(
    name="ads",
    summary="Click probability of an ad for a person, and candidate ads ranked by expected value.",
    table=simulator.TABLE,
    simulate=simulator.simulate,
    n_simulated_rows=60_000,
    split=Split(kind="random"),
    policy=AdsPolicy,
    answer=AdAnswer,
    prepare=lambda table: table,
    build=TableClassifier,
    decide=decide,
    operations=(
        full_account_operation(AdAnswer),
        Operation(
            name="rank",
            summary="Order up to 200 candidate ads for one person by expected value.",
            body=rank_body,
            example=rank_example,
            answer=RankAnswer,
            respond=rank,
        ),
    ),
    gates={"auc": 0.52},
)
