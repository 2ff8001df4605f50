"""Page headers of a parquet file, read before anything is decompressed.

A footer may claim anything, and readers allocate memory by the header of each page, so the page headers of untrusted
files are checked first. They are structs in Thrift's compact protocol, with the field numbers of
https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

MAX_HEADER_BYTES = 16_384
"""Limit of one page header; its statistics hold two values of the column."""
MAX_DEPTH = 8
_UNCOMPRESSED_SIZE, _COMPRESSED_SIZE, _DATA, _DATA_V2 = 2, 3, 5, 8  # fields of a page's header
_N_VALUES = 1  # field of the headers of data pages within it, of both kinds
_ENCODING, _ENCODING_V2 = 2, 4  # likewise


class PageError(Exception):
    """A page header is malformed."""


@dataclass(frozen=True)
class Page:
    """Sizes of a page in bytes, the number of its encoding, None for one without rows, and how many values it has."""

    unpacked: int
    packed: int
    encoding: int | None
    n_values: int = 0


def pages_of(content: memoryview, start: int, length: int) -> Iterator[Page]:
    """The pages of a column chunk at these bytes of a file, in order.

    Raises
    ------
    PageError
        The chunk lies outside of the file, or is malformed.
    """
    place, end = start, start + length
    if not 0 <= start <= end <= len(content):
        raise PageError(f"a column claims bytes {start} to {end} of {len(content)}")
    while place < end:
        reader = _Compact(bytes(content[place : min(place + MAX_HEADER_BYTES, end)]))
        header = reader.struct()
        sizes = _size(header, _UNCOMPRESSED_SIZE), _size(header, _COMPRESSED_SIZE)
        page = Page(*sizes, _of_data(header, _ENCODING, _ENCODING_V2), _of_data(header, _N_VALUES, _N_VALUES) or 0)
        place += reader.place + page.packed
        if place > end:
            raise PageError(f"a page claims to end at byte {place}, its column at {end}")
        yield page


def _size(header: dict[int, Any], field: int) -> int:
    size = header.get(field)
    if not isinstance(size, int) or size < 0:
        raise PageError("a page header has no size")
    return size


def _of_data(header: dict[int, Any], first: int, second: int) -> int | None:
    """A field of the header of a data page of the first or of the second kind; None for other pages."""
    for kind, field in ((_DATA, first), (_DATA_V2, second)):
        data = header.get(kind)
        if isinstance(data, dict) and isinstance(data.get(field), int):
            number: int = data[field]
            return number
    return None


class _Compact:
    """A reader of one struct; afterwards `place` is its end."""

    def __init__(self, content: bytes) -> None:
        self.content, self.place = content, 0

    def struct(self, depth: int = 0) -> dict[int, Any]:
        """The fields by number, without the contents of lists, maps and texts."""
        if depth > MAX_DEPTH:
            raise PageError("the header of a page is nested too deeply")
        fields: dict[int, Any] = {}
        number = 0
        while head := self._byte():
            step, kind = head >> 4, head & 15
            number = number + step if step else self._integer()
            fields[number] = self._value(kind, depth)
        return fields

    def _value(self, kind: int, depth: int) -> Any:
        if kind in (4, 5, 6):
            return self._integer()
        if kind == 12:
            return self.struct(depth + 1)
        if kind == 3:
            self._skip(1)
        elif kind == 7:
            self._skip(8)
        elif kind == 8:
            self._skip(self._varint())
        elif kind in (9, 10):
            self._list(depth)
        elif kind not in (1, 2):  # true and false have no bytes of their own; page headers have no maps
            raise PageError(f"the header of a page holds a value of the unknown type {kind}")
        return None

    def _list(self, depth: int) -> None:
        head = self._byte()
        n_members = head >> 4 if head >> 4 < 15 else self._varint()
        for _ in range(n_members):  # bounded: each takes at least one byte of the header
            if head & 15 in (1, 2):
                self._skip(1)
            else:
                self._value(head & 15, depth + 1)

    def _byte(self) -> int:
        if self.place >= len(self.content):
            raise PageError("the header of a page is cut off, or longer than is accepted")
        self.place += 1
        return self.content[self.place - 1]

    def _varint(self) -> int:
        value = shift = 0
        while True:
            byte = self._byte()
            value |= (byte & 127) << shift
            if byte < 128:
                return value
            shift += 7

    def _integer(self) -> int:
        value = self._varint()
        return value >> 1 ^ -(value & 1)

    def _skip(self, n_bytes: int) -> None:
        self.place += n_bytes
        if self.place > len(self.content):
            raise PageError("the header of a page is cut off, or longer than is accepted")
