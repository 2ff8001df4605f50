"""What a model answers over the Open Inference Protocol is what it answers to a batch, whatever the columns hold."""

import itertools
import json
import shutil
from datetime import datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.spellings import flag_spellings
from models.domains._discovery import load_domains
from tests.service.inference_protocol.tensors import answers_of, infer, request_of, tensor, without_id

DOMAINS = load_domains()
NUMBERS = itertools.count(500_000_000)
EMPTY = {"FP64": [None, float("nan")], "FP32": [None, float("nan")], "BYTES": [None, ""]}


@pytest.fixture(scope="module")
def client(start_service, trained_home, tmp_path_factory):
    """Of a service with a store of events of its own."""
    home = shutil.copytree(trained_home, tmp_path_factory.mktemp("inference") / "home")
    return start_service(home).client


# Rows of many more columns need more random choices than an example may draw
FEW_COLUMNS = {name: domain for name, domain in DOMAINS.items() if len(domain.table.inputs) <= 40}


@pytest.fixture(params=FEW_COLUMNS.values(), ids=FEW_COLUMNS.keys())
def domain(request):
    return request.param


def numbers(column, *, good):
    low = column.minimum if column.minimum is not None else -1e6
    high = column.maximum if column.maximum is not None else 1e6
    inside = st.integers(int(low), int(high))
    if not column.whole:
        inside |= st.floats(low, high)
    return inside if good else inside | st.sampled_from([low - 1, high + 1.5])


def values(column, *, good):
    """How a column's values may be spelled: datatypes, and values of them; some break a rule if not `good`."""
    if column.kind == "number":
        return st.sampled_from(["FP64", "FP32"]), numbers(column, good=good)
    if column.kind == "flag" and "true" in flag_spellings(column):
        return st.just("BOOL"), st.booleans()
    if column.kind == "flag":
        return st.just("BYTES"), st.sampled_from([*column.levels, *([] if good else ["perhaps"])])
    if column.kind == "time":
        times = st.datetimes(datetime(2024, 5, 25), datetime(2024, 5, 31)).map(str)
        return st.just("BYTES"), times if good else times | st.just("yesterday")
    texts = st.sampled_from([*column.levels, "never seen", *([] if good else ["ü" * 201])])
    return st.sampled_from(["BYTES", "INT64"]), texts


@st.composite
def rows_and_tensors(draw, table):
    """The same rows as a batch and as tensors."""
    n_rows, good = draw(st.integers(1, 5)), draw(st.booleans())
    rows = [{} for _ in range(n_rows)]
    tensors = []
    for column in table.inputs:
        if column.optional and draw(st.integers(0, 4)) == 0:
            continue  # left out altogether
        datatypes, usual = values(column, good=good)
        datatype = draw(datatypes)
        if column.role == "event":
            found = [f"{next(NUMBERS)}" for _ in rows]
            datatype = "BYTES"
        elif datatype == "INT64":
            found = draw(st.lists(st.integers(0, 2**40), min_size=n_rows, max_size=n_rows))
        else:
            found = draw(st.lists(usual, min_size=n_rows, max_size=n_rows))
        spelled = list(found)
        if column.optional and datatype in EMPTY:
            gaps = draw(st.lists(st.integers(0, 3), min_size=n_rows, max_size=n_rows))
            for i, gap in enumerate(gaps):
                if gap == 0:
                    found[i], spelled[i] = None, draw(st.sampled_from(EMPTY[datatype]))
        for row, value in zip(rows, found, strict=True):
            row[column.name] = value
        shape = draw(st.sampled_from([[n_rows], [n_rows, 1]]))
        nested = len(shape) == 2 and draw(st.booleans())
        tensors.append(tensor(column.name, spelled, datatype, shape=shape, nested=nested))
    return rows, draw(st.permutations(tensors))


@settings(max_examples=40)
@given(data=st.data(), reasons=st.sampled_from(["adverse", "all", "none"]))
def test_the_same_rows_get_the_same_answers_and_the_same_errors(domain, client, data, reasons):
    """Bit for bit; where a batch names bad values, the protocol's error names the same ones and answers nothing."""
    rows, tensors = data.draw(rows_and_tensors(domain.restrict_inputs(domain.table)))

    response = infer(client, domain.name, {"inputs": tensors, "parameters": {"reasons": reasons}})
    batch = client.post(f"/v1/{domain.name}/batch?reasons={reasons}", json={"rows": rows}).json()

    if batch["errors"]:
        assert response.status_code == 422, response.text
        for error in batch["errors"]:
            _, _, row, name = error["path"].split("/")
            assert f"{name}[{row}] {error['message']}" in response.json()["error"]
    else:
        assert response.status_code == 200, response.text
        answers = answers_of(response.json())
        assert [without_id(answer) for answer in answers] == [without_id(answer) for answer in batch["answers"]]


def test_events_get_their_stored_answers_again(client):
    """An event counts once, whichever way it is sent; even the prediction's id is that of the first time."""
    table = DOMAINS["fraud"].table
    rows = [{**table.example(), "transaction_id": str(next(NUMBERS)), "time": "2024-05-25T10:00:00"} for _ in range(3)]

    first = client.post("/v1/fraud/batch", json={"rows": rows}).json()["answers"]
    again = answers_of(infer(client, "fraud", request_of(rows)).json())

    assert again == first
    assert json.dumps(again) == json.dumps(first)
