"""Calibration within chance: against scikit-learn's regression, and on probabilities that are right or wrong."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit, logit
from sklearn.linear_model import LogisticRegression

from models.evaluation.calibration_test import calibration_test
from models.evaluation.metrics import calibration_error


def drawn(seed: int, n_rows: int = 3_000):
    rng = np.random.default_rng(seed)
    probabilities = rng.beta(1, 5, n_rows).clip(1e-4, 1 - 1e-4)
    return (rng.random(n_rows) < probabilities).astype(np.int64), probabilities


def test_slope_and_intercept_are_those_of_a_logistic_regression():
    labels, probabilities = drawn(0, 300)
    z = logit(probabilities)[:, None]
    fitted = LogisticRegression(C=np.inf, tol=1e-10).fit(z, labels)

    found = calibration_test(labels, probabilities, seed=0)

    assert found.slope.value == pytest.approx(fitted.coef_[0, 0], abs=1e-3)
    X = np.column_stack([np.ones(len(z)), z])
    p = fitted.predict_proba(z)[:, 1]
    error = np.sqrt(np.linalg.inv((X * (p * (1 - p))[:, None]).T @ X)[1, 1])  # by the information
    assert found.slope.high - found.slope.value == pytest.approx(2.394 * error, rel=1e-3)
    # at the intercept, the mean of the shifted probabilities is the observed rate
    assert expit(z[:, 0] + found.intercept.value).mean() == pytest.approx(labels.mean(), abs=1e-6)


def test_what_chance_explains_is_calibrated_and_no_more():
    """Of right probabilities, 95 % of the tests hold; the gap's bound is passed by one in sixty."""
    tests = [calibration_test(*drawn(seed, 800), seed=0) for seed in range(300)]

    assert 0.92 <= np.mean([found.within_chance for found in tests]) <= 0.995
    gaps = [calibration_error(*drawn(seed, 800)) for seed in range(300)]
    assert np.mean([gap > found.gap_by_chance for gap, found in zip(gaps, tests, strict=True)]) < 0.05


def sampled(seed: int, shares: tuple[float, float]):
    """Rows of which these shares, without and with the event, were kept, and how many of the population each is."""
    labels, probabilities = drawn(seed, 2_500)
    kept = np.random.default_rng([seed, 1]).random(len(labels)) < np.array(shares)[labels]
    return labels[kept], probabilities[kept], 1 / np.array(shares)[labels[kept]]


@pytest.mark.parametrize("shares", [(1 / 6, 1.0), (1.0, 1 / 3)], ids=["some without the event", "some with it"])
def test_weights_may_depend_on_the_outcome(shares):
    """Right probabilities pass as often as without weights, and the intervals are as wide as the figures spread."""
    tests = [calibration_test(*sampled(seed, shares), seed=0) for seed in range(300)]

    assert 0.90 <= np.mean([found.within_chance for found in tests]) <= 0.98
    for name in ("slope", "intercept"):
        found = [getattr(one, name) for one in tests]
        half = np.mean([interval.high - interval.low for interval in found]) / 2
        assert half == pytest.approx(2.394 * np.std([interval.value for interval in found]), rel=0.15), name


def test_equal_weights_are_none():
    labels, probabilities = drawn(0)

    found, plain = (calibration_test(labels, probabilities, of_rows, seed=0) for of_rows in (np.full(3_000, 7.0), None))

    assert found.problem(0.0) == plain.problem(0.0)
    assert found.slope.low == pytest.approx(plain.slope.low, abs=1e-6)
    assert found.gap_by_chance == pytest.approx(plain.gap_by_chance)


def test_a_group_without_events_is_not_certain_to_have_none():
    """Where weights differ, its bound stays that of its probabilities; its rows alone would make it next to nothing."""
    labels = np.repeat([0, 1, 0], [900, 50, 50])
    probabilities = np.repeat([0.001, 0.5], [900, 100])
    weights = np.where(np.arange(1_000) % 2, 1.0, 1.001)

    found, plain = (calibration_test(labels, probabilities, of_rows, seed=0) for of_rows in (weights, None))

    assert found.gap_by_chance == pytest.approx(plain.gap_by_chance, rel=0.02)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda z: 3 * z - 3.5, "slope"),
        (lambda z: z / 2, "slope"),
        (lambda z: z + 0.8, "intercept"),
        (lambda z: z - 0.8, "intercept"),
        (lambda z: z + 1.5 * np.cos(3 * z), "error over ten bins"),
    ],
    ids=["too extreme", "too timid", "too high", "too low", "waves"],
)
def test_each_way_to_be_wrong_is_found(change, words):
    """Also where the mean is right, as for log-odds times three."""
    labels, probabilities = drawn(1, 6_000)

    found = calibration_test(labels, expit(change(logit(probabilities))), seed=0)

    assert not found.within_chance
    assert found.problem(0.25) != ""
    if words != "error over ten bins":
        assert words in found.problem(0.25)


def test_what_is_off_by_little_is_within_the_tolerance_alone():
    labels, probabilities = drawn(2, 100_000)

    found = calibration_test(labels, expit(1.1 * logit(probabilities)), seed=0)

    assert not found.within_chance
    assert found.problem(0.25) == ""


def test_equal_probabilities_have_no_slope_and_separated_ones_a_wide_interval():
    labels = np.array([0, 1] * 30)

    assert calibration_test(labels, np.full(60, 0.5), seed=0).slope is None
    apart = calibration_test(labels, np.where(labels == 1, 0.9, 0.1), seed=0).slope
    assert apart.low < 1 < apart.high
