"""Values and reasons in words."""

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.column import Column
from data.errors import TableError
from data.sentences import label, reason_sentence, spoken
from data.simulators import credit
from data.tables._catalogue import public_tables

GERMAN, TAIWAN = (public_tables()[name].table for name in ("german", "taiwan"))
LATE = Column(
    name="late",
    kind="number",
    unit="months",
    description="Months late; -1 is none",
    whole=True,
    reasons={"-1": "Never late", "1": "Late once", "above": "{value} late, usually {reference}", "missing": "Unknown"},
)
ACCOUNT = Column(
    name="account",
    kind="category",
    description="Kind of account",
    levels=("A1", "A2"),
    meanings={"A1": "below 0 DM"},
    reasons={"any": "The balance is {value}"},
)
OWNS = Column(name="owns", kind="flag", levels=("A191", "A192"), reasons={"A191": "No telephone"})


@pytest.mark.parametrize(
    ("column", "value", "reference", "sentence"),
    [
        (LATE, 1, 0, "Late once"),
        (LATE, 1.0, 0, "Late once"),
        (LATE, -1, 0.0, "Never late"),
        (LATE, 1234, 0.5, "1,234 months late, usually 0.5 months"),
        (LATE, 0, 3, "Months late: 0 months, typically 3 months"),
        (LATE, None, 3, "Unknown"),
        (LATE, 4, None, "Months late: 4 months, typically not given"),
        (ACCOUNT, "A1", "A2", "The balance is below 0 DM"),
        (ACCOUNT, "A7", "A2", "The balance is A7"),
        (ACCOUNT, None, "A1", "Kind of account: not given, typically below 0 DM"),
        (OWNS, "A191", "A192", "No telephone"),
        (OWNS, "A192", "A191", "owns: yes, typically no"),
        (credit.TABLE["guarantor"], False, True, "The loan has no guarantor"),
        (credit.TABLE["guarantor"], "False", "True", "The loan has no guarantor"),
        (TAIWAN["PAY_0"], 2.0, -1, "Payments were late by 2 months or more in September"),
        (GERMAN["checking_status"], "A11", "A14", "The balance of the checking account is below 0 DM"),
        (
            Column(name="at", kind="time"),
            datetime(2024, 5, 31, 13, 45),
            None,
            "at: 2024-05-31 13:45, typically not given",
        ),
    ],
)
def test_the_sentence_is_the_most_special_that_the_table_has(column, value, reference, sentence):
    """By value first, then by side, then any; without a sentence value and reference are told."""
    assert reason_sentence(column, value, reference) == sentence


@pytest.mark.parametrize("table", [credit.TABLE, GERMAN, TAIWAN], ids=lambda table: table.name)
def test_every_input_of_a_credit_decision_has_its_sentence(table):
    """Whichever way a value is unusual for the worse, the table words it."""
    for column in table.inputs:
        if column.protected:
            continue
        match column.kind:
            case "number":
                pairs = {-1: [(5, 9)], 1: [(9, 5)], 0: [(5, 9), (9, 5)]}[column.direction]
            case "flag":
                pairs = [(level, None) for level in column.levels or (True, False)]
            case _:
                pairs = [(level, None) for level in column.levels]
        pairs += [(None, 5)] if column.optional else []
        for value, reference in pairs:
            sentence = reason_sentence(column, value, reference)
            assert "typically" not in sentence, sentence


@given(st.integers() | st.floats(allow_nan=False) | st.text() | st.booleans() | st.none())
def test_any_value_can_be_said(value):
    """Also one that the column does not know."""
    for column in (ACCOUNT, OWNS):
        assert isinstance(spoken(column, value), str)


def test_a_label_is_the_first_words():
    """Up to where a description begins to explain."""
    assert label(LATE) == "Months late"
    assert label(Column(name="x", kind="key")) == "x"


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        (
            {"reasons": {"above": "{typical}"}},
            "reason 'above' has {typical} in it; it may have {value} and {reference}",
        ),
        ({"reasons": {"any": "{value"}}, "reason 'any' is not a valid template"),
        ({"kind": "category", "reasons": {"above": "more"}}, "reason 'above' is for numbers, this is a category"),
        (
            {"kind": "category", "levels": ("a",), "meanings": {"b": "bee"}},
            "meaning of 'b', which is not one of its levels",
        ),
        ({"protected": True, "actionable": True}, "a protected column cannot be actionable"),
    ],
)
def test_words_that_do_not_fit_the_column_are_refused(fields, words):
    """Where the table is read, not when the first applicant is declined."""
    with pytest.raises(TableError, match="column 'x': ") as refused:
        Column(**{"name": "x", "kind": "number", **fields})
    assert words in str(refused.value)
