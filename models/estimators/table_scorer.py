"""TableScorer: what the models of all tasks have in common: a table's rows in, named scores out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pandas as pd

from data.table import Table
from models.arrays import Floats, Scores
from models.encoding import Features, TableEncoder
from models.estimators.base import BackpropEstimator
from models.estimators.negative_sampling import SamplingError
from models.nn.training import Callback

REFINE_RATE = 0.3
"""Refining goes on with this share of the preset's learning rate, which falls to 0 along half a cosine."""


REFINE_EPOCHS = 20
"""Most passes over the new rows; fewer if validation rows show no gain for REFINE_PATIENCE of them."""


REFINE_PATIENCE = 5


ROWS_AT_ONCE = 65_536
"""Rows of a frame that are encoded together; bounds the memory."""


class TableScorer(ABC):
    """Encoder and network of one model, trained together and stored together.

    Parameters
    ----------
    table : what a row holds.
    encoder, network : untrained.
    """

    def __init__(self, table: Table, encoder: TableEncoder, network: BackpropEstimator) -> None:
        self.table, self.encoder, self.network = table, encoder, network

    @abstractmethod
    def fit(
        self,
        frame: pd.DataFrame,
        targets: npt.NDArray[Any],
        *,
        weights: Floats | None = None,
        validation: tuple[pd.DataFrame, npt.NDArray[Any]],
        negative_sample_rate: float = 1.0,
        callbacks: Sequence[Callback] = (),
    ) -> Self:
        """Train on checked rows; the validation rows stop the training in time and calibrate what came out."""

    @abstractmethod
    def refine(
        self,
        frame: pd.DataFrame,
        targets: npt.NDArray[Any],
        *,
        weights: Floats | None = None,
        validation: tuple[pd.DataFrame, npt.NDArray[Any]],
        seed: int,
        negative_sample_rate: float = 1.0,
        callbacks: Sequence[Callback] = (),
    ) -> Self:
        """Go on training with checked new rows, in place; the encoder stays. Parameters as for `fit`."""

    @abstractmethod
    def scores(self, X: Features) -> Scores:
        """What the model says of encoded rows, from one pass. Equal rows get equal bits, alone or among others."""

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
    """A network that reads the encoded rows as they are, and what its outputs are calibrated by.

    Nothing in the encoding follows from the target, and no folds are made.
    """

    def fit(
        self,
        frame: pd.DataFrame,
        targets: npt.NDArray[Any],
        *,
        weights: Floats | None = None,
        validation: tuple[pd.DataFrame, npt.NDArray[Any]],
        negative_sample_rate: float = 1.0,
        callbacks: Sequence[Callback] = (),
    ) -> Self:
        """See `TableScorer`; SamplingError for a share of the negative rows, which are those of binary targets."""
        self._learn(self.encoder.fit_transform(frame), targets, weights, validation, negative_sample_rate, callbacks)
        return self

    def refine(
        self,
        frame: pd.DataFrame,
        targets: npt.NDArray[Any],
        *,
        weights: Floats | None = None,
        validation: tuple[pd.DataFrame, npt.NDArray[Any]],
        seed: int,
        negative_sample_rate: float = 1.0,
        callbacks: Sequence[Callback] = (),
    ) -> Self:
        """See `TableScorer`."""
        with refinement(self.network, seed=seed, callbacks=callbacks):
            X = self.encoder.transform(frame)
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
            raise SamplingError("only rows of a target with two values can be sampled by it; leave the share out")
        X_validation = self.encoder.transform(validation[0])
        network: Any = self.network
        network.set_params(callbacks=list(callbacks))
        network.fit(X, targets, weights, validation_data=(X_validation, validation[1]))
        network.set_params(callbacks=None)  # what a caller hung on is not part of the model
        self._calibrate(X_validation, validation[1])

    @abstractmethod
    def _calibrate(self, X: Features, targets: npt.NDArray[Any]) -> None:
        """Find what makes the outputs right on encoded rows that the network was not trained on."""


@contextmanager
def refinement(network: BackpropEstimator, *, seed: int, callbacks: Sequence[Callback]) -> Iterator[None]:
    """While the block runs, `fit` goes on from the present weights: for few passes, with small steps, stopped early."""
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
