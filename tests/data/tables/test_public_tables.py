"""Every public table: its file, its traps, and the way back from its form on OpenML."""

from __future__ import annotations

import functools
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from data.checking import check_frame
from data.files.sources import frame_digest, read_frame
from data.rows import row_adapter
from data.splits import split_rows
from data.tables._catalogue import public_tables
from data.tables._openml import GERMAN_LEVELS

PUBLIC = public_tables()
DATA_HOME = os.environ.get("BACKSCORE_DATA_HOME")
each_table = pytest.mark.parametrize("name", PUBLIC)
needs_files = pytest.mark.skipif(
    DATA_HOME is None, reason="BACKSCORE_DATA_HOME is not set: the public files are needed"
)

# As published: rows and positives of each file
PUBLISHED = {
    "bank_marketing": (45_211, 5_289),
    "criteo_10k": (10_000, 2_182),
    "german": (1_000, 300),
    "handbook": (862_577, 7_576),
    "hillstrom": (64_000, 9_394),
    "talkingdata": (100_000, 227),
    "taiwan": (30_000, 6_636),
    "ulb": (5_492, 492),
}
# What is known only with or after the outcome, and what only numbers the rows
NEVER_INPUTS = {
    "bank_marketing": ["duration"],
    "criteo_10k": [],
    "german": [],
    "handbook": ["TX_FRAUD_SCENARIO", "TRANSACTION_ID"],
    "hillstrom": ["conversion", "spend"],
    "talkingdata": ["attributed_time"],
    "taiwan": ["ID"],
    "ulb": ["Time"],
}
PROTECTED = {
    "bank_marketing": {"age", "marital"},
    "german": {"age", "personal_status", "foreign_worker"},
    "taiwan": {"SEX", "AGE", "MARRIAGE"},
}


@functools.cache
def rows_of(name: str) -> pd.DataFrame:
    assert DATA_HOME is not None
    return read_frame(Path(DATA_HOME) / PUBLIC[name].file)


def test_every_public_table_is_checked_here():
    """A new file in data/tables has to state its published counts and its leaks."""
    assert set(PUBLIC) == set(PUBLISHED) == set(NEVER_INPUTS)


@each_table
def test_leaks_are_never_inputs(name):
    """Outcomes, parts of the label and row numbers are described, and no model may read them."""
    table = PUBLIC[name].table

    assert all(table[leak].role in ("ignore", "event") for leak in NEVER_INPUTS[name])
    assert not {table.target.name, *NEVER_INPUTS[name]} & {column.name for column in table.of_role("feature", "time")}


@each_table
def test_protected_columns_are_marked(name):
    """Sex, age, family and origin, where a table has them, and nothing else."""
    marked = {column.name for column in PUBLIC[name].table.columns if column.protected}

    assert marked == PROTECTED.get(name, set())


@each_table
def test_example_row_is_a_valid_request(name):
    """Each table shows an example value of every input, and the request type accepts the row."""
    table = PUBLIC[name].table

    row = row_adapter(table).validate_python(table.example())

    assert list(row) == [column.name for column in table.inputs]


@each_table
def test_every_column_is_described(name):
    """A person who has not seen the source can tell what each column holds; each table names its traps."""
    assert all(len(column.description) > 10 for column in PUBLIC[name].table.columns)
    assert len(PUBLIC[name].note) > 100


def test_advertising_tables_say_whom_each_input_describes():
    """Person, context and ad are told apart; what is sent is the ad."""
    for public in PUBLIC.values():
        assert all((column.part is not None) == (public.domain == "ads") for column in public.table.of_role("feature"))
    assert PUBLIC["hillstrom"].table["segment"].part == "ad"
    bank = PUBLIC["bank_marketing"].table
    of_the_call = {"contact", "day", "month", "campaign", "pdays", "previous", "poutcome"}
    assert {column.name for column in bank.inputs if column.part == "context"} == of_the_call


@needs_files
@each_table
def test_file_fits_its_table(name):
    """The file has exactly the described columns, in order, no bad cell, and is the one that is pinned."""
    public, frame = PUBLIC[name], rows_of(name)

    problems = check_frame(public.table, frame, training=True)[1]

    assert frame.columns.tolist() == [column.name for column in public.table.file_columns]
    assert [str(problem) for problem in problems[:5]] == []
    assert frame_digest(frame) == public.digest


@needs_files
@each_table
def test_ignored_columns_fit_their_description_too(name):
    """Ignored columns are not checked when training; made features for once, they hold no bad cell either."""
    table, frame = PUBLIC[name].table, rows_of(name)
    ignored = {column.name: {"role": "feature"} for column in table.of_role("ignore")}

    problems = check_frame(table.with_columns(ignored), frame, training=True)[1]

    assert [str(problem) for problem in problems[:5]] == []


@needs_files
@each_table
def test_positives_are_as_published(name):
    """Class 1 is the class that the source reports on."""
    labels = PUBLIC[name].table.labels(rows_of(name))

    assert (len(labels), labels.sum()) == PUBLISHED[name]


@needs_files
@each_table
def test_every_listed_level_of_the_file_occurs(name):
    """Levels are those of the file, none invented."""
    frame = rows_of(name)
    for column in PUBLIC[name].table.columns:
        if column.kind == "category" and column.levels:
            assert set(column.levels) <= set(frame[column.name].astype(str)), column.name


