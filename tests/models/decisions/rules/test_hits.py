"""Which rules a row hits: alike for rows and frames, as a plain reading of the conditions says, and what follows."""

from __future__ import annotations

import dataclasses
import itertools
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.checking import checked_frame
from data.column import Column, level_text
from data.rows import row_adapter
from data.table import Table
from models.decisions.rules.conditions import Rule, check_rules, ruled_columns
from models.decisions.rules.hits import decided_by, decided_with_rules, rule_hits
from tests.data.strategies import good_values, numbers, others

NUMBERS = {
    "above": lambda value, bound: value > bound,
    "at_least": lambda value, bound: value >= bound,
    "below": lambda value, bound: value < bound,
    "at_most": lambda value, bound: value <= bound,
}


@st.composite
def conditions(draw: st.DrawFn, column: Column, rows: list[dict[str, Any]]) -> dict[str, Any]:
    """A condition that fits the column; half of those on numbers and ids name what some row holds."""
    held = [row[column.name] for row in rows if row.get(column.name) is not None]
    if column.kind == "number":
        held = [value for value in held if not isinstance(value, str)]
        bound = draw(st.sampled_from([*held, draw(st.floats(-1e6, 1e6))]))
        return {"column": column.name, draw(st.sampled_from(sorted(NUMBERS))): float(bound)}
    if column.kind == "flag":
        return {"column": column.name, "is": draw(st.sampled_from(column.levels or (True, False)))}
    codes = {level_text(code) for code in column.missing}
    levels = [level_text(value) for value in [*(column.levels or held), *(() if column.levels else ("a", "b"))]]
    listed = st.sampled_from([level for level in levels if level not in codes])
    word = draw(st.sampled_from(["is", "one_of", "not_one_of"]))
    return {"column": column.name, word: draw(listed if word == "is" else st.lists(listed, min_size=1, max_size=3))}


@st.composite
def ruled_rows(draw: st.DrawFn) -> tuple[Table, list[dict[str, Any]], list[Rule]]:
    """A table, bodies of requests that fit it, and rules that fit it."""
    kinds = [numbers("n"), others("o"), others("p"), others("q")]
    columns = tuple(dataclasses.replace(draw(kind), name=f"c{i}") for i, kind in enumerate(kinds))
    table = Table(name="t", columns=columns)
    bodies = st.fixed_dictionaries({column.name: _values(column) for column in columns})
    rows = draw(st.lists(bodies, min_size=1, max_size=5))
    of_rule = st.lists(st.one_of([conditions(column, rows) for column in ruled_columns(table)]), min_size=1, max_size=3)
    named = enumerate(draw(st.lists(of_rule, min_size=1, max_size=3)))
    return table, rows, [Rule.model_validate({"name": f"r{i}", "action": "review", "when": c}) for i, c in named]


def _values(column: Column) -> st.SearchStrategy[Any]:
    """What a request and a file both take, codes for "no value" among it; a blank text is nothing in a file."""
    values = good_values(column).filter(lambda value: not isinstance(value, str) or bool(value.strip()))
    return values | st.sampled_from(column.missing) if column.missing and column.kind != "time" else values


def holds(condition: dict[str, Any], column: Column, value: Any) -> bool:
    """Whether a value of a request satisfies the condition, by a plain implementation."""
    ((word, wanted),) = ((word, wanted) for word, wanted in condition.items() if word != "column")
    if value is None or value in column.missing or str(value) in map(str, column.missing):
        return False
    if column.kind == "number":
        return bool(NUMBERS[word](float(value), wanted))
    if column.kind == "flag":
        texts = column.levels or ("False", "True")
        number = texts.index(str(bool(value)) if isinstance(value, int) else value)
        return number == texts.index(str(wanted))
    if not str(value).strip():
        return False
    is_named = str(value) in ([wanted] if word == "is" else wanted)
    return is_named == (word != "not_one_of")


@settings(max_examples=300)
@given(ruled_rows())
def test_rows_and_frames_hit_the_same_rules_and_those_that_a_plain_reading_says(
    case: tuple[Table, list[dict[str, Any]], list[Rule]],
) -> None:
    """For any table, rows, and rules that fit: one by one, together, and as a frame."""
    table, bodies, rules = case
    check_rules(rules, table)
    rows = [row_adapter(table).validate_python(body) for body in bodies]
    frame = checked_frame(table, pd.DataFrame(bodies, dtype=object), "rows", training=False)

    together = rule_hits(rules, table, rows)

    by_hand = [
        [
            all(holds(c, table[c["column"]], body[c["column"]]) for c in rule.model_dump(mode="json")["when"])
            for rule in rules
        ]
        for body in bodies
    ]
    assert together.tolist() == by_hand
    assert rule_hits(rules, table, frame).tolist() == by_hand
    assert [rule_hits(rules, table, [row])[0].tolist() for row in rows] == by_hand


TABLE = Table(name="t", columns=(Column(name="x", kind="number"), Column(name="y", kind="number", optional=True)))


def rules_of_actions(*actions: str, live: bool = True) -> list[Rule]:
    """Rules that every row with an x hits."""
    when = [{"column": "x", "at_least": 0}]
    return [
        Rule.model_validate({"name": f"{action}-{i}", "action": action, "when": when, "live": live})
        for i, action in enumerate(actions)
    ]


