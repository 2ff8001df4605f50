"""Scoring of whole files: the answers of single rows, in the file's order, and never half a file."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.checking import checked_frame
from data.errors import BadRowsError, SourceError
from data.rows import row_adapter
from data.windows import with_windows
from models.answers.files import csv_text, n_rows_of, score_file
from models.answers.respond import respond
from models.contract import LiveModel
from models.domains._discovery import load_domains
from models.presets import PRESETS
from tests.conftest import quick_live

CREDIT = load_domains()["credit"]


@pytest.fixture(scope="module")
def live() -> LiveModel:
    """A small credit model."""
    table = CREDIT.restrict_inputs(CREDIT.table)
    frame = checked_frame(table, CREDIT.simulate(1500, 0).frame, "simulated rows", training=True)
    labels, n_train = table.labels(frame), 1200
    scorer = CREDIT.build(table, PRESETS["fast"], 0)
    scorer.fit(frame[:n_train], labels[:n_train], validation=(frame[n_train:], labels[n_train:]))
    return LiveModel(name="lending", version=3, domain=CREDIT, scorer=scorer, policy=CREDIT.policy())


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    return CREDIT.simulate(300, 1).frame


def written(frame: pd.DataFrame, path: Path) -> Path:
    """The frame as a file, in the format of its suffix."""
    if path.suffix == ".parquet":
        frame.to_parquet(path, index=False)
    else:
        frame.to_csv(path, index=False)
    return path


def rows_of(path: Path) -> list[dict[str, str]]:
    """The rows of a CSV as Python's own reader sees them."""
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def requests_of(live: LiveModel, frame: pd.DataFrame) -> list[dict[str, object]]:
    """The rows as a caller of the service would send them, one by one."""
    adapter, names = row_adapter(live.table), [column.name for column in live.table.inputs]
    rows = json.loads(frame[names].to_json(orient="records", date_format="iso"))
    return [adapter.validate_python({name: value for name, value in row.items() if value is not None}) for row in rows]


@pytest.mark.parametrize("suffix", [".csv", ".csv.gz", ".parquet"])
def test_a_file_gets_the_answers_of_its_single_rows(live, frame, tmp_path, suffix):
    """In every format and chunk size, each row gets the same answer as alone."""
    source, target = written(frame, tmp_path / f"in{suffix}"), tmp_path / "out.parquet"

    scored = score_file(live, source, target, rows_per_chunk=77)

    rows = requests_of(live, frame)
    expected = [respond(live, [row], ["id"])[0] for row in rows]
    found = pd.read_parquet(target)
    assert (scored.n_rows, scored.n_bad_rows, scored.unknown_columns) == (300, 0, ())
    assert found["probability_of_default"].tolist() == [answer.probability_of_default for answer in expected]
    assert found["points"].tolist() == [answer.points for answer in expected]
    assert found["decision"].tolist() == [answer.decision for answer in expected]
    assert found["error"].isna().all()


def test_a_parquet_file_keeps_its_columns_as_they_are(live, frame, tmp_path):
    """Columns unknown to the model are passed through unchanged, whatever their types."""
    given = frame.assign(
        applicant=[f"{i:05}" for i in range(300)],
        opened=pd.Timestamp("2024-02-29 12:00:00") + pd.to_timedelta(np.arange(300), unit="h"),
        branch=pd.Categorical(["north", "south", None] * 100),
        photo=[b"\xff", b"", None] * 100,
    )
    source, target = written(given, tmp_path / "in.parquet"), tmp_path / "out.parquet"

    scored = score_file(live, source, target, rows_per_chunk=100)

    found, read = pd.read_parquet(target), pd.read_parquet(source)
    read["branch"] = read["branch"].astype(found["branch"].dtype)
    pd.testing.assert_frame_equal(found[list(read.columns)], read)
    assert scored.unknown_columns == ("applicant", "opened", "branch", "photo")


def test_text_of_a_csv_stays_as_it_is_spelled(live, frame, tmp_path):
    """Leading zeros, quotes, delimiters and line breaks in cells survive."""
    given = frame.head(4).assign(note=["007", 'said "no"', "a, b", "two\nlines"])
    source, target = written(given, tmp_path / "in.csv"), tmp_path / "out.csv"

    score_file(live, source, target)

    before, after = rows_of(source), rows_of(target)
    assert [{name: row[name] for name in before[0]} for row in after] == before


def test_several_workers_write_the_same_file(live, frame, tmp_path):
    """The order of the rows does not depend on which process was first."""
    source = written(frame, tmp_path / "in.parquet")

    for n_workers in (1, 2):
        score_file(live, source, tmp_path / f"out{n_workers}.csv", n_workers=n_workers, rows_per_chunk=30)

    assert (tmp_path / "out1.csv").read_bytes() == (tmp_path / "out2.csv").read_bytes()


def test_bad_rows_keep_their_place_and_say_what_is_wrong(live, frame, tmp_path):
    """A row that breaks rules is not scored, not dropped, and does not touch the others; here a whole chunk is bad."""
    spoilt = frame.astype({"income_eur": object, "housing": object})
    spoilt.loc[:9, "income_eur"] = "much"
    spoilt.loc[50, ["income_eur", "amount_eur"]] = ["-5", 10**9]
    source, target = written(spoilt, tmp_path / "in.csv"), tmp_path / "out.parquet"
    watched: list[int] = []

    scored = score_file(live, source, target, rows_per_chunk=10, watcher=watched.append)

    found = pd.read_parquet(target)
    bad = [*range(10), 50]
    assert scored.n_bad_rows == 11
    assert [(problem.row, problem.column) for problem in scored.problems[-2:]] == [
        (51, "income_eur"),
        (51, "amount_eur"),
    ]
    assert found.index[found["error"].notna()].tolist() == bad
    assert found.index[found["probability_of_default"].isna()].tolist() == bad
    assert found["error"][0] == "column 'income_eur': 'much' must be a number from 400 to 40000"
    assert "'income_eur'" in found["error"][50]
    assert "'amount_eur'" in found["error"][50]
    assert watched == [10] * 30


