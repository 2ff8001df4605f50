"""Stability: the index by a plain loop, its distribution by chance, and its reading."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from data.column import Column
from data.table import Table
from models.evaluation.bins import Bins, counts_in
from models.evaluation.diagnostics.stability import stability
from models.evaluation.psi import psi_with_chance_level

NUMBER = Column(name="amount", kind="number", missing=(-1,))
CATEGORY = Column(name="region", kind="category", missing=("?",), optional=True)
TABLE = Table(
    name="loans",
    columns=(NUMBER, CATEGORY, Column(name="card", kind="key"), Column(name="bad", kind="flag", role="target")),
)


def psi(training, recent, n_bins):
    """Of the bins of rows."""
    return psi_with_chance_level(*(counts_in(np.asarray(codes), n_bins) for codes in (training, recent)))


def rows(n_rows: int, seed: int, shift: float = 0.0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    amounts = rng.normal(shift, 1, n_rows)
    amounts[::10] = -1
    regions = rng.choice(np.array(["north", "south", None], object), n_rows)
    return pd.DataFrame({"amount": amounts, "region": regions, "card": [f"c{i}" for i in range(n_rows)]})


def test_the_index_is_the_sum_over_bins() -> None:
    """A plain loop over the bins that hold a row gives the same, half a row added to each."""
    training, recent = np.array([0, 0, 0, 1, 1, 4]), np.array([0, 1, 1, 3])
    expected = 0.0
    for code in (0, 1, 3, 4):  # nobody is in bin 2
        p = ((training == code).sum() + 0.5) / (6 + 0.5 * 4)
        q = ((recent == code).sum() + 0.5) / (4 + 0.5 * 4)
        expected += (q - p) * math.log(q / p)
    assert psi(training, recent, 5)[0] == pytest.approx(expected)


def test_rows_have_not_moved_from_themselves() -> None:
    """The same rows twice have an index of 0, in every column and the score."""
    frame, probabilities = rows(500, 0), np.random.default_rng(0).random(500)
    found = stability(TABLE, frame, frame, probabilities, probabilities)
    assert [shift.psi for shift in (found.score, *found.columns)] == [0, 0, 0]
    assert {shift.reading for shift in found.columns} == {"stable"}


def test_chance_stays_below_its_bound_in_95_of_100_cases() -> None:
    """Of 1,000 pairs of samples of one distribution, about 95 % have an index below the bound."""
    rng = np.random.default_rng(0)
    pairs = [psi(rng.integers(0, 10, 800), rng.integers(0, 10, 300), 10) for _ in range(1_000)]
    assert 0.93 < np.mean([index <= by_chance for index, by_chance in pairs]) < 0.97


def test_the_reading_follows_the_size_of_the_shift() -> None:
    """Small, middle and large shifts of a normal number have the names of the trade; few rows prove nothing."""
    training, probabilities = rows(4_000, 0), np.zeros(4_000)
    readings = {}
    for shift, n_rows in ((0.0, 4_000), (0.4, 4_000), (1.0, 4_000), (0.2, 30)):
        recent = rows(n_rows, 1, shift)
        found = stability(TABLE, training, recent, probabilities, np.zeros(n_rows))
        readings[shift] = next(c.reading for c in found.columns if c.column == "amount")
    assert readings == {0.0: "stable", 0.4: "watch", 1.0: "shifted", 0.2: "within chance"}


def test_the_largest_shift_comes_first_and_ids_are_left_out() -> None:
    """IDs have no index and are listed as left out."""
    found = stability(TABLE, rows(900, 0), rows(900, 1, 2.0), np.zeros(900), np.zeros(900))
    assert [shift.column for shift in found.columns] == ["amount", "region"]
    assert found.left_out == ("card",)


def test_the_recent_rows_are_named_by_how_they_were_cut() -> None:
    """By time they are later; at random nothing but chance is expected."""
    table = Table(name="t", columns=(NUMBER, Column(name="at", kind="time", role="time", time_input=True)))
    frame = rows(100, 0).assign(at=pd.date_range("2024-01-01", periods=100, freq="D"))
    early, late, scores = frame.iloc[:60], frame.iloc[60:], np.zeros(100)
    by_time = stability(table, early, late, scores[:60], scores[60:])
    mixed = stability(table, frame.iloc[::2], frame.iloc[1::2], scores[::2], scores[1::2])
    assert "begin on 2024-03-01, after the training rows" in by_time.recent
    assert by_time.left_out == ("at",)
    assert "drawn at random" in mixed.recent


def test_numbers_are_binned_by_quantiles_and_gaps_apart() -> None:
    """Ten bins of about as many rows; codes for "no value" and empty cells share the last bin."""
    values = pd.Series([*np.arange(100.0), -1, np.nan])
    bins = Bins.of(NUMBER, values, n_bins=10)
    counts = np.bincount(bins.codes(values), minlength=bins.n_bins)
    assert counts.tolist() == [10] * 10 + [2]
    assert bins.codes(pd.Series([-5.0, 1e9])).tolist() == [0, 9]


def test_new_and_rare_levels_share_a_bin() -> None:
    """A level that training rows lack is no error, and not the same as no value."""
    values = pd.Series(["north"] * 5 + ["south"] * 3 + [None, "?"], dtype=object)
    bins = Bins.of(CATEGORY, values, n_bins=10)
    codes = bins.codes(pd.Series(["south", "north", "west", None, "?"], dtype=object))
    assert codes.tolist() == [1, 0, 2, 3, 3]
    assert bins.n_bins == 4


def test_a_column_without_any_value_has_one_bin() -> None:
    """All cells empty, before and after: nothing has moved."""
    empty = pd.Series([np.nan] * 4)
    bins = Bins.of(NUMBER, empty, n_bins=10)
    assert psi(bins.codes(empty), bins.codes(empty), bins.n_bins) == (0.0, 0.0)
