"""The encoder: the same bits by either way, and an answer for every gap and every unknown level."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.column import Column
from data.errors import TableError
from data.table import Table
from models.encoding import TableEncoder
from models.encoding.pairs import encode_pairs

TABLE = Table(
    name="everything",
    columns=(
        Column(name="income", kind="number", optional=True),
        Column(name="days since contact", kind="number", missing=(-1,), optional=True),
        Column(name="constant", kind="number"),
        Column(name="housing", kind="category", missing=("unknown",), optional=True),
        Column(name="region", kind="category"),
        Column(name="owner", kind="flag", levels=("no", "yes"), optional=True),
        Column(name="newsletter", kind="flag"),
        Column(name="merchant", kind="key", optional=True),
        Column(name="when", kind="time", role="time", time_input=True, optional=True),
        Column(name="outcome", kind="flag", role="target"),
    ),
)


def training_rows(n_rows: int = 600) -> pd.DataFrame:
    rng = np.random.default_rng(3)
    income = rng.lognormal(7, 1, n_rows)
    income[::17] = np.nan
    hours = pd.Timestamp("2024-01-01") + pd.to_timedelta(np.arange(n_rows) * 17, unit="h")
    return pd.DataFrame(
        {
            "income": income,
            "days since contact": rng.choice([-1.0, 3.0, 30.0, 300.0], n_rows),
            "constant": 4.0,
            "housing": rng.choice(["rent", "own", "unknown"], n_rows, p=[0.6, 0.3, 0.1]),
            "region": rng.choice(["1", "2", "3", "rare"], n_rows, p=[0.5, 0.3, 0.195, 0.005]),
            "owner": rng.choice(["no", "yes"], n_rows),
            "newsletter": rng.choice(["0", "1"], n_rows),
            "merchant": [f"m{i % 200}" for i in range(n_rows)],
            "when": hours,
            "outcome": "0",
        }
    )


@pytest.fixture(scope="module")
def encoder() -> TableEncoder:
    return TableEncoder(TABLE, n_bins=8).fit(training_rows())


def feature(encoder: TableEncoder, row: dict[str, Any], name: str) -> float:
    """One named feature of one row."""
    names = list(encoder.get_feature_names_out())
    return float(encoder.encode_rows([row])[0, names.index(name)])


numbers = st.none() | st.floats(allow_nan=False, allow_infinity=False, width=32) | st.sampled_from([-1.0, 3.0, 30.0])
texts = st.sampled_from(["rent", "own", "unknown", "1", "rare", "never seen", ""])
rows = st.fixed_dictionaries(
    {
        "income": numbers,
        "days since contact": numbers,
        "constant": numbers,
        "housing": st.none() | texts,
        "region": texts,
        "owner": st.none() | st.sampled_from(["no", "yes"]),
        "newsletter": st.sampled_from(["0", "1"]),
        "merchant": st.none() | st.text(max_size=8) | st.sampled_from(["m1", "m7"]),
        "when": st.none() | st.datetimes(datetime(1971, 1, 1), datetime(2090, 1, 1)),
    }
)


@settings(max_examples=150)
@given(st.lists(rows, min_size=1, max_size=7))
def test_dictionaries_and_frames_are_encoded_to_the_same_bits(given_rows: list[dict[str, Any]]) -> None:
    """For any rows, one by one, together, or as a frame."""
    encoder = ENCODER
    frame = pd.DataFrame(given_rows)
    for name in ("income", "days since contact", "constant"):
        frame[name] = frame[name].astype(float)
    frame["when"] = pd.to_datetime(frame["when"]).astype("datetime64[us]")

    by_frame = encoder.transform(frame)
    together = encoder.encode_rows(given_rows)
    one_by_one = np.concatenate([encoder.encode_rows([row]) for row in given_rows])

    assert by_frame.dtype == np.float32
    assert by_frame.tobytes() == together.tobytes() == one_by_one.tobytes()
    assert np.isfinite(by_frame).all()


@settings(max_examples=100)
@given(st.lists(rows, min_size=1, max_size=5), st.sets(st.sampled_from(TABLE.column_names)), st.booleans())
def test_rows_beside_shared_columns_are_encoded_to_the_bits_of_whole_rows(
    given_rows: list[dict[str, Any]], common: set[str], leaves_out_gaps: bool
) -> None:
    """Whichever columns the rows have in common, and whether a gap is None or left out."""

    def written(row: dict[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in row.items() if not (leaves_out_gaps and value is None)}

    shared = written({name: value for name, value in given_rows[0].items() if name in common})
    beside = [written({name: value for name, value in row.items() if name not in common}) for row in given_rows]
    whole = ENCODER.encode_rows([{**shared, **row} for row in beside])

    assert encode_pairs(ENCODER, shared, beside).tobytes() == whole.tobytes()


ENCODER = TableEncoder(TABLE, n_bins=8).fit(training_rows())


@pytest.mark.parametrize("one", [1, 1.0, "1", np.int64(1)], ids=["int", "float", "text", "numpy"])
def test_a_level_is_known_however_it_is_spelled(encoder: TableEncoder, one: Any) -> None:
    """A category coded 1 in the file is the level 1 of a request, as a number or as text."""
    assert feature(encoder, {"region": one}, "region=1") == 1
    assert "region" not in encoder.unseen_columns({"region": one})


@pytest.mark.parametrize(("yes", "expected"), [("yes", 1), ("no", 0)])
def test_a_flag_is_read_in_its_own_spelling(encoder: TableEncoder, yes: str, expected: int) -> None:
    """The second level of a flag is the true one."""
    assert feature(encoder, {"owner": yes}, "owner=true") == expected


@pytest.mark.parametrize(("spelling", "expected"), [(True, 1), (1, 1), ("1", 1), ("true", 1), (False, 0), ("0", 0)])
def test_a_plain_flag_is_true_or_false(encoder: TableEncoder, spelling: Any, expected: int) -> None:
    """Without levels of its own a flag is read as JSON or a file would spell it."""
    assert feature(encoder, {"newsletter": spelling}, "newsletter=true") == expected


def test_a_rare_and_an_unseen_level_share_a_feature_that_was_trained(encoder: TableEncoder) -> None:
    """Three of 600 rows are too few for a feature of their own; they train the one that unseen levels get."""
    assert feature(encoder, {"region": "rare"}, "region rare 0") == 1
    assert feature(encoder, {"region": "never seen"}, "region rare 0") == 1
    assert encoder.unseen_columns({"region": "never seen", "housing": "rent", "owner": "no"}) == ["region"]


@pytest.mark.parametrize("n_repeats", [1, 100], ids=["few", "many"])
def test_unseen_levels_of_many_rows_are_those_of_each(encoder: TableEncoder, n_repeats: int) -> None:
    """By position, without rows whose levels are all known."""
    rows = [{"region": "1", "housing": "rent"}, {"region": "never seen", "housing": "rent"}, {"housing": "boat"}]

    found = encoder.unseen_in_rows(rows * n_repeats)

    assert found == {
        place: unseen
        for first in range(0, 3 * n_repeats, 3)
        for place, unseen in ((first + 1, ["region"]), (first + 2, ["housing"]))
    }


def test_an_unseen_level_without_any_example_is_the_average_row(encoder: TableEncoder) -> None:
    """Without rare levels of housing in training, the mean training vector is used, not an untrained weight."""
    frame = training_rows()
    shares = frame["housing"].value_counts(normalize=True)

    assert feature(encoder, {"housing": "boat"}, "housing=rent") == pytest.approx(shares["rent"])
    assert feature(encoder, {"housing": "boat"}, "housing missing") == pytest.approx(shares["unknown"])


def test_codes_for_missing_are_gaps(encoder: TableEncoder) -> None:
    """A code that means missing sets the flag and leaves the median behind."""
    median = training_rows()["days since contact"].replace(-1, np.nan).median()

    assert feature(encoder, {"days since contact": -1}, "days since contact missing") == 1
    assert feature(encoder, {"days since contact": None}, "days since contact missing") == 1
    assert feature(encoder, {"days since contact": median}, "days since contact missing") == 0
    assert feature(encoder, {"days since contact": -1}, "days since contact") == 0
    assert feature(encoder, {"housing": "unknown"}, "housing missing") == 1


@pytest.mark.parametrize("value", [-1e30, -3.0, 0.0, 1.0, 1e3, 1e30])
def test_numbers_are_scaled_robustly_and_clipped_smoothly(encoder: TableEncoder, value: float) -> None:
    """The value is z / sqrt(1 + (z / 3)^2) of z = (x - median) / interquartile range, computed here in plain Python."""
    low, median, high = training_rows()["income"].dropna().quantile([0.25, 0.5, 0.75])
    z = (value - median) / (high - low)
    expected = z / math.sqrt(1 + (z / 3) ** 2)

    assert feature(encoder, {"income": value}, "income") == pytest.approx(expected, rel=1e-6)
    assert abs(feature(encoder, {"income": value}, "income")) <= 3


def test_the_piecewise_linear_code_is_the_share_of_each_bin_below_the_value(encoder: TableEncoder) -> None:
    """Bins below the value are full, the one that holds it is filled in part, those above are empty."""
    edges = training_rows()["income"].dropna().quantile(np.linspace(0, 1, 9)).to_numpy()
    value = 0.25 * edges[2] + 0.75 * edges[3]
    names = list(encoder.get_feature_names_out())
    code = encoder.encode_rows([{"income": value}])[0, [i for i, name in enumerate(names) if "income>" in name]]

    np.testing.assert_allclose(code, [1, 1, 0.75, 0, 0, 0, 0, 0], rtol=1e-5)


@pytest.mark.parametrize(
    ("n_days", "parts"),
    [(0.9, set()), (5, {"hour"}), (8, {"hour", "weekday"}), (370, {"hour", "weekday", "day of year"})],
)
def test_a_part_of_the_calendar_is_read_once_it_came_round(n_days: float, parts: set[str]) -> None:
    """Five days of one week say nothing of weekdays: what sets them apart may be anything else that changed."""
    times = pd.Timestamp("2024-01-03") + pd.to_timedelta(np.linspace(0, 24 * n_days, 5000), unit="h")
    frame = pd.DataFrame({"when": times, "x": np.arange(5000.0)})

    names = TableEncoder().fit(frame).get_feature_names_out()

    of_times = {name.removeprefix("when ").removesuffix(" sin") for name in names if name.endswith(" sin")}
    assert of_times == parts


def test_times_are_points_on_the_circles_of_the_calendar(encoder: TableEncoder) -> None:
    """Six in the morning is a quarter of the circle; times with a zone are converted to UTC."""
    early = datetime(2024, 3, 4, 6, 20)
    zoned = datetime(2024, 3, 4, 8, 20, tzinfo=timezone(timedelta(hours=2)))

    assert feature(encoder, {"when": early}, "when hour sin") == pytest.approx(1)
    assert feature(encoder, {"when": early}, "when hour cos") == pytest.approx(0, abs=1e-7)
    np.testing.assert_array_equal(encoder.encode_rows([{"when": early}]), encoder.encode_rows([{"when": zoned}]))
    assert zoned.astimezone(UTC).replace(tzinfo=None) == early


def test_columns_own_their_features(encoder: TableEncoder) -> None:
    """Every feature is counted for the column that it came from, and every column that varies has one."""
    names, owners = encoder.get_feature_names_out(), encoder.owners_
    assert len(names) == len(owners) == encoder.encode_rows([{}]).shape[1]
    for name, owner in zip(names, owners, strict=True):
        assert str(name).startswith(encoder.column_names_[owner])
    assert set(owners) == set(range(len(encoder.column_names_)))


def test_a_missing_column_is_named() -> None:
    """A frame without a column of the table is refused by the column's name."""
    with pytest.raises(ValueError, match="'income'"):
        ENCODER.transform(training_rows().drop(columns="income"))


