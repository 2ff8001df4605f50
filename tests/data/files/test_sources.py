from __future__ import annotations

import gzip
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.error import URLError

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.column import Column
from data.errors import SourceError
from data.files.sources import frame_digest, iter_frames, read_frame
from data.public_table import PublicTable
from data.splits import Split
from data.table import Table
from data.tables import _catalogue as sources
from data.tables._catalogue import load_public, public_tables

DATA_HOME = os.environ.get("BACKSCORE_DATA_HOME")
ROWS = pd.DataFrame({"id": ["007", "12"], "amount": [1.5, None], "class": [1, 2]})


def write_csv(folder: Path, text: str, name: str = "rows.csv") -> Path:
    path = folder / name
    path.write_text(text, "utf-8")
    return path


class TestReadFrame:
    def test_csv_cells_keep_their_spelling(self, tmp_path):
        """A leading zero belongs to an id; only some spellings are no value."""
        path = write_csv(tmp_path, "id,n,code\n007,1.50,None\n12,NA,none\n,x,N/A\n")

        frame = read_frame(path)

        assert frame["id"].tolist()[:2] == ["007", "12"]
        assert frame["n"].tolist()[::2] == ["1.50", "x"]
        assert frame["code"].tolist()[:2] == ["None", "none"]
        assert frame.isna().sum().tolist() == [1, 1, 1]

    @pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
    def test_delimiter_is_that_of_the_header(self, delimiter, tmp_path):
        """Spreadsheets write semicolons in half of the world."""
        path = write_csv(tmp_path, "\ufeff" + f"a{delimiter}b c\n1{delimiter} 2\n")

        assert read_frame(path).to_dict("list") == {"a": ["1"], "b c": ["2"]}

    def test_zipped_csv_is_read(self, tmp_path):
        """By its suffix."""
        path = tmp_path / "rows.csv.gz"
        path.write_bytes(gzip.compress(b"a,b\n1,2\n"))

        assert read_frame(path).to_dict("list") == {"a": ["1"], "b": ["2"]}

    def test_parquet_keeps_long_ids_beside_empty_cells(self, tmp_path):
        """Floats would change their last digits."""
        path = tmp_path / "rows.parquet"
        pq.write_table(pa.table({"id": pa.array([2**60 + 1, None]), "n": pa.array([1, 2])}), path)

        frame = read_frame(path)

        assert frame["id"].iloc[0] == 2**60 + 1
        assert frame["id"].isna().tolist() == [False, True]
        assert frame["n"].dtype == np.int64

    @pytest.mark.parametrize(
        ("name", "content", "words"),
        [
            ("rows.xlsx", b"x", "a file must end in .csv, .csv.gz, .parquet"),
            ("rows.csv", b"", "the file is empty"),
            ("rows.csv", b"a,b\n1,2\n1,2,3\n", "cannot be read"),
            ("rows.csv", b"a,b\n1,2,3\n1,2,3\n", "cannot be read"),
            ("rows.csv", b"a,a\n1,2\n", "duplicate column(s) in the header: 'a'"),
            ("rows.csv", "größe\n1\n".encode("latin-1"), "the text is not UTF-8"),
            ("rows.csv", "a\ngröße\n".encode("latin-1"), "the text is not UTF-8"),
            ("rows.csv.gz", b"a,b\n1,2\n", "cannot be read"),
            ("rows.csv.gz", gzip.compress(b"a,b\n1,2\n" * 99, mtime=0)[:-12], "cannot be read"),
            ("rows.parquet", b"PAR1", "cannot be used as a parquet file"),
            ("rows.parquet", b"", "cannot be used as a parquet file"),
        ],
    )
    def test_what_cannot_be_read_is_told(self, name, content, words, tmp_path):
        """The sentence begins with the file, and both readers say the same."""
        path = tmp_path / name
        path.write_bytes(content)

        for read in (read_frame, lambda path: list(iter_frames(path, 10))):
            with pytest.raises(SourceError) as caught:
                read(path)
            assert str(caught.value).startswith(f"{path}: ")
            assert words in str(caught.value)

    @pytest.mark.parametrize("name", ["rows.csv", "rows.csv.gz", "rows.parquet"])
    def test_a_file_that_is_not_there_is_told(self, name, tmp_path):
        """So is a folder that is named like a file."""
        with pytest.raises(SourceError, match="file not found"):
            read_frame(tmp_path / name)
        (tmp_path / name).mkdir()
        with pytest.raises(SourceError):
            list(iter_frames(tmp_path / name, 10))

    def test_lists_of_numbers_are_read_as_a_csv_has_them(self, tmp_path):
        """As JSON; an empty cell stays empty."""
        path = tmp_path / "rows.parquet"
        pq.write_table(pa.table({"x": pa.array([[1.5, 2], None])}), path)

        assert read_frame(path)["x"].tolist() == ["[1.5, 2.0]", None]

    def test_other_lists_in_cells_are_refused(self, tmp_path):
        """A table has one value in a cell, or several numbers."""
        path = tmp_path / "rows.parquet"
        pq.write_table(pa.table({"x": pa.array([["a"], ["b"]])}), path)

        with pytest.raises(SourceError, match="'x' hold structures or lists of other things"):
            read_frame(path)


