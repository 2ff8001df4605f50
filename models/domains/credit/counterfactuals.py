"""Counterfactuals: changes that would get an applicant approved, each verified by the live model."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field

from data.column import Column
from data.sentences import label, spoken
from models.answers.counterfactuals import MAX_CHANGES, counterfactuals
from models.answers.respond import respond
from models.contract import Answer, LiveModel, Row
from models.domains.credit.policy import Decision


class ChangedValue(BaseModel):
    """One column with a different value."""

    column: str
    text: str = Field(description="The change in words.")
    value: Any = Field(description="The applicant's value.")
    instead: Any = Field(description="The value needed.")


class Counterfactual(BaseModel):
    """A row that differs in actionable columns only, and its score."""

    changes: list[ChangedValue]
    probability_of_default: float = Field(ge=0, le=1)
    points: int
    decision: Decision


class CounterfactualsAnswer(Answer):
    """The changes that would have led to an approval."""

    decision: Decision = Field(description="Decision for the unchanged row.")
    counterfactuals: list[Counterfactual] = Field(description="Up to 3, fewest changes first, then smallest.")
    note: str = Field("", description="Why there are no counterfactuals; empty if there are some.")


def counterfactual_answers(live: LiveModel, row: Row, prediction_id: str) -> CounterfactualsAnswer:
    """Counterfactuals of an applicant, each scored by the live model."""
    found = counterfactuals(live, row)
    rows = [row, *({**row, **changes} for changes in found)]
    answers: list[Any] = respond(live, rows, [prediction_id] * len(rows), reasons="none")
    ways = [
        Counterfactual(
            changes=[_changed(live.table[name], row.get(name), value) for name, value in changes.items()],
            probability_of_default=answer.probability_of_default,
            points=answer.points,
            decision=answer.decision,
        )
        for changes, answer in zip(found, answers[1:], strict=True)
        if answer.decision == live.domain.favourable
    ]
    current = answers[0]
    note = ""
    if current.decision == live.domain.favourable:
        note = "The applicant is already approved."
    elif not any(column.actionable for column in live.table.inputs):
        note = "The table marks no column as actionable."
    elif not ways:
        note = f"None found: changing up to {MAX_CHANGES} actionable columns does not lead to an approval."
    return CounterfactualsAnswer(
        prediction_id=prediction_id,
        model=live.name,
        version=live.version,
        policy_version=live.policy_version,
        warnings=current.warnings,
        decision=current.decision,
        counterfactuals=ways,
        note=note,
    )


def _changed(column: Column, value: Any, instead: Any) -> ChangedValue:
    text = f"{label(column)}: {spoken(column, instead)} instead of {spoken(column, value)}"
    return ChangedValue(column=column.name, text=text, value=value, instead=instead)
