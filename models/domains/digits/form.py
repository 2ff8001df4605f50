"""Form of a picture: its pixels, and one picture of each level where the data come with the domain."""

from __future__ import annotations

from math import isqrt

from data.simulators import digits as simulator
from data.table import Table
from models.contract.forms import Example, Form, Section, inputs_of


def digits_form(table: Table) -> Form:
    """One section of all pixels; examples for a table with the pixels of the pictures that come along."""
    return Form(
        operation="",
        sections=[Section("Picture", inputs_of(table.inputs), width=isqrt(len(table.inputs)))],
        examples=_examples() if table.features == simulator.TABLE.features else (),
    )


def _examples() -> tuple[Example, ...]:
    """The first picture of each digit."""
    pixels, digits = simulator.pictures()
    names = [column.name for column in simulator.TABLE.features]
    return tuple(
        Example(str(digit), dict(zip(names, pixels[digits == digit][0].tolist(), strict=True))) for digit in range(10)
    )
