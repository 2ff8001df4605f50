"""Rows of kinds that training hardly had: p-values as scipy's, found in few rows, and told with share and limit."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import fisher_exact

from data.column import Column
from models.monitoring.drift.comparison import compare
from models.monitoring.drift.distributions import LevelReference, NumberReference
from models.monitoring.drift.monitor import concluded
from models.monitoring.drift.outside import outside_concluded, outside_of
from models.monitoring.drift.reference import column_reference
from models.monitoring.drift.results import Before, Outside

NUMBER = Column(name="x", kind="number", unit="EUR", description="Income", optional=True)
LEVELS = Column(name="x", kind="category", optional=True)


def found(column, before, now):
    before, now = (pd.Series(cells, dtype=np.array(cells).dtype) for cells in (before, now))
    times = np.full(len(now), np.datetime64("2024-05-30", "ms"))
    (one,) = concluded([compare(column, column_reference(column, before), now, times, seed=0)])
    return one


def all_tests(column, before, now):
    before, now = pd.Series(before), pd.Series(now)
    return outside_of(column, column_reference(column, before), now, (), least_rows=200)


def exact(beyond: int, n: int, beyond_before: int, m: int) -> float:
    table = [[beyond, n - beyond], [beyond_before, m - beyond_before]]
    return float(fisher_exact(table, alternative="greater").pvalue)


def test_each_limit_of_a_number_is_tested_as_scipy_does():
    """At the extremes, and at the value that at most a thousandth of all training values lies beyond."""
    rng = np.random.default_rng(0)
    before, now = rng.normal(0, 1, 30_000), rng.normal(0, 1, 2_000)
    now[:9], now[9:12] = 50.0, -50.0
    now[-1] = np.nan
    high, low = np.sort(before)[-31], np.sort(before)[29]  # 30 rows beyond, and 30 up to it
    present = now[:-1]
    limits = {
        ("above", True): (before.max(), (present > before.max()).sum(), 0),
        ("above", False): (high, (present > high).sum(), 30),
        ("below", True): (before.min(), (present < before.min()).sum(), 0),
        ("below", False): (low, (present <= low).sum(), 30),
    }
    tests = all_tests(NUMBER, before, now)
    missing, *beyond = tests
    assert (missing.kind, missing.p) == ("missing", pytest.approx(exact(1, 2_000, 0, 30_000)))
    assert {(one.kind, one.is_extreme) for one in beyond} == limits.keys()
    for one in beyond:
        limit, n_beyond, n_before = limits[one.kind, one.is_extreme]
        # which of the outermost values are kept leaves the inner limit open by a few rows
        if one.is_extreme:
            assert (one.limit, one.share.reference) == (limit, 0)
            assert one.p == pytest.approx(exact(n_beyond, 1_999, 0, 30_000))
            assert one.typical == (50.0 if one.kind == "above" else -50.0)
        else:
            kept = (before > one.limit) if one.kind == "above" else (before <= one.limit)
            now_beyond = (present > one.limit) if one.kind == "above" else (present <= one.limit)
            assert 20 <= kept.sum() <= n_before
            assert one.p == pytest.approx(exact(now_beyond.sum(), 1_999, kept.sum(), 30_000))
        assert one.share.recent == pytest.approx(
            np.mean((present > one.limit) if one.kind == "above" else (present <= one.limit))
        )


@pytest.mark.parametrize("factor", [1_000, 100, 0.01])
def test_a_fiftieth_of_rows_in_another_unit_is_found_and_told(factor):
    """With its share, the limit of training and how large the values are, though the index sees nothing."""
    rng = np.random.default_rng(1)
    before, now = np.round(rng.lognormal(7.5, 0.5, 10_000), 2), np.round(rng.lognormal(7.5, 0.5, 2_000), 2)
    now[:40] = np.round(now[:40] * factor, 2)
    one = found(NUMBER, before, now)
    assert one.psi.value < 0.1
    assert one.state == "watch"
    limit = before.max() if factor > 1 else before.min()
    words = "above {} (the highest" if factor > 1 else "below {} (the lowest"
    beyond = (now > limit) if factor > 1 else (now < limit)
    share = f"{100 * beyond.mean():.3g} %"
    assert one.sentence.startswith(
        f"Income: {share} of values {words.format(f'{limit:,.6g}')} in training), typically "
    )
    typical = float(one.sentence.split("typically ")[1].split(" EUR")[0].replace(",", ""))
    assert typical == pytest.approx(np.median(now[beyond]), rel=0.05)
    assert one.sentence.endswith(f"median {np.quantile(now, 0.5, method='inverted_cdf'):,.6g} EUR")


def test_from_a_twentieth_on_it_is_an_alarm():
    """Whatever the index says."""
    rng = np.random.default_rng(1)
    now = rng.normal(0, 1, 2_000)
    now[:100] = 40
    one = found(NUMBER, rng.normal(0, 1, 10_000), now)
    assert one.psi.value < 0.1
    assert one.state == "alarm"


def test_a_million_rows_make_nothing_of_a_slightly_heavier_tail():
    """Beyond doubt, and 0.12 % in place of 0.1 %."""
    reference = NumberReference(
        n_missing=0, values=(0.0, 1.0, 2.0, 3.0), at_most=(1_000, 500_000, 999_000, 1_000_000), complete=True
    )
    now = np.repeat([0.0, 1.0, 2.0, 3.0], [1_000, 499_000, 498_800, 1_200])
    above = next(
        one for one in outside_of(NUMBER, reference, pd.Series(now), (), least_rows=200) if one.share.reference
    )
    assert (above.kind, above.limit, above.share.recent) == ("above", 2.0, 0.0012)
    assert above.p < 1e-4
    concluded_one = outside_concluded(above, above.p, 0.05)
    assert (concluded_one.significant, concluded_one.state) == (True, "ok")


@pytest.mark.parametrize(
    ("before", "now", "p", "state"),
    [
        (0, 0.0049, 0, "ok"),
        (0, 0.005, 0, "watch"),
        (0, 0.005, 0.06, "ok"),
        (0.001, 0.005, 0, "watch"),
        (0.0011, 0.005, 0, "ok"),
        (0.01, 0.05, 0, "alarm"),
        (0.011, 0.05, 0, "ok"),
        (0, 0.0499, 0.04, "watch"),
    ],
)
def test_what_matters(before, now, p, state):
    """A two-hundredth of the rows, five times as many as in training; a twentieth is an alarm."""
    one = Outside(kind="missing", share=Before(reference=before, recent=now), p=p)
    assert outside_concluded(one, p, 0.05).state == state


def test_a_new_level_in_few_rows_is_found_and_named():
    """In 1.3 % of the rows, too few for a bin of its own."""
    rng = np.random.default_rng(2)
    before, now = (rng.choice(np.array(["car", "house"], object), n) for n in (10_000, 3_000))
    now[:30], now[30:39] = "moon", "mars"
    one = found(LEVELS, before, now)
    assert one.psi.value < 0.1
    assert one.state == "watch"
    assert "1.3 % unseen categories (moon, mars)" in one.sentence
    (unseen,) = [part for part in one.outside if part.kind == "unseen"]
    assert unseen.p == pytest.approx(exact(39, 3_000, 0, 10_000))


def test_rare_levels_of_training_say_how_many_new_ones_to_expect():
    """As many rows as training had with a level of their own; a reference of one entity's levels has its own count."""
    levels = {"often": 900} | {f"once {i}": 1 for i in range(60)} | {f"twice {i}": 2 for i in range(20)}
    reference = LevelReference(n_missing=0, levels=levels, n_other=0)
    now = pd.Series([f"new {i}" for i in range(30)] + ["often"] * 470, dtype=object)
    (unseen,) = [one for one in outside_of(LEVELS, reference, now, (), least_rows=200) if one.kind == "unseen"]
    assert unseen.share == Before(reference=0.06, recent=0.06)
    by = 1 + 2 * 20 / 60  # Esty's variance over the binomial one
    assert unseen.p == pytest.approx(exact(30, 500, round(60 / by), round(1_000 / by)))
    assert unseen.p > 0.3
    kept = reference.model_copy(update={"n_single": 200})
    (of_entities,) = [one for one in outside_of(LEVELS, kept, now, (), least_rows=200) if one.kind == "unseen"]
    assert of_entities.share.reference == 0.2


def test_what_is_new_among_levels_that_are_only_counted_is_not_tested():
    """It may be one of them."""
    reference = LevelReference(n_missing=0, levels={"a": 500}, n_other=40)
    tests = outside_of(LEVELS, reference, pd.Series(["b"] * 300, dtype=object), (), least_rows=200)
    assert [one.kind for one in tests] == ["missing"]


def test_missing_values_in_few_rows_are_found():
    """Training had none."""
    rng = np.random.default_rng(3)
    now = rng.normal(0, 1, 3_000)
    now[:39] = np.nan
    one = found(NUMBER, rng.normal(0, 1, 10_000), now)
    assert one.psi.value < 0.1
    assert (one.state, "missing 0 % -> 1.3 %" in one.sentence) == ("watch", True)
