"""Rules in words: their conditions, and the reasons of a decision."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from data.column import Column
from data.sentences import label, spoken
from data.table import Table
from models.contract import LiveModel, Reason, Row
from models.decisions.rules.conditions import NUMBER_WORDS, Condition, Rule, rules_of
from models.decisions.rules.hits import decided_by

MAX_SPOKEN = 5
"""Number of levels of a list that are named; the others are counted."""


def condition_words(condition: Condition, column: Column) -> str:
    """A condition in words, as in "Amount of the transaction above 500 EUR"."""
    if condition.word in NUMBER_WORDS:
        return f"{label(column)} {condition.word.replace('_', ' ')} {spoken(column, condition.operand)}"
    if condition.word == "is":
        operand = str(condition.operand).lower() if isinstance(condition.operand, bool) else condition.operand
        return f"{label(column)}: {spoken(column, operand)}"
    levels = [spoken(column, level) for level in condition.operand[:MAX_SPOKEN]]
    more = len(condition.operand) - len(levels)
    listed = ", ".join(levels) + (f" and {more:,} more" if more else "")
    return f"{label(column)}: {'one' if condition.word == 'one_of' else 'none'} of {listed}"


def rule_words(rule: Rule, table: Table) -> str:
    """Every condition of a rule that fits the table, joined by "and"."""
    return " and ".join(condition_words(condition, table[condition.column]) for condition in rule.when)


def rule_reasons(live: LiveModel, row: Row, decided: Mapping[str, Any]) -> list[Reason]:
    """A reason for each rule with the decision that the row got, in the rules' order.

    A rule moves no probability: its `effect` is 0. Its text is its note, or else its conditions and the values of the
    row; `column` and `value` are those of the first condition.
    """
    reasons = []
    for rule in decided_by(rules_of(live.policy), decided["rules"], decided["decision"]):
        column = live.table[rule.when[0].column]
        value = row.get(column.name)
        why = rule.note or " and ".join(_met(condition, live.table[condition.column], row) for condition in rule.when)
        reasons.append(
            Reason(
                column=column.name,
                text=f"Rule {rule.name!r}: {why}",
                value=value,
                typical=live.classifier.reference_row.get(column.name),
                effect=0.0,
            )
        )
    return reasons


def _met(condition: Condition, column: Column, row: Row) -> str:
    """A condition with the value that met it, where that is more precise."""
    words = condition_words(condition, column)
    return words if condition.word == "is" else f"{words} ({spoken(column, row[column.name])})"
