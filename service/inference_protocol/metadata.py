"""Metadata of a model: its input and output tensors, and an example request."""

from __future__ import annotations

from typing import Any

from pydantic_core import to_json

from data.column import Column
from service.inference_protocol.datatypes import JSON_ELEMENTS, datatype_of_column, datatype_of_value
from service.inference_protocol.messages import ModelMetadata, TensorMetadata
from service.inference_protocol.outputs import output_metadata
from service.live.served_model import ServedModel

PLATFORM = "backscore"
N_EXAMPLES = 2


def model_metadata(served: ServedModel) -> ModelMetadata:
    """The input and output tensors of a live version."""
    live = served.live
    return ModelMetadata(
        name=live.name,
        versions=[str(live.version)],
        platform=PLATFORM,
        inputs=[
            TensorMetadata(
                name=column.name,
                datatype=datatype_of_column(column),
                shape=[-1, 1],
                parameters=_parameters(column),
            )
            for column in live.table.inputs
        ],
        outputs=list(output_metadata(live.domain.answer).values()),
    )


def example_request(served: ServedModel) -> dict[str, Any] | None:
    """A valid request with two rows; None if the table lacks an example of a required column."""
    example = served.example()
    if example is None:
        return None
    table = served.live.table
    inputs = [
        {
            "name": name,
            "shape": [N_EXAMPLES, 1],
            "datatype": datatype_of_value(value, table[name]),
            "data": [to_json(value).decode() if isinstance(value, list) else value] * N_EXAMPLES,
        }
        for name, value in example.items()
    ]
    return {"id": "42", "parameters": {"reasons": "adverse"}, "inputs": inputs}


def _parameters(column: Column) -> dict[str, Any] | None:
    """What else is to be known of a column: whether it may be absent, and that lists are JSON."""
    optional = {"optional": True} if column.may_be_absent else {}
    return {**optional, **(JSON_ELEMENTS if column.kind == "numbers" else {})} or None
