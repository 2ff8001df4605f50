"""What choosing each person's ad by a model is worth, found out on a randomised log.

The rows are halved at random. One half trains the models and says which fixed ad looks best; on the other half, which
none of them has seen, every way to choose is valued as `off_policy` describes. The action of a row is the combination
of its columns of part "ad".

The learned policy takes the ad to which the domain's own model gives the highest probability: one model, with the ad
among its inputs, as the endpoint serves it. On hillstrom a model for each ad was tried beside it; cross-validated on
the training half neither was better beyond chance, and it would need many rows of every ad.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from data.checking import checked_frame
from data.splits import random_split
from data.table import Table
from models.contract import Domain
from models.errors import ModelError
from models.evaluation import boosted_trees
from models.off_policy import AS_LOGGED, LoggedRows, PolicyValue, always, greedy, policy_values
from models.presets import Preset
from models.scoring import Floats, Labels
from models.training_rows import TrainingRows
from models.uplift import Uplift, uplift

LEARNED, BOOSTED, RANDOM = "learned", "gradient boosting", "random"
MOST_ACTIONS = 50
MOST_UPLIFTS = 4
MOST_FIXED_SHOWN = 6
_VALIDATION_FRACTION = 0.15

Actions = npt.NDArray[np.intp]


class NoExperimentError(ModelError):
    """Rows that say nothing of what another ad would have brought."""


@dataclass(frozen=True, kw_only=True)
class PolicyComparison:
    """The value of each way to choose an ad.

    Parameters
    ----------
    source, note : where the rows came from, and what their reader must know.
    n_train, n_test : rows in the two halves.
    ads : in words, as combinations of `ad_columns`; those with the highest rate in the training half first.
    propensity : where the propensities came from, in words.
    values : by policy; always showing one ad is named like the ad. `gain` is that over `best_fixed`.
    chosen : share of the test rows in which the learned policy takes each ad.
    control : the ad that uplift is measured from; None if none was named, and then `uplifts` is empty.
    uplifts : of the MOST_UPLIFTS best other ads in the training half.
    """

    source: str
    note: str
    n_train: int
    n_test: int
    ad_columns: Sequence[str]
    ads: Sequence[str]
    propensity: str
    values: Mapping[str, PolicyValue]
    chosen: Mapping[str, float]
    control: str | None
    uplifts: Mapping[str, Uplift]

    @property
    def best_fixed(self) -> str:
        """The ad that had the highest rate in the training half."""
        return self.ads[0]

    @property
    def shown(self) -> dict[str, PolicyValue]:
        """The values that people are shown, in their order: of many ads, always showing one is left out for most."""
        names = [LEARNED, BOOSTED, *self.ads[:MOST_FIXED_SHOWN], RANDOM, AS_LOGGED]
        return {name: self.values[name] for name in names}

    def described(self, policy: str) -> str:
        """The name of a policy for people."""
        if policy == self.best_fixed:
            return f"always {policy} (best in training)"
        return f"always {policy}" if policy in self.ads else policy


@dataclass(frozen=True, kw_only=True, eq=False)
class _Log:
    """Checked rows, with what chance did in them."""

    table: Table
    frame: pd.DataFrame
    labels: Labels
    ads: pd.DataFrame  # a row for each action
    names: list[str]
    actions: Actions
    propensities: Floats

    def part(self, rows: npt.NDArray[np.intp]) -> tuple[pd.DataFrame, Labels, Actions, Floats]:
        return self.frame.iloc[rows], self.labels[rows], self.actions[rows], self.propensities[rows]


def compare_policies(
    domain: Domain,
    rows: TrainingRows,
    *,
    preset: Preset,
    seed: int,
    control: str | None = None,
    stage: Callable[[str], None],
) -> PolicyComparison:
    """Value the policies that models learn from one half of the rows on the other half.

    Parameters
    ----------
    rows : with ads that were chosen at random, each with its propensity (a column of that role) or in fixed shares.
    seed : of the halving, the trainings and the bootstrap.
    control : the ad, as in `PolicyComparison.ads`, that uplift is measured from.
    stage : told what begins.

    Raises
    ------
    NoExperimentError
        The table has no ad columns, there are too many ads or just one, an ad is missing in a half, or `control` is
        none of the ads.
    BadRowsError, DataError
        Rows break rules of the table, or cannot be halved.
    """
    table = domain.prepare(rows.table)
    _refuse_no_ads(domain, table)
    stage(f"Checking {len(rows.frame):,} rows of {rows.source}")
    log = _logged(table, checked_frame(table, rows.frame, rows.source, training=True), rows.source)
    if control is not None and control not in log.names:
        raise NoExperimentError(f"--control {control!r} is none of the ads; they are {'; '.join(log.names)}")
    train, test = random_split(log.labels, test_fraction=0.5, seed=seed)
    _refuse_rare_ads(log, train, test)
    stage(f"Training on {len(train):,} rows, preset {preset.name}")
    rates = _learned_rates(domain, log, train, preset=preset, seed=seed)
    stage("Training gradient boosting on the same rows")
    boosted = boosted_trees(log.frame.iloc[train], log.labels[train], table=table, seed=seed)
    stage(f"Valuing {len(log.names) + 3} policies on the other {len(test):,} rows")
    test_frame, labels, actions, propensities = log.part(test)
    predicted = _rates(rates, test_frame, log.ads)
    logged = LoggedRows(log.names, actions, labels.astype(np.float64), propensities, predicted)
    fixed = {name: always(i, n_rows=len(test), n_actions=len(log.names)) for i, name in enumerate(log.names)}
    learned = greedy(predicted)
    by_rate = [log.names[i] for i in np.argsort(-_fixed_rates(log, train), kind="stable")]
    policies = {
        LEARNED: learned,
        BOOSTED: greedy(_rates(boosted, test_frame, log.ads)),
        RANDOM: np.full_like(learned, 1 / len(log.names)),
        **fixed,
    }
    treatments = [] if control is None else [name for name in by_rate if name != control][:MOST_UPLIFTS]
    return PolicyComparison(
        source=rows.source,
        note=rows.note,
        n_train=len(train),
        n_test=len(test),
        ad_columns=list(log.ads.columns),
        ads=by_rate,
        propensity=_where_propensities_come_from(table),
        values=policy_values(logged, policies, against=by_rate[0], seed=seed),
        chosen=dict(zip(log.names, learned.mean(axis=0).tolist(), strict=True)),
        control=control,
        uplifts={name: _uplift(logged, name, str(control), seed) for name in treatments},
    )


def _refuse_no_ads(domain: Domain, table: Table) -> None:
    if not any(column.part == "ad" for column in table.inputs):
        raise NoExperimentError(
            f"the table {table.name!r} of the domain {domain.name!r} describes no ads (no column has part = 'ad'), so "
            "there is no choice whose value could be estimated; `backscore evaluate ads` has one"
        )


def _logged(table: Table, frame: pd.DataFrame, source: str) -> _Log:
    """The rows with their actions and propensities."""
    columns = [column.name for column in table.inputs if column.part == "ad"]
    actions: Actions = frame.groupby(columns, dropna=False).ngroup().to_numpy().astype(np.intp)
    n_actions = int(actions.max()) + 1
    if not 2 <= n_actions <= MOST_ACTIONS:
        raise NoExperimentError(
            f"{source}: the column(s) {', '.join(columns)} hold {n_actions:,} different ads; from 2 to {MOST_ACTIONS} "
            "can be compared. Give ads in classes (part = 'ad'), and set role = 'ignore' for their ids"
        )
    first_rows = np.unique(actions, return_index=True)[1]
    ads = frame[columns].iloc[first_rows].reset_index(drop=True)
    names = [", ".join("none" if pd.isna(value) else str(value) for value in ad) for ad in ads.itertuples(index=False)]
    if table.propensity is None:
        propensities = (np.bincount(actions) / len(actions))[actions]
    else:
        propensities = frame[table.propensity.name].to_numpy(np.float64)
    return _Log(
        table=table,
        frame=frame,
        labels=table.labels(frame),
        ads=ads,
        names=names,
        actions=actions,
        propensities=propensities,
    )


def _refuse_rare_ads(log: _Log, *halves: npt.NDArray[np.intp]) -> None:
    for half in halves:
        counts = np.bincount(log.actions[half], minlength=len(log.names))
        if not counts.all():
            rarest = int(counts.argmin())
            raise NoExperimentError(
                f"the ad {log.names[rarest]!r} occurs in {int(np.sum(log.actions == rarest))} row(s), none of which is "
                "in one of the halves; leave such ads out or give more rows with them"
            )


def _learned_rates(
    domain: Domain, log: _Log, train: npt.NDArray[np.intp], *, preset: Preset, seed: int
) -> Callable[[pd.DataFrame], Floats]:
    """The domain's own model: what it says of checked rows."""
    inside, validation = random_split(log.labels[train], test_fraction=_VALIDATION_FRACTION, seed=seed)
    frame, labels, _, _ = log.part(train[inside])
    scorer = domain.build(log.table, preset, seed)
    weight = log.table.weight
    scorer.fit(
        frame,
        labels,
        weights=None if weight is None else frame[weight.name].to_numpy(np.float64),
        validation=log.part(train[validation])[:2],
    )
    return scorer.probabilities


def _rates(rates: Callable[[pd.DataFrame], Floats], frame: pd.DataFrame, ads: pd.DataFrame) -> Floats:
    """The predicted rate of every row if it had got each of the ads, shape (n_rows, n_actions)."""
    return np.stack([rates(frame.assign(**dict(ad))) for _, ad in ads.iterrows()], axis=1)


def _fixed_rates(log: _Log, rows: npt.NDArray[np.intp]) -> Floats:
    """The rate of each ad in the rows, each row counted 1 / propensity times."""
    _, labels, actions, propensities = log.part(rows)
    events, n_rows = (np.bincount(actions, values / propensities) for values in (labels, np.ones(len(labels))))
    rates: Floats = events / n_rows
    return rates


def _where_propensities_come_from(table: Table) -> str:
    if table.propensity is not None:
        return f"from the column {table.propensity.name}"
    return "the share of each ad among all rows, which is right if chance chose it for everyone alike"


def _uplift(logged: LoggedRows, treatment: str, control: str, seed: int) -> Uplift:
    """Of one ad against the control, by what the model predicts, among the rows that had either."""
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
