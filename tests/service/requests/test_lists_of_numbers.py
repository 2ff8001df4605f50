"""What is wrong with a list of numbers is told by its place, in the words of the column."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.mark.parametrize(
    ("body", "path", "message"),
    [
        ({"values": []}, "/values", "must be a list of 1 to 2,000 numbers; it has 0"),
        ({"values": [1.0] * 2_001}, "/values", "must be a list of 1 to 2,000 numbers; it has 2,001"),
        ({"values": "1, 2"}, "/values", "must be a list of 1 to 2,000 numbers"),
        ({"values": [1, "a"]}, "/values/1", "must be a number from -1e+300 to 1e+300"),
        ({"values": [1, None]}, "/values/1", "must be a number from -1e+300 to 1e+300"),
        ({"values": [1, 2, 1e301]}, "/values/2", "must be a number from -1e+300 to 1e+300"),
        ({}, "/values", "is missing; it must be a list of 1 to 2,000 numbers"),
        ({"values": [1], "horizon": 3}, "/horizon", "unknown field"),
        ({"values": [1], "next_values": [2]}, "/next_values", "next_values is the target of this model, not an input"),
    ],
)
def test_a_bad_list_is_told_by_its_place(client: Any, body: Any, path: str, message: str) -> None:
    response = client.post("/v1/forecast/score", json=body)
    assert response.status_code == 422
    assert [(one["path"], one["message"]) for one in response.json()["errors"]] == [(path, message)]


def test_a_bad_row_of_a_batch_leaves_the_others(client: Any) -> None:
    rows = [{"values": [1.0, 2.0]}, {"values": [1.0, "x"]}]
    found = client.post("/v1/forecast/batch", json={"rows": rows}).json()
    assert [answer is None for answer in found["answers"]] == [False, True]
    assert [one["path"] for one in found["errors"]] == ["/rows/1/values/1"]


def test_a_csv_has_lists_as_json(client: Any) -> None:
    body = 'values,date\n"[1, 2, 3]",2024-01-01\n"[1, x]",\n'
    found = client.post("/v1/forecast/batch", content=body, headers={"content-type": "text/csv"}).json()
    assert [answer and answer["naive"] for answer in found["answers"]] == [3.0, None]
    assert found["errors"][0]["path"] == "/rows/1/values"
    assert "it is no list" in found["errors"][0]["message"]
