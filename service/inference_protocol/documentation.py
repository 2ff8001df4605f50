"""OpenAPI documentation of a model's inference endpoint."""

from __future__ import annotations

from typing import Any

from service.inference_protocol.messages import InferenceRequest, InferenceResponse
from service.inference_protocol.metadata import example_request
from service.live.served_model import ServedModel
from service.requests.bodies import JSON

Json = dict[str, Any]
TAG = "inference protocol"


def inference_path(served: ServedModel) -> tuple[Json, Json]:
    """The path of a live model, and its schemas: those of the protocol, with the names of the model's columns."""
    live = served.live
    prefix = f"{live.name}.infer."
    names = {"InputTensor": [column.name for column in live.table.inputs]}
    names |= {"RequestedOutput": list(live.domain.answer.model_fields)}
    request, response = f"{prefix}Request", f"{prefix}Response"
    schemas: Json = {}
    for name, schema in (
        (request, InferenceRequest.model_json_schema(ref_template=f"#/components/schemas/{prefix}{{model}}")),
        (
            response,
            InferenceResponse.model_json_schema(
                mode="serialization", ref_template=f"#/components/schemas/{prefix}{{model}}"
            ),
        ),
    ):
        for inner, content in schema.pop("$defs", {}).items():
            if inner in names:
                content["properties"]["name"]["enum"] = names[inner]
            schemas[f"{prefix}{inner}"] = content
        schemas[name] = schema
    example = example_request(served)
    body: Json = {"schema": {"$ref": f"#/components/schemas/{request}"}}
    post = {
        "tags": [TAG],
        "summary": f"Score many rows by {live.name}",
        "description": f"{live.domain.summary} Version {live.version}. One tensor for each column.",
        "operationId": f"infer_{live.name}",
        "parameters": [],
        "requestBody": {"required": True, "content": {JSON: body | ({"example": example} if example else {})}},
        "responses": {
            "200": {
                "description": "Answered.",
                "content": {JSON: {"schema": {"$ref": f"#/components/schemas/{response}"}}},
            }
        },
    }
    return {f"/v2/models/{live.name}/infer": {"post": post}}, schemas