def expected(decision: str, actions: tuple[str, ...]) -> str:
    """Block, review, allow, in this order of precedence, written out as the documentation has it."""
    if "block" in actions or (decision == "block" and "review" in actions):
        return "block"
    if "review" in actions:
        return "review"
    return "allow" if "allow" in actions else decision


@pytest.mark.parametrize("decision", ["allow", "review", "block"])
@pytest.mark.parametrize(
    "actions", [c for n in range(4) for c in itertools.permutations(["allow", "review", "block"], n)], ids="+".join
)
def test_block_comes_before_review_before_allow(decision: str, actions: tuple[str, ...]) -> None:
    """Whatever the model says and whatever the rules' order; only rules that were hit count."""
    rules = rules_of_actions(*actions)
    rows = [{"x": 1.0}, {"x": -1.0}]

    decisions, names = decided_with_rules(rules, TABLE, rows, [decision, decision])

    assert decisions == [expected(decision, actions), decision]
    assert names == [[rule.name for rule in rules], []]
    assert decided_by(rules, names[0], decisions[0]) == [rule for rule in rules if rule.action == decisions[0]]


def test_a_rule_that_is_not_live_is_told_and_decides_nothing() -> None:
    """Alone, and together with a live one."""
    shadow, live = rules_of_actions("block", live=False), rules_of_actions("review")

    assert decided_with_rules(shadow, TABLE, [{"x": 1.0}], ["allow"]) == (["allow"], [["block-0"]])
    together = decided_with_rules([*shadow, *live], TABLE, [{"x": 1.0}], ["allow"])
    assert together == (["review"], [["block-0", "review-0"]])
    assert decided_by(shadow, ["block-0"], "block") == []


def test_a_blank_id_is_no_value() -> None:
    """As in a file, it is not one of others either."""
    table = Table(name="t", columns=(Column(name="card", kind="key"),))
    rule = Rule.model_validate({"name": "r", "action": "block", "when": [{"column": "card", "not_one_of": ["a"]}]})

    assert rule_hits([rule], table, [{"card": "b"}, {"card": " "}, {"card": "a"}]).ravel().tolist() == [
        True,
        False,
        False,
    ]


def test_a_code_for_no_value_satisfies_nothing() -> None:
    """A code for "unknown" satisfies no comparison, whatever its value."""
    table = Table(name="t", columns=(Column(name="x", kind="number", missing=(-1,)),))
    rule = Rule.model_validate({"name": "r", "action": "block", "when": [{"column": "x", "below": 5}]})

    for value, is_hit in ((-1, False), (-1.0, False), (-2, True)):
        assert rule_hits([rule], table, [{"x": value}]).tolist() == [[is_hit]]
        assert rule_hits([rule], table, pd.DataFrame({"x": [float(value)]})).tolist() == [[is_hit]]


@pytest.mark.parametrize("word", [*NUMBERS])
def test_an_empty_number_satisfies_nothing(word: str) -> None:
    """Neither below nor above; absent, null and NaN are the same."""
    rule = Rule.model_validate({"name": "r", "action": "block", "when": [{"column": "y", word: 0}]})
    frame = pd.DataFrame({"x": [0.0], "y": [np.nan]})

    for rows in ([{"x": 0.0}], [{"x": 0.0, "y": None}], [{"x": 0.0, "y": np.nan}], frame):
        assert not rule_hits([rule], TABLE, rows).any()


CODED = Table(
    name="coded",
    columns=(
        Column(name="grade", kind="category", levels=("1", "2", "9"), missing=("9",), optional=True),
        Column(name="shop", kind="key", missing=("?",), optional=True),
    ),
)


@pytest.mark.parametrize("operand", ["1", "1.0", "01", 1, 1.0])
def test_a_level_is_one_however_the_rule_spells_it(operand):
    """As in files and requests."""
    rule = Rule.model_validate({"name": "r", "action": "review", "when": [{"column": "grade", "is": operand}]})
    check_rules([rule], CODED)
    rows = [{"grade": "1"}, {"grade": 1}, {"grade": "2"}]

    assert rule_hits([rule], CODED, rows)[:, 0].tolist() == [True, True, False]
    assert rule_hits([rule], CODED, pd.DataFrame({"grade": ["1", "2"]}))[:, 0].tolist() == [True, False]


@pytest.mark.parametrize("column", ["grade", "shop"])
def test_a_value_that_is_missing_is_not_another_one(column):
    """Whether it is null or a code; `not_one_of` is satisfied by values alone."""
    code = CODED[column].missing[0]
    rule = Rule.model_validate({"name": "r", "action": "review", "when": [{"column": column, "not_one_of": ["1"]}]})
    values = [None, code, "2", "1"]
    expected = [False, False, True, False]

    assert rule_hits([rule], CODED, [{column: value} for value in values])[:, 0].tolist() == expected
    frame = pd.DataFrame({column: pd.Series(values, dtype=object)})
    assert rule_hits([rule], CODED, frame)[:, 0].tolist() == expected
