"""What stands in braces in paths, as in /v1/models/{name}/versions/{number:int}/card.json, may be so long at most."""

from __future__ import annotations

from starlette.convertors import IntegerConvertor, StringConvertor, register_url_convertor


class ShortInteger(IntegerConvertor):
    """At most 18 digits, which every database column for whole numbers holds.

    The framework's own takes any number of digits, and fails on those that Python does not read.
    """

    regex = "[0-9]{1,18}"


class ShortText(StringConvertor):
    """At most 200 characters of text; among those left out is NUL, which PostgreSQL cannot even be asked for."""

    regex = r"[^/\x00-\x1f\x7f]{1,200}"


def register_bounded_converters() -> None:
    """Let {...} and {...:int} in all paths that are made from now on mean these; other paths are answered 404."""
    register_url_convertor("int", ShortInteger())
    register_url_convertor("str", ShortText())
