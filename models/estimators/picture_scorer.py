"""PictureScorer: calibrated probabilities of what a small picture shows, how unusual it is, and which pixels say so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isqrt
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt
import pandas as pd

from data.table import Table
from models.arrays import Floats, Scores
from models.encoding import Features, TableEncoder
from models.estimators.autoencoder import BackpropAutoencoder
from models.estimators.class_scorer import ClassScorer
from models.estimators.classifier import BackpropClassifier
from models.estimators.integrated_gradients import integrated_gradients
from models.estimators.moved_pictures import Moves, moved
from models.estimators.percentiles import percentiles_in, quantile_table
from models.nn.training import Callback
from models.presets import Preset

N_PERCENTILES = 1001
MAX_VALUES = 100_000_000
"""Pixels of all copies together; bounds the memory of training."""
SHAPES: Mapping[str, dict[str, Any]] = {
    "fast": {"hidden_layer_sizes": (128, 32), "n_members": 1, "max_epochs": 10},
    "balanced": {"hidden_layer_sizes": (256, 32), "n_members": 3, "max_epochs": 15},
    "best": {"hidden_layer_sizes": (256, 32), "n_members": 6, "max_epochs": 20},
}
N_COPIES: Mapping[str, int] = {"fast": 8, "balanced": 20, "best": 30}
"""Moved copies of each training picture."""
MOVES = Moves()


class PictureScorer(ClassScorer):
    """A network on the pixels of square pictures, trained on moved copies of them as well.

    An autoencoder of the same pictures says how unlike them a picture is.

    Parameters
    ----------
    table : its features are the pixels, row by row from the top left.

    Attributes
    ----------
    n_copies : moved copies of each training picture.
    blank : value of a pixel without ink: the median along the edges of the training pictures.
    autoencoder : of the training pictures and their copies.
    percentiles : of its error on pictures that it was not trained on, N_PERCENTILES from 0 to 100.
    """

    stored_as: ClassVar[str] = "picture_scorer"
    stored_fields: ClassVar[Mapping[str, str]] = {
        **ClassScorer.stored_fields,
        "blank": "float",
        "n_copies": "int",
        "autoencoder": "autoencoder",
        "percentiles": f"float64[{N_PERCENTILES}]",
    }
    blank: float
    percentiles: Floats

    def __init__(self, table: Table, preset: Preset, seed: int) -> None:
        super().__init__(table, preset, seed)
        # Neighbouring pixels are alike, so that all of them together need no bins
        self.encoder = TableEncoder(table, n_bins=0, n_target_bins=0, most_values=0, statistics_from=0)
        shape, self.n_copies = SHAPES[preset.name], N_COPIES[preset.name]
        self.network = BackpropClassifier(
            **shape,
            activation="silu",
            dropout=0.2,
            learning_rate=2e-3,
            schedule="cosine",
            weight_decay=1e-2,
            n_folds=1,
            input_scale_rate=0.0,
            batch_size=64,
            patience=shape["max_epochs"],
            random_state=seed,
        )
        self.autoencoder = BackpropAutoencoder(
            (64, 6, 64), activation="silu", max_epochs=shape["max_epochs"], batch_size=64, random_state=seed
        )

    @property
    def side(self) -> int:
        """Rows and columns of a picture."""
        return isqrt(len(self.table.features))

    def fit(
        self,
        frame: pd.DataFrame,
        targets: npt.NDArray[Any],
        *,
        validation: tuple[pd.DataFrame, npt.NDArray[Any]],
        negative_sample_rate: float = 1.0,
        callbacks: Sequence[Callback] = (),
    ) -> Self:
        """See `TableScorer`; trains on the pictures and on moved copies, and then the autoencoder on both."""
        self.blank = _blank(self._pictures(frame))
        grown, targets = self._with_copies(frame, targets, seed=self.network.random_state)
        self._fit_encoder(grown)
        X = self.encoder.transform(grown)
        self._learn(X, targets, self.table.row_weights(grown), validation, negative_sample_rate, callbacks)
        self.autoencoder.set_params(callbacks=list(callbacks))
        self.autoencoder.fit(X)
        self.autoencoder.set_params(callbacks=None)
        self.percentiles = quantile_table(self._errors(self.encoder.transform(validation[0])), N_PERCENTILES)
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
        """See `TableScorer`; the autoencoder is kept, as the encoder is."""
        grown, targets = self._with_copies(frame, targets, seed=seed)
        return super().refine(
            grown,
            targets,
            validation=validation,
            seed=seed,
            negative_sample_rate=negative_sample_rate,
            callbacks=callbacks,
        )

    def _fit_encoder(self, frame: pd.DataFrame) -> None:
        """One scale for all pixels: each by itself would make a rare touch of the edge as large as a stroke."""
        self.encoder.fit(frame)
        pixels, numbers = self._pictures(frame), self.encoder.numbers_
        numbers.medians[:] = np.nanmean(pixels)
        numbers.scales[:] = 1 / (np.nanstd(pixels) or 1.0)

    def _pictures(self, frame: pd.DataFrame) -> Floats:
        """The pixels of a frame, shape (n_rows, side, side); missing ones are NaN."""
        pixels = frame[[column.name for column in self.table.features]].to_numpy(np.float64)
        return pixels.reshape(-1, self.side, self.side)

    def _with_copies(
        self, frame: pd.DataFrame, targets: npt.NDArray[Any], *, seed: int
    ) -> tuple[pd.DataFrame, npt.NDArray[Any]]:
        """The rows, followed by their moved copies."""
        pictures = np.nan_to_num(self._pictures(frame), nan=self.blank)
        n_copies = min(self.n_copies, MAX_VALUES // max(pictures.size, 1))
        rng = np.random.default_rng(seed)
        names = [column.name for column in self.table.features]
        copies = []
        for _ in range(n_copies):
            pixels = moved(pictures, rng, MOVES, blank=self.blank).reshape(len(frame), -1)
            copies.append(frame.assign(**dict(zip(names, pixels.T, strict=True))))
        return pd.concat([frame, *copies], ignore_index=True), np.tile(targets, n_copies + 1)

    def _errors(self, X: Features) -> Floats:
        return self.autoencoder.reconstruction_errors(X).astype(np.float64)

    def scores(self, X: Any) -> Scores:
        """The `probabilities`, see `ClassScorer`, and `unusual`: per cent of known pictures that are less so.

        A blank picture is easily drawn again, and the most unusual of all: there is nothing to read.
        """
        unusual = percentiles_in(self.percentiles, self._errors(X))
        unusual[(self._blank_row() == X).all(axis=1)] = 100
        return {**super().scores(X), "unusual": unusual}

    def saliency(self, x: Features) -> Floats:
        """Contribution of each pixel to the log-odds of the most probable level against the second, shape (n_pixels,).

        Relative to a blank picture, calibrated: they add up to how far the log-odds are from those of blank.

        Parameters
        ----------
        x : one encoded row, shape (n_features,).
        """
        sums = self._sums(x[None])[0]
        second, first = np.argsort(sums)[-2:]
        weights = np.zeros(len(sums), np.float32)
        weights[first], weights[second] = 1, -1
        if self.network.network_.layers[-1].n_outputs == 1:
            weights = weights[1:]
        shares = integrated_gradients(self.network.network_, x, self._blank_row(), weights)
        by_pixel: Floats = np.bincount(self.encoder.owners_, shares, minlength=self.side**2) / self.temperature
        return by_pixel

    def hidden(self, X: Features) -> Floats:
        """The last hidden layer of the first network, shape (n_rows, n_units)."""
        outputs: Any = X
        for layer in self.network.network_.member(0).layers[:-1]:
            outputs = layer.predict(outputs)
        found: Floats = outputs[0].astype(np.float64)
        return found

    def _blank_row(self) -> Features:
        blank: Features = self.encoder.encode_rows([{column.name: self.blank for column in self.table.features}])[0]
        return blank

    def check_restored(self) -> None:
        """ValueError unless the autoencoder reads what the encoder makes."""
        if (n_read := self.autoencoder.n_features_in_) != len(self.encoder.owners_):
            raise ValueError(f"the autoencoder reads {n_read} features, the encoder makes {len(self.encoder.owners_)}")


def _blank(pictures: Floats) -> float:
    """The median of the outermost pixels."""
    edges = np.ones(pictures.shape[1:], np.bool_)
    edges[1:-1, 1:-1] = False
    return float(np.nan_to_num(np.nanmedian(pictures[:, edges])))
