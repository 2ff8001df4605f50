"""Off-policy evaluation of action selection by a model, on a randomised log.

The rows are split in half at random. One half trains the models and selects the best fixed action; on the other, unseen
half, every policy is evaluated as `off_policy` describes. The action of a row is the combination of its columns
of the domain's `action_part`; "policy" has the sense of bandits here, a rule that chooses an action.

The learned policy takes the action with the highest probability by the domain's model: one model with the action among
its inputs, as served by the endpoint. On hillstrom one model per action was tried as well: cross-validated on the
training half neither was significantly better, and it would need many rows of every action.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from data.splits import random_split
from data.table import Table
from models.arrays import Floats
from models.backtesting.randomised_log import NoExperimentError, RandomisedLog, randomised_log, refuse_rare_actions
from models.contract import Domain
from models.evaluation.baselines import boosted_trees
from models.evaluation.off_policy import AS_LOGGED, LoggedRows, PolicyValue, always, greedy, policy_values
from models.evaluation.uplift import Uplift, uplift
from models.presets import Preset
from models.training.rows import TrainingRows

LEARNED, BOOSTED, RANDOM = "learned", "gradient boosting", "random"
MAX_UPLIFTS = 4
MAX_FIXED_SHOWN = 6
_VALIDATION_FRACTION = 0.15


@dataclass(frozen=True, kw_only=True)
class PolicyComparison:
    """The value of each policy for choosing an action.

    Parameters
    ----------
    source, note : source of the rows, and caveats.
    n_train, n_test : rows in the two halves.
    actions : in words, as combinations of `action_columns`; those with the highest rate in the training half first.
    propensity : source of the propensities, in words.
    values : by policy; `gain` is that over always taking `best_fixed`.
    chosen : share of the test rows in which the learned policy takes each action.
    control : the baseline action of uplifts; None without one, and then `uplifts` is empty.
    uplifts : of the MAX_UPLIFTS best other actions in the training half.
    """

    source: str
    note: str
    n_train: int
    n_test: int
    action_columns: Sequence[str]
    actions: Sequence[str]
    propensity: str
    values: Mapping[str, PolicyValue]
    chosen: Mapping[str, float]
    control: str | None
    uplifts: Mapping[str, Uplift]

    @property
    def best_fixed(self) -> str:
        """The action with the highest rate in the training half."""
        return self.actions[0]

    @property
    def shown(self) -> dict[str, PolicyValue]:
        """The values to show, in their order; with many actions most fixed policies are left out."""
        names = [LEARNED, BOOSTED, *map(always_taking, self.actions[:MAX_FIXED_SHOWN]), RANDOM, AS_LOGGED]
        return {name: self.values[name] for name in names}


def always_taking(action: str) -> str:
    """Name of the policy that takes one action in every row."""
    return f"always {action}"


def compare_policies(
    domain: Domain,
    rows: TrainingRows,
    *,
    preset: Preset,
    seed: int,
    control: str | None = None,
    stage: Callable[[str], None],
) -> PolicyComparison:
    """Evaluate policies learned on one half of the rows on the other half.

    Parameters
    ----------
    rows : with randomly chosen actions, each with its propensity (a column of that role) or in fixed shares.
    seed : of the split, the trainings and the bootstrap.
    control : the action, as in `PolicyComparison.actions`, that is the baseline of uplifts.
    stage : called at the start of each stage.

    Raises
    ------
    NoExperimentError
        The domain or table has no actions, there are too many or just one, one is missing in a half, or `control` is
        not one of them.
    BadRowsError, DataError
        Rows break rules of the table, or cannot be split.
    """
    stage(f"Checking {len(rows.frame):,} rows of {rows.source}")
    log = randomised_log(domain, rows)
    if control is not None and control not in log.names:
        raise NoExperimentError(f"the control {control!r} is not one of the actions: {'; '.join(log.names)}")
    train, test = random_split(log.labels, test_fraction=0.5, seed=seed)
    refuse_rare_actions(log, train, test)
    stage(f"Training on {len(train):,} rows, preset {preset.name}")
    rates = _learned_rates(domain, log, train, preset=preset, seed=seed)
    stage("Training gradient boosting on the same rows")
    boosted = boosted_trees(
        log.frame.iloc[train], log.labels[train], table=log.table, seed=seed, weights=log.weights(train)
    )
    stage(f"Valuing {len(log.names) + 4} policies on the other {len(test):,} rows")
    test_frame, labels, actions, propensities = log.part(test)
    predicted = _rates(rates, test_frame, log.values)
    logged = LoggedRows(log.names, actions, labels.astype(np.float64), propensities, predicted)
    policies = _policies(log.names, predicted, _rates(boosted, test_frame, log.values))
    by_rate = [log.names[i] for i in np.argsort(-_fixed_rates(log, train), kind="stable")]
    treatments = [] if control is None else [name for name in by_rate if name != control][:MAX_UPLIFTS]
    return PolicyComparison(
        source=rows.source,
        note=rows.note,
        n_train=len(train),
        n_test=len(test),
        action_columns=list(log.values.columns),
        actions=by_rate,
        propensity=_where_propensities_come_from(log.table),
        values=policy_values(logged, policies, against=always_taking(by_rate[0]), seed=seed),
        chosen=dict(zip(log.names, policies[LEARNED].mean(axis=0).tolist(), strict=True)),
        control=control,
        uplifts={name: _uplift(logged, name, str(control), seed) for name in treatments},
    )


def _policies(names: Sequence[str], predicted: Floats, boosted: Floats) -> dict[str, Floats]:
    """The probability of each action in each row, by policy, from the rates predicted by the model and by boosting."""
    learned = greedy(predicted)
    n_rows, n_actions = learned.shape
    return {
        LEARNED: learned,
        BOOSTED: greedy(boosted),
        RANDOM: np.full_like(learned, 1 / n_actions),
        **{always_taking(name): always(i, n_rows=n_rows, n_actions=n_actions) for i, name in enumerate(names)},
    }


def _learned_rates(
    domain: Domain, log: RandomisedLog, train: npt.NDArray[np.intp], *, preset: Preset, seed: int
) -> Callable[[pd.DataFrame], Floats]:
    """The domain's own model: its predictions on checked rows."""
    inside, validation = random_split(log.labels[train], test_fraction=_VALIDATION_FRACTION, seed=seed)
    frame, labels, _, _ = log.part(train[inside])
    scorer = domain.build(log.table, preset, seed)
    scorer.fit(frame, labels, validation=log.part(train[validation])[:2])
    return lambda rows: scorer.frame_scores(rows)["probability"]