def test_reasons_are_those_of_single_rows_and_only_for_adverse_decisions(live, frame, tmp_path):
    """The column `reasons` holds as JSON what the service would answer."""
    source, target = written(frame.head(60), tmp_path / "in.parquet"), tmp_path / "out.csv"

    score_file(live, source, target, reasons=True)

    answers = [respond(live, [row], ["id"])[0] for row in requests_of(live, frame.head(60))]
    found = [row["reasons"] for row in rows_of(target)]
    assert {answer.decision for answer in answers} >= {"approve", "decline"}
    for answer, text in zip(answers, found, strict=True):
        if answer.decision == "approve":
            assert text == ""
        else:
            expected = answer.model_dump(mode="json")["reasons"]
            assert [(r["column"], r["points"]) for r in json.loads(text)] == [
                (r["column"], r["points"]) for r in expected
            ]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda frame: frame.drop(columns="income_eur"), "'income_eur'"),
        (lambda frame: frame.head(0), "no rows"),
        (lambda frame: frame.assign(decision="approve"), "'decision'"),
    ],
    ids=["missing column", "no rows", "answer column"],
)
@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_a_file_that_cannot_be_scored_is_refused(live, frame, tmp_path, change, message, suffix):
    """The error names the problem, and no file is written."""
    source = written(change(frame), tmp_path / f"in{suffix}")

    with pytest.raises((BadRowsError, SourceError), match=message):
        score_file(live, source, tmp_path / "out.csv")

    assert [path.name for path in tmp_path.iterdir()] == [source.name]


@pytest.mark.parametrize(
    ("target", "message"),
    [("out.xlsx", "must end in"), ("absent/out.csv", "no folder"), ("in.csv", "another name")],
)
def test_a_target_that_cannot_be_written_is_refused(live, frame, tmp_path, target, message):
    """The error comes before the work."""
    source = written(frame, tmp_path / "in.csv")

    with pytest.raises(SourceError, match=message):
        score_file(live, source, tmp_path / target)


def test_a_failure_halfway_leaves_the_former_target(live, frame, tmp_path):
    """The target is replaced as a whole or not at all."""
    source, target = written(frame, tmp_path / "in.csv"), tmp_path / "out.csv"
    with source.open("a") as file:
        file.write("," * 50 + "\n")
    target.write_text("yesterday's answers")

    with pytest.raises(SourceError, match=r"in\.csv"):
        score_file(live, source, target, rows_per_chunk=100)

    assert target.read_text() == "yesterday's answers"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.csv", "out.csv"]


def test_columns_that_a_csv_cannot_hold_are_refused(live, frame, tmp_path):
    """Binary values are supported in parquet only; the error says so."""
    source = written(frame.assign(photo=[b"\xff"] * 300), tmp_path / "in.parquet")

    with pytest.raises(SourceError, match="UTF8"):
        score_file(live, source, tmp_path / "out.csv")

    assert not (tmp_path / "out.csv").exists()


def test_the_number_of_rows_is_known_for_parquet_only(frame, tmp_path):
    """Nothing is read just to count rows."""
    assert n_rows_of(written(frame, tmp_path / "in.parquet")) == 300
    assert n_rows_of(written(frame, tmp_path / "in.csv")) is None
    assert n_rows_of(tmp_path / "absent.parquet") is None


@given(st.lists(st.lists(st.text(st.characters(codec="utf-8")) | st.none(), min_size=2, max_size=2), max_size=5))
def test_csv_text_is_read_back_by_a_csv_reader(rows):
    """Whatever the cells hold, Python's own reader finds them again; None becomes an empty cell."""
    columns = [pa.array([row[i] for row in rows], pa.string()) for i in range(2)]

    text = csv_text(pa.Table.from_arrays(columns, ["a", "b, c"]), header=True).decode()

    expected = [["a", "b, c"], *([cell or "" for cell in row] for row in rows)]
    assert list(csv.reader(io.StringIO(text, newline=""))) == expected


def test_windows_look_back_over_the_whole_file(tmp_path):
    """However small the chunks are, and with the outcomes where the file has them."""
    live = quick_live(load_domains()["fraud"])
    simulated = live.domain.simulate(400, 3).frame
    names = [column.name for column in live.table.inputs]
    with_outcome = written(simulated, tmp_path / "rows.parquet")
    without = written(simulated[names], tmp_path / "inputs.parquet")

    score_file(live, with_outcome, tmp_path / "out.parquet", rows_per_chunk=150)
    score_file(live, without, tmp_path / "without.parquet", rows_per_chunk=400)

    for out, labels in (("out.parquet", live.table.labels(simulated)), ("without.parquet", None)):
        checked = checked_frame(live.table, simulated[names], "rows", training=False)
        expected = live.scorer.probabilities(with_windows(live.table, checked, labels))
        assert pd.read_parquet(tmp_path / out)["fraud_probability"].tolist() == expected.tolist()
