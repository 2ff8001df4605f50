"""Rules on top of a model: conditions on the columns of a row, and the action where they hold.

A rule names columns as in requests and files: inputs, and windows over the past of a subject or terminal
("CUSTOMER_ID_count_1d" above 10). The fit to a table is checked separately from the form, since a policy is stored once
and used by versions with different tables.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from difflib import get_close_matches
from functools import cached_property
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    model_serializer,
    model_validator,
)

from data.column import Column, level_text
from data.spellings import flag_spellings, text_codes, value_text
from data.table import Table
from models.contract import Policy
from models.errors import RuleError

Action: TypeAlias = Literal["block", "review", "allow"]

NUMBER_WORDS = ("above", "at_least", "below", "at_most")
"""The comparisons of a number; all others compare levels or ids."""
MAX_LISTED = 10_000
"""Maximum of levels or ids in a list; longer lists belong in a column of the table."""


def _one_spelling(value: object) -> object:
    """A level or an id in its canonical spelling, or a boolean."""
    if isinstance(value, bool) or (isinstance(value, str) and value.strip()):
        return value
    if isinstance(value, int | float):
        return level_text(value)
    raise ValueError("must be a text or a number, or true or false for a flag")


_Bound: TypeAlias = Annotated[float, Field(strict=True)] | None
_Level: TypeAlias = Annotated[str, BeforeValidator(_one_spelling)]
_FlagOrLevel: TypeAlias = Annotated[bool | str, BeforeValidator(_one_spelling)] | None
_Levels: TypeAlias = Annotated[tuple[_Level, ...], Field(min_length=1, max_length=MAX_LISTED)] | None


class Condition(BaseModel):
    """One comparison of one column; an empty value never satisfies it, nor does a code for a missing value."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, populate_by_name=True)

    column: str
    above: _Bound = None
    at_least: _Bound = None
    below: _Bound = None
    at_most: _Bound = None
    is_: _FlagOrLevel = Field(None, alias="is", description="True or false of a flag, or a level.")
    one_of: _Levels = Field(None, description="Levels of a category, or ids.")
    not_one_of: _Levels = Field(None, description="Levels of a category, or ids.")

    @model_validator(mode="after")
    def _compares_once(self) -> Condition:
        given = [word for word, _ in self._comparisons()]
        if len(given) != 1:
            raise ValueError(
                f"a condition has exactly one of {', '.join(_WORDS)}; that on {self.column!r} has "
                f"{' and '.join(given) or 'none'}"
            )
        return self

    @model_serializer
    def _as_written(self) -> dict[str, Any]:
        """The one comparison, without unset fields."""
        return {"column": self.column, self.word: self.operand}

    @cached_property
    def word(self) -> str:
        """The comparison as written: "above", "is", ..."""
        return self._comparisons()[0][0]

    @cached_property
    def operand(self) -> Any:
        """The value compared with."""
        return self._comparisons()[0][1]

    @cached_property
    def listed(self) -> frozenset[str]:
        """The levels or ids of the comparison; cached, as a list may be long."""
        return frozenset([self.operand] if self.word == "is" else self.operand)

    def _comparisons(self) -> list[tuple[str, Any]]:
        return [(word, value) for word, field in _WORDS.items() if (value := getattr(self, field)) is not None]


_WORDS = {field.alias or name: name for name, field in Condition.model_fields.items() if name != "column"}
"""Each comparison as it is written, and its field."""


class Rule(BaseModel):
    """An action on rows for which all conditions hold."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[A-Za-z0-9_-]{1,60}$", description="Letters, digits, - and _.")
    action: Action
    when: tuple[Condition, ...] = Field(min_length=1, description="All of them must hold.")
    live: bool = Field(True, description="False: hits are counted, but do not change decisions.")
    note: str = Field("", max_length=500, description="The reason shown for a hit; by default the conditions in words.")


def _named_once(rules: tuple[Rule, ...]) -> tuple[Rule, ...]:
    names = [rule.name for rule in rules]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"more than one rule is called {twice[0]!r}; names tell rules apart")
    return rules


Rules: TypeAlias = Annotated[tuple[Rule, ...], AfterValidator(_named_once)]
"""The type of the field `rules` of a policy that has rules on top of the model."""


def rules_of(policy: Policy) -> tuple[Rule, ...]:
    """The rules of a policy; empty where its type has none."""
    rules: tuple[Rule, ...] = getattr(policy, "rules", ())
    return rules


def ruled_columns(table: Table) -> tuple[Column, ...]:
    """The columns allowed in rules: inputs including window features, and ids, but no times."""
    return tuple(column for column in table.of_role("feature", "entity") if column.kind != "time")


def check_rules(rules: Iterable[Rule], table: Table) -> None:
    """Refuse rules that do not fit a table.

    Raises RuleError for the first condition on an unknown column, on a level that the column does not have, or with a
    comparison that is not for its kind; the text names rule and column, and what is allowed.
    """
    columns = {column.name: column for column in ruled_columns(table)}
    for rule in rules:
        for condition in rule.when:
            if condition.column not in columns:
                near = get_close_matches(condition.column, columns, n=1)
                hint = f"did you mean {near[0]!r}?" if near else f"rules may use {', '.join(columns)}"
                raise RuleError(
                    rule.name, condition.column, f"table {table.name!r} has no such column for rules; {hint}"
                )
            if problem := _CHECKS.get(columns[condition.column].kind, _of_levels)(condition, columns[condition.column]):
                raise RuleError(rule.name, condition.column, problem)


def _of_number(condition: Condition, column: Column) -> str:
    if condition.word in NUMBER_WORDS:
        return ""
    return f"{condition.word!r} is not for numbers; use one of {', '.join(NUMBER_WORDS)}"


def _of_flag(condition: Condition, column: Column) -> str:
    if condition.word != "is":
        return f"{condition.word!r} is not for flags; use 'is'"
    if value_text(condition.operand) not in flag_spellings(column):
        return f"is never {condition.operand!r}; it is {' or '.join(column.levels) or 'true or false'}"
    return ""


def _of_levels(condition: Condition, column: Column) -> str:
    if condition.word in NUMBER_WORDS:
        return f"{condition.word!r} is for numbers, this is a {column.kind}; use is, one_of or not_one_of"
    if isinstance(condition.operand, bool):
        return f"true and false are for flags, this is a {column.kind}"
    listed = [
        column.level_of(level) for level in ([condition.operand] if condition.word == "is" else condition.operand)
    ]
    if without_value := sorted(text_codes(column).intersection(listed)):
        return f"{without_value[0]!r} means 'no value' there, and an empty value satisfies no condition"
    if column.levels and (unknown := [level for level in listed if level not in column.levels]):
        return f"has no level {unknown[0]!r}; its levels are {', '.join(column.levels)}"
    return ""


_CHECKS: dict[str, Callable[[Condition, Column], str]] = {"number": _of_number, "flag": _of_flag}