def test_chunks_do_not_show() -> None:
    """Encoding in pieces gives what encoding at once gives."""
    small = TableEncoder(TABLE, n_bins=8, rows_per_chunk=7).fit(training_rows())
    np.testing.assert_array_equal(small.transform(training_rows()), ENCODER.transform(training_rows()))


@pytest.mark.parametrize(("value", "sign"), [(np.inf, 1), (-np.inf, -1), (1e308, 1), (-1e200, -1)])
def test_infinite_and_huge_numbers_are_the_ends_of_the_scale(encoder: TableEncoder, value: float, sign: int) -> None:
    """They are encoded at the clipping limit of 3, with all bins full or empty, and never as NaN."""
    row = {"income": value}
    names = list(encoder.get_feature_names_out())
    code = encoder.encode_rows([row])[0, [i for i, name in enumerate(names) if "income>" in name]]

    assert feature(encoder, row, "income") == pytest.approx(3 * sign, rel=1e-6)
    assert np.all(code == (1 if sign > 0 else 0))


def test_infinite_and_absent_values_can_be_trained_on() -> None:
    """A column may be infinite here and there, constant, or empty from top to bottom."""
    frame = pd.DataFrame({"a": [1.0, 2.0, np.inf, 4.0, -np.inf] * 20, "b": np.nan, "c": 7.0, "d": [None, "x"] * 50})
    X = TableEncoder().fit(frame).transform(frame)

    assert np.isfinite(X).all()


