"""SparseClassifier: the classifier for sparse rows, such as texts as n-grams."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from models.encoding.feature_groups import FeatureGroups
from models.estimators.classifier import BackpropClassifier
from models.nn.network import Network
from models.nn.rows import Rows
from models.nn.sparse_network import SparseNetwork

INPUT_DROPOUT = 0.2
"""Share of a row's entries that each training step leaves out: no single n-gram may decide."""


class SparseClassifier(BackpropClassifier):
    """A `BackpropClassifier` whose X are `nn.sparse_rows.SparseRows`, and whose first hidden layer has relu units.

    Folds, input scales and `monotonic_cst` are for dense rows.
    """

    stored_as: ClassVar[str] = "sparse_classifier"
    stored_fields: ClassVar[Mapping[str, str]] = {**BackpropClassifier.stored_fields, "network_": "sparse_network"}

    def _train(self, rows: Rows, validation: Rows | None, **how: Any) -> None:
        super()._train(rows, validation, **how)
        network: Any = self.network_
        network.round_as_stored()

    def _new_network(
        self, rows: Rows, *, output: str, rng: np.random.Generator, groups: FeatureGroups | None = None
    ) -> Network:
        hidden = np.atleast_1d(self.settings.hidden_layer_sizes).tolist()
        return SparseNetwork(
            (rows.inputs.shape[1], *hidden, rows.targets.shape[1]),
            output_activation=output,
            n_members=self.settings.n_members,
            dropout=self.settings.dropout,
            input_dropout=INPUT_DROPOUT,
            rng=rng,
        )
