"""Values of a file that training did not cover: levels it saw too seldom or never, and numbers beyond its range."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import pandas as pd

from models.encoding import TableEncoder

MAX_SHOWN = 5
"""Values shown for each column."""


@dataclass(frozen=True)
class ColumnWarning:
    """The rows of one column whose values training did not cover."""

    column: str
    problem: str
    n_rows: int
    n_values: int
    most_frequent: tuple[str, ...]

    def __str__(self) -> str:
        more = ", ..." if self.n_values > len(self.most_frequent) else ""
        return f"{self.column}: {self.problem} in {self.n_rows:,} row(s): {', '.join(self.most_frequent)}{more}"


@dataclass
class FileWarnings:
    """The warnings of a file's rows so far, by column and problem, with the rows of each value."""

    n_rows: int = 0
    values: dict[tuple[str, str], Counter[str]] = field(default_factory=dict)

    def add(self, other: FileWarnings) -> None:
        """Count the rows of another part of the file."""
        self.n_rows += other.n_rows
        for key, counts in other.values.items():
            self.values.setdefault(key, Counter()).update(counts)

    def by_column(self) -> list[ColumnWarning]:
        """One warning for each column and problem, those of the most rows first."""
        found = [
            ColumnWarning(
                column, problem, counts.total(), len(counts), tuple(text for text, _ in counts.most_common(MAX_SHOWN))
            )
            for (column, problem), counts in self.values.items()
        ]
        return sorted(found, key=lambda one: -one.n_rows)


def warnings_of(encoder: TableEncoder, frame: pd.DataFrame) -> tuple[list[str | None], FileWarnings]:
    """The warnings of each row of a checked frame as one text, None for most, and all of them counted."""
    texts: list[str | None] = [None] * len(frame)
    found = FileWarnings()
    for column, problem, rows in encoder.uncovered(frame):
        values = frame[column].iloc[rows].map(_shown)
        found.values[column, problem] = Counter(values)
        for row, value in zip(rows.tolist(), values, strict=True):
            text = f"{column}: {value} is {problem}"
            texts[row] = text if texts[row] is None else f"{texts[row]}; {text}"
    found.n_rows = len(frame) - texts.count(None)
    return texts, found


def _shown(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else repr(value)
