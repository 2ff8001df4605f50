"""What an applicant could change to be approved, in words, each way answered by the live model."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field

from data.sentences import label, spoken
from data.table import Column
from models.answers.counterfactuals import MAX_CHANGES, counterfactuals
from models.answers.respond import respond
from models.contract import Answer, LiveModel, Row
from models.domains.credit.policy import Decision


class ChangedValue(BaseModel):
    """One column that would have to be different."""

    column: str
    text: str = Field(description="The change in words.")
    value: Any = Field(description="What the row holds.")
    instead: Any = Field(description="What it would have to hold.")


class Counterfactual(BaseModel):
    """A row that differs in actionable columns only, as the live model answers it."""

    changes: list[ChangedValue]
    probability_of_default: float = Field(ge=0, le=1)
    points: int
    decision: Decision


class CounterfactualsAnswer(Answer):
    """What would have led to an approval."""

    decision: Decision = Field(description="Of the applicant as asked about.")
    counterfactuals: list[Counterfactual] = Field(description="The fewest changes first, then the smallest; up to 3.")
    note: str = Field("", description="Why there are none, if there are none.")


def counterfactual_answers(live: LiveModel, row: Row, prediction_id: str) -> CounterfactualsAnswer:
    """The ways to an approval, each answered by the live model before it is shown."""
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
    asked = answers[0]
    note = ""
    if asked.decision == live.domain.favourable:
        note = "The applicant is approved as asked about."
    elif not any(column.actionable for column in live.table.inputs):
        note = "The table marks no column as actionable, so there is nothing that the applicant could change."
    elif not ways:
        note = f"None found: up to {MAX_CHANGES} changes of actionable columns do not lead to an approval."
    return CounterfactualsAnswer(
        prediction_id=prediction_id,
        model=live.name,
        version=live.version,
        policy_version=live.policy_version,
        warnings=asked.warnings,
        decision=asked.decision,
        counterfactuals=ways,
        note=note,
    )


def _changed(column: Column, value: Any, instead: Any) -> ChangedValue:
    text = f"{label(column)}: {spoken(column, instead)} instead of {spoken(column, value)}"
    return ChangedValue(column=column.name, text=text, value=value, instead=instead)