@needs_files
@each_table
def test_split_leaves_enough_of_both_classes(name):
    """Each table can be cut as it says, with a fifth of the rows to judge by."""
    public, frame = PUBLIC[name], rows_of(name)
    time = public.table.time
    times = None if time is None else pd.to_datetime(frame[time.name])

    rows = split_rows(public.split, labels=public.table.labels(frame), times=times, seed=0)

    assert len(rows.test) == pytest.approx(0.2 * len(frame), abs=1.5)
    if times is not None:
        gap = times.iloc[rows.test].min() - times.iloc[rows.validation].max()
        assert gap >= pd.Timedelta(days=public.split.label_delay_days)


def german_on_openml(frame: pd.DataFrame) -> pd.DataFrame:
    texts = {name: {code: text for text, code in codes.items()} for name, codes in GERMAN_LEVELS.items()}
    return frame.assign(**{name: frame[name].astype(str).map(text_of) for name, text_of in texts.items()})


def taiwan_on_openml(frame: pd.DataFrame) -> pd.DataFrame:
    renamed = frame.drop(columns="ID").set_axis([*(f"x{number}" for number in range(1, 24)), "y"], axis=1)
    return renamed.astype({"y": str}).astype({"y": "category", "x1": np.int64})


def bank_marketing_on_openml(frame: pd.DataFrame) -> pd.DataFrame:
    renamed = frame.set_axis([*(f"V{number}" for number in range(1, 17)), "Class"], axis=1)
    return renamed.assign(Class=renamed["Class"].map({"no": "1", "yes": "2"}).astype("category"))


ON_OPENML = {"german": german_on_openml, "taiwan": taiwan_on_openml, "bank_marketing": bank_marketing_on_openml}


def test_tables_on_openml_are_those_tested_here():
    """Every table that can be downloaded has its form there described above."""
    assert {name for name, public in PUBLIC.items() if public.openml_id is not None} == set(ON_OPENML)


@needs_files
@pytest.mark.parametrize("name", ON_OPENML)
def test_openml_form_leads_back_to_the_file(name):
    """Names and levels as OpenML spells them become the file's again: same columns, order and values."""
    public, frame = PUBLIC[name], rows_of(name)
    on_openml = ON_OPENML[name](frame)
    assert frame_digest(on_openml) != public.digest

    back = public.from_openml(public.table, on_openml)

    assert back.columns.tolist() == frame.columns.tolist()
    assert frame_digest(back) == public.digest


def test_german_codes_are_read_from_openml():
    """A row spelled as on OpenML, by hand, becomes the row in UCI's codes."""
    on_openml = pd.DataFrame(
        {
            **{"installment_commitment": [1], "residence_since": [1], "existing_credits": [1], "num_dependents": [1]},
            **{"checking_status": ["no checking"], "duration": [12], "credit_history": ["delayed previously"]},
            **{"purpose": ["radio/tv"], "credit_amount": [900], "savings_status": [">=1000"], "employment": [">=7"]},
            **{"personal_status": ["male single"], "other_parties": ["none"], "property_magnitude": ["car"]},
            **{"age": [40], "other_payment_plans": ["none"], "housing": ["for free"], "job": ["skilled"]},
            **{"own_telephone": ["yes"], "foreign_worker": ["no"], "class": ["bad"]},
        }
    )

    row = PUBLIC["german"].from_openml(PUBLIC["german"].table, on_openml).iloc[0]

    coded = ["checking_status", "credit_history", "purpose", "savings_status", "employment", "personal_status", "class"]
    assert row[coded].tolist() == ["A14", "A33", "A43", "A64", "A75", "A93", 2]
    assert row[["other_parties", "other_payment_plans"]].tolist() == ["A101", "A143"]
    assert row[["property_magnitude", "housing", "job"]].tolist() == ["A123", "A153", "A173"]
    assert row[["own_telephone", "foreign_worker"]].tolist() == ["A192", "A202"]


def example_rows(name: str, target: list[object]) -> pd.DataFrame:
    """As many rows as targets, in the file's columns; numbers count up, so that no two columns are alike."""
    table = PUBLIC[name].table
    columns = {}
    for position, column in enumerate(table.columns):
        numbers = [100 * position + row for row in range(len(target))]
        columns[column.name] = numbers if column.kind == "number" else [column.example] * len(target)
    return pd.DataFrame({**columns, table.target.name: target})


def test_taiwan_columns_are_read_from_openml():
    """The columns x1 ... x23 and y get their names, and the rows their numbers from 1 on."""
    frame = example_rows("taiwan", [0, 1, 1]).assign(ID=[1, 2, 3])

    back = PUBLIC["taiwan"].from_openml(PUBLIC["taiwan"].table, taiwan_on_openml(frame))

    assert back.columns.tolist() == frame.columns.tolist()
    assert back["ID"].tolist() == [1, 2, 3]
    assert frame_digest(back) == frame_digest(frame)


def test_bank_marketing_columns_are_read_from_openml():
    """The columns V1 ... V16 and Class get their names, and the classes 1 and 2 are no and yes again."""
    frame = example_rows("bank_marketing", ["no", "yes", "no"])

    back = PUBLIC["bank_marketing"].from_openml(PUBLIC["bank_marketing"].table, bank_marketing_on_openml(frame))

    assert back.columns.tolist() == frame.columns.tolist()
    assert back["y"].tolist() == ["no", "yes", "no"]
    assert frame_digest(back) == frame_digest(frame)
