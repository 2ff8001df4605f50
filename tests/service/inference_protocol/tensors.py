"""Requests of the Open Inference Protocol for rows, as its clients make them."""

import json

DATATYPES = {bool: "BOOL", int: "INT64", float: "FP64", str: "BYTES"}


def tensor(name, values, datatype=None, *, shape=None, nested=False):
    """One column; without a datatype that of its values."""
    if datatype is None:
        types = {type(value) for value in values if value is not None}
        datatype = "FP64" if types == {int, float} else DATATYPES[types.pop()] if types else "BYTES"
    data = [[value] for value in values] if nested else list(values)
    return {"name": name, "shape": shape or [len(values), 1], "datatype": datatype, "data": data}


def request_of(rows, **more):
    """Rows with the same columns, as tensors."""
    return {"inputs": [tensor(name, [row[name] for row in rows]) for name in rows[0]], **more}


def infer(client, name, request, **options):
    """Ask; NaN is spelled as Triton's client spells it."""
    headers = {"content-type": "application/json", **options.pop("headers", {})}
    return client.post(f"/v2/models/{name}/infer", content=json.dumps(request), headers=headers, **options)


def answers_of(response):
    """The answers of a response, row by row, as /v1 gives them."""
    columns = {}
    for output in response["outputs"]:
        is_document = (output.get("parameters") or {}).get("content_type") == "application/json"
        columns[output["name"]] = [json.loads(value) if is_document else value for value in output["data"]]
        assert output["shape"] == [len(output["data"]), 1]
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


def without_id(answer):
    return {name: value for name, value in answer.items() if name != "prediction_id"}
