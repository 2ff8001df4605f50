"""Forecasts of any list of numbers: no history crashes, quantiles never cross, and the answer says what it is worth."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.column import Column
from data.errors import TableError
from data.rows import row_adapter
from data.series.forecast_rows import (
    NEXT,
    VALUES,
    forecasts_in,
    history_table,
    past_length,
    series_table,
    training_rows,
)
from data.series.histories import History
from data.series.spec import SeriesSpec
from data.table import Table
from models.answers.respond import respond
from models.contract import LiveModel
from models.domains._discovery import load_domains
from models.domains.forecast.answer import QUANTILES, answered
from models.domains.forecast.policy import ForecastPolicy
from models.domains.forecast.view import forecast_view
from models.registry.state import ARRAYS, STATE, dump_state, load_state
from tests.conftest import quick_live

DOMAIN = load_domains()["forecast"]
HORIZON = 10


@pytest.fixture(scope="module")
def live() -> LiveModel:
    return quick_live(DOMAIN)


def answer_to(live: LiveModel, values: list[float], **more: Any) -> dict[str, Any]:
    row = row_adapter(live.table).validate_json(json.dumps({VALUES: values, **more}))
    (answer,) = respond(live, [row], ["id"])
    return answer.model_dump()


NUMBERS = st.floats(-1e300, 1e300) | st.floats(-100, 100) | st.sampled_from([0.0, 1e-300, -1e300, 1e300])


@settings(max_examples=60)
@given(st.lists(NUMBERS, min_size=1, max_size=90))
def test_quantiles_never_cross_and_all_is_finite(live: LiveModel, values: list[float]) -> None:
    """Whatever the history, however large its numbers."""
    answer = answer_to(live, values)
    path = np.array([[step[name] for name in QUANTILES] for step in answer["steps"]])
    assert path.shape == (HORIZON, len(QUANTILES))
    assert np.isfinite(path).all()
    assert (np.diff(path, axis=1) >= 0).all()
    assert [step["h"] for step in answer["steps"]] == list(range(1, HORIZON + 1))


def test_a_single_value_is_answered_with_itself(live: LiveModel) -> None:
    answer = answer_to(live, [42.0])
    assert (answer["method"], answer["naive"], answer["decision"]) == ("naive", 42.0, "open")
    assert answer["skill"] is None  # that of the network is not its own
    assert {step["median"] for step in answer["steps"]} == {42.0}
    assert "1 of the" in answer["why"]


def test_a_constant_history_stays_and_says_so(live: LiveModel) -> None:
    answer = answer_to(live, [7.0] * 50)
    assert answer["method"] == "naive"
    assert {step["median"] for step in answer["steps"]} == {7.0}
    assert "never moved" in answer["notes"][0]


def test_no_forecast_is_below_the_floor(live: LiveModel) -> None:
    """The table says that nothing is below 0."""
    answer = answer_to(live, [100.0, 90, 70, 40, 20, 5, 1] * 6)
    assert min(step["lo95"] for step in answer["steps"]) >= 0


def test_steps_have_the_times_that_come(live: LiveModel) -> None:
    answer = answer_to(live, [1.0, 2.0], date="2024-05-27")
    assert answer["origin"] == "2024-05-27"
    assert [step["time"] for step in answer["steps"][:2]] == ["2024-05-28", "2024-05-29"]
    assert [step["time"] for step in answer_to(live, [1.0])["steps"]] == [None] * HORIZON


def test_the_policy_says_which_interval_must_clear_the_last_value(live: LiveModel) -> None:
    """The wider the interval, the fewer decisions; each is that of its bounds."""
    frame = DOMAIN.simulate(200, 5).frame
    scores = live.scorer.frame_scores(frame)
    decisions = {}
    for interval, (low, high) in {50: ("lo50", "hi50"), 80: ("lo80", "hi80"), 95: ("lo95", "hi95")}.items():
        found = DOMAIN.decide(ForecastPolicy(interval=interval, step=2), scores, frame, live.table)  # type: ignore[arg-type]
        for decision, steps, naive in zip(found["decision"], found["steps"], found["naive"], strict=True):
            step = steps[1]
            assert decision == ("rise" if step[low] > naive else "fall" if step[high] < naive else "open")
        decisions[interval] = found["decision"].count("open")
    assert decisions[50] < decisions[80] < decisions[95]


def test_an_answer_holds_the_path_that_was_scored(live: LiveModel) -> None:
    """As outcomes judge it: to the bit, through JSON."""
    row = {VALUES: list(DOMAIN.simulate(3, 1).frame[VALUES].iloc[0])}
    (answer,) = respond(live, [row], ["id"])
    found = answered(json.loads(answer.model_dump_json()))
    assert found is not None
    expected = live.scorer.scores(live.scorer.encoder.encode_rows([row]))["paths"][0]
    assert found.tobytes() == expected.tobytes()
    assert answered({"steps": None}) is None


def test_a_loaded_scorer_answers_to_the_bit(live: LiveModel) -> None:
    files = dump_state(live.scorer, "m")
    again = load_state(files[STATE], files[ARRAYS], "d")
    frame = DOMAIN.simulate(20, 3).frame
    assert again.frame_scores(frame)["paths"].tobytes() == live.scorer.frame_scores(frame)["paths"].tobytes()
    assert again.skill == live.scorer.skill  # type: ignore[attr-defined]
    tree = json.loads(files[STATE])
    tree["table"]["series"]["horizon"] = 3
    with pytest.raises(Exception, match=r"most_numbers = 3|settings are not those"):
        load_state(json.dumps(tree).encode(), files[ARRAYS], "d")


def test_the_page_has_a_fan_and_what_it_is_worth(live: LiveModel) -> None:
    view = forecast_view(live, answer_to(live, list(np.linspace(1, 30, 30))))
    (drawn,) = (part.fan for part in view.parts if part.fan)
    assert len(drawn.bands) == 3
    assert all(len(band.split()) == 1 + 2 * HORIZON for band in drawn.bands)
    heights = [float(point.split(",")[1]) for band in drawn.bands for point in band.split()]
    assert 0 <= min(heights) < max(heights) <= 100
    assert any("not seen" in part.text for part in view.parts)


# Rows from files of series

LONG = Table(
    name="rates",
    columns=(
        Column(name="name", kind="key", role="series"),
        Column(name="day", kind="time", role="time"),
        Column(name="rate", kind="number", role="target", missing=(-1,)),
    ),
    series=SeriesSpec(horizon=2, frequency="D", season=7, transform="log"),
)


def history(key: str, n: int) -> History:
    days = np.datetime64("2024-01-01", "us") + np.arange(n) * np.timedelta64(1, "D")
    return History(key, np.arange(1.0, n + 1), days)


def test_a_table_of_series_becomes_one_of_forecasts_and_back() -> None:
    rows = history_table(LONG, history("a", 70))
    assert [column.name for column in rows.inputs] == ["name", "day", VALUES]
    assert rows.target.name == NEXT
    assert rows[VALUES].positive_numbers
    assert rows.example() == {"name": "a", "day": "2024-03-10T00:00:00", VALUES: list(np.arange(11.0, 71))}
    back = series_table(rows)
    assert back.series == LONG.series
    assert {(one.name, one.role, one.missing) for one in back.columns} == {
        (one.name, one.role, one.missing) for one in LONG.columns
    }


def test_rows_at_origins_never_look_ahead_and_come_in_the_order_of_time() -> None:
    """Past and future of a row are the series, cut at its time; in this order targets of a series never go back."""
    pasts = [history("a", 20), history("b", 5), history("c", 1)]
    table = history_table(LONG)
    frame = training_rows(pasts, table, n_origins=4)
    seen: dict[str, float] = {}
    for row in frame.to_dict("records"):
        n = len(row[VALUES])
        assert row[VALUES] == tuple(np.arange(1.0, n + 1))
        assert row[NEXT] == (n + 1.0, n + 2.0)
        assert row["day"] == pd.Timestamp("2024-01-01") + pd.Timedelta(days=n - 1)
        assert row[NEXT][0] > seen.get(row["name"], 0)
        seen[row["name"]] = row[NEXT][-1]
    assert seen == {"a": 20.0, "b": 5.0}
    assert frame["name"].value_counts().to_dict() == {"a": 4, "b": 2}


def test_a_long_history_keeps_its_newest_values() -> None:
    table = history_table(LONG)
    (row,) = training_rows([history("a", past_length(table) + 100)], table, n_origins=1).to_dict("records")
    assert len(row[VALUES]) == past_length(table)
    assert row[VALUES][-1] == past_length(table) + 98


def test_a_file_of_values_is_scored_from_the_end_of_each_series() -> None:
    """In any order of rows; a missing value is left out."""
    frame = pd.DataFrame(
        {
            "name": ["a", "b", "a", "a"],
            "day": ["2024-01-03", "2024-01-01", "2024-01-01", "2024-01-02"],
            "rate": ["3", "7", "1", "-1"],
        }
    )
    found = forecasts_in(history_table(LONG), frame, "f.csv").to_dict("records")
    assert [(row["name"], row[VALUES], row["day"][:10]) for row in found] == [
        ("a", (1.0, 3.0), "2024-01-03"),
        ("b", (7.0,), "2024-01-01"),
    ]


def test_series_that_are_too_short_to_train_on_are_told() -> None:
    with pytest.raises(Exception, match="more values than the horizon of 2, the longest has 2"):
        training_rows([history("a", 2)], history_table(LONG))


def test_a_table_without_series_is_refused() -> None:
    table = Table(name="t", columns=(Column(name="x", kind="number"), Column(name="y", kind="number", role="target")))
    with pytest.raises(TableError, match=r"add \[series\]"):
        DOMAIN.restrict_inputs(table)
    with pytest.raises(TableError, match=r"no \[series\]"):
        history_table(table)
    with pytest.raises(TableError, match="must be a list of numbers"):
        DOMAIN.task.targets(table, pd.DataFrame({"y": [1.0]}))


@pytest.mark.parametrize("horizon", [0, 10_000])
def test_a_horizon_beyond_the_limits_is_refused(horizon: int) -> None:
    with pytest.raises(ValueError, match="horizon"):
        SeriesSpec(horizon=horizon)


def test_returns_are_not_forecast_as_levels() -> None:
    """Which they were without a word."""
    with pytest.raises(TableError, match="leave out measure = 'return' to forecast the level"):
        history_table(LONG.with_columns({LONG.target.name: {"measure": "return"}}))
