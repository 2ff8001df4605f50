from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given

from data.column import Column, Kind, Role
from data.errors import TableError
from data.files.table_toml import HEADER, read_table, table_as_dict, table_from_dict, write_table
from data.simulators import credit
from data.table import Table
from tests.data.strategies import tables


def write_text(folder: Path, text: str) -> Path:
    path = folder / "my.toml"
    path.write_text(text, "utf-8")
    return path


class TestRoundTrips:
    @given(table=tables())
    def test_a_table_comes_back_equal(self, table, tmp_path_factory):
        """Whatever a table says survives TOML, with columns of any name in their order."""
        path = tmp_path_factory.mktemp("tables") / "t.toml"

        write_table(table, path)

        assert read_table(path) == table

    @given(tables())
    def test_a_table_comes_back_equal_from_json(self, table):
        """The dictionary holds plain values only."""
        assert table_from_dict(json.loads(json.dumps(table_as_dict(table)))) == table

    def test_a_table_with_every_role_comes_back_equal(self, tmp_path):
        """Also what the random tables do not have: target, direction, part, example."""
        path = tmp_path / "credit.toml"

        write_table(credit.TABLE, path)

        assert read_table(path) == credit.TABLE

    def test_only_what_is_no_default_is_written(self):
        """A short file is one that gets read."""
        table = Table(name="t", columns=(Column(name="x", kind="number", minimum=0, optional=True),))

        assert table_as_dict(table)["columns"] == {"x": {"kind": "number", "minimum": 0.0, "optional": True}}

    def test_a_column_is_a_table_of_the_toml(self, tmp_path):
        """Names that TOML would cut at a dot are quoted."""
        path = tmp_path / "t.toml"

        write_table(Table(name="t", columns=(Column(name="a.b", kind="number"),)), path)

        assert path.read_text("utf-8").endswith('[columns."a.b"]\nkind = "number"\n')


def test_heading_explains_every_kind_role_and_field():
    """Who edits the file finds each word in it, and no other lines than comments."""
    words = {word.strip(",:;.") for word in HEADER.replace('"', " ").split()}

    for word in (*get_args(Kind), *get_args(Role)):
        assert word in words
    for field in dataclasses.fields(Column):
        assert field.name in words
    assert all(line.startswith("#") for line in HEADER.strip().splitlines())


class TestMistakes:
    @pytest.mark.parametrize(
        ("text", "words"),
        [
            ("name = ", "is not TOML"),
            ("name = 't'", "there are no columns"),
            ("[columns.x]\nkind = 'number'", "the table has no name"),
            (
                "name = 't'\ncolums = 3",
                "unknown field 'colums'; a table has name, description, columns, gates, answers and series",
            ),
            ("name = 't'\n[columns]\nx = 3", "column 'x': must be a table of fields, such as kind = 'number'; got 3"),
            ("name = 't'\n[columns.x]\nrole = 'feature'", "column 'x': 'kind' is missing"),
            (
                "name = 't'\n[columns.x]\nkind = 'numbr'",
                "column 'x': field 'kind' is 'numbr'; it must be 'number', 'cat",
            ),
            (
                "name = 't'\n[columns.x]\nkind = 'number'\nminimun = 3",
                "column 'x': unknown field 'minimun'; a column has",
            ),
            (
                "name = 't'\n[columns.x]\nkind = 'number'\nminimum = 'low'",
                "column 'x': field 'minimum' is 'low'; it must",
            ),
            ("name = 't'\n[columns.x]\nkind = 'key'\nexample = [1]", "must be an id"),
            ("name = 't'\n[columns.x]\nkind = 'key'\nlevels = 3", "field 'levels' is 3; it must be a valid list"),
            ("name = 't'\n[columns.p]\nkind = 'key'\nrole = 'propensity'", "a propensity cannot be of kind 'key'"),
            (
                "name = 't'\n[columns.p]\nkind = 'number'\nrole = 'propensity'\nmissing = [-1]",
                "column 'p': a propensity is known in every row",
            ),
            (
                "name = 't'\n[columns.p]\nkind = 'number'\nrole = 'propensity'\n[columns.q]\nkind = 'number'\n"
                "role = 'propensity'",
                "2 columns have the role 'propensity', one is allowed",
            ),
            ("name = 3\n[columns.x]\nkind = 'number'", "field 'name' is 3; it must be a valid string"),
            ("name = 't'\n[columns.x]\nkind = 'key'\nrole = 'ignore'", "no column has the role 'feature'"),
        ],
    )
    def test_are_told_with_file_column_field_value_and_rule(self, text, words, tmp_path):
        """The sentence says where to look and what is allowed."""
        with pytest.raises(TableError) as caught:
            read_table(write_text(tmp_path, text))

        assert str(caught.value).startswith(f"{tmp_path / 'my.toml'}: ")
        assert words in str(caught.value)

    def test_a_file_that_is_not_there_is_told(self, tmp_path):
        """A wrong path is the user's most frequent mistake."""
        with pytest.raises(TableError, match="file not found"):
            read_table(tmp_path / "my.toml")

    def test_a_file_that_is_no_text_is_told(self, tmp_path):
        """For example a spreadsheet that was renamed."""
        (tmp_path / "my.toml").write_bytes(b"\xff\xfe\x00")

        with pytest.raises(TableError, match="cannot be read as UTF-8"):
            read_table(tmp_path / "my.toml")
