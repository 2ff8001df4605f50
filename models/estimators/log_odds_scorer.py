"""LogOddsScorer: calibrated log-odds of encoded rows, and the contribution of each column to them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from data.column import Column
from models.arrays import Floats, Scores
from models.encoding import Features
from models.encoding.feature_groups import FeatureGroups
from models.estimators.background import Background
from models.estimators.calibration import LogOddsCalibrator, probability
from models.estimators.classifier import BackpropClassifier
from models.estimators.integrated_gradients import completed, integrated_gradients
from models.estimators.table_scorer import TableScorer


@dataclass(frozen=True)
class Attribution:
    """Calibrated log-odds of a row, attributed to columns.

    Parameters
    ----------
    base : log-odds of the reference row.
    log_odds : of the row.
    shares : of each column, shape (n_columns,), in the order of `TableClassifier.columns`; positive towards the event.
        They add up to log_odds - base.
    """

    base: float
    log_odds: float
    shares: Floats


class LogOddsScorer(TableScorer):
    """A trained binary model: what it predicts, and why.

    The network reads the encoded rows. A subclass may derive further inputs from them by overriding `inputs`, and with
    it `input_owners`, `input_groups`, `columns` and `derived_values`.

    Attributes
    ----------
    background : statistics of the training set; reasons are relative to its `reference_row`, initially that of the rows
        without the event, see `TableClassifier.refer_to`.
    reference : that row, encoded, of shape (n_features,). base : its log-odds.
    reference_inputs : its inputs of the network, of shape (n_inputs,). derived_reference : its `derived_values`.
    """

    network: BackpropClassifier
    calibrator: LogOddsCalibrator
    background: Background
    reference: Features
    reference_inputs: Features
    derived_reference: Mapping[str, Any]
    base: float

    @property
    def columns(self) -> list[Column]:
        """The columns that log-odds are attributed to, in the order of `shares`: encoded ones, then derived ones."""
        return [self.table[name] for name in self.encoder.column_names_]

    @property
    def input_owners(self) -> npt.NDArray[np.intp]:
        """For each input of the network the index, among `columns`, of its column."""
        owners: npt.NDArray[np.intp] = self.encoder.owners_
        return owners

    @property
    def input_names(self) -> list[str]:
        """A readable name for each input of the network."""
        return list(self.encoder.get_feature_names_out())

    @property
    def input_groups(self) -> FeatureGroups:
        """Groups of merged inputs, for every second fold."""
        return self.encoder.groups_

    def inputs(self, X: Features) -> Features:
        """The inputs of the network, float32 of shape (n_rows, n_inputs): here the encoded rows themselves."""
        return X

    def derived_values(self, x: Features) -> Mapping[str, Any]:
        """The values of derived `columns` for an encoded row, by name: here none."""
        return {}

    def log_odds(self, X: Features) -> Floats:
        """Calibrated log-odds of encoded rows, shape (n_rows,). Equal rows get equal bits, alone or in a batch."""
        return self._log_odds_of(self.inputs(X))

    def scores(self, X: Features) -> Scores:
        """Calibrated `log_odds` and `probability` of encoded rows, from one pass through the network."""
        return with_probability(self.log_odds(X))

    def _log_odds_of(self, inputs: Features) -> Floats:
        sums = self.network.network_.mean_sums(inputs)[:, 0]
        return self.calibrator.log_odds(sums.astype(np.float64))

    def probabilities_with(self, X: Features, name: str, values: Sequence[Any]) -> Floats:
        """Calibrated probability of encoded rows if one column held each of these values and all others stayed.

        Returns
        -------
        ndarray of shape (n_values, n_rows)
        """
        changed = np.tile(X, (len(values), 1, 1))
        changed[:, :, self.encoder.features_of(name)] = self.encoder.encode_values(name, values)[:, None, :]
        return probability(self.log_odds(changed.reshape(-1, X.shape[1]))).reshape(len(values), len(X))

    def log_odds_and_members(self, X: Features) -> tuple[Floats, Floats]:
        """The calibrated log-odds of encoded rows, of the ensemble and of each member, from one pass.

        Returns
        -------
        log_odds : of shape (n_rows,), the same bits as those of `log_odds`.
        of_members : of shape (n_members, n_rows), calibrated as the ensemble is.
        """
        network = self.network.network_
        sums = network.sums(self.inputs(X))
        joint, of_members = network.vote(sums)[:, 0].astype(np.float64), sums[:, :, 0].astype(np.float64)
        return self.calibrator.log_odds(joint), self.calibrator.log_odds(of_members)

    def probabilities(self, frame: pd.DataFrame) -> Floats:
        """Calibrated probability of the event for the rows of a checked frame, shape (n_rows,)."""
        return self.frame_scores(frame)["probability"]

    @property
    def reference_row(self) -> Mapping[str, Any]:
        """The row that reasons are relative to, with its derived values: a value of each of `columns`."""
        return {**self.background.reference_row, **self.derived_reference}

    def explain(self, x: Features) -> Attribution:
        """How much each column moved the calibrated log-odds of an encoded row away from those of `reference_row`."""
        inputs = self.inputs(x[None])
        by_input = integrated_gradients(self.network.network_, inputs[0], self.reference_inputs).astype(np.float64)
        by_column = np.bincount(self.input_owners, by_input, minlength=len(self.columns))
        log_odds = float(self._log_odds_of(inputs)[0])
        return Attribution(self.base, log_odds, completed(by_column * self.calibrator.slope, log_odds - self.base))

    def shares(self, x: Features) -> Floats:
        """The shares alone, see `explain`."""
        return self.explain(x).shares


def with_probability(log_odds: Floats) -> dict[str, Floats]:
    """The scores that every binary model has."""
    return {"log_odds": log_odds, "probability": probability(log_odds)}
