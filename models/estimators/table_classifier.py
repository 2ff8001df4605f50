"""TableClassifier: a table's rows in, calibrated probabilities and the share of each column out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import ClassVar

import numpy as np
import pandas as pd

from data.table import Table
from models.arrays import Floats, Labels
from models.encoding import Features, TableEncoder
from models.estimators.background import Background, score_bands, typical_row, usual_values
from models.estimators.calibration import LogOddsCalibrator
from models.estimators.classifier import BackpropClassifier
from models.estimators.log_odds_scorer import LogOddsScorer
from models.estimators.negative_sampling import DrawnRows, drawn_rows
from models.estimators.table_scorer import refinement
from models.nn.arrays import Array
from models.nn.training import Callback
from models.presets import Preset

MAX_BACKGROUND_ROWS = 100_000
"""Training rows that are looked at for what answers refer to; of more, evenly chosen ones tell it as well."""


class TableClassifier(LogOddsScorer):
    """The scorer of a binary target: encoder, network and calibration, trained together and stored together.

    A subclass whose network reads more than the encoded rows also overrides `_fit_inputs` and `_renew_inputs`; see
    `LogOddsScorer`.

    Parameters
    ----------
    table : what a row holds.
    preset : how much effort training takes.
    seed : of everything random in it.
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
        weights: Floats | None = None,
        validation: tuple[pd.DataFrame, Labels],
        negative_sample_rate: float = 1.0,
        callbacks: Sequence[Callback] = (),
    ) -> TableClassifier:
        """Train on checked rows.

        The validation rows stop the training in time and calibrate what came out. A preset with folds makes them of all
        rows instead, if they are enough, so that each row is trained on and each serves as a validation row once.

        Parameters
        ----------
        negative_sample_rate : learn and calibrate from this share of the rows without the event, see `sampling`; the
            probabilities are those of all rows, and `background` is of all.

        Raises
        ------
        SamplingError
            It is no share, or leaves no row without the event.
        """
        _refuse_unfit(labels, validation[1])
        self.network.set_params(callbacks=list(callbacks))
        rows = drawn_rows(frame, labels, weights, validation, negative_sample_rate, seed=self.network.random_state)
        if not self._fit_folds(rows, negative_sample_rate):
            self._fit_network(self._fit_inputs(rows.frame, rows.labels, rows), rows, negative_sample_rate)
        self.network.set_params(callbacks=None)  # what a caller hung on is not part of the model
        self._keep_background(frame, labels)
        return self

    def refine(
        self,
        frame: pd.DataFrame,
        labels: Labels,
        *,
        weights: Floats | None = None,
        validation: tuple[pd.DataFrame, Labels],
        seed: int,
        negative_sample_rate: float = 1.0,
        callbacks: Sequence[Callback] = (),
    ) -> TableClassifier:
        """Go on training with checked new rows, in place.

        The encoder stays, and so does all else that makes the network's inputs. The network goes on from its weights,
        see `refinement`; if no pass over the new rows lowers the loss of the validation rows, it stays as it was.
        Calibration and reference row are made anew. Parameters as for `fit`; `seed` is that of the pass.
        """
        _refuse_unfit(labels, validation[1])
        rows = drawn_rows(frame, labels, weights, validation, negative_sample_rate, seed=seed)
        self._renew_inputs(validation)
        with refinement(self.network, seed=seed, callbacks=callbacks):
            self._fit_network(self.inputs(self.encoder.transform(rows.frame)), rows, negative_sample_rate)
        self._keep_background(frame, labels)
        return self

    def refer_to(self, frame: pd.DataFrame, group: str) -> None:
        """Give reasons against the typical row of these checked rows from now on.

        Parameters
        ----------
        group : who they are, in words: "accepted applicants".
        """
        self.background = replace(
            self.background, reference_row=typical_row(self.table, frame), reference_group=f"{len(frame):,} {group}"
        )
        self.reference = self.encoder.encode_rows([self.background.reference_row])[0]
        self.reference_inputs = self.inputs(self.reference[None])[0]
        self.derived_reference = self.derived_values(self.reference)
        self.base = float(self.log_odds(self.reference[None])[0])

    def _fit_folds(self, rows: DrawnRows, negative_sample_rate: float) -> bool:
        """Train on folds of all rows and calibrate on each fold without it; False if there are no folds."""
        if self.network.settings.n_folds == 1:
            return False
        held_out, held_out_labels = rows.validation
        weights = None if rows.weights is None else np.concatenate([rows.weights, self._weights(held_out)])
        frame, labels = pd.concat([rows.frame, held_out]), np.concatenate([rows.labels, held_out_labels])
        X = self._fit_inputs(frame, labels, rows)
        self.network.fit(X, labels, weights, groups=self.input_groups)
        if self.network.n_folds_ == 1:  # there are too few rows
            return False
        sums = self.network.held_out_sums_[:, 0].astype(np.float64)
        self.calibrator.fit(sums, labels, negative_sample_rate=negative_sample_rate)
        return True

    def _fit_inputs(self, frame: pd.DataFrame, labels: Labels, rows: DrawnRows) -> Features:
        """Learn how to make the network's inputs from a frame; returns those of its rows.

        Parameters
        ----------
        frame, labels : the training rows of `rows`, and behind them its validation rows if those train as well.
        """
        X = self.encoder.fit_transform(frame, labels)
        self.network.set_params(monotonic_cst=self.encoder.directions_)
        return X

    def _renew_inputs(self, validation: tuple[pd.DataFrame, Labels]) -> None:
        """Measure anew, on the validation rows of a refinement, what the inputs compare with: here nothing."""

    def _fit_network(self, X: Features, rows: DrawnRows, negative_sample_rate: float) -> None:
        """Train on rows, whose inputs are X, stop in time by their validation rows, and calibrate on them."""
        held_out, held_out_labels = rows.validation
        X_validation = self.inputs(self.encoder.transform(held_out))
        self.network.fit(X, rows.labels, rows.weights, validation_data=(X_validation, held_out_labels))
        log_odds: Array = self.network.decision_function(X_validation)
        self.calibrator.fit(log_odds.astype(np.float64), held_out_labels, negative_sample_rate=negative_sample_rate)

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

    def _weights(self, frame: pd.DataFrame) -> Floats:
        """The rows' weights as the table has them, 1 where it has none."""
        if self.table.weight is None:
            return np.ones(len(frame))
        return frame[self.table.weight.name].to_numpy(np.float64)

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


def _refuse_unfit(labels: Labels, validation_labels: Labels) -> None:
    """Labels are 0 or 1, and there is something to validate with."""
    for name, given in (("labels", labels), ("validation labels", validation_labels)):
        if not len(given):
            raise ValueError(f"there are no {name}; training and validation need at least one row each")
        if not np.isin(given, (0, 1)).all():
            raise ValueError(f"{name} must be 0 or 1, got {np.unique(given)[:10].tolist()}")
