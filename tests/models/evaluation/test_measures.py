"""Measures of probabilities against other libraries and against brute force; expected ones against a known truth."""

import numpy as np
import pytest
from scipy.stats import norm
from sklearn.metrics import brier_score_loss, log_loss, roc_auc_score

from models.evaluation.expected import expected
from models.evaluation.measures import NOTHING, auc, calibration, ks_interval, measures


def drawn(n_rows, seed, a=1.0, b=4.0):
    """Probabilities, some of them equal, and outcomes drawn from them."""
    rng = np.random.default_rng(seed)
    probabilities = np.round(rng.beta(a, b, n_rows), 2)
    return probabilities, (rng.random(n_rows) < probabilities).astype(np.int64)


@pytest.mark.parametrize("seed", range(4))
def test_measures_are_those_of_scikit_learn(seed):
    probabilities, labels = drawn(400, seed)
    found = measures(probabilities, labels)
    assert found.auc.value == pytest.approx(roc_auc_score(labels, probabilities))
    assert found.log_loss.value == pytest.approx(log_loss(labels, np.clip(probabilities, 1e-15, 1 - 1e-15)))
    assert found.brier.value == pytest.approx(brier_score_loss(labels, probabilities))
    assert (found.event_rate, found.n_rows) == (labels.mean(), 400)


def test_the_variance_of_the_auc_is_that_of_delong():
    """By the definition: each event against each other row, one by one."""
    probabilities, labels = drawn(150, 7)
    events, others = probabilities[labels == 1], probabilities[labels == 0]
    wins = (events[:, None] > others) + 0.5 * (events[:, None] == others)
    error = np.sqrt(wins.mean(axis=1).var(ddof=1) / len(events) + wins.mean(axis=0).var(ddof=1) / len(others))
    found = auc(probabilities, labels)
    assert found.value == pytest.approx(wins.mean())
    assert found.high - found.low == pytest.approx(2 * 1.959964 * error)


def test_intervals_hold_the_truth_as_often_as_they_say():
    """The AUC of the process itself, from a million rows, lies in about 95 of 100 intervals."""
    rng = np.random.default_rng(0)
    probabilities = rng.beta(1, 4, 1_000_000)
    truth = roc_auc_score(rng.random(1_000_000) < probabilities, probabilities)
    inside = 0
    for seed in range(300):
        rng = np.random.default_rng(seed)
        some = rng.beta(1, 4, 300)
        found = auc(some, (rng.random(300) < some).astype(np.int64))
        inside += found.low <= truth <= found.high
    assert 0.91 <= inside / 300 <= 0.99


def test_calibration_groups_are_tenths_of_the_rows():
    """By probability; together they are all rows."""
    probabilities, labels = drawn(1_003, 1)
    groups = calibration(probabilities, labels)
    assert sum(group.n_rows for group in groups) == 1_003
    assert {group.n_rows for group in groups} == {100, 101}
    assert [group.predicted for group in groups] == sorted(group.predicted for group in groups)
    assert sum(group.n_rows * group.observed for group in groups) == pytest.approx(labels.sum())
    assert all(group.low <= group.observed <= group.high for group in groups)


@pytest.mark.parametrize("n_events", [0, 3])
def test_too_few_rows_give_no_number(n_events):
    """For few rows, few of one class, or none."""
    labels = np.array([1] * n_events + [0] * (500 - n_events))
    assert measures(np.linspace(0, 1, 500), labels).auc == NOTHING
    assert measures(np.linspace(0, 1, 50), labels[:50]).log_loss == NOTHING
    nobody = measures(np.zeros(0), np.zeros(0, np.int64))
    assert (nobody.n_rows, nobody.event_rate, nobody.calibration) == (0, None, [])


def test_what_is_expected_comes_true():
    """Of calibrated probabilities: realised measures lie within the expected intervals about 95 times in 100."""
    inside = np.zeros(4)
    for seed in range(120):
        probabilities, labels = drawn(600, seed)
        before, after = expected(probabilities, seed=seed, n_draws=200), measures(probabilities, labels)
        pairs = (
            (before.event_rate, labels.mean()),
            (before.auc, after.auc.value),
            (before.log_loss, after.log_loss.value),
            (before.brier, after.brier.value),
        )
        inside += [interval.low <= value <= interval.high for interval, value in pairs]
    assert (inside / 120 >= 0.88).all()
    assert (inside / 120).mean() >= 0.92


def test_what_is_expected_has_a_closed_form():
    """The mean of log-loss and Brier score over all outcomes, weighted by their probability."""
    probabilities, _ = drawn(500, 3)
    p = np.clip(probabilities, 1e-15, 1 - 1e-15)
    found = expected(probabilities, n_draws=2_000)
    entropy = -(p * np.log(p) + (1 - p) * np.log(1 - p))
    assert found.log_loss.value == pytest.approx(entropy.mean(), rel=0.01)
    assert found.brier.value == pytest.approx((p * (1 - p)).mean(), rel=0.01)
    assert found == expected(probabilities, n_draws=2_000)
    assert expected(probabilities[:50]).auc == NOTHING
    assert expected(np.full(200, 1e-4)).auc == NOTHING


def test_the_interval_of_ks_holds_the_truth_nineteen_times_of_twenty() -> None:
    """Of normal scores one deviation apart, whose KS is 2 Phi(1/2) - 1."""
    rng, truth = np.random.default_rng(0), 2 * norm.cdf(0.5) - 1
    held = 0
    for _ in range(300):
        labels = (rng.random(2_000) < 0.3).astype(np.int64)
        value, low, high = ks_interval(rng.normal(size=2_000) + labels, labels)
        assert low < value < high
        held += low <= truth <= high
    assert 270 <= held < 300
