"""Named arrays in a safetensors file: read strictly, as views of the bytes.

The file is the length of a header (8 bytes, little-endian), the header (JSON: name -> dtype, shape, data_offsets) and
the numbers, one array after the other. The library writes it, but reads copies; the views made here are read-only and
shared by all processes that map the file.
"""

from __future__ import annotations

import json
import math
import mmap
import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from safetensors.numpy import save

Buffer: TypeAlias = bytes | mmap.mmap
Array: TypeAlias = npt.NDArray[Any]

MAX_HEADER_BYTES = 2 * 1024**2
MAX_DIMENSIONS = 4
DTYPES: Mapping[str, np.dtype[Any]] = {
    "F16": np.dtype("<f2"),
    "F32": np.dtype("<f4"),
    "F64": np.dtype("<f8"),
    "I8": np.dtype("i1"),
    "I64": np.dtype("<i8"),
}
_LENGTH_BYTES = 8


def write_arrays(arrays: Mapping[str, Array]) -> bytes:
    """The content of a file with these arrays."""
    content: bytes = save({name: np.asarray(array, order="C") for name, array in arrays.items()})
    return content


def file_content(path: Path, limit: int, *, mapped: bool) -> Buffer | None:
    """The content of a regular file, `mapped` into memory or read; None for a link, a pipe, a larger or growing file.

    Raises OSError if it cannot be read.
    """
    if not stat.S_ISREG(path.lstat().st_mode):
        return None
    # The file may have been replaced since: no link is followed, and opening a pipe must not wait for a writer
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_size > limit:
            return None
        if mapped and status.st_size:
            return mmap.mmap(descriptor, status.st_size, access=mmap.ACCESS_READ)
        content = file.read(status.st_size + 1)  # one byte more, to notice a file that grows
    return content if len(content) == status.st_size else None


def read_arrays(content: Buffer, *, has_metadata: bool = False) -> dict[str, Array]:
    """The arrays of a file, each a read-only view of its content.

    `has_metadata` allows the entry of texts that other programs write; it is not read.

    Raises ValueError if the content is not exactly as the header says: arrays of known types, side by side, without
    gaps or trailing bytes.
    """
    n_header = int.from_bytes(content[:_LENGTH_BYTES], "little")
    start = _LENGTH_BYTES + n_header
    if len(content) < _LENGTH_BYTES or n_header > MAX_HEADER_BYTES or start > len(content):
        raise ValueError(f"the header claims {n_header:,} bytes of {len(content):,}; {MAX_HEADER_BYTES:,} are allowed")
    header = parsed_json(content[_LENGTH_BYTES:start])
    if not isinstance(header, dict):
        raise ValueError("the header must be a JSON object")
    if has_metadata:
        header.pop("__metadata__", None)
    arrays: dict[str, Array] = {}
    place = 0
    for name, entry in sorted(header.items(), key=lambda item: _offsets(*item)):
        dtype, shape = _type_and_shape(name, entry)
        n_bytes = math.prod(shape) * dtype.itemsize
        if _offsets(name, entry) != (place, place + n_bytes) or start + place + n_bytes > len(content):
            raise ValueError(f"array {name[:100]!r} is not at bytes {place} to {place + n_bytes}")
        numbers = np.frombuffer(content, dtype, math.prod(shape), start + place) if n_bytes else np.zeros(0, dtype)
        arrays[name] = numbers.reshape(shape)
        arrays[name].flags.writeable = False
        place += n_bytes
    if start + place != len(content):
        raise ValueError(f"{len(content) - start - place:,} bytes belong to no array")
    return arrays


def parsed_json(content: bytes) -> Any:
    """Strictly parsed JSON: no duplicate keys, no NaN or infinity.

    Raises ValueError for invalid JSON, and for nesting beyond Python's recursion limit.
    """

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            names = [name for name, _ in pairs]
            raise ValueError(f"key {next(name for name in names if names.count(name) > 1)[:100]!r} occurs twice")
        return found

    def refuse(word: str) -> None:
        raise ValueError(f"{word} is not JSON")

    try:
        return json.loads(content.decode(), object_pairs_hook=unique, parse_constant=refuse)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def _offsets(name: str, entry: Any) -> tuple[int, int]:
    """The first byte and the end of an array; ValueError for a malformed entry."""
    if not isinstance(entry, dict) or entry.keys() != {"dtype", "shape", "data_offsets"}:
        raise ValueError(f"array {name[:100]!r} must have dtype, shape and data_offsets")
    start, stop = _whole_numbers(name, entry["data_offsets"], 2)
    return start, stop


def _type_and_shape(name: str, entry: Mapping[str, Any]) -> tuple[np.dtype[Any], tuple[int, ...]]:
    if not isinstance(entry["dtype"], str) or entry["dtype"] not in DTYPES:
        raise ValueError(f"array {name[:100]!r} is of type {str(entry['dtype'])[:20]!r}; known: {', '.join(DTYPES)}")
    return DTYPES[entry["dtype"]], tuple(_whole_numbers(name, entry["shape"], MAX_DIMENSIONS))


def _whole_numbers(name: str, found: Any, max_length: int) -> list[int]:
    # A bool is an int in Python, but not a number in JSON
    if isinstance(found, list) and len(found) <= max_length and all(type(n) is int and 0 <= n < 2**62 for n in found):
        return found
    raise ValueError(f"array {name[:100]!r}: shape and data_offsets must be lists of a few whole numbers of at least 0")
