"""Path parameters of bounded length, as in /v1/models/{name}/versions/{number:int}/card.json."""

from __future__ import annotations

from starlette.convertors import IntegerConvertor, StringConvertor, register_url_convertor


class ShortInteger(IntegerConvertor):
    """An integer of at most 18 digits, which fits into every database's integer column.

    Starlette's own accepts any number of digits, and fails beyond Python's limit for conversion.
    """

    regex = "[0-9]{1,18}"


class ShortText(StringConvertor):
    """Text of at most 200 characters without control characters; PostgreSQL fails on queries with NUL."""

    regex = r"[^/\x00-\x1f\x7f]{1,200}"


def register_bounded_converters() -> None:
    """Use these converters for {...} and {...:int} in routes created from now on; other paths get 404."""
    register_url_convertor("int", ShortInteger())
    register_url_convertor("str", ShortText())
