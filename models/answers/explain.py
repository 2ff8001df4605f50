"""Full explanation of one row: attribution to all columns, an effect curve, and training rows with similar scores."""

from __future__ import annotations

from typing import Annotated, Any, Generic, Literal, NotRequired, TypeVar

import numpy as np
from pydantic import BaseModel, Field

from data.column import Column, level_text
from data.rows import closed_typed_dict, row_type
from data.sentences import comparison, label, reason_sentence, spoken
from data.table import Table
from models.answers.respond import respond
from models.contract import Answer, LiveModel, Operation, Row
from models.encoding import Features
from models.estimators.background import ScoreBand
from models.estimators.calibration import probability
from models.estimators.log_odds_scorer import Attribution
from models.evaluation.intervals import wilson_interval

AnswerType = TypeVar("AnswerType", bound=Answer)


class ColumnShare(BaseModel):
    """Contribution of one column to the score."""

    column: str
    label: str = Field(description="Short label of the column.")
    value: Any = Field(description="The row's value.")
    typical: Any = Field(description="The reference row's value.")
    share: float = Field(
        description="Contribution to the log-odds relative to the reference row; negative lowers them."
    )
    text: str = Field(description="The contribution in words.")


class CurvePoint(BaseModel):
    """The row's probability with another value of the column."""

    value: Any
    text: str = Field(description="The value in words.")
    probability: float = Field(ge=0, le=1, description="Calibrated.")
    is_own: bool = Field(description="Whether it is the row's own value.")


class EffectCurve(BaseModel):
    """The live model's probability as one column changes and all others are held fixed."""

    column: str
    label: str
    direction: Literal[-1, 0, 1] = Field(
        description="+1: never falls as the column rises, -1: never rises, 0: unconstrained."
    )
    points: list[CurvePoint] = Field(
        description="Numbers in ascending order; levels by frequency, most frequent first."
    )


class Neighbours(BaseModel):
    """Training rows in one score band."""

    low: float = Field(ge=0, le=1, description="Lowest probability in the band.")
    high: float = Field(ge=0, le=1, description="Highest probability in the band.")
    n_rows: int = Field(description="Training rows in the band.")
    n_events: int = Field(description="Rows with the event.")
    event_rate: float = Field(ge=0, le=1)
    event_rate_low: float = Field(ge=0, le=1, description="Lower end of the rate's 95 % interval (Wilson).")
    event_rate_high: float = Field(ge=0, le=1, description="Upper end of that interval.")
    is_own: bool = Field(description="Whether the row is in this band.")
    typical: dict[str, Any] = Field(description="The band's typical row: medians and most frequent levels.")


class Explanation(Answer, Generic[AnswerType]):
    """Full explanation of one row."""

    answer: AnswerType = Field(description="The answer as returned by `score`, with all reasons.")
    reference: str = Field(description="Reference group, whose typical row the contributions are relative to.")
    reference_probability: float = Field(ge=0, le=1, description="Calibrated probability of the reference row.")
    probability: float = Field(ge=0, le=1, description="Calibrated probability of the row.")
    base: float = Field(description="Log-odds of the reference row.")
    log_odds: float = Field(description="Log-odds of the row: base plus all contributions.")
    shares: list[ColumnShare] = Field(
        description="All columns that the model reads or derives, by absolute contribution, largest first."
    )
    curve: EffectCurve | None = Field(description="Effect curve of the chosen column; null if it has no usual values.")
    neighbours: list[Neighbours] = Field(description="Training rows by score decile, lowest first.")


def explain_operation(answer: type[AnswerType]) -> Operation:
    """The operation POST /v1/{name}/explain of a domain with this answer type."""
    account: Any = Explanation[answer]  # type: ignore[valid-type]

    def answer_account(live: LiveModel, body: Row, prediction_id: str) -> Answer:
        made: Answer = explain(live, body["row"], body.get("column"), prediction_id, answer_type=account)
        return made

    return Operation(
        name="explain",
        summary="Full explanation of one row: contributions, an effect curve, training rows with similar scores.",
        body=account_body,
        example=lambda table: {"row": table.example()},
        answer=account,
        respond=answer_account,
        row_path=("row",),
    )


