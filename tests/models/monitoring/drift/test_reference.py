"""The reference: distribution functions and bins that are those of all training rows, and nothing that is personal."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.column import Column
from data.simulators import chat
from data.table import Table
from models.evaluation.bins import counts_in
from models.monitoring.drift.bins import bins_of
from models.monitoring.drift.reference import (
    N_CELLS,
    N_OUTERMOST,
    REFERENCE,
    Reference,
    column_reference,
    compared_columns,
    reference_file,
    training_reference,
    why_not_compared,
)

NUMBER = Column(name="amount", kind="number", missing=(-1,), optional=True)
CATEGORY = Column(name="region", kind="category", missing=("?",), optional=True)
TABLE = Table(
    name="loans",
    columns=(
        NUMBER,
        CATEGORY,
        Column(name="email", kind="category", stored="hashed"),
        Column(name="passport", kind="category", stored="left_out"),
        Column(name="card", kind="key"),
        Column(name="at", kind="time", role="time", time_input=True),
        Column(name="sex", kind="category", role="ignore", protected=True),
        Column(name="bad", kind="flag", role="target"),
    ),
)


def frame_of(n_rows: int) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "amount": rng.normal(0, 1, n_rows),
            "region": rng.choice(np.array(["north", "south", "?", None], object), n_rows),
            "email": [f"person{i}@example.org" for i in range(n_rows)],
            "passport": [f"P{i}" for i in range(n_rows)],
            "card": [f"c{i}" for i in range(n_rows)],
            "at": pd.date_range("2024-01-01", periods=n_rows, freq="min"),
            "sex": rng.choice(np.array(["f", "m"], object), n_rows),
        }
    )


@given(st.lists(st.one_of(st.integers(-3, 5), st.floats(-1e6, 1e6)), min_size=1, max_size=1_500), st.data())
def test_few_values_are_known_to_the_row(values, data):
    """Shares at any place, quantiles and missing rows are those of all values."""
    numbers = np.array(values, np.float64)
    present = numbers[numbers != -1]
    reference = column_reference(NUMBER, pd.Series(numbers))
    assert (reference.n_rows, reference.n_missing) == (len(numbers), int((numbers == -1).sum()))
    if len(present) and reference.complete:
        x = np.array(data.draw(st.lists(st.sampled_from([*values, 0.5, 7.0]), min_size=1, max_size=9)), np.float64)
        assert reference.share_at_most(x) == pytest.approx([np.mean(present <= one) for one in x])
        share = data.draw(st.floats(0.01, 1))
        assert reference.quantile(share) in present
        assert np.mean(present <= reference.quantile(share)) >= share - 1e-9


@pytest.mark.parametrize("name", ["normal", "lognormal", "half zeros"])
def test_of_many_values_enough_are_kept(name):
    """The distribution function is right to the row at kept values, and to half a cell anywhere else."""
    rng = np.random.default_rng(1)
    numbers = {
        "normal": rng.normal(0, 1, 30_000),
        "lognormal": rng.lognormal(0, 3, 30_000),
        "half zeros": np.where(rng.random(30_000) < 0.5, 0, rng.gamma(2, 300, 30_000)),
    }[name]
    reference = column_reference(NUMBER, pd.Series(numbers))
    assert not reference.complete
    assert len(reference.values) <= N_CELLS + 2 * N_OUTERMOST
    assert (reference.values[0], reference.values[-1]) == (numbers.min(), numbers.max())
    ordered = np.sort(numbers)
    assert list(reference.at_most) == np.searchsorted(ordered, reference.values, side="right").tolist()
    anywhere = rng.choice(numbers, 500) + 0.01
    true = np.searchsorted(ordered, anywhere, side="right") / len(ordered)
    assert np.abs(reference.share_at_most(anywhere) - true).max() < 1 / N_CELLS


@pytest.mark.parametrize("n_rows", [1, 30, 20_000])
def test_bins_count_training_rows_as_they_would_count_others(n_rows):
    """What is derived from the reference equals what binning the training rows themselves gives, in every column."""
    frame = frame_of(n_rows)
    frame.loc[frame.index % 7 == 3, "amount"] = -1
    for column in (NUMBER, CATEGORY):
        bins = bins_of(column, column_reference(column, frame[column.name]), frame[column.name])
        assert counts_in(bins.codes(frame[column.name]), len(bins.counts)).tolist() == bins.counts.tolist()
    if n_rows == 20_000:
        tenths = bins_of(NUMBER, column_reference(NUMBER, frame["amount"]), frame["amount"]).counts[:-1]
        assert tenths.max() - tenths.min() <= 1


def test_rare_and_new_levels_share_a_bin_and_new_ones_are_counted():
    """A level needs a hundredth of all rows for a bin; what training never saw is told from what it rarely saw."""
    values = ["often"] * 950 + ["rarely"] * 5 + [f"once {i}" for i in range(45)]
    recent = pd.Series(["often", "rarely", "new", "?", None, "once 3"], dtype=object)
    bins = bins_of(CATEGORY, column_reference(CATEGORY, pd.Series(values, dtype=object)), recent)
    assert bins.counts.tolist() == [950, 50, 0]
    assert counts_in(bins.codes(recent), 3).tolist() == [1, 3, 2]
    assert bins.unseen_share(recent) == pytest.approx(1 / 6)
    assert [one.name for one in bins.described(np.array([1, 3, 2]))] == ["often", "rare or unseen", "missing"]


def test_a_new_level_that_is_frequent_has_a_bin():
    """So that it is seen which one it is."""
    recent = pd.Series(["new"] * 300 + ["often"] * 100, dtype=object)
    bins = bins_of(CATEGORY, column_reference(CATEGORY, pd.Series(["often"] * 500, dtype=object)), recent)
    assert [(one.name, one.n_reference, one.n_recent) for one in bins.described(np.array([100, 300, 0, 0]))] == [
        ("often", 500, 100),
        ("new", 0, 300),
        ("rare or unseen", 0, 0),
        ("missing", 0, 0),
    ]


def test_of_very_many_levels_nothing_is_said_to_be_new():
    """The rarest of them are only counted, so that new ones cannot be told."""
    values = pd.Series([f"v{i}" for i in range(1_500)], dtype=object)
    reference = column_reference(CATEGORY, values)
    assert (len(reference.levels), reference.n_other, reference.n_rows) == (1_000, 500, 1_500)
    bins = bins_of(CATEGORY, reference, pd.Series(["w"] * 400, dtype=object))
    assert bins.unseen_share(values) is None
    assert bins.counts.tolist() == [1_500, 0]  # "w" may be among those that are only counted


def test_a_column_without_values_has_a_reference():
    """One bin of missing rows, and one of whatever may come."""
    reference = column_reference(NUMBER, pd.Series([np.nan, -1.0]))
    assert bins_of(NUMBER, reference, pd.Series([1.0])).counts.tolist() == [0, 2]


def test_nothing_personal_is_kept():
    """Ids, times, hashed and left-out columns and those that the model does not read are not in the file."""
    frame = frame_of(500)
    reference = training_reference(TABLE, frame, np.linspace(0, 1, 100))
    text = reference.model_dump_json()
    assert list(reference.columns) == ["amount", "region"]
    assert not any(word in text for word in ("person", "P1", "c1", "2024-", '"sex"', '"f"'))
    assert Reference.model_validate_json(text) == reference


def test_no_training_text_is_in_the_reference() -> None:
    """A message may hold anything, and hardly two are the same."""
    simulation = chat.simulate(300, 0)
    content = reference_file(chat.TABLE, simulation.frame, simulation.probability)[REFERENCE].decode()
    assert compared_columns(chat.TABLE) == []
    assert why_not_compared(chat.TABLE["text"]) == "hardly two texts are the same"
    assert not [text for text in simulation.frame["text"] if text in content]
