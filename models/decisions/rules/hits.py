"""The rules that a row hits, and the resulting decision; for one row and for a whole frame."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from data.column import Column
from data.spellings import flag_spellings, number_codes, text_codes, value_text
from data.table import Table
from models.contract import Rows
from models.decisions.rules.conditions import Action, Condition, Rule

Hits: TypeAlias = npt.NDArray[np.bool_]
"""Shape (n_rows, n_rules): whether a row hits a rule."""

STRICTNESS: dict[str, int] = {"allow": 0, "review": 1, "block": 2}
"""Rank of the decisions, from the mildest to the strictest."""

_COMPARED: dict[str, Callable[[Any, Any], Any]] = {
    "above": operator.gt,
    "at_least": operator.ge,
    "below": operator.lt,
    "at_most": operator.le,
}


class _Test(Protocol):
    """One condition on one column, for a value of a request and for a checked column of a frame."""

    def of_value(self, value: Any) -> bool: ...

    def of_values(self, values: pd.Series[Any]) -> npt.NDArray[np.bool_]: ...


@dataclass(frozen=True)
class _NumberTest:
    """A comparison with a bound; `codes` are the numbers that mean "no value"."""

    compared: Callable[[Any, Any], Any]
    bound: float
    codes: tuple[float, ...]

    def of_value(self, value: Any) -> bool:
        if value is None or value in self.codes:
            return False
        return bool(self.compared(float(value), self.bound))  # float, as frames hold it; NaN compares as false

    def of_values(self, values: pd.Series[Any]) -> npt.NDArray[np.bool_]:
        holds: npt.NDArray[np.bool_] = self.compared(values.to_numpy(np.float64), self.bound)
        return holds & ~np.isin(values, self.codes) if self.codes else holds


@dataclass(frozen=True)
class _TextTest:
    """Whether the text that stands for a value is one of `texts`, or a value and none of them."""

    text_of: Callable[[object], str]
    texts: frozenset[str]
    inside: bool
    codes: set[str]

    def of_value(self, value: Any) -> bool:
        if value is None or value != value:  # noqa: PLR0124 - NaN differs from itself
            return False
        text = self.text_of(value)
        if self.inside:
            return text in self.texts
        return text not in self.texts and text not in self.codes and bool(text.strip())

    def of_values(self, values: pd.Series[Any]) -> npt.NDArray[np.bool_]:
        found: npt.NDArray[np.bool_] = values.isin(self.texts).to_numpy(np.bool_)
        return found if self.inside else ~found & (values.notna() & ~values.isin(self.codes)).to_numpy(np.bool_)


def rule_hits(rules: Sequence[Rule], table: Table, rows: Rows) -> Hits:
    """The rules hit by each row.

    Parameters
    ----------
    rules : that fit the table, see `models.decisions.rules.conditions.check_rules`.
    rows : as the request's check or `data.checking.check_frame` gives them.
    """
    columns = {column.name: column for column in table.columns}
    tests = [[(c.column, _test(c, columns[c.column])) for c in rule.when] for rule in rules]
    hits = np.zeros((len(rows), len(rules)), np.bool_)
    if isinstance(rows, pd.DataFrame):
        for j, of_rule in enumerate(tests):
            hits[:, j] = np.logical_and.reduce([test.of_values(rows[name]) for name, test in of_rule])
        return hits
    for i, row in enumerate(rows):
        for j, of_rule in enumerate(tests):
            hits[i, j] = all(test.of_value(row.get(name)) for name, test in of_rule)
    return hits


def decided_with_rules(
    rules: Sequence[Rule], table: Table, rows: Rows, decisions: list[str]
) -> tuple[list[str], list[list[str]]]:
    """The model's decisions after the rules, and the names of the rules that each row hit; see `ruled`."""
    if not rules:
        return decisions, [[] for _ in decisions]
    return ruled(rules, rule_hits(rules, table, rows), decisions)


def ruled(rules: Sequence[Rule], hits: Hits, decisions: Sequence[str]) -> tuple[list[str], list[list[str]]]:
    """The decisions after the rules, and the names of the rules that each row hit.

    Block takes precedence over review over allow: rules that block or review only make the model's decision stricter,
    and a rule that allows overrides the model if none of those is hit. Rules that are not live change no decision.

    Parameters
    ----------
    decisions : the model's own, keys of `STRICTNESS`.
    """
    final, names = list(decisions), [list[str]() for _ in decisions]
    for i in np.flatnonzero(hits.any(axis=1)).tolist():
        hit = [rules[j] for j in np.flatnonzero(hits[i]).tolist()]
        names[i] = [rule.name for rule in hit]
        final[i] = _after({rule.action for rule in hit if rule.live}, decisions[i])
    return final, names


def decided_by(rules: Sequence[Rule], names: Sequence[str], decision: str) -> list[Rule]:
    """The rules hit whose action is the final decision, whether or not the model agreed."""
    return [rule for rule in rules if rule.live and rule.name in names and rule.action == decision]


def _after(actions: set[Action], decision: str) -> str:
    if stricter := actions - {"allow"}:
        return max(decision, *stricter, key=STRICTNESS.__getitem__)
    return "allow" if actions else decision


def _test(condition: Condition, column: Column) -> _Test:
    if column.kind == "number":
        numbers_for_none = tuple(code for code in number_codes(column).values() if code is not None)
        return _NumberTest(_COMPARED[condition.word], float(condition.operand), numbers_for_none)
    codes = text_codes(column)
    if column.kind == "flag":
        numbers, spelling = column.flag_values, flag_spellings(column)[value_text(condition.operand)]
        texts = frozenset(text for text in numbers if numbers[text] == numbers[spelling])
        return _TextTest(str, texts, inside=True, codes=codes)
    levels = frozenset(map(column.level_of, condition.listed))
    return _TextTest(column.level_of, levels, inside=condition.word != "not_one_of", codes=codes)
