"""A log of rows whose actions were chosen at random, with the propensity of each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from data.checking import checked_frame
from data.table import Table
from models.arrays import Floats, Labels
from models.contract import Domain
from models.errors import ModelError
from models.training.rows import TrainingRows

MAX_ACTIONS = 50

Actions = npt.NDArray[np.intp]


class NoExperimentError(ModelError):
    """Rows from which the effect of other actions cannot be estimated."""


@dataclass(frozen=True, kw_only=True, eq=False)
class RandomisedLog:
    """Checked rows with their random actions and propensities.

    Parameters
    ----------
    values : of the action columns, a row for each action.
    names : of the actions, in words.
    actions, propensities : index and probability of each row's action, shape (n_rows,).
    """

    table: Table
    frame: pd.DataFrame
    labels: Labels
    values: pd.DataFrame
    names: list[str]
    actions: Actions
    propensities: Floats

    def part(self, rows: npt.NDArray[np.intp]) -> tuple[pd.DataFrame, Labels, Actions, Floats]:
        """Frame, labels, actions and propensities of some rows."""
        return self.frame.iloc[rows], self.labels[rows], self.actions[rows], self.propensities[rows]

    def weights(self, rows: npt.NDArray[np.intp]) -> Floats | None:
        """Weights of some rows; None if the table has none."""
        weight = self.table.weight
        return None if weight is None else self.frame[weight.name].to_numpy(np.float64)[rows]


def _action_columns(domain: Domain, table: Table) -> list[str]:
    """The columns that make up an action."""
    if not domain.action_part:
        raise NoExperimentError(f"the domain {domain.name!r} chooses no actions, so there is no policy to evaluate")
    columns = [column.name for column in table.inputs if column.part == domain.action_part]
    if not columns:
        raise NoExperimentError(
            f"the table {table.name!r} describes no actions (no column has part = {domain.action_part!r}), so there is "
            "no policy to evaluate"
        )
    return columns


def randomised_log(domain: Domain, rows: TrainingRows) -> RandomisedLog:
    """The checked rows with their actions and propensities."""
    table = domain.restrict_inputs(rows.table)
    columns = _action_columns(domain, table)
    frame = checked_frame(table, rows.frame, rows.source, training=True)
    actions: Actions = frame.groupby(columns, dropna=False).ngroup().to_numpy().astype(np.intp)
    n_actions = int(actions.max()) + 1
    if not 2 <= n_actions <= MAX_ACTIONS:
        raise NoExperimentError(
            f"{rows.source}: the column(s) {', '.join(columns)} hold {n_actions:,} different actions; from 2 "
            f"to {MAX_ACTIONS} can be compared. Give actions in classes (part = {domain.action_part!r}), and set "
            "role = 'ignore' for their ids"
        )
    first_rows = np.unique(actions, return_index=True)[1]
    values = frame[columns].iloc[first_rows].reset_index(drop=True)
    if table.propensity is None:
        propensities = (np.bincount(actions) / len(actions))[actions]
    else:
        propensities = frame[table.propensity.name].to_numpy(np.float64)
    return RandomisedLog(
        table=table,
        frame=frame,
        labels=table.labels(frame),
        values=values,
        names=_names(values),
        actions=actions,
        propensities=propensities,
    )


def _names(values: pd.DataFrame) -> list[str]:
    """A name for each action: its values, in longer form only if two names would be equal."""
    rows = [tuple(action) for action in values.itertuples(index=False)]
    names = [", ".join("none" if pd.isna(value) else str(value) for value in row) for row in rows]
    return names if len(set(names)) == len(names) else [str(row) for row in rows]


def refuse_rare_actions(log: RandomisedLog, *halves: npt.NDArray[np.intp]) -> None:
    """Raise NoExperimentError for an action that is missing in one of the halves, given as row indices."""
    for half in halves:
        counts = np.bincount(log.actions[half], minlength=len(log.names))
        if not counts.all():
            rarest = int(counts.argmin())
            raise NoExperimentError(
                f"the action {log.names[rarest]!r} occurs in {int(np.sum(log.actions == rarest))} row(s), none of "
                "which is in one of the halves; leave such actions out or give more rows with them"
            )
