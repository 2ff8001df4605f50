"""POST /v1/{name}/labels: labels of scored events."""

from __future__ import annotations

from datetime import datetime
from functools import cache
from typing import Annotated, Any

from pydantic import (
    AliasChoices,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    NaiveDatetime,
    StrictBool,
    TypeAdapter,
    create_model,
)

from data.column import level_text
from data.rows import refuse_what_is_no_iso_date
from data.window_events import whole_seconds
from models.records.events.event_log import EventLog
from models.records.outcomes.events import take_labels
from models.records.outcomes.ledger import Outcome
from service.errors import FieldError, TooManyRowsError
from service.live.served_model import ServedModel
from service.requests.bodies import is_crowded
from service.requests.field_errors import json_pointer, shown
from service.requests.json_bodies import WITHOUT_NUL
from service.requests.validation import validated

LABEL = "The true label; a later one corrects an earlier one."


class EventLabel(BaseModel):
    """The label of one event."""

    model_config = ConfigDict(extra="forbid")

    id: (
        Annotated[str, Field(strict=True, min_length=1, max_length=200, pattern=WITHOUT_NUL)]
        | Annotated[int, Field(strict=True)]
    ) = Field(description="ID of the event, as sent to `score`.")
    positive: StrictBool = Field(description=LABEL)
    known: Annotated[AwareDatetime | NaiveDatetime, BeforeValidator(refuse_what_is_no_iso_date)] | None = Field(
        None, description="Time from which on the label is known, UTC unless it has an offset; now by default."
    )


class LabelsRequest(BaseModel):
    """Labels of events, in the order in which they became known."""

    model_config = ConfigDict(extra="forbid")

    labels: list[EventLabel] = Field(min_length=1)


class LabelsAnswer(BaseModel):
    """Numbers of labels received and stored."""

    model: str = Field(description="Name of the model.")
    n_labels: int = Field(description="Labels in the request.")
    n_new: int = Field(description="New labels; repeated ones change nothing.")
    errors: list[FieldError] = Field(description="Labels that were rejected; all others are stored.")


LABELS_ANSWER: TypeAdapter[LabelsAnswer] = TypeAdapter(LabelsAnswer)


def labels_example(word: str) -> dict[str, Any]:
    """An example body for a model with this name for its positive label."""
    return {"labels": [{"id": "738435", word: True, "known": "2024-05-31T13:45:00Z"}]}


@cache
def labels_request(word: str) -> TypeAdapter[LabelsRequest]:
    """The type of the body for a model with this name for its positive label; `positive` is always accepted."""
    label = (StrictBool, Field(validation_alias=AliasChoices(word, "positive"), description=LABEL))
    one = create_model("EventLabel", __base__=EventLabel, __doc__=EventLabel.__doc__, positive=label)
    request = create_model(
        "LabelsRequest",
        __base__=LabelsRequest,
        __doc__=LabelsRequest.__doc__,
        labels=(list[one], Field(min_length=1)),
    )
    request.model_config["json_schema_extra"] = {"examples": [labels_example(word)]}
    return TypeAdapter(request)


def answer_labels(served: ServedModel, events: EventLog, body: bytes, *, now: datetime, max_labels: int) -> bytes:
    """Store the labels of a body, JSON to JSON; blocks on the database, so call it in a thread.

    Parameters
    ----------
    now : default of `known`, and its maximum.

    Returns
    -------
    A `LabelsAnswer` as JSON.

    Raises
    ------
    InvalidJsonError, InvalidRequestError, TooManyRowsError
        The body is no valid `LabelsRequest`, or has more than `max_labels` labels.
    DatabaseError
        Nothing was stored.
    """
    if is_crowded(body, 4 * max_labels * len(EventLabel.model_fields)):
        raise TooManyRowsError(max_labels)
    request = validated(labels_request(served.live.positive_word), body)
    if len(request.labels) > max_labels:
        raise TooManyRowsError(max_labels)
    labels: dict[int, Outcome] = {}
    errors: dict[int, FieldError] = {}
    for i, label in enumerate(request.labels):
        if label.known is not None and whole_seconds(label.known) > whole_seconds(now):
            errors[i] = _error(i, "known", "must not be in the future", label.known)
        else:
            labels[i] = Outcome(level_text(label.id), label.positive, label.known, "feedback")
    n_new, missing = take_labels(events.engine, events.model, list(labels.values()), now=now)
    unknown = set(missing)
    for i, accepted in labels.items():
        if accepted.id in unknown:
            errors[i] = _error(i, "id", "unknown event id", request.labels[i].id)
    answer = LabelsAnswer(
        model=served.live.name,
        n_labels=len(request.labels),
        n_new=n_new,
        errors=[error for _, error in sorted(errors.items())],
    )
    return LABELS_ANSWER.dump_json(answer)


def _error(place: int, name: str, message: str, value: Any) -> FieldError:
    return FieldError(path=json_pointer(["labels", place, name]), message=message, value=shown(value))
