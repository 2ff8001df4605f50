"""Answers to tensors: one tensor for each response field."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from pydantic_core import from_json, to_json

from models.contract import Answer
from service.errors import FieldError, InvalidTensorsError, shortened
from service.inference_protocol.datatypes import JSON_ELEMENTS, datatype_of_field
from service.inference_protocol.messages import InferenceRequest, OutputTensor, TensorMetadata


@cache
def output_metadata(answer: type[Answer]) -> dict[str, TensorMetadata]:
    """Metadata of the output tensors for a type of answers, by name."""
    found = {}
    for name, field in answer.model_fields.items():
        datatype, is_document = datatype_of_field(field)
        parameters = JSON_ELEMENTS if is_document else None
        found[name] = TensorMetadata(name=name, datatype=datatype, shape=[-1, 1], parameters=parameters)
    return found


def requested_outputs(request: InferenceRequest, answer: type[Answer]) -> list[TensorMetadata]:
    """The requested output tensors; InvalidTensorsError names unknown ones."""
    known = output_metadata(answer)
    if not request.outputs:
        return list(known.values())
    names = list(dict.fromkeys(output.name for output in request.outputs))
    message = f"unknown output; available: {', '.join(known)}"
    if errors := [FieldError(path=shortened(name), message=message) for name in names if name not in known]:
        raise InvalidTensorsError(errors)
    return [known[name] for name in names]


def output_tensors(texts: Sequence[bytes], requested: Sequence[TensorMetadata]) -> list[OutputTensor]:
    """The output tensors for answers in JSON."""
    answers = from_json(b"[%s]" % b",".join(texts))
    return [
        OutputTensor(
            name=tensor.name,
            shape=[len(answers), 1],
            datatype=tensor.datatype,
            parameters=tensor.parameters,
            data=[
                to_json(answer[tensor.name]).decode() if tensor.parameters else answer[tensor.name]
                for answer in answers
            ],
        )
        for tensor in requested
    ]
