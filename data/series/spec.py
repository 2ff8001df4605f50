"""SeriesSpec: what a table says when its rows are values of series."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from data.column import Column
from data.errors import TableError

Frequency = Literal["observations", "H", "D", "B", "W", "MS", "QS", "YS"]
Gaps = Literal["keep", "carry", "refuse"]
Transform = Literal["none", "log"]

MAX_HORIZON, MAX_SEASON = 1_000, 2_000
ROLES = ("series", "time", "position", "target", "ignore")
"""What a column of such a table can be for."""


@dataclass(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class SeriesSpec:
    """The block `[series]` of a table.

    Parameters
    ----------
    horizon : how many steps are forecast.
    frequency : the step: "H" hours, "D" days, "B" Mondays to Fridays, "W" weeks (from Monday on), "MS" months, "QS"
        quarters, "YS" years. "observations": one value follows the other, and times only order them.
    season : steps of a season, 1 for none.
    transform : "log" forecasts the logarithm, and refuses values that have none.
    floor : no value and no forecast is below it; None for no floor.
    gaps : for periods without a value: "keep" leaves them out, so that holidays are no trading days; "carry" repeats
        the value before; "refuse" is an error.
    """

    horizon: Annotated[int, Field(ge=1, le=MAX_HORIZON)]
    frequency: Frequency = "observations"
    season: Annotated[int, Field(ge=1, le=MAX_SEASON)] = 1
    transform: Transform = "none"
    floor: float | None = None
    gaps: Gaps = "keep"

    def __post_init__(self) -> None:
        """Refuse a floor that is no number."""
        if self.floor is not None and not math.isfinite(self.floor):
            raise TableError(f"series: 'floor' must be a finite number, got {self.floor}; leave it out for none")


def check_series(spec: SeriesSpec | None, columns: Sequence[Column]) -> None:
    """TableError unless the columns are those of a table of series, or for None those of a table of rows."""
    if spec is None:
        for column in columns:
            if column.role in ("series", "position"):
                raise TableError(
                    f"column {column.name!r}: the role {column.role!r} is for tables of series; add [series] with a "
                    "horizon, or give the column another role"
                )
            if column.measure is not None:
                raise TableError(f"column {column.name!r}: 'measure' is for tables of series, which have [series]")
            if column.role == "target" and column.missing:
                raise TableError(f"column {column.name!r}: a target is known in every row; leave out 'missing'")
        return
    if any(column.kind == "numbers" for column in columns):
        _check_histories(spec, columns)
        return
    for column in columns:
        if column.role not in ROLES:
            raise TableError(
                f"column {column.name!r}: its role is {column.role!r}; in a table of series it must be one of "
                f"{', '.join(ROLES)}"
            )
    targets = [column for column in columns if column.role == "target"]
    if not targets:
        raise TableError("no column has the role 'target'; give it to the number that is forecast")
    if targets[0].kind != "number":
        raise TableError(f"column {targets[0].name!r}: what is forecast is a number, not a {targets[0].kind}")
    _check_order(spec, columns)


def _check_histories(spec: SeriesSpec, columns: Sequence[Column]) -> None:
    """Check a table of histories: each row has the past values of a series as a feature, and the next as the target."""
    past = [column for column in columns if column.role == "feature"]
    if [column.kind for column in past] != ["numbers"]:
        names = ", ".join(column.name for column in past) or "none"
        raise TableError(f"a table of histories has one feature, of kind 'numbers'; here the features are: {names}")
    targets = [column for column in columns if column.role == "target"]
    if [(column.kind, column.most_numbers) for column in targets] != [("numbers", spec.horizon)]:
        raise TableError(f"the target of a table of histories is of kind 'numbers', with most_numbers = {spec.horizon}")


def _check_order(spec: SeriesSpec, columns: Sequence[Column]) -> None:
    """Check that series are told apart, and that their values have one order."""
    for column in columns:
        if column.role in ("series", "position") and (column.optional or column.missing):
            raise TableError(
                f"column {column.name!r}: a {column.role} is known in every row; leave out 'optional' and 'missing'"
            )
        if column.role == "position" and not column.whole:
            raise TableError(f"column {column.name!r}: a position counts values; write whole = true")
    orders = [column.name for column in columns if column.role in ("time", "position")]
    if len(orders) > 1:
        raise TableError(f"{' and '.join(map(repr, orders))} both order the values; give one of them the role 'ignore'")
    if spec.frequency != "observations" and not any(column.role == "time" for column in columns):
        raise TableError(
            f"series: the frequency is {spec.frequency!r}, which needs a time in every row; mark a column with "
            "role = 'time', or write frequency = 'observations'"
        )
