"""Table: the single description of a table, column by column.

Request rows, file checks, the encoder, the OpenAPI document and the command line all read meaning, allowed values and
role of a column from here.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from pydantic import ConfigDict
from pydantic.dataclasses import dataclass

from data.column import USUAL_FLAGS, Column, Kind, level_text
from data.defaults import check_defaults
from data.errors import TableError
from data.gates import Gates
from data.replies import Reply
from data.series.spec import SeriesSpec, check_series
from data.window import OF_AMOUNTS, OF_LABELS, USUAL_LABEL_DELAY_DAYS, Window

MAX_SHOWN_VALUES = 5
"""Maximum of distinct values listed in an error."""


@dataclass(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class Table:
    """The description of the rows, and what belongs to the models trained on them.

    Parameters
    ----------
    columns : in the order in which files, requests and encoders list them.
    gates : of new versions.
    answers : by level of the target what is said to such a message; empty where nothing is.
    series : of a table whose rows are values of series, in any order; None for a table of rows. It has no features.
    """

    name: str
    description: str = ""
    columns: tuple[Column, ...]
    gates: Gates = Gates()
    answers: dict[str, Reply] = dataclasses.field(default_factory=dict)
    series: SeriesSpec | None = None

    def __post_init__(self) -> None:
        """Refuse duplicate names, duplicate single roles, and defaults that are no values."""
        names = self.column_names
        if doubled := sorted(name for name, n_times in Counter(names).items() if n_times > 1):
            raise TableError(f"table {self.name!r}: column(s) described twice: {', '.join(doubled)}")
        for role in ("target", "weight", "propensity", "time", "event", "series", "position"):
            if len(holders := self.of_role(role)) > 1:
                raise TableError(f"table {self.name!r}: {len(holders)} columns have the role {role!r}, one is allowed")
        try:
            check_series(self.series, self.columns)
        except TableError as error:
            raise TableError(f"table {self.name!r}: {error}") from error
        if self.series is None and not self.features:
            raise TableError(f"table {self.name!r}: no column has the role 'feature'")
        if len(amounts := [column.name for column in self.columns if column.amount]) > 1:
            raise TableError(f"table {self.name!r}: {', '.join(amounts)} are all marked as the amount, one is allowed")
        check_defaults(self.columns)
        for column in self.columns:
            if column.window is not None:
                self._check_window(column.name, column.window)
        self._check_windows_together()
        levels = self.target.levels if self.answers else ()
        if unknown := sorted(set(self.answers) - set(levels)):
            raise TableError(
                f"table {self.name!r}: [answers.{unknown[0]}] is for a level that the target does not have; it has "
                f"{', '.join(levels)}"
            )

    def _check_windows_together(self) -> None:
        """Check windows together: events have ids, and those of an entity store one amount and one other column."""
        if self.windows and (self.event is None or self.event.optional):
            raise TableError(
                f"table {self.name!r}: windows need the id of every row, so that none counts twice; mark a column that "
                "is not optional with role = 'event'"
            )
        windows = [column.window for column in self.columns if column.window and column.window.of]
        for entity in dict.fromkeys(window.entity for window in windows):
            for what, of_amounts in (("add up", True), ("count the values of", False)):
                of = {w.of for w in windows if w.entity == entity and (w.measure in OF_AMOUNTS) == of_amounts}
                if len(of) > 1:
                    raise TableError(
                        f"table {self.name!r}: the windows over {entity!r} {what} {', '.join(sorted(map(str, of)))}; "
                        "those of one entity are of one column"
                    )

    def _check_window(self, name: str, window: Window) -> None:
        """Check that a window is over an entity, in time, and of a column with a value in every row."""
        problem = ""
        if self.time is None or self.time.optional:
            problem = "needs a time in every row; mark a column that is not optional with role = 'time'"
        elif self[window.entity].role != "entity":
            problem = f"is over {window.entity!r}, which has the role {self[window.entity].role!r} and not 'entity'"
        elif window.of is not None:
            of = self[window.of]
            bounded = of.kind == "number" and of.minimum is not None and of.maximum is not None
            if of.window is not None or of.optional or of.missing:
                problem = f"is of {of.name!r}, which must come with every row and never be empty"
            elif window.measure in OF_AMOUNTS and not bounded:
                problem = f"is of {of.name!r}, which must be a number with minimum and maximum: it is added up exactly"
            elif window.measure == "distinct" and of.kind not in ("key", "category"):
                problem = f"counts the values of {of.name!r}, which must be a key or a category"
        if problem:
            raise TableError(f"table {self.name!r}: the window {name!r} {problem}")

    @property
    def column_names(self) -> list[str]:
        """Every column's name, in table order."""
        return [column.name for column in self.columns]

    def __getitem__(self, name: str) -> Column:
        """The column of that name; TableError lists the available ones."""
        for column in self.columns:
            if column.name == name:
                return column
        raise TableError(f"table {self.name!r} has no column {name!r}; it has {', '.join(self.column_names)}")

    def of_role(self, *roles: str) -> tuple[Column, ...]:
        """The columns with one of the roles, in table order."""
        return tuple(column for column in self.columns if column.role in roles)

    @property
    def inputs(self) -> tuple[Column, ...]:
        """Columns of a request, see `Column.requested`."""
        return tuple(column for column in self.columns if column.requested)

    @property
    def features(self) -> tuple[Column, ...]:
        """The columns that a model reads: those of role `feature`, and the row's time where `time_input` says so."""
        return tuple(
            column
            for column in self.columns
            if column.role == "feature" or (column.role == "time" and column.time_input)
        )

    @property
    def text(self) -> Column:
        """The one text that a model reads; TableError if it reads none, or several."""
        return self._one_feature("text", "text")

    @property
    def history(self) -> Column:
        """The one list of numbers that a model reads; TableError if it reads none, or several."""
        return self._one_feature("numbers", "list of numbers")

    def _one_feature(self, kind: Kind, words: str) -> Column:
        found = [column for column in self.features if column.kind == kind]
        if len(found) != 1:
            raise TableError(f"table {self.name!r}: needs one {words} as a feature, it has {len(found)}")
        return found[0]

    @property
    def file_columns(self) -> tuple[Column, ...]:
        """Columns of a file: all without windows."""
        return tuple(column for column in self.columns if column.window is None)

    @property
    def windows(self) -> tuple[Column, ...]:
        """The columns that are computed from earlier rows."""
        return tuple(column for column in self.columns if column.window)

    @property
    def reach_seconds(self) -> int:
        """How far the windows look back; 0 without windows."""
        return max((column.window.reach_seconds for column in self.columns if column.window), default=0)

    @property
    def label_delay_days(self) -> float:
        """The label delay: the longest of the table's windows, 7 without any."""
        windows = [column.window for column in self.columns if column.window and column.window.measure in OF_LABELS]
        return max((window.label_delay_days for window in windows), default=USUAL_LABEL_DELAY_DAYS)

    @property
    def series_column(self) -> Column | None:
        """The column that names the series of each row; None if all rows are of one series, or of none."""
        return next(iter(self.of_role("series")), None)

    @property
    def position(self) -> Column | None:
        """The column of the row's place in its series, if the table has one."""
        return next(iter(self.of_role("position")), None)

    @property
    def subject(self) -> Column | None:
        """The column of the reviewed subject, such as a card: the first entity, if the table has one."""
        return next(iter(self.of_role("entity")), None)

    @property
    def event(self) -> Column | None:
        """The column of the row's own id, if the table has one."""
        return next(iter(self.of_role("event")), None)

    @property
    def amount(self) -> Column | None:
        """The column of the money at stake, if the table has one."""
        return next((column for column in self.columns if column.amount), None)

    @property
    def target(self) -> Column:
        """The column to predict; TableError if none is marked."""
        return self._the("target")

    @property
    def time(self) -> Column | None:
        """The column of the row's time, if the table has one."""
        return next(iter(self.of_role("time")), None)

    @property
    def weight(self) -> Column | None:
        """The column of the row's weight, if the table has one."""
        return next(iter(self.of_role("weight")), None)

    def row_weights(self, frame: pd.DataFrame) -> npt.NDArray[np.float64] | None:
        """The weights of checked rows, scaled to mean 1; None if the table has none.

        Raises TableError if no row has a positive weight.
        """
        if self.weight is None:
            return None
        weights = frame[self.weight.name].to_numpy(np.float64)
        if not weights.any():
            raise TableError(
                f"column {self.weight.name!r}: all {len(weights):,} rows of a training, validation or test set have "
                f"the weight 0; give some a positive one"
            )
        weights = weights / weights.max()  # their sum must stay finite
        return np.asarray(weights / weights.mean())

    @property
    def propensity(self) -> Column | None:
        """The column of the propensity of the row's ad, if the table has one."""
        return next(iter(self.of_role("propensity")), None)

    def _the(self, role: str) -> Column:
        for column in self.of_role(role):
            return column
        raise TableError(f"table {self.name!r}: no column has the role {role!r}; mark one in its description")

    def labels(self, frame: pd.DataFrame) -> npt.NDArray[np.int64]:
        """0/1 target of shape (n_rows,): 1 where the target holds one of its `event_levels`.

        A category that lists no levels may do without `positive` where it holds 0 and 1, or false and true.

        Raises TableError, with the values, if the description does not say which of them count as class 1.
        """
        target, values = self.target, frame[self.target.name]
        texts = {value: level_text(value) for value in pd.unique(values)}
        events = target.event_levels
        if not events:
            found = {text for value, text in texts.items() if not pd.isna(value)}
            if target.kind != "category" or target.levels or not found <= USUAL_FLAGS.keys():
                raise self._not_binary(values)
            events = frozenset(text for text, number in USUAL_FLAGS.items() if number == 1)
        return values.map({value: text in events for value, text in texts.items()}).to_numpy(np.int64)

    def _not_binary(self, values: pd.Series[Any]) -> TableError:
        """The error for a target without a clear positive value."""
        target, counts = self.target, values.dropna().map(level_text).value_counts()
        shown = ", ".join(f"{str(text)[:40]!r} ({n_rows:,})" for text, n_rows in counts.head(MAX_SHOWN_VALUES).items())
        more = f" and {len(counts) - MAX_SHOWN_VALUES:,} more" if len(counts) > MAX_SHOWN_VALUES else ""
        instead = ", or kind = 'flag' if 1 is the event" if set(counts.index) <= {"0", "1"} else ""
        if target.kind == "number" and len(counts) > MAX_SHOWN_VALUES:
            instead = ", or, for an amount, add a column that says whether the event happened and make it the target"
        return TableError(
            f"table {self.name!r}: the target {target.name!r} is a {target.kind} with {len(counts):,} different values "
            f"and must be binary; rows by value: {shown}{more}. Name the value that is the event in the table's TOML: "
            f"positive = '...'{instead}"
        )

    def example(self) -> dict[str, Any]:
        """One request row: the example value of every input that has one."""
        return {
            column.name: list(column.example) if isinstance(column.example, tuple) else column.example
            for column in self.inputs
            if column.example is not None
        }

    def with_columns(self, changes: Mapping[str, Mapping[str, Any]]) -> Table:
        """A copy with changed fields of the named columns, e.g. `{"age": {"role": "ignore"}}`."""
        for name in changes:
            self[name]  # an unknown name is an error
        columns = tuple(dataclasses.replace(column, **changes.get(column.name, {})) for column in self.columns)
        return dataclasses.replace(self, columns=columns)

    def without_protected_inputs(self) -> Table:
        """A copy whose protected columns are not inputs, but remain for fairness reports."""
        return self.with_columns({column.name: {"role": "ignore"} for column in self.inputs if column.protected})
