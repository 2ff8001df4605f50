"""Forged parquet files: a footer of any content, in Thrift's compact protocol."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

BOOL, I32, I64, BINARY, LIST, STRUCT = 1, 5, 6, 8, 9, 12
Field: TypeAlias = "tuple[int, int, object]"
"""Number, type and value of a field; the value of a list is the type of its members with them."""

INT64, BYTE_ARRAY = 2, 6
REQUIRED, OPTIONAL = 0, 1


def struct(*fields: Field) -> bytes:
    """Fields in the order of their numbers."""
    written, last = b"", 0
    for number, kind, value in fields:
        written += bytes([kind]) + zigzag(number) if number - last > 15 else bytes([(number - last) << 4 | kind])
        written += encoded(kind, value)
        last = number
    return written + b"\0"


def encoded(kind: int, value: object) -> bytes:
    """A value of a type; a struct is given as its bytes."""
    if kind in (I32, I64):
        assert isinstance(value, int)
        return zigzag(value)
    if kind == BINARY:
        assert isinstance(value, bytes)
        return varint(len(value)) + value
    if kind == LIST:
        assert isinstance(value, tuple)
        members, listed = value
        head = (
            bytes([len(listed) << 4 | members]) if len(listed) < 15 else bytes([0xF0 | members]) + varint(len(listed))
        )
        return head + b"".join(encoded(members, one) for one in listed)
    assert isinstance(value, bytes)
    return value


def zigzag(value: int) -> bytes:
    return varint((value << 1) ^ (value >> 63))


def varint(value: int) -> bytes:
    written = b""
    while value > 127:
        written, value = written + bytes([value & 127 | 128]), value >> 7
    return written + bytes([value])


def group(name: bytes, n_children: int) -> bytes:
    """The element of a schema that holds the next ones."""
    return struct((3, I32, OPTIONAL), (4, BINARY, name), (5, I32, n_children))


def leaf(name: bytes, kind: int = BYTE_ARRAY) -> bytes:
    """The element of a schema that holds values."""
    return struct((1, I32, kind), (3, I32, REQUIRED), (4, BINARY, name))


def chunk(name: bytes, *, at: int, n_bytes: int, claimed: int, n_values: int) -> bytes:
    """A column chunk's place and sizes, as the footer tells them."""
    told = struct(
        (1, I32, BYTE_ARRAY),
        (2, LIST, (I32, [0])),
        (3, LIST, (BINARY, [name])),
        (4, I32, 0),
        (5, I64, n_values),
        (6, I64, claimed),
        (7, I64, n_bytes),
        (9, I64, at),
    )
    return struct((2, I64, at), (3, STRUCT, told))


def file_of(
    elements: Sequence[bytes], *, n_rows: int = 0, row_groups: Sequence[bytes] = (), pages: bytes = b""
) -> bytes:
    """A whole file; `pages` come first, at byte 4."""
    footer = struct(
        (1, I32, 2), (2, LIST, (STRUCT, list(elements))), (3, I64, n_rows), (4, LIST, (STRUCT, list(row_groups)))
    )
    return b"PAR1" + pages + footer + len(footer).to_bytes(4, "little") + b"PAR1"
