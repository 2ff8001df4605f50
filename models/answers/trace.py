"""A row's trace through the network that scores it: forward as it was scored, and back for an outcome that it may have.

One member of the ensemble is shown number by number; what the others say is in the vote. `models.nn.trace` does the
work.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, NotRequired

import numpy as np
from pydantic import AfterValidator, BaseModel, Field
from pydantic_core import PydanticCustomError

from data.rows import closed_typed_dict, row_type
from data.table import Table
from models.answers.trace_layers import TracedLayer, traced_layers
from models.contract import Answer, LiveModel, Operation
from models.errors import BadField, RefusedBodyError
from models.estimators.calibration import probability
from models.nn.losses import BINARY_LOG_LOSS
from models.nn.network import Network
from models.nn.trace import trace

LEARNING_RATE = 0.01
MAX_LEARNING_RATE = 10.0
N_WEIGHTS = 10
MAX_WEIGHTS = 100


class TracedInput(BaseModel):
    """One number that the network reads."""

    name: str = Field(description="What it is made of: a column, a bin of it, a level.")
    column: str = Field(description="The column that it belongs to.")
    value: float


class TracedRow(Answer):
    """A row through the network and back."""

    probability: float = Field(ge=0, le=1, description="Calibrated, as `score` answers it, to the bit.")
    log_odds: float = Field(description="Calibrated: slope * vote + intercept.")
    slope: float = Field(description="Of the calibration.")
    intercept: float = Field(description="Of the calibration.")
    vote: float = Field(description="The members' last sums averaged.")
    members: list[float] = Field(description="The last sum of each member.")
    member: int = Field(description="Which of them is shown, from 0 on.")
    inputs: list[TracedInput]
    layers: list[TracedLayer] = Field(description="First to last.")
    outcome: int = Field(description="1 if the event is to have happened, else 0.")
    loss: float = Field(description="Log-loss of this member for the outcome: -ln of the probability it gave to it.")
    learning_rate: float
    loss_after: float = Field(description="The same after one step of plain gradient descent.")
    probability_after: float = Field(ge=0, le=1, description="Calibrated, after each member took its step.")


def trace_operation() -> Operation:
    """POST /v1/{name}/trace, the same for every domain."""
    return Operation(
        name="trace",
        summary="A row, or that of a recorded prediction, through the network and back, in numbers.",
        body=trace_body,
        example=lambda table: {"row": table.example(), "outcome": 1},
        answer=TracedRow,
        respond=traced_row,
        row_path=("row",),
        prediction_id_field="prediction_id",
        in_thread=True,
        recorded=False,
    )


def trace_body(table: Table) -> Any:
    """Type of the request: a row or the id of a prediction, and the outcome and step that are to be looked at."""
    fields: dict[str, Any] = {
        "row": NotRequired[row_type(table)],
        "prediction_id": NotRequired[
            Annotated[str, Field(max_length=100, description="Of a recorded prediction, whose row and version it is.")]
        ],
        "outcome": NotRequired[
            Annotated[int, Field(ge=0, le=1, description="1 if the event is to have happened, else 0; 1 if left out.")]
        ],
        "learning_rate": NotRequired[
            Annotated[
                float,
                Field(gt=0, le=MAX_LEARNING_RATE, description=f"Of the step; {LEARNING_RATE} if left out."),
            ]
        ],
        "member": NotRequired[
            Annotated[int, Field(ge=0, le=1_000, description="Which member is shown; the first if left out.")]
        ],
        "n_weights": NotRequired[
            Annotated[int, Field(ge=0, le=MAX_WEIGHTS, description=f"Of each layer; {N_WEIGHTS} if left out.")]
        ],
    }
    body = closed_typed_dict("TraceRequest", fields, "A row or the id of a recorded prediction, and what to look at.")
    return Annotated[body, AfterValidator(_one_of_both)]


def _one_of_both(body: Mapping[str, Any]) -> Mapping[str, Any]:
    if ("row" in body) == ("prediction_id" in body):
        raise PydanticCustomError("one_of_both", "must hold either 'row' or 'prediction_id'")
    return body


def traced_row(live: LiveModel, body: Mapping[str, Any], prediction_id: str) -> TracedRow:
    """The trace of a checked row.

    Raises
    ------
    RefusedBodyError
        The model has no such member.
    """
    scorer, row = live.classifier, body["row"]
    outcome, rate = body.get("outcome", 1), body.get("learning_rate", LEARNING_RATE)
    network: Network = scorer.network.network_
    member = body.get("member", 0)
    if member >= network.n_members:
        raise RefusedBodyError([BadField(("member",), f"must lie below {network.n_members}", member)])
    X = scorer.encoder.encode_rows([row])
    inputs = scorer.inputs(X)[0]
    targets, n_weights = np.array([outcome]), body.get("n_weights", N_WEIGHTS)
    found = trace(network, inputs, targets, BINARY_LOG_LOSS, learning_rate=rate)
    log_odds, after = scorer.calibrator.log_odds(np.array([found.vote[0], found.vote_after[0]], np.float64))
    before, then = probability(np.array([log_odds, after])).tolist()
    names = [column.name for column in scorer.columns]
    return TracedRow(
        prediction_id=prediction_id,
        model=live.name,
        version=live.version,
        policy_version=live.policy_version,
        probability=before,
        log_odds=float(log_odds),
        slope=scorer.calibrator.slope,
        intercept=scorer.calibrator.intercept,
        vote=float(found.vote[0]),
        members=found.layers[-1].sums[:, 0].tolist(),
        member=member,
        inputs=[
            TracedInput(name=name, column=names[owner], value=value)
            for name, owner, value in zip(scorer.input_names, scorer.input_owners, inputs.tolist(), strict=True)
        ],
        layers=traced_layers(network, found, inputs, targets, BINARY_LOG_LOSS, member=member, n_weights=n_weights),
        outcome=outcome,
        loss=float(found.losses[member]),
        learning_rate=rate,
        loss_after=float(found.losses_after[member]),
        probability_after=then,
    )
