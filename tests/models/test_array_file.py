"""Array files: the library and we read each other's, and a header that lies is refused."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
from safetensors.numpy import load

from models.array_file import parsed_json, read_arrays, write_arrays

ARRAYS = {
    "weights": np.array([[1.5, -0.0, 1e-45], [np.inf, -np.inf, 3e38]], np.float32),
    "edges": np.array([0.1, np.nextafter(0.1, 1)]),
    "owners": np.array([-(2**63), 2**63 - 1]),
    "directions": np.array([-1, 0, 1], np.int8),
    "none": np.zeros((0, 3), np.float32),
    "one": np.array(7.25),
}
ENTRY = {"dtype": "F64", "shape": [3], "data_offsets": [0, 24]}


def file_of(header: object, numbers: bytes = bytes(24)) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + numbers


def test_arrays_come_back_bit_for_bit_here_and_in_the_library() -> None:
    """Types, shapes and bits are equal, and what is read here cannot be written to."""
    content = write_arrays(ARRAYS)
    for found in (read_arrays(content), load(content)):
        assert found.keys() == ARRAYS.keys()
        for name, array in ARRAYS.items():
            assert (found[name].dtype, found[name].shape) == (array.dtype, array.shape)
            assert found[name].tobytes() == array.tobytes()
    assert not any(array.flags.writeable for array in read_arrays(content).values())


def test_arrays_are_views_of_the_content() -> None:
    """Nothing is copied."""
    content = write_arrays(ARRAYS)
    whole = np.frombuffer(content, np.uint8)
    assert all(np.shares_memory(array, whole) for array in read_arrays(content).values() if array.size)


def test_transposed_arrays_are_stored_as_they_read() -> None:
    """The library writes the memory of an array, whatever its order."""
    array = np.arange(6.0).reshape(2, 3).T
    np.testing.assert_array_equal(read_arrays(write_arrays({"a": array}))["a"], array, strict=True)


@pytest.mark.parametrize(
    ("header", "problem"),
    [
        (
            {"a": {**ENTRY, "shape": [10**12], "data_offsets": [0, 8 * 10**12]}},
            "'a' is not at bytes 0 to 8000000000000",
        ),
        ({"a": {**ENTRY, "shape": [2**61 + 3]}}, "is not at bytes 0 to"),
        ({"a": {**ENTRY, "shape": [2**63, 2**63]}}, "lists of a few whole numbers"),
        ({"a": {**ENTRY, "shape": [-3, -1]}}, "lists of a few whole numbers"),
        ({"a": {**ENTRY, "shape": [3.0]}}, "lists of a few whole numbers"),
        ({"a": {**ENTRY, "shape": [True, 3]}}, "lists of a few whole numbers"),
        ({"a": {**ENTRY, "shape": [3, 1, 1, 1, 1]}}, "lists of a few whole numbers"),
        ({"a": {**ENTRY, "shape": "3"}}, "lists of a few whole numbers"),
        ({"a": {**ENTRY, "shape": [2]}}, "'a' is not at bytes 0 to 16"),
        ({"a": {**ENTRY, "data_offsets": [24, 48]}}, "'a' is not at bytes 0 to 24"),
        ({"a": {**ENTRY, "data_offsets": [24, 0]}}, "'a' is not at bytes 0 to 24"),
        ({"a": {**ENTRY, "data_offsets": [0]}}, "array 'a'|not enough values"),
        ({"a": ENTRY, "b": ENTRY}, "'b' is not at bytes 24 to 48"),
        ({"a": {**ENTRY, "shape": [2], "data_offsets": [0, 16]}}, "8 bytes belong to no array"),
        ({}, "24 bytes belong to no array"),
        ({"a": {**ENTRY, "dtype": "O"}}, "'a' is of type 'O'; known: F16, F32, F64, I8, I64"),
        ({"a": {**ENTRY, "dtype": ["F64"]}}, "'a' is of type"),
        ({"a": {**ENTRY, "loader": "os.mkdir"}}, "'a' must have dtype, shape and data_offsets"),
        ({"__metadata__": {"a": "b"}, "a": ENTRY}, "'__metadata__' must have dtype, shape and data_offsets"),
        ({"a": {}}, "'a' must have dtype, shape and data_offsets"),
        ([ENTRY], "must be a JSON object"),
        (b'{"a": 1, "a": 2}', "key 'a' occurs twice"),
        (b"[" * 100_000, "nested too deeply|Expecting"),
        (b"__import__('os').mkdir('ran')", "Expecting value"),
        (b"\xff\xfe", "utf-8"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_header_that_lies_is_refused(header: object, problem: str) -> None:
    """By the array that it is about."""
    with pytest.raises(ValueError, match=problem):
        read_arrays(file_of(header))


@pytest.mark.parametrize("content", [b"", bytes(7), b"\xff" * 8, b"\xff" * 100, (2**21 + 1).to_bytes(8, "little")])
def test_a_header_longer_than_the_file_is_refused(content: bytes) -> None:
    """Or than any header is."""
    with pytest.raises(ValueError, match=re.escape(f"of {len(content):,}; 2,097,152 are allowed")):
        read_arrays(content)


@pytest.mark.parametrize("share", [0.2, 0.6, 0.95])
def test_a_file_cut_off_is_refused(share: float) -> None:
    """Wherever it ends."""
    content = write_arrays(ARRAYS)
    with pytest.raises(ValueError, match=r"header claims|not at bytes"):
        read_arrays(content[: int(len(content) * share)])


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (b'{"a": {"b": 1, "c": 2, "b": 1}}', "key 'b' occurs twice"),
        (b"[NaN]", "NaN is not JSON"),
        (b"-Infinity", "-Infinity is not JSON"),
        (b"9" * 5_000, "Exceeds the limit"),
        (b"[" * 100_000 + b"]" * 100_000, "nested too deeply"),
        ('{"a": 1}'.encode("utf-16"), "utf-8"),
    ],
    ids=["twice", "NaN", "infinity", "digits", "deep", "utf-16"],
)
def test_json_is_read_by_the_letter(text: bytes, problem: str) -> None:
    """What Python's reader lets pass is refused."""
    with pytest.raises(ValueError, match=problem):
        parsed_json(text)
