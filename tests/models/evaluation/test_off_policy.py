"""Off-policy estimates: closed forms, the simulator's truth, and what cannot be evaluated."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.evaluation.off_policy import AS_LOGGED, LoggedRows, OffPolicyError, always, greedy, policy_values

TINY = LoggedRows(
    action_names=["a", "b"],
    actions=np.array([0, 1, 0, 1]),
    rewards=np.array([1.0, 0.0, 0.0, 1.0]),
    propensities=np.array([0.5, 0.5, 0.25, 0.75]),
    predicted_rewards=np.array([[0.6, 0.2], [0.5, 0.1], [0.4, 0.3], [0.2, 0.7]]),
)


def _random_log(seed: int, n_rows: int = 400, n_actions: int = 3) -> LoggedRows:
    """Rows whose actions really were drawn with the stated propensities."""
    rng = np.random.default_rng(seed)
    chances = rng.dirichlet(np.full(n_actions, 3.0), n_rows)
    actions = (chances.cumsum(axis=1) < rng.random(n_rows)[:, None]).sum(axis=1).clip(max=n_actions - 1)
    truth = rng.random((n_rows, n_actions))
    return LoggedRows(
        action_names=[f"ad {i}" for i in range(n_actions)],
        actions=actions,
        rewards=(rng.random(n_rows) < truth[np.arange(n_rows), actions]).astype(float),
        propensities=chances[np.arange(n_rows), actions],
        predicted_rewards=truth,
    )


def test_the_three_estimators_on_four_rows_are_those_computed_by_hand():
    """Always "a": weights 2, 0, 4, 0 on rewards 1, 0, 0, 1."""
    value = policy_values(TINY, {"a": always(0, n_rows=4, n_actions=2)}, against="a", seed=0)["a"]

    assert value.ips.value == pytest.approx(2 / 4)
    assert value.snips.value == pytest.approx(2 / 6)
    surprises = 2 * (1 - 0.6) + 4 * (0 - 0.4)
    assert value.dr.value == pytest.approx((0.6 + 0.5 + 0.4 + 0.2 + surprises) / 4)
    assert value.effective_sample_size == pytest.approx(6**2 / (2**2 + 4**2))


def test_the_log_itself_is_worth_its_mean_reward():
    """By every estimator, and all its rows count."""
    value = policy_values(TINY, {}, against=AS_LOGGED, seed=0)[AS_LOGGED]

    assert value.ips.value == value.snips.value == value.dr.value == 0.5
    assert value.gain.value == value.gain.low == value.gain.high == 0
    assert value.effective_sample_size == 4


@given(seed=st.integers(0, 10_000), shift=st.floats(-5, 5))
@settings(max_examples=20)
def test_shifted_rewards_shift_the_self_normalised_estimate_by_as_much(seed, shift):
    """IPS lacks this: it moves by the shift times the mean weight."""
    log = _random_log(seed)
    policies = {"greedy": greedy(log.predicted_rewards)}
    before = policy_values(log, policies, against="greedy", seed=0, n_resamples=2)["greedy"]
    moved = replace(log, rewards=log.rewards + shift)
    after = policy_values(moved, policies, against="greedy", seed=0, n_resamples=2)["greedy"]

    assert after.snips.value == pytest.approx(before.snips.value + shift, abs=1e-9)
    weights = policies["greedy"][np.arange(len(log.actions)), log.actions] / log.propensities
    assert after.ips.value == pytest.approx(before.ips.value + shift * weights.mean(), abs=1e-9)


def test_intervals_hold_the_true_value_about_as_often_as_they_say_and_doubly_robust_ones_are_narrower():
    """Over 200 logs; with the true rates as reward model, DR has less spread than IPS."""
    inside, widths = {"ips": 0, "snips": 0, "dr": 0}, {"ips": 0.0, "snips": 0.0, "dr": 0.0}
    errors: dict[str, list[float]] = {"ips": [], "dr": []}
    n_logs = 200
    for seed in range(n_logs):
        log = _random_log(seed)
        best = greedy(log.predicted_rewards)
        truth = float((best * log.predicted_rewards).sum(axis=1).mean())
        value = policy_values(log, {"best": best}, against="best", seed=seed, n_resamples=200)["best"]
        for name in inside:
            found = getattr(value, name)
            inside[name] += found.low <= truth <= found.high
            widths[name] += found.high - found.low
        errors["ips"].append(value.ips.value - truth)
        errors["dr"].append(value.dr.value - truth)

    # The true value of the rows at hand varies less than that of the population, so intervals may hold it too often
    assert all(0.9 * n_logs <= count for count in inside.values())
    assert widths["dr"] < widths["snips"] < widths["ips"]
    assert np.std(errors["dr"]) < np.std(errors["ips"])
    assert abs(np.mean(errors["ips"])) < 3 * np.std(errors["ips"]) / np.sqrt(n_logs)


def test_a_gain_is_paired_and_so_surer_than_the_difference_of_two_values():
    """Two policies that agree in nearly all rows: each is unsure, their difference is not."""
    log = _random_log(1, n_rows=2000)
    best = greedy(log.predicted_rewards)
    nearly = best.copy()
    nearly[:20] = 1 / 3
    values = policy_values(log, {"best": best, "nearly": nearly}, against="best", seed=0)

    gain = values["nearly"].gain
    assert gain.value == pytest.approx(values["nearly"].dr.value - values["best"].dr.value)
    assert gain.high - gain.low < 0.5 * (values["best"].dr.high - values["best"].dr.low)


def test_a_wrong_reward_model_costs_precision_and_not_truth():
    """DR stays unbiased with predictions that are pure noise."""
    errors = []
    for seed in range(200):
        log = _random_log(seed)
        best = greedy(log.predicted_rewards)
        truth = float((best * log.predicted_rewards).sum(axis=1).mean())
        noise = np.random.default_rng(seed + 1).random(log.predicted_rewards.shape)
        value = policy_values(
            replace(log, predicted_rewards=noise), {"best": best}, against="best", seed=0, n_resamples=2
        )
        errors.append(value["best"].dr.value - truth)

    assert abs(np.mean(errors)) < 3 * np.std(errors) / np.sqrt(len(errors))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"propensities": np.array([0.5, 0.0, 0.5, 0.5])}, r"row 2 of the log: propensity must be above 0.*got 0\.0"),
        ({"propensities": np.array([0.5, 0.5, 1.5, 0.5])}, r"row 3 .*at most 1, got 1\.5"),
        ({"propensities": np.array([0.5, 0.5, 0.5, np.nan])}, r"row 4 .*got nan"),
        ({"rewards": np.array([1.0, np.inf, 0.0, 0.0])}, r"row 2 .*finite number, got inf"),
        ({"rewards": np.ones(3)}, r"rewards must have shape \(4,\).*got \(3,\)"),
        ({"actions": np.array([0, 1, 2, 0])}, r"row 3 .*from 0 to 1, got 2"),
        ({"predicted_rewards": np.ones((4, 3))}, r"predicted_rewards must have shape \(4, 2\).*got \(4, 3\)"),
        ({"actions": np.array([], int)}, "no rows"),
    ],
)
def test_a_log_that_tells_nothing_is_refused(changes, message):
    """The first bad row is named, with its value and what is allowed."""
    with pytest.raises(OffPolicyError, match=message):
        replace(TINY, **changes)


def test_a_policy_without_support_is_refused():
    """An action that chance never took, probabilities that are none, rows that do not fit."""
    three = replace(TINY, action_names=["a", "b", "c"], predicted_rewards=np.zeros((4, 3)))
    for policy, message in [
        (always(2, n_rows=4, n_actions=3), "takes the action 'c', which no logged row has"),
        (np.full((4, 3), 0.5), "row 1 .*add up to 1"),
        (np.full((3, 3), 1 / 3), r"shape \(4, 3\)"),
        (np.eye(3)[[1, 0, 1, 0]], "in none of the 4 rows"),
    ]:
        with pytest.raises(OffPolicyError, match=message):
            policy_values(three, {"new": policy}, against=AS_LOGGED, seed=0)
