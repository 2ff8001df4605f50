"""Errors of the data package, one class for each kind of failure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


class DataError(Exception):
    """Base of every error that `data` raises on purpose; its text is written for the user."""


class TableError(DataError):
    """A table description that contradicts itself, or refers to a missing column."""


class SourceError(DataError):
    """A file or public table that is missing, cannot be read, or is not of the format of its name."""


class TooLargeError(SourceError):
    """A file that would exceed the limits of time or memory."""


@dataclass(frozen=True)
class Problem:
    """A value that breaks a rule; `row` counts data rows from 1, 0 is the whole file."""

    row: int
    column: str
    value: object
    rule: str

    def __str__(self) -> str:
        if self.row == 0:
            return f"column {self.column!r}: {self.rule}"
        value = "" if self.value is None else f"{self.value!r} "
        return f"row {self.row}, column {self.column!r}: {value}{self.rule}"


class BadRowsError(DataError):
    """Rows of a file that break the rules of its table; `problems` lists all."""

    n_shown = 20

    def __init__(self, source: str, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        lines = [f"  {problem}" for problem in self.problems[: self.n_shown]]
        if len(self.problems) > self.n_shown:
            lines.append(f"  ... and {len(self.problems) - self.n_shown} more")
        super().__init__(f"{source}: {len(self.problems)} bad value(s)\n" + "\n".join(lines))
