"""A file of messages gives its text as the input."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from data.errors import TableError
from data.files.sources import read_frame
from data.inference.infer import infer_table
from data.simulators import chat

DATA_HOME = os.environ.get("BACKSCORE_DATA_HOME")


def messages(n_levels: int = 4, n_rows: int = 200, **others) -> pd.DataFrame:
    texts = [f"where is my parcel number {i}" for i in range(n_rows)]
    return pd.DataFrame({"text": texts, "about": [f"a{i % n_levels}" for i in range(n_rows)], **others})


def test_the_text_is_the_input():
    column = infer_table(messages(), name="t", target="about")["text"]

    assert (column.kind, column.role, column.example) == ("text", "feature", "where is my parcel number 0")


def test_the_simulated_messages_are_described_as_their_table():
    table = infer_table(chat.simulate(800, 0).frame, name="t", target="intent")

    assert (table["text"].kind, table["text"].role) == ("text", "feature")
    assert set(table.target.levels) <= set(chat.TABLE.target.levels)


@pytest.mark.parametrize("n_levels", [2, 100])
def test_an_event_and_what_hardly_repeats_are_not_about_messages(n_levels):
    frame = messages(n_levels, amount=np.random.default_rng(0).random(200))

    if n_levels > 50:
        with pytest.raises(TableError, match="at most 50 levels"):
            infer_table(frame, name="t", target="about")
    else:
        assert infer_table(frame, name="t", target="about")["text"].role == "ignore"


def test_a_remark_on_a_row_is_no_message():
    others = {f"x{i}": np.random.default_rng(i).random(200) for i in range(4)}

    assert infer_table(messages(**others), name="t", target="about")["text"].role == "ignore"
    del others["x0"]
    assert infer_table(messages(**others), name="t", target="about")["text"].role == "feature"


def test_two_texts_are_in_doubt():
    frame = messages()
    frame["answer"] = frame["text"] + " please"
    frame["amount"] = np.arange(200) % 7

    table = infer_table(frame, name="t", target="about")

    assert {table["text"].role, table["answer"].role} == {"ignore"}


@pytest.mark.skipif(DATA_HOME is None, reason="needs the public files")
@pytest.mark.parametrize(("file", "n_levels"), [("clinc150", 151), ("snips", 7)])
def test_public_files(file, n_levels):
    frame = read_frame(Path(str(DATA_HOME), "chat", f"{file}.parquet"))

    table = infer_table(frame, name=file, target="intent")

    assert (table["text"].kind, table["text"].role) == ("text", "feature")
    assert len(table.target.levels) == n_levels
