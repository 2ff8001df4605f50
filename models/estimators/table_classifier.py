"""TableClassifier: trains a binary model of a table: encoder, network, calibration and background."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import ClassVar

import numpy as np
import pandas as pd

from data.table import Table
from models.arrays import Labels
from models.encoding import Features, TableEncoder
from models.estimators.background import Background, score_bands, typical_row, usual_values
from models.estimators.calibration import LogOddsCalibrator
from models.estimators.classifier import BackpropClassifier
from models.estimators.log_odds_scorer import LogOddsScorer
from models.estimators.negative_sampling import DrawnRows, drawn_rows
from models.estimators.table_scorer import refinement
from models.nn.training import Callback
from models.presets import Preset

MAX_BACKGROUND_ROWS = 100_000
"""Maximum of training rows for the background statistics; of more, evenly spaced ones are used."""


class TableClassifier(LogOddsScorer):
    """The scorer of a binary target: encoder, network and calibration, trained together and stored together.

    A subclass whose network reads more than the encoded rows also overrides `_fit_inputs` and `_renew_inputs`; see
    `LogOddsScorer`.

    Parameters
    ----------
    table : describes the rows.
    preset : settings of encoder and network.
    seed : of all randomness in training.
    """

    stored_as: ClassVar[str] = "table_classifier"
    stored_fields: ClassVar[Mapping[str, str]] = {
        "table": "table",
        "encoder": "table_encoder",
        "network": "classifier",
        "calibrator": "calibrator",
        "background": "background",
        "reference": "float32[features]",
        "reference_inputs": "float32[inputs]",
        "derived_reference": "value{}",
        "base": "float",
    }

    def __init__(self, table: Table, preset: Preset, seed: int) -> None:
        network = BackpropClassifier(**preset.network, random_state=seed)
        super().__init__(table, TableEncoder(table, **preset.encoder), network)
        self.calibrator = LogOddsCalibrator()

    def fit(
        self,
        frame: pd.DataFrame,
        labels: Labels,
        *,
        validation: tuple[pd.DataFrame, Labels],
        negative_sample_rate: float = 1.0,
        callbacks: Sequence[Callback] = (),
    ) -> TableClassifier:
        """Train on checked rows.

        The validation rows serve early stopping and calibration. All rows count by the weights that the table names,
        see `Table.row_weights`. A preset with folds makes them of all rows instead, if
        there are enough, so that each row is used for training and, once, for validation.

        Parameters
        ----------
        negative_sample_rate : share of the negative rows to train and calibrate on, see `negative_sampling`; the
            probabilities and `background` are those of all rows.

        Raises
        ------
        SamplingError
            The share is invalid, or leaves no negative row.
        """
        _check_labels(labels, validation[1])
        self.network.set_params(callbacks=list(callbacks))
        rows = drawn_rows(frame, labels, validation, negative_sample_rate, seed=self.network.random_state)
        if not self._fit_folds(rows, negative_sample_rate):
            self._fit_network(self._fit_inputs(rows.frame, rows.labels, rows), rows, negative_sample_rate)
        self.network.set_params(callbacks=None)  # callbacks are not part of the model
        self._keep_background(frame, labels)
        return self

    def refine(
        self,
        frame: pd.DataFrame,
        labels: Labels,
        *,
        validation: tuple[pd.DataFrame, Labels],
        seed: int,
        negative_sample_rate: float = 1.0,
        callbacks: Sequence[Callback] = (),
    ) -> TableClassifier:
        """Continue training on checked new rows, in place.

        The encoder and all other inputs of the network are kept. The network continues from its weights, see
        `refinement`; it is unchanged if no pass over the new rows lowers the validation loss. Calibration and reference
        row are recomputed. Parameters as for `fit`; `seed` is that of the refinement.
        """
        _check_labels(labels, validation[1])
        rows = drawn_rows(frame, labels, validation, negative_sample_rate, seed=seed)
        self._renew_inputs(validation)
        with refinement(self.network, seed=seed, callbacks=callbacks):
            self._fit_network(self.inputs(self.encoder.transform(rows.frame)), rows, negative_sample_rate)
        self._keep_background(frame, labels)
        return self

    def refer_to(self, frame: pd.DataFrame, group: str) -> None:
        """Set the reference row of reasons to the typical row of these checked rows.

        Parameters
        ----------
        group : description of the rows: "accepted applicants".
        """
        self.background = replace(
            self.background, reference_row=typical_row(self.table, frame), reference_group=f"{len(frame):,} {group}"
        )
        self.reference = self.encoder.encode_rows([self.background.reference_row])[0]
        self.reference_inputs = self.inputs(self.reference[None])[0]
        self.derived_reference = self.derived_values(self.reference)
        self.base = float(self.log_odds(self.reference[None])[0])

    def _fit_folds(self, rows: DrawnRows, negative_sample_rate: float) -> bool:
        """Train on folds of all rows and calibrate on held-out sums; False if there are no folds."""
        if self.network.settings.n_folds == 1:
            return False
        held_out, held_out_labels = rows.validation
        frame, labels = pd.concat([rows.frame, held_out]), np.concatenate([rows.labels, held_out_labels])
        X, weights = self._fit_inputs(frame, labels, rows), self.table.row_weights(frame)
        self.network.fit(X, labels, weights, groups=self.input_groups)
        if self.network.n_folds_ == 1:  # too few rows for folds
            return False
        sums = self.network.held_out_sums_[:, 0].astype(np.float64)
        self.calibrator.fit(sums, labels, weights, negative_sample_rate=negative_sample_rate)
        return True

    def _fit_inputs(self, frame: pd.DataFrame, labels: Labels, rows: DrawnRows) -> Features:
        """Fit the encoding of the network's inputs on a frame; returns the inputs of its rows.

        Parameters
        ----------
        frame, labels : the training rows of `rows`, followed by its validation rows if folds train on those as well.
        """
        X = self.encoder.fit_transform(frame, labels)
        self.network.set_params(monotonic_cst=self.encoder.directions_)
        return X

    def _renew_inputs(self, validation: tuple[pd.DataFrame, Labels]) -> None:
        """Hook: update statistics that the inputs depend on, on the validation rows of a refinement; none here."""

    def _fit_network(self, X: Features, rows: DrawnRows, negative_sample_rate: float) -> None:
        """Train on rows with inputs X; early stopping and calibration on their validation rows."""
        held_out, held_out_labels = rows.validation
        X_validation, weights = self.inputs(self.encoder.transform(held_out)), self.table.row_weights(held_out)
        validation = X_validation, held_out_labels, weights
        self.network.fit(X, rows.labels, self.table.row_weights(rows.frame), validation_data=validation)
        log_odds = self.network.decision_function(X_validation).astype(np.float64)
        self.calibrator.fit(log_odds, held_out_labels, weights, negative_sample_rate=negative_sample_rate)

    def _keep_background(self, frame: pd.DataFrame, labels: Labels) -> None:
        """Compute the statistics of the training set that answers refer to."""
        step = -(-len(frame) // MAX_BACKGROUND_ROWS)
        frame, labels = frame.iloc[::step], labels[::step]
        self.background = Background(
            reference_row={},
            reference_group="",
            usual_values=usual_values(self.table, frame),
            bands=score_bands(self.table, frame, self.probabilities(frame), labels),
        )
        self.refer_to(frame[labels == 0], "training rows without the event")

    def check_restored(self) -> None:
        """ValueError unless encoder, network and reference row fit together."""
        n_features, n_inputs = len(self.encoder.owners_), len(self.input_owners)
        found = len(self.reference), len(self.reference_inputs), self.network.n_features_in_
        if found != (n_features, n_inputs, n_inputs):
            raise ValueError(
                f"reference, reference_inputs and network must be of {n_features}, {n_inputs} and {n_inputs} numbers, "
                f"as the encoder makes them, got {', '.join(map(str, found))}"
            )
        if len(self.network.classes_) != 2:
            raise ValueError(f"network must be of two classes, got {len(self.network.classes_)}")
        if missing := {column.name for column in self.columns} - self.reference_row.keys():
            raise ValueError(f"the reference row lacks {min(missing)!r}")


def _check_labels(labels: Labels, validation_labels: Labels) -> None:
    """ValueError unless all labels are 0 or 1, and both sets have rows."""
    for name, given in (("labels", labels), ("validation labels", validation_labels)):
        if not len(given):
            raise ValueError(f"there are no {name}; training and validation need at least one row each")
        if not np.isin(given, (0, 1)).all():
            raise ValueError(f"{name} must be 0 or 1, got {np.unique(given)[:10].tolist()}")
