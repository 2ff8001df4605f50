"""Column: the description of one column of a table."""

from __future__ import annotations

import dataclasses
import math
import re
import string
from functools import cached_property
from typing import Annotated, Literal

import numpy as np
from pydantic import BeforeValidator, ConfigDict
from pydantic.dataclasses import dataclass

from data.errors import TableError
from data.numbers import MAX_NUMBERS, Numbers
from data.times import check_format
from data.window import Window

Kind = Literal["number", "category", "flag", "key", "time", "text", "numbers"]
Role = Literal["feature", "target", "weight", "propensity", "time", "entity", "event", "series", "position", "ignore"]
Stored = Literal["plain", "hashed", "left_out"]
Measure = Literal["level", "return"]
Scalar = bool | int | float | str

_KIND_OF_ROLE: dict[str, Kind] = {
    "weight": "number",
    "propensity": "number",
    "time": "time",
    "event": "key",
    "series": "key",
    "position": "number",
}

USUAL_FLAGS = {"0": 0.0, "false": 0.0, "False": 0.0, "1": 1.0, "true": 1.0, "True": 1.0}
"""The default spellings of a flag, each with its number."""

TEMPLATE_FIELDS = ("value", "reference")
"""Placeholders of a sentence template."""


_WHOLE = re.compile(r"-?(0|[1-9]\d*)", re.ASCII)
_WRITTEN_AS_FLOAT = re.compile(r"(-?\d+)\.0+", re.ASCII)
_LEADING_ZEROS = re.compile(r"(-?)0+(\d+)", re.ASCII)


def level_text(value: object) -> str:
    """The canonical text of a category's level: `1`, `1.0`, `True`, `"1"` and `"1.0"` are all the level "1".

    Pandas writes whole numbers as floats as soon as one cell of their column is empty.
    """
    if type(value) is str:
        if value[-1:] == "0" and (found := _WRITTEN_AS_FLOAT.fullmatch(value)):  # most texts are spared the search
            return found[1]
        return value
    if isinstance(value, bool | np.bool_) or (isinstance(value, float | np.floating) and value.is_integer()):
        return str(int(value))
    return str(value)


def in_digits(number: float) -> str:
    """A number without an exponent, as long as that is short: 1000000, 0.05."""
    return f"{number:.0f}" if abs(number) < 1e15 and float(number).is_integer() else f"{number:g}"


Level = Annotated[str, BeforeValidator(level_text)]


