"""Rules in a TOML file: read in order, or refused with the place of what is wrong."""

from __future__ import annotations

import pytest

from data.errors import SourceError
from models.decisions.rules.files import read_rules
from models.errors import PolicyError

WRITTEN = """
[[rules]]
name = "many"  # a comment
action = "review"
when = [{column = "n_1d", above = 10}, {column = "abroad", is = true}]

[[rules]]
name = "stolen"
action = "block"
live = false
when = [{column = "card", one_of = [17, "C4"]}]
note = "Reported as stolen"
"""


def written(tmp_path, text):
    path = tmp_path / "rules.toml"
    path.write_bytes(text.encode("utf-8") if isinstance(text, str) else text)
    return path


def test_rules_are_read_in_their_order(tmp_path):
    """With all their fields."""
    many, stolen = read_rules(written(tmp_path, WRITTEN))

    assert (many.name, many.action, many.live, many.note) == ("many", "review", True, "")
    assert [(each.column, each.word, each.operand) for each in many.when] == [
        ("n_1d", "above", 10),
        ("abroad", "is", True),
    ]
    assert (stolen.name, stolen.action, stolen.live, stolen.note) == ("stolen", "block", False, "Reported as stolen")
    assert stolen.when[0].operand == ("17", "C4")


@pytest.mark.parametrize(
    ("text", "error", "words"),
    [
        ("", PolicyError, "rules.toml: rules: field required"),
        ("rules = []", PolicyError, "rules.toml: rules: .*at least 1 item"),
        (WRITTEN + "\n[other]\n", PolicyError, "'other' is not a field of it"),
        (
            WRITTEN.replace("above = 10", "above = '10'"),
            PolicyError,
            "rules 1, when 1, above: .*number, got '10'",
        ),
        (WRITTEN.replace('"stolen"', '"many"'), PolicyError, "more than one rule is called 'many'"),
        (WRITTEN.replace("note =", "why ="), PolicyError, "rules 2: unknown field 'why'"),
        ("[[rules", SourceError, "rules.toml: is not TOML: "),
        (b"\xff\xfe", SourceError, "rules.toml: is not TOML: "),
    ],
)
def test_what_is_no_file_of_rules_is_explained(tmp_path, text, error, words):
    """By file, rule and field."""
    with pytest.raises(error, match=words):
        read_rules(written(tmp_path, text))


def test_a_missing_file_is_named(tmp_path):
    """With the reason of the system."""
    with pytest.raises(SourceError, match=r"none.toml: cannot be read: No such file"):
        read_rules(tmp_path / "none.toml")