class TestIterFrames:
    @pytest.mark.parametrize("suffix", [".csv", ".csv.gz", ".parquet"])
    @pytest.mark.parametrize("rows_per_chunk", [1, 7, 100, 1000])
    def test_chunks_together_are_the_whole_file(self, suffix, rows_per_chunk, tmp_path):
        """No row is lost or doubled, none is too many, and the index counts on."""
        path = tmp_path / f"rows{suffix}"
        frame = pd.DataFrame({"a": np.arange(100), "b": [f"b{i}" for i in range(100)]})
        frame.to_parquet(path) if suffix == ".parquet" else frame.to_csv(path, index=False)

        chunks = list(iter_frames(path, rows_per_chunk))

        assert max(map(len, chunks)) <= rows_per_chunk
        assert all(isinstance(chunk.index, pd.RangeIndex) for chunk in chunks)
        pd.testing.assert_frame_equal(pd.concat(chunks), read_frame(path), check_index_type=False)

    def test_csv_types_do_not_differ_between_chunks(self, tmp_path):
        """A column whose first rows look like numbers is text in every chunk."""
        path = write_csv(tmp_path, "a\n1\n2\nx\n\n")

        assert {str(chunk["a"].dtype) for chunk in iter_frames(path, 1)} == {str(read_frame(path)["a"].dtype)}

    def test_reading_stops_with_the_caller(self, tmp_path):
        """A caller that needs only the first rows leaves no open file behind."""
        path = write_csv(tmp_path, "a\n" + "1\n" * 1000)

        chunks = iter_frames(path, 10)

        assert next(chunks)["a"].tolist() == ["1"] * 10
        chunks.close()


class TestFrameDigest:
    @given(
        st.lists(st.integers(-(2**52), 2**52), max_size=20),
        st.sampled_from(["float64", "Int64", "object", "category"]),
    )
    def test_storage_does_not_matter(self, numbers, dtype):
        """Numbers are the same whether a file holds integers, floats or categories."""
        column = pd.Series(numbers, dtype="int64")

        assert frame_digest(pd.DataFrame({"x": column})) == frame_digest(pd.DataFrame({"x": column.astype(dtype)}))

    def test_a_csv_has_the_digest_of_its_parquet(self, tmp_path):
        """Texts, plain numbers, gaps and flags survive the way through text."""
        frame = pd.DataFrame({"t": ["a", None, "b"], "n": [1.5, 2.0, None], "w": [1, 2, 3]})
        frame.to_csv(tmp_path / "rows.csv", index=False)

        assert frame_digest(read_frame(tmp_path / "rows.csv")) == frame_digest(frame)

    def test_resolution_and_zone_of_times_do_not_matter(self):
        """A moment is a moment."""
        times = pd.Series(pd.to_datetime(["2024-01-01 10:00", None]))

        digests = {
            frame_digest(pd.DataFrame({"t": same}))
            for same in (
                times,
                times.astype("datetime64[s]"),
                times.dt.tz_localize("UTC"),
                times.dt.tz_localize("UTC").dt.tz_convert("Asia/Tokyo"),
            )
        }

        assert len(digests) == 1

    @pytest.mark.parametrize(
        "changed",
        [
            ROWS.rename(columns={"class": "Class"}),
            ROWS[["amount", "id", "class"]],
            ROWS.iloc[::-1],
            ROWS.iloc[:1],
            ROWS.assign(amount=[1.5, 0.0]),
            ROWS.assign(amount=[1.5000000000000002, None]),
            ROWS.assign(**{"class": [2, 1]}),
            ROWS.assign(id=["007", "13"]),
            ROWS.assign(id=["00", "712"]),
            ROWS.assign(id=[None, "12"]),
            ROWS.assign(id=["0 07", "12"]),
        ],
    )
    def test_every_change_of_content_shows(self, changed):
        """Names, order, one value, one gap."""
        assert frame_digest(changed) != frame_digest(ROWS)

    def test_long_ids_are_told_apart(self):
        """Two whole numbers that are one as floats."""
        one, other = (pd.DataFrame({"x": [2**60, last]}) for last in (2**60 + 1, 2**60 + 2))

        assert frame_digest(one) != frame_digest(other)

    def test_is_the_same_on_every_machine(self):
        """The bytes that are hashed are written out here, and nothing else enters."""
        from hashlib import sha256
        from json import dumps

        parts = [b"number", np.array([1.0, np.nan], "<f8").tobytes()]
        parts += [b"text", dumps(["a", "b"]).encode(), np.array([0, 1], "<i8").tobytes()]
        expected = sha256(dumps([2, "n", "t"]).encode())
        for part in parts:
            expected.update(len(part).to_bytes(8, "little") + part)

        assert frame_digest(pd.DataFrame({"n": [1, None], "t": ["a", "b"]})) == expected.hexdigest()