@dataclass(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class Column:
    """The description of one column.

    Parameters
    ----------
    name : as spelled in files and requests.
    kind : `number`; `category` (few levels); `flag` (true/false); `key` (an id with many values); `time`; `text`;
        `numbers` (a list of numbers, see `data.numbers`).
    role : `feature` (an input), `target`, `weight` (of the row in training and evaluation), `propensity` (probability
        with which the row's ad was chosen, where chance chose it), `time` (when the row happened), `entity` (whose row
        it is: card, terminal), `event` (the row's own id: the same id is the same event), `ignore` (known, never used).
        In a table of series: `series` (which one the row's value belongs to), and `position` (where in it, as whole
        numbers, for series without times).
    minimum, maximum : bounds of a number, inclusive.
    format : of times in files and requests that are not ISO 8601: codes of Python's strptime such as "%d/%m/%Y",
        "epoch seconds", "epoch milliseconds" or "excel days".
    most_numbers : of a list of numbers: how many it has at most.
    positive_numbers : all numbers of the list are above 0.
    whole : the number has no fraction; of a category or key without listed levels: they are whole numbers.
    levels : allowed levels of a category in files; of a flag its two spellings, the false one first. Requests may hold
        other levels: they are scored, with a warning in the answer.
    meanings : of levels that are codes.
    positive : the target's value that counts as class 1; if left out, the true value of a flag, or the second of two
        levels of a category.
    outside : of a target with several levels: the level of rows that belong to none of the others.
    missing : codes that mean "no value" and are exempt from the bounds.
    optional : may be empty in a file, null or absent in a request.
    default : of an input: its value in requests, and in files to score, that lack it; see `data.defaults`. Files to
        train on must have the column.
    protected : sex, age and the like: reported on, and never an input where the domain forbids it.
    direction : +1 if the prediction can only rise with the number, -1 if it can only fall, 0 for no constraint. Models
        keep to it, whatever the data show.
    ordered_above : where the direction begins. Numbers up to it are codes of states: they have no order among
        themselves, and all come before the numbers above.
    part : in advertising tables: person, context or ad.
    actionable : the person it describes can change it, so counterfactuals may name it.
    reasons : sentences for when the column counts against someone, see `data.sentences.reason_sentence`: by the value
        (a level, a number), "above" or "below" the reference (numbers), "missing", and "any" otherwise. They
        may hold {value} and {reference}.
    stored : how the audit log stores the values: `plain`, `hashed` (equal values stay equal), or
        `left_out`; for personal data.
    amount : of a number: the money at stake, lost in the bad case.
    time_input : of the row's time: the model reads it, as hour and weekday. Otherwise it only orders the rows.
    measure : of the target of a table of series, which holds levels such as prices: what is forecast, the `level`
        itself, also if left out, or the `return` from one value to the next.
    window : the column is computed from earlier rows of an entity, and is not part of files or requests.
    example : a value of a real row, shown in documentation and sent by the smoke tests.
    """

    name: str
    kind: Kind
    role: Role = "feature"
    description: str = ""
    unit: str = ""
    minimum: float | None = None
    maximum: float | None = None
    whole: bool = False
    format: str | None = None
    levels: tuple[Level, ...] = ()
    meanings: dict[str, str] = dataclasses.field(default_factory=dict)
    positive: Level | None = None
    outside: Level | None = None
    missing: tuple[Scalar, ...] = ()
    optional: bool = False
    default: Scalar | None = None
    protected: bool = False
    direction: Literal[-1, 0, 1] = 0
    ordered_above: float | None = None
    part: str | None = None
    actionable: bool = False
    reasons: dict[str, str] = dataclasses.field(default_factory=dict)
    stored: Stored = "plain"
    amount: bool = False
    time_input: bool = False
    measure: Measure | None = None
    window: Window | None = None
    most_numbers: int | None = None
    positive_numbers: bool = False
    example: Scalar | Numbers | None = None

    def __post_init__(self) -> None:
        """Refuse a contradictory description."""
        number_only = {
            "minimum": self.minimum is not None,
            "maximum": self.maximum is not None,
            "whole": self.whole and self.kind not in ("category", "key"),
            "direction": self.direction != 0,
            "amount": self.amount,
            "window": self.window is not None,
        }
        for word, given in number_only.items():
            if given and self.kind != "number":
                raise TableError(f"column {self.name!r}: {word!r} is for numbers, this is a {self.kind}")
        if self.ordered_above is not None and (self.direction == 0 or not math.isfinite(self.ordered_above)):
            raise TableError(
                f"column {self.name!r}: 'ordered_above' is a finite number and needs a direction, "
                f"got {self.ordered_above} with direction {self.direction}"
            )
        if self.minimum is not None and self.maximum is not None and self.minimum > self.maximum:
            raise TableError(f"column {self.name!r}: minimum {self.minimum:g} is above maximum {self.maximum:g}")
        for bound in (self.minimum, self.maximum):
            if bound is not None and not math.isfinite(bound):
                raise TableError(f"column {self.name!r}: a bound must be finite, got {bound}; leave it out instead")
        if self.kind == "flag" and self.levels and len(self.levels) != 2:
            raise TableError(f"column {self.name!r}: a flag has two levels (false, true), got {list(self.levels)}")
        if self.kind != _KIND_OF_ROLE.get(self.role, self.kind):
            raise TableError(f"column {self.name!r}: a {self.role} cannot be of kind {self.kind!r}")
        if self.window is not None and (self.role != "feature" or self.missing):
            raise TableError(f"column {self.name!r}: what is computed is a feature and needs no 'missing'")
        self._check_numbers()
        self._check_time()
        self._check_outcome()
        self._check_words()

    def _check_numbers(self) -> None:
        """Check that a list of numbers is bounded, and that what is for lists describes one."""
        is_list = self.kind == "numbers"
        if is_list and not 1 <= (self.most_numbers or 0) <= MAX_NUMBERS:
            raise TableError(
                f"column {self.name!r}: a list of numbers needs 'most_numbers' from 1 to {MAX_NUMBERS:,}, got "
                f"{self.most_numbers}"
            )
        if not is_list and (self.most_numbers is not None or self.positive_numbers):
            field = "positive_numbers" if self.positive_numbers else "most_numbers"
            raise TableError(f"column {self.name!r}: {field!r} is for lists of numbers, this is a {self.kind}")
        if self.example is not None and is_list is not isinstance(self.example, tuple):
            raise TableError(f"column {self.name!r}: 'example' is {self.example!r}; it must be {self.allowed}")
        if is_list and (self.missing or self.role not in ("feature", "target", "ignore")):
            raise TableError(
                f"column {self.name!r}: a list of numbers is a feature or the target, and has no 'missing'; its role "
                f"is {self.role!r}"
            )

    def _check_time(self) -> None:
        """Check that what is for times describes one."""
        for field in ("time_input", "format"):
            if getattr(self, field) and self.kind != "time":
                raise TableError(f"column {self.name!r}: {field!r} is for times, this is a {self.kind}")
        if self.format is not None:
            check_format(self.format)

    def _check_outcome(self) -> None:
        """Check that weights allow no missing values, and that `positive` is a value of the target."""
        if self.role in ("weight", "propensity") and self.missing:
            raise TableError(f"column {self.name!r}: a {self.role} is known in every row; leave out 'missing'")
        if self.measure is not None and (self.role != "target" or self.kind != "number"):
            raise TableError(
                f"column {self.name!r}: 'measure' is for the target of kind 'number', this is a {self.kind} with the "
                f"role {self.role!r}"
            )
        if self.positive is not None and self.role != "target":
            raise TableError(f"column {self.name!r}: 'positive' is for the target, this is a {self.role}")
        if self.outside is not None and (self.role != "target" or self.outside not in self.levels):
            raise TableError(
                f"column {self.name!r}: 'outside' is {self.outside!r}; it must be a listed level of the target"
            )
        spellings = self.levels or (tuple(USUAL_FLAGS) if self.kind == "flag" else ())
        if self.positive is not None and spellings and self.positive not in spellings:
            raise TableError(
                f"column {self.name!r}: 'positive' is {self.positive!r}; it must be one of {', '.join(spellings)}"
            )

    def _check_words(self) -> None:
        """Check that meanings and reasons belong to values of the column."""
        if self.levels and (unknown := sorted(set(self.meanings) - set(self.levels))):
            raise TableError(f"column {self.name!r}: meaning of {unknown[0]!r}, which is not one of its levels")
        if self.protected and self.actionable:
            raise TableError(f"column {self.name!r}: a protected column cannot be actionable")
        for key, template in self.reasons.items():
            self._check_template(key, template)

    def _check_template(self, key: str, template: str) -> None:
        """Check that a sentence is a valid template under a valid key."""
        try:
            fields = {field for _, field, _, _ in string.Formatter().parse(template) if field is not None}
        except ValueError as error:
            raise TableError(
                f"column {self.name!r}: reason {key!r} is not a valid template: {error}; got {template!r}"
            ) from error
        if unknown := sorted(fields - set(TEMPLATE_FIELDS)):
            raise TableError(
                f"column {self.name!r}: reason {key!r} has {{{unknown[0]}}} in it; it may have "
                f"{' and '.join(f'{{{field}}}' for field in TEMPLATE_FIELDS)}"
            )
        if self.kind != "number" and key in ("above", "below") and key not in self.levels:
            raise TableError(f"column {self.name!r}: reason {key!r} is for numbers, this is a {self.kind}")

    @property
    def requested(self) -> bool:
        """Whether it is part of requests: features without a window, and what says when, whose and which the row is."""
        return self.role in ("feature", "time", "entity", "event", "series", "position") and self.window is None

    @property
    def may_be_absent(self) -> bool:
        """Whether a request, or a file to score, may lack it."""
        return self.optional or self.default is not None

    @cached_property
    def has_whole_levels(self) -> bool:
        """Whether the levels are whole numbers, none with a leading zero; then 01 is the level 1."""
        return self.whole or (bool(self.levels) and all(_WHOLE.fullmatch(level) for level in self.levels))

    def level_of(self, value: object) -> str:
        """The level that a value spells."""
        text = level_text(value)
        if self.has_whole_levels and (found := _LEADING_ZEROS.fullmatch(text)):
            return found[1] + found[2]
        return text

    @property
    def flag_values(self) -> dict[str, float]:
        """The two spellings of a flag, each with its number 0 or 1."""
        if self.levels:
            return {self.levels[0]: 0.0, self.levels[1]: 1.0}
        return USUAL_FLAGS

    @property
    def event_levels(self) -> frozenset[str]:
        """Values of a binary target that count as class 1; empty if the description does not say which."""
        if self.positive is not None:
            return frozenset({self.positive})
        if self.kind == "flag" or (self.kind == "category" and len(self.levels) == 2):
            return frozenset(text for text, number in self.flag_values.items() if number == 1)
        return frozenset()

    @property
    def meanings_text(self) -> str:
        """The meanings of the levels in one line; empty without meanings."""
        return "; ".join(f"{level} {meaning}" for level, meaning in self.meanings.items())

    @property
    def allowed(self) -> str:
        """Allowed values, as the end of the sentence "must be ..."."""
        match self.kind:
            case "number":
                words = "a whole number" if self.whole else "a number"
                if self.role == "propensity":
                    words += " above 0, at most 1"
                elif self.minimum is not None and self.maximum is not None:
                    words += f" from {in_digits(self.minimum)} to {in_digits(self.maximum)}"
                elif self.minimum is not None:
                    words += f" of at least {in_digits(self.minimum)}"
                elif self.maximum is not None:
                    words += f" of at most {in_digits(self.maximum)}"
            case "category":
                words = f"one of {', '.join(self.levels)}" if self.levels else "a category"
            case "flag":
                words = " or ".join(self.levels) if self.levels else "true or false"
            case "key":
                words = "an id"
            case "time":
                words = f"a date or time (ISO 8601{f' or {self.format}' if self.format else ''})"
            case "text":
                words = "text"
            case "numbers":
                words = f"a list of 1 to {self.most_numbers:,} numbers" + " above 0" * self.positive_numbers
        if self.missing:
            words += f", or {' or '.join(map(str, self.missing))} for unknown"
        return words + (", or empty" if self.optional else "")
