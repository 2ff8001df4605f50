"""The messages of the protocol."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

Datatype: TypeAlias = Literal[
    "BOOL", "UINT8", "UINT16", "UINT32", "UINT64", "INT8", "INT16", "INT32", "INT64", "FP16", "FP32", "FP64", "BYTES"
]
Parameters: TypeAlias = dict[str, Any]


class ServerLive(BaseModel):
    """The process runs."""

    live: bool = True


class ServerReady(BaseModel):
    """Whether requests can be answered."""

    live: bool = True
    ready: bool


class ServerMetadata(BaseModel):
    """Name and version of the server."""

    name: str
    version: str
    extensions: list[str] = Field(description="Supported extensions: none, so tensors are sent as JSON.")


class ModelReady(BaseModel):
    """Whether a model answers."""

    name: str
    ready: bool


class TensorMetadata(BaseModel):
    """An input or output tensor of a model."""

    name: str
    datatype: Datatype
    shape: list[int] = Field(description="-1 stands for any number of rows.")
    parameters: Parameters | None = Field(
        None, description='`optional`: may be left out. `content_type` "application/json": elements are JSON documents.'
    )


class ModelMetadata(BaseModel):
    """A model with its input and output tensors."""

    name: str
    versions: list[str] = Field(description="Available versions: the live one.")
    platform: str
    inputs: list[TensorMetadata]
    outputs: list[TensorMetadata]


class InputTensor(BaseModel):
    """The values of one column."""

    name: str = Field(description="Name of the column.")
    shape: list[Annotated[int, Field(strict=True, ge=0)]] = Field(description="[n] or [n, 1].")
    datatype: Datatype
    parameters: Parameters | None = None
    data: list[Any] | None = Field(None, description="The values, flat or each in a list of one; null if missing.")


class RequestedOutput(BaseModel):
    """A response field that the caller requests."""

    name: str
    parameters: Parameters | None = None


class InferenceRequest(BaseModel):
    """Rows, column by column."""

    id: str | None = Field(None, description="Returned with the response.")
    parameters: Parameters | None = Field(None, description='`reasons`: "adverse" (the default), "all" or "none".')
    inputs: list[InputTensor] = Field(min_length=1)
    outputs: list[RequestedOutput] | None = Field(None, description="Requested outputs; all if left out.")


class OutputTensor(BaseModel):
    """The values of one response field."""

    name: str
    shape: list[int]
    datatype: Datatype
    parameters: Parameters | None = None
    data: list[Any]


class InferenceResponse(BaseModel):
    """Answers, field by field."""

    model_config = ConfigDict(protected_namespaces=())

    model_name: str
    model_version: str
    id: str | None = Field(None, description="ID of the request, if it had one.")
    outputs: list[OutputTensor]


class ProtocolError(BaseModel):
    """The response to a failed request."""

    error: str = Field(description="What went wrong, and what to do about it.")