def public(**changes: Any) -> PublicTable:
    table = Table(name="loans", columns=(Column(name="amount", kind="number"), Column(name="id", kind="key")))
    described = {"table": table, "domain": "credit", "file": "credit/loans.parquet", "digest": frame_digest(ROWS)}
    return PublicTable(**{**described, "split": Split(), "openml_id": 31, **changes})


@pytest.fixture
def offer(monkeypatch):
    """Make one public table known, and OpenML answer with rows or an error."""

    def _offer(described: PublicTable, answer: Any = None) -> list[dict[str, Any]]:
        asked: list[dict[str, Any]] = []

        def fetch(**arguments: Any) -> Any:
            asked.append(arguments)
            if isinstance(answer, Exception):
                raise answer
            return SimpleNamespace(frame=answer)

        monkeypatch.setattr(sources, "public_tables", lambda: {"loans": described})
        monkeypatch.setattr(sources, "fetch_openml", fetch)
        return asked

    return _offer


class TestLoadPublic:
    def test_data_home_comes_first_and_downloads_second(self, offer, tmp_path):
        """What is there is not fetched again."""
        asked = offer(public(), URLError("no network"))
        home, downloads = tmp_path / "home", tmp_path / "downloads"
        for folder, frame in ((home, ROWS), (downloads, ROWS.head(1))):
            (folder / "credit").mkdir(parents=True)
            frame.to_parquet(folder / "credit/loans.parquet")

        assert len(load_public("loans", home, downloads)[1]) == 2
        assert len(load_public("loans", tmp_path / "other", downloads)[1]) == 1
        assert len(load_public("loans", None, downloads)[1]) == 1
        assert asked == []

    def test_a_download_is_checked_and_kept(self, offer, tmp_path):
        """OpenML's names are taken to the file's, the rows checked, and stored for the next time."""
        rename = {"credit_amount": "amount"}
        described = public(from_openml=lambda _, frame: frame.rename(columns=rename))
        asked = offer(described, ROWS.rename(columns={"amount": "credit_amount"}))

        first = load_public("loans", None, tmp_path)
        second = load_public("loans", None, tmp_path)

        assert first[0] is described
        pd.testing.assert_frame_equal(first[1], ROWS)
        assert frame_digest(second[1]) == described.digest
        assert [arguments["data_id"] for arguments in asked] == [31]
        assert [path.name for path in (tmp_path / "credit").iterdir()] == ["loans.parquet"]

    @pytest.mark.parametrize(
        ("changes", "answer", "words"),
        [
            ({}, ROWS.head(1), "OpenML's rows are not those of credit/loans.parquet"),
            ({}, URLError("no network"), "OpenML cannot be read (<urlopen error no network>)"),
            ({}, TimeoutError("timed out"), "OpenML cannot be read (timed out)"),
            ({}, ValueError("md5 checksum"), "OpenML cannot be read (md5 checksum)"),
            ({"from_openml": lambda _, frame: frame[["other"]]}, ROWS, "OpenML's columns or levels have changed"),
            ({"openml_id": None}, ROWS, "its file is not here and OpenML does not have it"),
        ],
    )
    def test_what_cannot_be_had_is_told_and_leaves_nothing(self, changes, answer, words, offer, tmp_path):
        """The sentence says what to do, and no half of a file stays behind."""
        offer(public(**changes), answer)

        with pytest.raises(SourceError) as caught:
            load_public("loans", None, tmp_path)

        assert words in str(caught.value)
        assert str(caught.value).endswith("put credit/loans.parquet under BACKSCORE_DATA_HOME")
        assert [path for path in tmp_path.rglob("*") if path.is_file()] == []

    def test_a_store_that_fails_leaves_nothing(self, offer, tmp_path, monkeypatch):
        """A full disk must not leave a file that the next run takes for whole."""
        offer(public(), ROWS)

        def half_written(self: pd.DataFrame, path: Path, **options: Any) -> None:
            path.write_bytes(b"PAR1")
            raise OSError("no space left")

        monkeypatch.setattr(pd.DataFrame, "to_parquet", half_written)

        with pytest.raises(OSError, match="no space left"):
            load_public("loans", None, tmp_path)
        assert [path for path in tmp_path.rglob("*") if path.is_file()] == []

    def test_an_unknown_name_is_told_with_those_there_are(self, offer, tmp_path):
        """A typing error is mended by reading the message."""
        offer(public())

        with pytest.raises(SourceError, match="no public table 'lones'; there are loans"):
            load_public("lones", None, tmp_path)