def account_body(table: Table) -> Any:
    """Type of the request: a row, and the column of the effect curve."""
    names = tuple(column.name for column in table.of_role("feature") if column.kind != "time")
    described = Field(description="Column of the effect curve; default: the one with the largest contribution.")
    fields: dict[str, Any] = {"row": row_type(table)}
    if names:
        fields["column"] = NotRequired[Annotated[Literal[names], described]]
    return closed_typed_dict("ExplainRequest", fields, "A row, and the column of the effect curve.")


def explain(live: LiveModel, row: Row, column: str | None, prediction_id: str, *, answer_type: type[Any]) -> Any:
    """Answer, contributions, effect curve and neighbours of a checked row.

    Parameters
    ----------
    column : of the effect curve; None for the one with the largest contribution.
    """
    scorer = live.classifier
    x = scorer.encoder.encode_rows([row])[0]
    explained = scorer.explain(x)
    base, own = probability(np.array([explained.base, explained.log_odds])).tolist()
    shares = _column_shares(live, row, x, explained)
    chosen = column or next((s.column for s in shares if scorer.background.usual_values.get(s.column)), None)
    (answer,) = respond(live, [row], [prediction_id], reasons="all")
    return answer_type(
        **answer.model_dump(include=set(Answer.model_fields)),
        answer=answer,
        reference=scorer.background.reference_group,
        reference_probability=base,
        probability=own,
        base=explained.base,
        log_odds=explained.log_odds,
        shares=shares,
        curve=effect_curve(live, row, x, live.table[chosen]) if chosen else None,
        neighbours=_neighbours(scorer.background.bands, own),
    )


def _column_shares(live: LiveModel, row: Row, x: Features, explained: Attribution) -> list[ColumnShare]:
    scorer, shares = live.classifier, []
    columns, held, reference_row = scorer.columns, {**row, **scorer.derived_values(x)}, scorer.reference_row
    for i in np.argsort(-np.abs(explained.shares), kind="stable").tolist():
        column, share = columns[i], explained.shares[i]
        value, typical = held.get(column.name), reference_row[column.name]
        text = (reason_sentence if share > 0 else comparison)(column, value, typical)
        shares.append(
            ColumnShare(column=column.name, label=label(column), value=value, typical=typical, share=share, text=text)
        )
    return shares


def effect_curve(live: LiveModel, row: Row, x: Features, column: Column) -> EffectCurve | None:
    """Score the row with each usual value of the column, and with its own.

    Parameters
    ----------
    x : the encoded row, shape (n_features,).
    """
    own, values = row.get(column.name), list(live.classifier.background.usual_values[column.name])
    if not values:
        return None
    if not any(_is_same(value, own) for value in values):
        values.append(own)
    if column.kind == "number":
        values.sort(key=lambda value: (value is None, value))
    probabilities = live.classifier.probabilities_with(x[None], column.name, values)[:, 0].tolist()
    return EffectCurve(
        column=column.name,
        label=label(column),
        direction=column.direction,
        points=[
            CurvePoint(value=value, text=spoken(column, value), probability=p, is_own=_is_same(value, own))
            for value, p in zip(values, probabilities, strict=True)
        ],
    )


def _is_same(value: Any, own: Any) -> bool:
    return (value is None) == (own is None) and level_text(value) == level_text(own)


def _neighbours(bands: list[ScoreBand], own: float) -> list[Neighbours]:
    """Score bands with their outcomes; a score between two bands belongs to the lower one."""
    place = max(np.searchsorted([band.low for band in bands], own, side="right") - 1, 0)
    n_rows = np.array([band.n_rows for band in bands])
    rates = np.array([band.n_events for band in bands]) / n_rows
    lows, highs = wilson_interval(rates, n_rows)
    return [
        Neighbours(
            low=band.low,
            high=band.high,
            n_rows=band.n_rows,
            n_events=band.n_events,
            event_rate=rates[i],
            event_rate_low=lows[i],
            event_rate_high=highs[i],
            is_own=i == place,
            typical=dict(band.typical),
        )
        for i, band in enumerate(bands)
    ]
