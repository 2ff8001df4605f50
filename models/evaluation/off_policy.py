"""Off-policy evaluation: the value of a policy, estimated from logged rows of a randomised policy (bandit sense).

A logged row holds an action, the probability with which it was chosen (its propensity) and the reward. With
w = P(policy takes the logged action) / propensity, r the reward and q a model's prediction of it::

    IPS    mean(w r)                                      Horvitz and Thompson 1952; unbiased, large variance
    SNIPS  sum(w r) / sum(w)                              Swaminathan and Joachims 2015; little bias, less variance
    DR     mean(sum_a P(a) q(a) + w (r - q(logged)))      Dudik, Langford and Li 2011; unbiased whatever q is, and
                                                          the less variance, the better q predicts

The effective sample size is (sum w)^2 / sum w^2 (Kish 1965): about how many on-policy rows the log is worth.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models.arrays import Floats, Mask
from models.errors import ModelError
from models.evaluation.bootstrap import resampled_sums

AS_LOGGED = "as logged"
"""Name of the logging policy in results; its value is the mean reward."""
_ENDS = (0.025, 0.975)
_TOLERANCE = 1e-6


class OffPolicyError(ModelError):
    """A log or policy for which no value can be estimated."""


@dataclass(frozen=True, eq=False)
class LoggedRows:
    """A randomised log.

    Parameters
    ----------
    action_names : names of the n_actions actions.
    actions : index of each row's action, shape (n_rows,).
    rewards : finite numbers, shape (n_rows,).
    propensities : probability with which the logged action was chosen, in (0, 1], shape (n_rows,).
    predicted_rewards : of every action in every row, by a model that saw none of these rows, shape (n_rows, n_actions).

    Raises
    ------
    OffPolicyError
        There are no rows, lengths differ, or a value is out of range; names the first such row.
    """

    action_names: Sequence[str]
    actions: npt.NDArray[np.intp]
    rewards: Floats
    propensities: Floats
    predicted_rewards: Floats

    def __post_init__(self) -> None:
        """Check lengths and ranges."""
        n_rows, n_actions = len(self.actions), len(self.action_names)
        if n_rows == 0:
            raise OffPolicyError("the log has no rows; the value of a policy needs at least one")
        for name, given in (("rewards", self.rewards), ("propensities", self.propensities)):
            if given.shape != (n_rows,):
                raise OffPolicyError(f"{name} must have shape ({n_rows},), like the actions; got {given.shape}")
        _check_shape("predicted_rewards", self.predicted_rewards, (n_rows, n_actions))
        known: Mask = (self.actions >= 0) & (self.actions < n_actions)
        _check_rows("action", f"a position from 0 to {n_actions - 1}", self.actions, known)
        _check_rows("reward", "a finite number", self.rewards, np.isfinite(self.rewards))
        in_range: Mask = (self.propensities > 0) & (self.propensities <= 1)
        _check_rows("propensity", "above 0 and at most 1", self.propensities, in_range)
        finite = np.all(np.isfinite(self.predicted_rewards), axis=1)
        _check_rows("predicted rewards", "finite numbers", self.predicted_rewards, finite)


@dataclass(frozen=True)
class Estimate:
    """A number with its 95 % interval, by percentile bootstrap over the rows."""

    value: float
    low: float
    high: float


def estimate(values: Floats) -> Estimate:
    """The first value, with the interval of its resamples, the others; NaN resamples are ignored."""
    low, high = np.nanquantile(values[1:], _ENDS)
    return Estimate(float(values[0]), float(low), float(high))


@dataclass(frozen=True)
class PolicyValue:
    """Mean reward per row under a policy, by three estimators.

    Parameters
    ----------
    gain : DR value minus that of the baseline policy, on the same resampled rows.
    effective_sample_size : in rows.
    """

    ips: Estimate
    snips: Estimate
    dr: Estimate
    gain: Estimate
    effective_sample_size: float


def policy_values(
    logged: LoggedRows, policies: Mapping[str, Floats], *, against: str, seed: int, n_resamples: int = 1000
) -> dict[str, PolicyValue]:
    """The value of each policy, and of the log itself under AS_LOGGED.

    Parameters
    ----------
    policies : probability of every action in every row, shape (n_rows, n_actions), by name.
    against : name of the baseline policy of gains.
    seed : of the bootstrap, which resamples the same rows for all policies.

    Raises
    ------
    OffPolicyError
        A policy's probabilities are invalid, or it takes an action that the log does not contain.
    """
    rows, n_rows = np.arange(len(logged.actions)), len(logged.actions)
    weights, direct = {AS_LOGGED: np.ones(n_rows)}, {AS_LOGGED: logged.rewards}
    for name, probabilities in policies.items():
        _check_policy(name, probabilities, logged)
        weights[name] = probabilities[rows, logged.actions] / logged.propensities
        surprises = logged.rewards - logged.predicted_rewards[rows, logged.actions]
        direct[name] = (probabilities * logged.predicted_rewards).sum(axis=1) + weights[name] * surprises
    terms = [np.ones(n_rows)]
    for name, weight in weights.items():
        terms += [weight, weight * logged.rewards, direct[name]]
    table = np.stack(terms, axis=1)
    # The first row holds the original sums, the others those of the resamples
    sums = np.vstack([table.sum(axis=0), resampled_sums(table, n_resamples=n_resamples, seed=seed)])
    names = list(weights)
    base = sums[:, 3 * names.index(against) + 3] / sums[:, 0]
    values = {}
    for i, name in enumerate(names):
        n, (weight_sums, reward_sums, direct_sums) = sums[:, 0], sums[:, 3 * i + 1 : 3 * i + 4].T
        values[name] = PolicyValue(
            ips=estimate(reward_sums / n),
            snips=estimate(_ratio(reward_sums, weight_sums)),
            dr=estimate(direct_sums / n),
            gain=estimate(direct_sums / n - base),
            effective_sample_size=float(weights[name].sum() ** 2 / (weights[name] ** 2).sum()),
        )
    return values


def always(action: int, *, n_rows: int, n_actions: int) -> Floats:
    """The policy that takes one action in every row, shape (n_rows, n_actions)."""
    return _one_hot(np.full(n_rows, action), n_actions)


def greedy(scores: Floats) -> Floats:
    """The policy that takes the highest-scoring action in each row, the first of ties; same shape."""
    return _one_hot(scores.argmax(axis=1), scores.shape[1])


def _one_hot(actions: npt.NDArray[np.intp], n_actions: int) -> Floats:
    certain: Floats = np.eye(n_actions)[actions]
    return certain


def _ratio(numerators: Floats, denominators: Floats) -> Floats:
    return np.divide(numerators, denominators, out=np.full_like(numerators, np.nan), where=denominators > 0)


def _check_policy(name: str, probabilities: Floats, logged: LoggedRows) -> None:
    n_rows, n_actions = logged.predicted_rewards.shape
    _check_shape(f"policy {name!r}", probabilities, (n_rows, n_actions))
    are_probabilities = (probabilities >= 0).all(axis=1) & (np.abs(probabilities.sum(axis=1) - 1) <= _TOLERANCE)
    _check_rows(f"policy {name!r}", "probabilities that add up to 1", probabilities, are_probabilities)
    chosen, in_log = probabilities.any(axis=0), np.bincount(logged.actions, minlength=n_actions) > 0
    for action in np.flatnonzero(chosen & ~in_log).tolist():
        raise OffPolicyError(
            f"policy {name!r} takes the action {logged.action_names[action]!r}, which no logged row has, so its value "
            "is unknown; remove the action or add rows with it"
        )
    if not probabilities[np.arange(n_rows), logged.actions].any():
        raise OffPolicyError(f"policy {name!r} would have chosen the logged action in none of the {n_rows} rows")


def _check_shape(name: str, given: Floats, expected: tuple[int, ...]) -> None:
    if given.shape != expected:
        raise OffPolicyError(f"{name} must have shape {expected}, rows by actions; got {given.shape}")


def _check_rows(name: str, allowed: str, values: npt.NDArray[np.generic], fits: Mask) -> None:
    if not fits.all():
        row = int(np.argmin(fits))
        raise OffPolicyError(f"row {row + 1} of the log: {name} must be {allowed}, got {values[row].tolist()}")
