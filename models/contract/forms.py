"""Form: the inputs of the scoring page, as data; rendered by `service.pages`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from data.column import Column, Scalar
from data.numbers import Numbers
from models.contract.domain import LiveModel

Place: TypeAlias = tuple[str | int, ...]
EXPLAIN = "explain"


@dataclass(frozen=True)
class Input:
    """One input: its column, whose example is the default, and its place in the request body."""

    column: Column
    place: Place


@dataclass(frozen=True)
class Section:
    """Inputs under one heading.

    Parameters
    ----------
    width : of the picture whose pixels the inputs are, row by row; 0 for other inputs. It can be drawn.
    """

    title: str
    inputs: Sequence[Input]
    width: int = 0


@dataclass(frozen=True)
class Repeated:
    """A section that can be added and removed, such as a candidate ad.

    Parameters
    ----------
    noun : singular name of a section.
    section : number from 0 on -> section.
    n_examples : initial number of sections. max_n : maximum number.
    """

    noun: str
    section: Callable[[int], Section]
    n_examples: int
    max_n: int


@dataclass(frozen=True)
class Example:
    """Values that fill the form, by column; `label` is the text of the link that does so."""

    label: str
    values: Mapping[str, Scalar | Numbers]


@dataclass(frozen=True, kw_only=True)
class Form:
    """The inputs of an operation.

    Parameters
    ----------
    operation : name of the operation that receives the form; empty for `score`.
    examples : offered beside the columns' own.
    """

    operation: str
    sections: Sequence[Section]
    repeated: Repeated | None = None
    button: str = "Score"
    note: str = ""
    examples: Sequence[Example] = ()


def inputs_of(columns: Iterable[Column], place: Place = ()) -> tuple[Input, ...]:
    """An input for each column, nested at `place`."""
    return tuple(Input(column, (*place, column.name)) for column in columns)


def form_of(live: LiveModel) -> Form:
    """The domain's own form, or one input for each column of the table.

    The form is sent to `explain` if the domain has it: it answers like `score`, with all reasons, but neither stores an
    event nor opens an alert. Scoring a card by hand must not change its history.
    """
    domain, table = live.domain, live.table
    if domain.form is not None:
        return domain.form(table)
    if any(operation.name == EXPLAIN for operation in domain.operations):
        note = "Scores made here store no event, open no alert and are not monitored."
        return Form(operation=EXPLAIN, sections=[Section("", inputs_of(table.inputs, ("row",)))], note=note)
    return Form(operation="", sections=[Section("", inputs_of(table.inputs))])