class TestPublicTables:
    TEXT = (
        'name = "loans"\n[public]\ndomain = "credit"\nfile = "credit/loans.parquet"\ndigest = "0"\n'
        'split = {kind = "order"}\n[columns.x]\nkind = "number"\n'
    )

    @pytest.fixture
    def folder(self, tmp_path):
        """A folder with one table, loans."""
        (tmp_path / "loans.toml").write_text(self.TEXT)
        return tmp_path

    def test_every_file_is_found(self, folder):
        """A table is added in one place."""
        (folder / "notes.txt").write_text("no table")

        found = public_tables(folder)

        assert list(found) == ["loans"]
        assert found["loans"].file == "credit/loans.parquet"
        assert found["loans"].split == Split(kind="order")
        assert found["loans"].table == Table(name="loans", columns=(Column(name="x", kind="number"),))

    @pytest.mark.parametrize(
        ("old", "new", "said"),
        [
            ("[public]", "[columns.y]", "'public'"),
            ('digest = "0"', "", "digest"),
            ('digest = "0"', 'digest = "0"\nlicence = "none"', "licence"),
            ('kind = "order"', 'kind = "sorted"', "'sorted'"),
            ('kind = "number"', 'kind = "nummer"', "'nummer'"),
            ('name = "loans"', 'name = "lending"', "the table is named 'lending'"),
        ],
    )
    def test_a_file_that_describes_no_public_table_is_an_error(self, folder, old, new, said):
        """Discovery never skips silently, and the name that users give is the file's."""
        (folder / "loans.toml").write_text(self.TEXT.replace(old, new))

        with pytest.raises(SourceError) as caught:
            public_tables(folder)

        assert "loans.toml" in str(caught.value)
        assert said in str(caught.value)

    def test_ours_are_all_found(self):
        """Each TOML file of data/tables is one table, and only tables that OpenML has are read from there."""
        folder = Path(sources.__file__).parent

        assert set(public_tables()) == {path.stem for path in folder.glob("*.toml")}
        assert set(sources.FROM_OPENML) == {name for name, public in public_tables().items() if public.openml_id}

    @pytest.mark.skipif(DATA_HOME is None, reason="needs BACKSCORE_DATA_HOME")
    @pytest.mark.parametrize("name", public_tables())
    def test_the_file_is_the_one_that_was_described(self, name, tmp_path):
        """The digest pins the rows, and every column of the table is there."""
        public, frame = load_public(name, Path(str(DATA_HOME)), tmp_path)

        assert frame_digest(frame) == public.digest
        assert {column.name for column in public.table.file_columns} <= set(frame.columns)
