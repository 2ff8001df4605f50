"""TableScorer: the common base of all tasks' models, from the rows of a table to named scores."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt
import pandas as pd

from data.table import Table
from models.arrays import Floats, Scores
from models.encoding import Features, TableEncoder
from models.encoding.sentences.encoder import SentenceEncoder
from models.estimators.base import BackpropEstimator
from models.estimators.negative_sampling import SamplingError
from models.nn.training import Callback

REFINE_RATE = 0.3
"""Initial learning rate of a refinement as a share of the preset's; it decays to 0 by a cosine schedule."""
REFINE_EPOCHS = 20
"""Maximum passes over the new rows."""
REFINE_PATIENCE = 5
"""Passes without a lower validation loss before a refinement stops."""
ROWS_AT_ONCE = 65_536
"""Rows of a frame that are encoded together; bounds the memory."""


class TableScorer(ABC):
    """Encoder and network of one model, trained together and stored together.

    Parameters
    ----------
    table : describes the rows.
    encoder, network : untrained.

    Attributes
    ----------
    reads_texts : whether its encoder is a `TextEncoder`.
    """

    reads_texts: ClassVar[bool] = False

    def __init__(self, table: Table, encoder: TableEncoder, network: BackpropEstimator) -> None:
        self.table, self.encoder, self.network = table, encoder, network

    @abstractmethod
    def fit(
        self,
        frame: pd.DataFrame,
        targets: npt.NDArray[Any],
        *,
        validation: tuple[pd.DataFrame, npt.NDArray[Any]],
        negative_sample_rate: float = 1.0,
        callbacks: Sequence[Callback] = (),
    ) -> Self:
        """Train on checked rows; the validation rows serve early stopping and calibration.

        Both count by the weights that the table names, see `Table.row_weights`.
        """

    def read_sentences(self, sentences: SentenceEncoder) -> None:
        """Read the vectors of a sentence encoder as well, from the next `fit` on; only scorers that read texts do."""
        raise NotImplementedError

    @abstractmethod
    def refine(
        self,
        frame: pd.DataFrame,
        targets: npt.NDArray[Any],
        *,
        validation: tuple[pd.DataFrame, npt.NDArray[Any]],
        seed: int,
        negative_sample_rate: float = 1.0,
        callbacks: Sequence[Callback] = (),
    ) -> Self:
        """Continue training on checked new rows, in place; the encoder is kept. Parameters as for `fit`."""

    @abstractmethod
    def scores(self, X: Features) -> Scores:
        """The model's scores of encoded rows, from one pass. Equal rows get equal bits, alone or in a batch."""

    def frame_scores(self, frame: pd.DataFrame) -> Scores:
        """The `scores` of the rows of a checked frame."""
        starts = range(0, len(frame), ROWS_AT_ONCE) or [0]
        parts = [self.scores(self.encoder.transform(frame.iloc[start : start + ROWS_AT_ONCE])) for start in starts]
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

    @property
    def column_names(self) -> list[str]:
        """The columns of the table that the model reads."""
        return list(self.encoder.column_names_)


class PlainScorer(TableScorer):
    """A network on the encoded rows, and the calibration of its outputs.

    The encoding does not depend on the target, and there are no folds.
    """

    def fit(
        self,
        frame: pd.DataFrame,
        targets: npt.NDArray[Any],
        *,
        validation: tuple[pd.DataFrame, npt.NDArray[Any]],
        negative_sample_rate: float = 1.0,
        callbacks: Sequence[Callback] = (),
    ) -> Self:
        """See `TableScorer`; SamplingError for a negative sample rate, which only binary targets support."""
        weights = self.table.row_weights(frame)
        self._learn(self.encoder.fit_transform(frame), targets, weights, validation, negative_sample_rate, callbacks)
        return self

    def refine(
        self,
        frame: pd.DataFrame,
        targets: npt.NDArray[Any],
        *,
        validation: tuple[pd.DataFrame, npt.NDArray[Any]],
        seed: int,
        negative_sample_rate: float = 1.0,
        callbacks: Sequence[Callback] = (),
    ) -> Self:
        """See `TableScorer`."""
        with refinement(self.network, seed=seed, callbacks=callbacks):
            X, weights = self.encoder.transform(frame), self.table.row_weights(frame)
            self._learn(X, targets, weights, validation, negative_sample_rate, callbacks)
        return self

    def _learn(
        self,
        X: Features,
        targets: npt.NDArray[Any],
        weights: Floats | None,
        validation: tuple[pd.DataFrame, npt.NDArray[Any]],
        negative_sample_rate: float,
        callbacks: Sequence[Callback],
    ) -> None:
        if negative_sample_rate != 1:
            raise SamplingError("negative sampling is for binary targets only; leave out the negative sample rate")
        X_validation, held_out_weights = self.encoder.transform(validation[0]), self.table.row_weights(validation[0])
        network: Any = self.network
        network.set_params(callbacks=list(callbacks))
        network.fit(X, targets, weights, validation_data=(X_validation, validation[1], held_out_weights))
        network.set_params(callbacks=None)  # callbacks are not part of the model
        self._calibrate(X_validation, validation[1], held_out_weights)

    @abstractmethod
    def _calibrate(self, X: Features, targets: npt.NDArray[Any], weights: Floats | None) -> None:
        """Calibrate the outputs on encoded rows that the network was not trained on."""


@contextmanager
def refinement(network: BackpropEstimator, *, seed: int, callbacks: Sequence[Callback]) -> Iterator[None]:
    """Within the block, `fit` continues from the current weights: few passes, small steps, early stopping."""
    usual = network.get_params()
    network.set_params(
        warm_start=True,
        learning_rate=REFINE_RATE * network.settings.learning_rate,
        schedule="cosine",
        max_epochs=REFINE_EPOCHS,
        patience=REFINE_PATIENCE,
        random_state=seed,
        callbacks=list(callbacks),
    )
    try:
        yield
    finally:
        network.set_params(**usual)
