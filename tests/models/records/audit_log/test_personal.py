"""Personal columns: never stored in plain, and equal values stay equal."""

import hashlib
import stat

import pytest
from pydantic_core import from_json, to_json

from data.column import Column
from data.table import Table
from models.records.audit_log.personal import KEY_FILE, PersonalData, personal_key

TABLE = Table(
    name="people",
    columns=(
        Column(name="age", kind="number"),
        Column(name="name", kind="key", role="entity", stored="hashed"),
        Column(name="phone", kind="text", role="ignore", stored="left_out"),
    ),
)
KEY = b"k" * 32
ROW = {"age": 30, "name": "Ann", "phone": "555"}


def hashed(value):
    return hashlib.blake2b(value.encode(), digest_size=16, key=KEY).hexdigest()


def test_nothing_personal_is_left():
    """Wherever it stands: in a row, in rows, in a body with a row in it, in an answer's reasons."""
    personal = PersonalData(TABLE, KEY)
    kept = {"age": 30, "name": hashed("Ann")}

    assert from_json(personal.text(ROW)) == kept
    assert from_json(personal.text([ROW, ROW])) == [kept, kept]
    assert from_json(personal.text({"person": ROW, "ads": [{"name": "x"}]}))["person"] == kept
    told = {"column": "name", "value": "Ann", "text": "Ann again", "effect": 1.5}
    answer = to_json({"p": 0.5, "reasons": [told, {"column": "age", "value": 30}]}).decode()
    reasons = from_json(personal.answer_text(answer))["reasons"]
    note = "not quoted, since name is stored hashed"
    assert reasons == [{**told, "value": None, "text": note}, {"column": "age", "value": 30}]


def test_no_text_of_an_answer_quotes_what_was_asked():
    """Wherever in the answer it stands, and wherever in the request; short values are no sign, and names stay."""
    personal = PersonalData(TABLE, KEY)
    answer = {
        "model": "Annabel",
        "warnings": ["name: 'x' is rare", "Annabel was cleared", "fine"],
        "more": [{"a": "5 Al"}],
    }
    kept = from_json(personal.answer_text(to_json(answer).decode(), {"rows": [{"name": "Annabel"}, {"phone": "5"}]}))
    assert kept["model"] == "Annabel"
    assert kept["warnings"] == [
        "name: not quoted, since name is stored hashed",
        "not stored, since it quotes a personal value",
        "fine",
    ]
    assert kept["more"] == [{"a": "5 Al"}]
    curve = {"column": "phone", "label": "Phone 555", "points": [{"value": "555"}], "direction": 1, "typical": 3}
    about = from_json(personal.answer_text(to_json({"curve": curve}).decode()))["curve"]
    note = "not quoted, since phone is stored left out"
    assert about == {"column": "phone", "label": note, "points": [], "direction": 1, "typical": None}


def test_equal_values_have_equal_hashes_for_one_key():
    """However they are spelled; another key gives others, and no value stays no value."""
    personal, other = PersonalData(TABLE, KEY), PersonalData(TABLE, b"o" * 32)
    assert personal.hashed(1) == personal.hashed("1") == personal.hashed(1.0) != other.hashed(1)
    assert from_json(personal.text({"name": None})) == {"name": None}


@pytest.mark.parametrize("nothing", [None, "", "  "])
def test_no_value_is_no_person(nothing):
    """Else all who give none would be one, whose events windows count together."""
    personal = PersonalData(TABLE, KEY)
    assert personal.row({"age": 30, "name": nothing}) == {"age": 30, "name": nothing}
    assert personal.keys_of({"age": 30, "name": nothing}) == {"age": 30, "name": nothing}


def test_a_stored_hash_is_not_hashed_again():
    """But what a caller sends is, even if it looks like one; what an earlier release stored in plain is hashed."""
    personal, once = PersonalData(TABLE, KEY), hashed("Ann")
    for change in (personal.row, personal.keys_of):
        assert change({"name": once}, is_stored=True)["name"] == once
        assert change({"name": once})["name"] == hashed(once)
        assert change({"name": "Ann"}, is_stored=True)["name"] == once
    assert personal.key_again("name", once) == personal.key_again("name", "Ann") == once


def test_a_table_without_such_columns_is_stored_as_it_comes():
    """And needs no key; one with them does."""
    plain = Table(name="plain", columns=(Column(name="age", kind="number"),))
    assert PersonalData(plain, b"").answer_text('{"a" : 1}') == '{"a" : 1}'
    assert PersonalData(plain, b"").row(ROW) == PersonalData(plain, b"").keys_of(ROW) == ROW
    with pytest.raises(ValueError, match="needs a key"):
        PersonalData(TABLE, b"")


def test_the_key_of_a_home_is_made_once_and_is_nobody_elses(tmp_path):
    """Two processes that need it first at the same time get the same."""
    key = personal_key(tmp_path)
    assert len(key) == 32
    assert personal_key(tmp_path) == key
    assert stat.S_IMODE((tmp_path / KEY_FILE).stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == [KEY_FILE]
