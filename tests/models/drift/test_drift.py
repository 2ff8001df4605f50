"""Drift: no alarm without a shift beyond the stated rate, however many rows there are, and one where there is one."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy.stats import chi2_contingency, ks_2samp, wasserstein_distance

from data.table import Column
from models.drift.comparison import LEAST_ROWS, compare
from models.drift.monitor import FALSE_DISCOVERY_RATE, concluded
from models.drift.psi import expected_by_chance, psi
from models.drift.reference import column_reference
from models.drift.significance import homogeneity_p_value, q_values
from models.drift.transport import distance_with_band, ks_p_value, scale_of

INCOME = Column(name="income", kind="number", description="Monthly income", unit="EUR", optional=True)
HOUSING = Column(name="housing", kind="category", description="Housing")


def incomes(rng, n_rows, *, factor=1.0, missing=0.05):
    values = np.round(rng.lognormal(7.5, 0.5, n_rows) * factor, 2)
    return pd.Series(np.where(rng.random(n_rows) < missing, np.nan, values))


def housing(rng, n_rows, shares=(0.5, 0.3, 0.2)):
    return pd.Series(rng.choice(["rent", "own", "free"], n_rows, p=shares), dtype=object)


def found(column, reference, recent, seed=0):
    times = np.full(len(recent), np.datetime64("2024-05-31T12:00"))
    return compare(column, column_reference(column, reference), recent, times, seed=seed)


@pytest.mark.parametrize("n_recent", [200, 1_000, 20_000])
def test_no_alarm_on_samples_of_the_same_distribution(n_recent):
    """Fifty monitors of four columns: significant findings stay within the stated rate, and none is an alarm."""
    n_monitors_with_findings = n_alarms = 0
    for seed in range(50):
        rng = np.random.default_rng(seed)
        comparisons = [
            found(column, make(rng, 5_000), make(rng, n_recent), seed)
            for column, make in ((INCOME, incomes), (HOUSING, housing)) * 2
        ]
        columns = concluded(comparisons)
        n_monitors_with_findings += any(one.significant for one in columns)
        n_alarms += sum(one.state in ("alarm", "watch") for one in columns)
    assert n_alarms == 0
    # where nothing differs the false discovery rate is the chance of any finding; 4 standard deviations above it
    assert n_monitors_with_findings / 50 <= FALSE_DISCOVERY_RATE + 4 * math.sqrt(0.05 * 0.95 / 50)


def test_big_samples_do_not_cry_wolf():
    """A difference of a hundredth is sure with a million rows, and still nobody need do anything."""
    rng = np.random.default_rng(0)
    (one,) = concluded([found(INCOME, incomes(rng, 400_000), incomes(rng, 400_000, factor=1.01))])
    assert one.significant
    assert one.state == "ok"


@pytest.mark.parametrize(
    ("column", "reference", "recent"),
    [
        (INCOME, lambda rng: incomes(rng, 5_000), lambda rng: incomes(rng, 1_000, factor=1.6)),
        (INCOME, lambda rng: incomes(rng, 5_000), lambda rng: incomes(rng, 1_000, missing=0.5)),
        (HOUSING, lambda rng: housing(rng, 5_000), lambda rng: housing(rng, 1_000, (0.1, 0.2, 0.7))),
    ],
    ids=["values rise", "values go missing", "levels change"],
)
def test_a_real_shift_is_an_alarm(column, reference, recent):
    """In ten samples of ten."""
    for seed in range(10):
        rng = np.random.default_rng(seed)
        (one,) = concluded([found(column, reference(rng), recent(rng), seed)])
        assert one.state == "alarm", one
        assert one.psi.low <= one.psi.value <= one.psi.high
        assert column.description.split()[0].lower() in one.sentence.lower()


def test_too_few_rows_say_so():
    """Below the least number nothing is tested, and nothing is concluded."""
    rng = np.random.default_rng(0)
    for n_recent in (0, 1, LEAST_ROWS - 1):
        (one,) = concluded([found(INCOME, incomes(rng, 5_000), incomes(rng, n_recent, factor=3))])
        assert (one.state, one.psi, one.p) == ("too_few", None, None)


def test_the_index_is_that_of_a_loop():
    """With half a row in every bin; and what chance adds is about its mean over samples of one distribution."""
    reference, recent = np.array([50, 30, 20]), np.array([10, 0, 90])
    p = [(count + 0.5) / 101.5 for count in reference]
    q = [(count + 0.5) / 101.5 for count in recent]
    assert float(psi(reference, recent)) == pytest.approx(
        sum((b - a) * math.log(b / a) for a, b in zip(p, q, strict=True))
    )
    rng = np.random.default_rng(0)
    counts = [rng.multinomial(n, np.full(10, 0.1), 4_000) for n in (2_000, 500)]
    assert psi(*counts).mean() == pytest.approx(expected_by_chance(counts[0][0], counts[1][0]), rel=0.05)


def test_the_distance_and_the_test_are_those_of_scipy():
    """In interquartile ranges; over all values that occur."""
    rng = np.random.default_rng(1)
    before, now = rng.integers(0, 150, 3_000).astype(float), rng.integers(10, 170, 900).astype(float)
    reference = column_reference(INCOME, pd.Series(before))
    value, low, high = distance_with_band(reference, now, n_resamples=200, seed=0)
    assert value == pytest.approx(wasserstein_distance(before, now) / scale_of(reference))
    assert low <= value <= high
    assert ks_p_value(reference, now) == pytest.approx(ks_2samp(before, now, method="asymp").pvalue, rel=0.2)


def test_the_tests_of_counts_and_of_many_columns():
    """Pearson's is scipy's where bins hold enough; q-values are those of the procedure step by step."""
    table = np.array([[300, 200, 100], [80, 90, 60]])
    assert homogeneity_p_value(*table, seed=0) == pytest.approx(chi2_contingency(table, correction=False).pvalue)
    few = np.array([[30, 3, 1], [20, 9, 4]])
    assert homogeneity_p_value(*few, seed=0) == pytest.approx(chi2_contingency(few, correction=False).pvalue, abs=0.02)
    p_values = [0.001, 0.2, 0.03, 0.04, 0.9]
    ordered = sorted(p_values)
    expected = [min(5 * ordered[j] / (j + 1) for j in range(ordered.index(p), 5)) for p in p_values]
    assert q_values(p_values) == pytest.approx(expected)
    assert q_values([]) == []
