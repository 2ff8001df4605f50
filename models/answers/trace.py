"""Trace of a row through the network: the forward pass as scored, and the backward pass for an assumed outcome.

One ensemble member is shown number by number; the others appear in the vote. Computed by `models.nn.trace`.
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
    """One input of the network."""

    name: str = Field(description="Name of the feature: a column, a bin or a level of it.")
    column: str = Field(description="Column of the feature.")
    value: float


class TracedRow(Answer):
    """Forward and backward pass of a row."""

    probability: float = Field(ge=0, le=1, description="Calibrated; bit for bit as in `score`.")
    log_odds: float = Field(description="Calibrated: slope * vote + intercept.")
    slope: float = Field(description="Slope of the calibration.")
    intercept: float = Field(description="Intercept of the calibration.")
    vote: float = Field(description="Mean output of the members: log-odds before calibration.")
    members: list[float] = Field(description="Output of each member: log-odds before calibration.")
    member: int = Field(description="Index of the member shown, from 0.")
    inputs: list[TracedInput]
    layers: list[TracedLayer] = Field(description="First to last.")
    outcome: int = Field(description="Assumed outcome: 1 if the event happens, else 0.")
    loss: float = Field(description="Log-loss of this member: -ln of the probability it gave the outcome.")
    learning_rate: float
    loss_after: float = Field(description="Its log-loss after one step of plain gradient descent.")
    probability_after: float = Field(ge=0, le=1, description="Calibrated probability after one step of every member.")


def trace_operation() -> Operation:
    """The operation POST /v1/{name}/trace of every binary domain."""
    return Operation(
        name="trace",
        summary="Forward and backward pass of a row, or of a recorded prediction, in numbers.",
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
    """Type of the request: a row or a prediction ID, and the assumed outcome and step."""
    fields: dict[str, Any] = {
        "row": NotRequired[row_type(table)],
        "prediction_id": NotRequired[
            Annotated[
                str, Field(max_length=100, description="ID of a recorded prediction; its row and version are used.")
            ]
        ],
        "outcome": NotRequired[
            Annotated[int, Field(ge=0, le=1, description="Assumed outcome: 1 if the event happens, else 0; default 1.")]
        ],
        "learning_rate": NotRequired[
            Annotated[
                float,
                Field(gt=0, le=MAX_LEARNING_RATE, description=f"Learning rate of the step; default {LEARNING_RATE}."),
            ]
        ],
        "member": NotRequired[
            Annotated[int, Field(ge=0, le=1_000, description="Index of the member to show; default 0.")]
        ],
        "n_weights": NotRequired[
            Annotated[int, Field(ge=0, le=MAX_WEIGHTS, description=f"Weights shown per layer; default {N_WEIGHTS}.")]
        ],
    }
    body = closed_typed_dict(
        "TraceRequest", fields, "A row or the ID of a recorded prediction, and options of the trace."
    )
    return Annotated[body, AfterValidator(_one_of_both)]


def _one_of_both(body: Mapping[str, Any]) -> Mapping[str, Any]:
    if ("row" in body) == ("prediction_id" in body):
        raise PydanticCustomError("one_of_both", "exactly one of 'row' and 'prediction_id' is required")
    return body


def traced_row(live: LiveModel, body: Mapping[str, Any], prediction_id: str) -> TracedRow:
    """The trace of a checked row.

    Raises
    ------
    RefusedBodyError
        There is no member with that index.
    """
    scorer, row = live.classifier, body["row"]
    outcome, rate = body.get("outcome", 1), body.get("learning_rate", LEARNING_RATE)
    network: Network = scorer.network.network_
    member = body.get("member", 0)
    if member >= network.n_members:
        raise RefusedBodyError([BadField(("member",), f"must be less than {network.n_members}", member)])
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