def _rates(rates: Callable[[pd.DataFrame], Floats], frame: pd.DataFrame, values: pd.DataFrame) -> Floats:
    """The predicted rate of every row under each action, shape (n_rows, n_actions)."""
    return np.stack([rates(frame.assign(**dict(action))) for _, action in values.iterrows()], axis=1)


def _fixed_rates(log: RandomisedLog, rows: npt.NDArray[np.intp]) -> Floats:
    """The rate of each action, rows weighted by 1 / propensity."""
    _, labels, actions, propensities = log.part(rows)
    events, n_rows = (np.bincount(actions, values / propensities) for values in (labels, np.ones(len(labels))))
    rates: Floats = events / n_rows
    return rates


def _where_propensities_come_from(table: Table) -> str:
    if table.propensity is not None:
        return f"from the column {table.propensity.name}"
    return "the share of each action among all rows, which is right if they were assigned at random, alike in every row"


def _uplift(logged: LoggedRows, treatment: str, control: str, seed: int) -> Uplift:
    """Uplift of one action over the control by the model's predictions, on the rows that had either."""
    one, other = logged.action_names.index(treatment), logged.action_names.index(control)
    either = np.isin(logged.actions, (one, other))
    scores = logged.predicted_rewards[:, one] - logged.predicted_rewards[:, other]
    return uplift(
        scores[either],
        logged.actions[either] == one,
        logged.rewards[either],
        logged.propensities[either],
        seed=seed,
    )
