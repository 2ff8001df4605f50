"""Errors of the data package, one class for each kind of failure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


class DataError(Exception):
    """Base of every error that `data` raises on purpose; its text is written for the user."""


class TableError(DataError):
    """A table description contradicts itself, or asks for what it does not hold."""


class SourceError(DataError):
    """A file or a public table is not there, cannot be read, or is not what its name promises."""


class TooLargeError(SourceError):
    """A file would take more time or memory than there is for it."""


@dataclass(frozen=True)
class Problem:
    """One value that breaks one rule; `row` counts the data rows from 1, 0 means the whole file."""

    row: int
    column: str
    value: object
    rule: str

    def __str__(self) -> str:
        if self.row == 0:
            return f"column {self.column!r}: {self.rule}"
        return f"row {self.row}, column {self.column!r}: {self.value!r} {self.rule}"


class BadRowsError(DataError):
    """Rows of a file break the rules of its table; every one of them is in `problems`."""

    n_shown = 20

    def __init__(self, source: str, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        lines = [f"  {problem}" for problem in self.problems[: self.n_shown]]
        if len(self.problems) > self.n_shown:
            lines.append(f"  ... and {len(self.problems) - self.n_shown} more")
        super().__init__(f"{source}: {len(self.problems)} bad value(s)\n" + "\n".join(lines))
