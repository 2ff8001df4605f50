"""Form: the inputs from which a model is scored by hand, as data; `service.pages` fills it in and draws it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from data.table import Column
from models.contract import LiveModel

Place: TypeAlias = tuple[str | int, ...]
EXPLAIN = "explain"


@dataclass(frozen=True)
class Input:
    """One input: the column that describes it, whose example is its default, and its place in the request body."""

    column: Column
    place: Place


@dataclass(frozen=True)
class Section:
    """Inputs under one heading."""

    title: str
    inputs: Sequence[Input]


@dataclass(frozen=True)
class Repeated:
    """A section that can be added and removed, as the candidates of a ranking.

    Parameters
    ----------
    noun : what one of them is called.
    section : number from 0 on -> section.
    n_examples : sections of an untouched form. max_n : of any form.
    """

    noun: str
    section: Callable[[int], Section]
    n_examples: int
    max_n: int


@dataclass(frozen=True, kw_only=True)
class Form:
    """The inputs of one of a domain's operations.

    Parameters
    ----------
    operation : name of the operation that is sent the form; empty for `score`.
    """

    operation: str
    sections: Sequence[Section]
    repeated: Repeated | None = None
    button: str = "Score"
    note: str = ""


def inputs_of(columns: Iterable[Column], place: Place = ()) -> tuple[Input, ...]:
    """An input for each column, below that place."""
    return tuple(Input(column, (*place, column.name)) for column in columns)


def form_of(live: LiveModel) -> Form:
    """The domain's own form, or one input for each column of the table.

    A row is sent to `explain` where the domain has it: that answers as `score` does, with all reasons, and neither
    stores an event nor opens an alert. Scoring a card by hand must not change its history.
    """
    domain, table = live.domain, live.table
    if domain.form is not None:
        return domain.form(table)
    if any(operation.name == EXPLAIN for operation in domain.operations):
        note = "Scoring here stores no event, opens no alert and does not count in the monitor."
        return Form(operation=EXPLAIN, sections=[Section("", inputs_of(table.inputs, ("row",)))], note=note)
    return Form(operation="", sections=[Section("", inputs_of(table.inputs))])