def test_the_columns_of_a_frame_may_be_numbered() -> None:
    """A frame made of an array has whole numbers for names."""
    numbered = pd.DataFrame(np.random.default_rng(0).standard_normal((50, 2)))
    named = numbered.rename(columns=str)
    np.testing.assert_array_equal(TableEncoder().fit_transform(numbered), TableEncoder().fit_transform(named))


@pytest.mark.parametrize("y", [None, np.arange(500) % 3, np.arange(500) / 7])
def test_what_follows_the_target_is_left_out_unless_it_has_two_classes(y: Any) -> None:
    """A preset's target bins and level statistics need two classes; for all else the bins are quantiles alone."""
    frame = pd.DataFrame({"x": np.linspace(0, 1, 500), "group": [f"g{i % 40}" for i in range(500)]})
    of_two = TableEncoder(preset="best").fit(frame, frame["x"] > 0.43)
    other = TableEncoder(preset="best").fit(frame, y)

    edges = [float(name.removeprefix("x>")) for name in of_two.get_feature_names_out() if name.startswith("x>")]
    assert np.abs(np.array(edges) - 0.43).min() < 0.003
    assert [name for name in other.get_feature_names_out() if name.startswith("x>")] == [
        f"x>{i / 8:g}" for i in range(8)
    ]


def test_parameters_count_more_than_the_preset_and_wrong_ones_are_refused() -> None:
    frame = pd.DataFrame({"x": np.linspace(0, 1, 500)})
    assert len(TableEncoder(n_bins=5).fit(frame).get_feature_names_out()) == 6
    for wrong, words in (({"preset": "bets"}, "'preset' parameter"), ({"n_bins": -1}, "'n_bins' parameter")):
        with pytest.raises(ValueError, match=words):
            TableEncoder(**wrong).fit(frame)


def test_the_time_of_the_row_is_read_only_where_the_table_says_so():
    """A decision must not depend on the weekday of an application because rows are split by it."""
    time, number = Column(name="at", kind="time", role="time"), Column(name="x", kind="number")
    frame = pd.DataFrame({"at": pd.date_range("2024-01-01", periods=400, freq="7h"), "x": np.arange(400.0)})

    for column, names in ((time, ["x"]), (replace(time, time_input=True), ["at", "x"])):
        encoder = TableEncoder(Table(name="t", columns=(column, number))).fit(frame)
        assert encoder.column_names_ == names

    with pytest.raises(TableError, match="no column has the role 'feature'"):
        Table(name="t", columns=(time,))
