"""The rows that a version knows: how they are counted, joined and stored."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from data.column import Column
from data.splits import SplitRows
from data.table import Table
from models.errors import BundleError
from models.training import known_rows
from models.training.known_rows import MAX_EQUAL, NEW, TESTED, TRAINED, TRAINED_ROWS, KnownRows, read_known_rows

TABLE = Table(name="t", columns=(Column(name="x", kind="number"), Column(name="y", kind="flag", role="target")))


def frame(*x: float) -> pd.DataFrame:
    return pd.DataFrame({"x": np.array(x, dtype=float), "y": "1"})


def known(*, train: Any = (), validation: Any = (), test: Any = ()) -> KnownRows:
    """Of a job with these rows."""
    rows = np.split(np.arange(len(train) + len(validation) + len(test)), [len(train), len(train) + len(validation)])
    split = SplitRows(**dict(zip(("train", "validation", "test"), rows, strict=True)), description="")
    found = KnownRows.of(TABLE, frame(*train, *validation, *test), split)
    assert found is not None
    return found


def test_rows_are_what_they_were_used_for() -> None:
    """Validation rows stop and calibrate a network, so they count as trained."""
    found = known(train=[1, 2], validation=[3], test=[4]).uses(frame(5, 4, 3, 2, 1))
    assert found.tolist() == [NEW, TESTED, TRAINED, TRAINED, TRAINED]


def test_of_equal_rows_as_many_are_known_as_there_were() -> None:
    found = known(train=[1, 1], test=[1, 2]).uses(frame(1, 2, 1, 1, 1, 2))
    assert found.tolist() == [TRAINED, TESTED, TRAINED, TESTED, NEW, NEW]


def test_the_target_makes_no_other_row() -> None:
    """A label that was corrected since: the network was trained on the row all the same."""
    assert known(train=[1]).uses(frame(1).assign(y="0")).tolist() == [TRAINED]


@pytest.mark.parametrize(("n_equal", "use"), [(MAX_EQUAL, TRAINED), (MAX_EQUAL + 1, NEW)])
def test_rows_that_many_share_are_told_from_no_others(n_equal: int, use: int) -> None:
    """In a table of a few categories every new row equals some old one; still it may test."""
    assert set(known(train=[7.0] * n_equal).uses(frame(*[7.0] * n_equal)).tolist()) == {use}


def test_a_refined_version_knows_the_rows_of_both() -> None:
    """A grown file holds the old rows again: they are still one row each, however often it is refined."""
    first = known(train=[1, 2], test=[3])
    joined = known(train=[1, 2, 4, 4], validation=[5], test=[3, 6]).with_those_of(first)
    other = known(train=[8], test=[9]).with_those_of(joined)

    assert joined.uses(frame(1, 1, 2, 3, 3, 4, 4, 4, 5, 6)).tolist() == [
        *(TRAINED, NEW, TRAINED, TESTED, NEW, TRAINED, TRAINED, NEW, TRAINED, TESTED)
    ]
    assert other.uses(frame(1, 4, 8, 9, 3, 10)).tolist() == [TRAINED, TRAINED, TRAINED, TESTED, TESTED, NEW]
    assert other.complete


def test_a_version_refined_from_one_without_digests_does_not_know_all() -> None:
    """Nor do those that are refined from it."""
    first = known(train=[1]).with_those_of(None)
    assert not first.complete
    assert not known(train=[2]).with_those_of(first).complete
    assert known(train=[2]).with_those_of(replace(first, matched=("z",))).uses(frame(1, 2)).tolist() == [NEW, TRAINED]


def stored(monkeypatch: pytest.MonkeyPatch, content: bytes | None) -> KnownRows | None:
    """What is read from a bundle with this file."""
    files = {} if content is None else {TRAINED_ROWS: "0" * 64}
    monkeypatch.setattr(known_rows, "read_manifest", lambda *_: SimpleNamespace(files=files))
    monkeypatch.setattr(known_rows, "read_file", lambda *_: content)
    return read_known_rows(Path(), "0" * 64)


def test_they_are_read_as_they_were_stored(monkeypatch: pytest.MonkeyPatch) -> None:
    written = known(train=[2, 1, 1], validation=[4], test=[3, 9])
    read = stored(monkeypatch, written.file()[TRAINED_ROWS])

    assert read is not None
    assert {name: np.asarray(value).tolist() for name, value in vars(read).items()} == {
        name: np.asarray(value).tolist() for name, value in vars(written).items()
    }
    assert read.trained.dtype == np.uint64
    assert read.test_rows.tolist() == [4, 5]
    assert stored(monkeypatch, None) is None


def test_the_file_can_be_read_without_the_library() -> None:
    """As the guide describes it."""
    content = json.loads(known(train=[2, 1], test=[3]).file()[TRAINED_ROWS])
    digests = np.frombuffer(base64.b64decode(content["trained"]), "<u8")
    assert (len(digests), sorted(digests) == digests.tolist()) == (2, True)
    assert np.frombuffer(base64.b64decode(content["test_rows"]), "<u8").tolist() == [2]
    assert (content["matched"], content["complete"]) == (["x"], True)


@pytest.mark.parametrize("content", [b"", b"{}", b'{"matched": ["x"], "complete": true, "trained": "AAAA"}'])
def test_a_file_that_cannot_be_read_is_a_failure(monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    with pytest.raises(BundleError, match=TRAINED_ROWS):
        stored(monkeypatch, content)
    whole = json.loads(known(train=[1]).file()[TRAINED_ROWS])
    with pytest.raises(BundleError, match=TRAINED_ROWS):
        stored(monkeypatch, json.dumps({**whole, "trained": "AAAA"}).encode())  # three bytes are no digest


def test_where_no_column_may_be_stored_nothing_is() -> None:
    rows = SplitRows(train=np.array([0]), validation=np.array([1]), test=np.array([2]), description="")
    assert KnownRows.of(TABLE.with_columns({"x": {"stored": "hashed"}}), frame(1, 2, 3), rows) is None
