"""ClassScorer: the calibrated probability of each level of a target."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize_scalar

from data.table import Table
from models.arrays import Floats, Scores
from models.encoding import EncodedRows, Features, TableEncoder
from models.estimators.classifier import BackpropClassifier
from models.estimators.table_scorer import PlainScorer
from models.presets import Preset

MAX_TEMPERATURE = 20.0
"""Search range of the temperature, from the inverse of this on."""


class ClassScorer(PlainScorer):
    """Calibrated softmax over the levels of the target.

    Attributes
    ----------
    temperature : divisor of the network's sums (Guo et al. 2017, "On calibration of modern neural networks"); above 1
        if the network is overconfident.
    """

    stored_as: ClassVar[str] = "class_scorer"
    stored_fields: ClassVar[Mapping[str, str]] = {
        "table": "table",
        "encoder": "table_encoder",
        "network": "classifier",
        "temperature": "float",
    }
    network: BackpropClassifier

    def __init__(self, table: Table, preset: Preset, seed: int) -> None:
        network = BackpropClassifier(**{**preset.network, "n_folds": 1}, random_state=seed)
        super().__init__(table, TableEncoder(table, **preset.encoder), network)
        self.temperature = 1.0

    def _calibrate(self, X: Features, targets: npt.NDArray[Any], weights: Floats | None) -> None:
        sums = self._sums(X)
        places = np.searchsorted(self.network.classes_, targets)

        # As many errors as Laplace's rule expects after none in so many rows (Platt 1999, section 2.2): if all
        # validation rows are right, their likelihood alone would make every later prediction certain
        n_rows, n_classes = sums.shape
        wrong = 1 / (n_rows + 2)

        def loss(log_temperature: float) -> float:
            logs = np.log(np.maximum(softmax(sums / np.exp(log_temperature)), 1e-12))
            right = logs[np.arange(len(places)), places]
            others = (logs.sum(axis=1) - right) / (n_classes - 1)
            return float(-np.average((1 - wrong) * right + wrong * others, weights=weights))

        # In logarithms, so that the temperature stays positive and 1/2 is as near to 1 as 2
        edges = (-np.log(MAX_TEMPERATURE), np.log(MAX_TEMPERATURE))
        self.temperature = float(np.exp(minimize_scalar(loss, bounds=edges, method="bounded").x))

    def scores(self, X: EncodedRows) -> Scores:
        """The `probabilities`, shape (n_rows, n_levels), in the order of the target's levels."""
        of_seen = softmax(self._sums(X) / self.temperature)
        # Levels that are missing from the training set keep the probability 0
        probabilities = np.zeros((len(X), len(self.table.target.levels)))
        probabilities[:, self.network.classes_] = of_seen
        return {"probabilities": probabilities}

    def _sums(self, X: EncodedRows) -> Floats:
        """One sum per level; a network for two levels has a single output, the log-odds of the second."""
        sums = self.network.network_.mean_sums(X).astype(np.float64)
        return np.concatenate([np.zeros_like(sums), sums], axis=1) if sums.shape[1] == 1 else sums


def softmax(sums: Floats) -> Floats:
    """Probabilities of shape (n_rows, n_levels) that add up to 1 in each row."""
    exponentials = np.exp(sums - sums.max(axis=1, keepdims=True))
    probabilities: Floats = exponentials / exponentials.sum(axis=1, keepdims=True)
    return probabilities
