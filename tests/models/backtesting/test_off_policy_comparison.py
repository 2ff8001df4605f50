"""Policies compared on a randomised log, with the simulator's true values as the oracle."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime

import numpy as np
import pytest

from data.column import Column
from data.simulators import ads as simulator
from data.splits import Split
from data.table import Table
from models.backtesting.off_policy_comparison import (
    BOOSTED,
    LEARNED,
    RANDOM,
    always_taking,
    compare_policies,
)
from models.backtesting.randomised_log import NoExperimentError
from models.domains._discovery import load_domains
from models.evaluation.off_policy import AS_LOGGED
from models.presets import PRESETS
from models.reports.off_policy_report import render_off_policy
from models.training.rows import TrainingRows
from tests.models.reports.test_training_report import Page

ADS = load_domains()["ads"]
FORMATS_ONLY = simulator.TABLE.with_columns(
    {"ad_category": {"part": "context"}, "ad_price_tier": {"part": "context"}, "ad_format": {"part": "ad"}}
)


def _compare(table, frame, *, domain=ADS, control=None, seed=0):
    rows = TrainingRows(table, frame, "simulated rows", Split())
    return compare_policies(domain, rows, preset=PRESETS["fast"], seed=seed, control=control, stage=lambda _: None)


def _true_rates(frame):
    """The rate of each format if everyone in the rows got it."""
    return {form: float(simulator.true_probability(frame.assign(ad_format=form)).mean()) for form in simulator.FORMATS}


@pytest.fixture(scope="module")
def formats():
    """The comparison of three formats, chosen at random, and the rows."""
    frame = simulator.simulate(12_000, seed=1).frame
    return _compare(FORMATS_ONLY, frame, control="banner"), frame


def test_the_intervals_hold_the_true_values(formats):
    """Of each fixed format, of chance, and of the log, by every estimator."""
    comparison, frame = formats
    rates = _true_rates(frame)
    policies = {always_taking(form): rate for form, rate in rates.items()}
    for name, rate in {**policies, RANDOM: np.mean(list(rates.values()))}.items():
        value = comparison.values[name]
        for estimate in (value.ips, value.snips, value.dr):
            assert estimate.low < rate < estimate.high
    assert comparison.values[AS_LOGGED].dr.value == pytest.approx(frame["clicked"].mean(), abs=0.01)


def test_the_best_format_is_chosen_on_the_training_half_and_gains_are_measured_from_it(formats):
    """Native has the highest rate, and no gain over itself."""
    comparison, frame = formats
    rates = _true_rates(frame)

    assert comparison.best_fixed == max(rates, key=rates.get) == "native"
    assert list(comparison.actions) == sorted(rates, key=rates.get, reverse=True)
    assert comparison.values["always native"].gain == type(comparison.values["always native"].gain)(0, 0, 0)
    assert comparison.n_train == comparison.n_test == 6000


def test_learning_whom_to_show_what_pays_where_it_matters(formats):
    """Television is for video: the model finds it, and so does the boosting beside it."""
    comparison, frame = formats
    best = np.max([simulator.true_probability(frame.assign(ad_format=form)) for form in simulator.FORMATS], axis=0)

    assert comparison.values[LEARNED].dr.value > comparison.values["always native"].dr.value
    assert comparison.values[LEARNED].dr.low < best.mean()
    assert comparison.values[BOOSTED].dr.value > comparison.values[RANDOM].dr.value
    assert comparison.chosen["banner"] < 0.1
    assert sum(comparison.chosen.values()) == pytest.approx(1)


def test_uplift_is_measured_from_the_control(formats):
    """The effect of native against banner is the simulator's."""
    comparison, frame = formats
    rates = _true_rates(frame)

    assert list(comparison.uplifts) == ["native", "video"]
    for form, found in comparison.uplifts.items():
        assert found.effect.low < rates[form] - rates["banner"] < found.effect.high


def test_many_kinds_of_ads_are_combinations_of_their_columns():
    """27 of them in the simulator's own table; the model earns far more than the best single one."""
    frame = simulator.simulate(16_000, seed=2).frame
    comparison = _compare(simulator.TABLE, frame)

    assert len(comparison.actions) == 27
    assert "sport, budget, native" in comparison.actions
    assert comparison.values[LEARNED].gain.low > 0
    assert len(comparison.shown) < 12 < len(comparison.values)
    assert comparison.uplifts == {}


def test_a_column_of_propensities_is_used():
    """Where people got ads on their own interest more often, shares alone mislead and the column does not."""
    table = FORMATS_ONLY.with_columns({"ad_category": {"part": "ad"}, "ad_format": {"part": "context"}})
    chance = Column(name="chance", kind="number", role="propensity")
    described = dataclasses.replace(table, columns=(*table.columns, chance))
    frame = simulator.simulate(20_000, seed=3).frame
    kept = np.where(frame["main_interest"] == frame["ad_category"], 1.0, 0.25)
    drawn = np.random.default_rng(0).random(len(frame)) < kept
    frame = frame.assign(chance=kept / 1.5)[drawn].reset_index(drop=True)

    by_column, by_share = _compare(described, frame), _compare(table, frame)

    truth = float(simulator.true_probability(frame.assign(ad_category="fashion")).mean())
    with_column, with_share = by_column.values["always fashion"], by_share.values["always fashion"]
    for found in (with_column.ips, with_column.snips, with_column.dr):
        assert found.low < truth < found.high
    assert with_share.ips.low > truth
    assert "chance" in by_column.propensity
    assert "share" in by_share.propensity


def test_rows_without_a_choice_are_refused_in_words():
    """No ad column, one ad, hundreds of ads, an ad that is in one half only, an unknown control."""
    frame = simulator.simulate(400, seed=0).frame
    credit = load_domains()["credit"]
    many = FORMATS_ONLY.with_columns({"ad_format": {"kind": "key", "levels": ()}})
    for call, message in [
        (lambda: _compare(credit.table, credit.simulate(400, 0).frame, domain=credit), "'credit' chooses no actions"),
        (lambda: _compare(FORMATS_ONLY, frame.assign(ad_format="video")), "hold 1 different actions; from 2 to 50"),
        (lambda: _compare(many, frame.assign(ad_format=np.arange(400))), "hold 400 different actions"),
        (
            lambda: _compare(many, frame.assign(ad_format=["rare", *["banner", "native"] * 199, "native"])),
            r"'rare' occurs in 1 row\(s\)",
        ),
        (lambda: _compare(FORMATS_ONLY, frame, control="none"), "the control 'none' .* banner; native; video"),
    ]:
        with pytest.raises(NoExperimentError, match=message):
            call()


def test_ads_may_be_called_like_anything():
    """Like a policy, or so that two combinations read the same: every one keeps its own value."""
    frame = simulator.simulate(3_000, seed=0).frame
    table = FORMATS_ONLY.with_columns(
        {"ad_category": {"part": "ad", "levels": ()}, "ad_format": {"part": "ad", "levels": ()}}
    )
    renamed = frame.assign(
        ad_category=frame["ad_category"].map({"sport": "a", "fashion": "a, b", "technology": "random"}),
        ad_format=frame["ad_format"].map({"banner": "c", "native": "b, c", "video": "learned"}),
    )
    one_column = FORMATS_ONLY.with_columns({"ad_format": {"levels": ()}})

    pairs = _compare(table, renamed)
    single = _compare(one_column, frame.assign(ad_format=frame["ad_format"].map({"banner": "random"}).fillna("x")))

    assert len(set(pairs.actions)) == 9
    assert "('a', 'b, c')" in pairs.actions
    assert len(pairs.values) == 9 + 4
    assert single.values["random"] != single.values["always random"]


def test_the_page_shows_values_and_uplift_and_loads_nothing(formats):
    """Every policy with its interval, two charts, and the verdict."""
    comparison, _ = formats
    html = render_off_policy(comparison, preset="fast", seed=0, created=datetime(2024, 5, 31, tzinfo=UTC))
    page = Page(html)

    assert set(page.figures) == {"chart-values", "chart-qini"}
    assert "always native (best in training)" in page.text
    assert not [tag for tag, attributes in page.tags if "src" in attributes or "href" in attributes]
    shown = page.figures["chart-values"]["data"][1]
    assert shown["name"] == "self-normalised"
    by_ips = [value.ips.value for value in comparison.shown.values()]
    assert page.figures["chart-values"]["data"][2]["x"] == pytest.approx(by_ips)
    qini = page.figures["chart-qini"]["data"][0]
    assert qini["y"][-1] == pytest.approx(comparison.uplifts["native"].effect.value)


def test_names_of_ads_cannot_break_the_page():
    """A level may hold tags; the page shows them as text."""
    hostile = "<b onclick=alert(1)>"
    frame = simulator.simulate(2_000, seed=0).frame.replace({"ad_format": {"video": hostile}})
    table: Table = FORMATS_ONLY.with_columns({"ad_format": {"levels": ("banner", "native", hostile)}})
    comparison = _compare(table, frame, control=hostile)
    page = Page(render_off_policy(comparison, preset="fast", seed=0, created=datetime(2024, 5, 31, tzinfo=UTC)))

    assert hostile in page.text
    assert not [tag for tag, attributes in page.tags if "onclick" in attributes]
