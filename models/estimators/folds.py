"""Held-out rows for early stopping: a single split, or folds; and the mean learning curves of folds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from sklearn.model_selection import KFold, StratifiedKFold, train_test_split

from models.nn.arrays import Array
from models.nn.training import Epoch

_MIN_ROWS = 10  # held out; the loss on fewer is too noisy for early stopping

Fold: TypeAlias = tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]
"""Indices of the training rows and of the held-out rows."""


def fold_rows(
    n_rows: int, labels: npt.NDArray[np.intp] | None, weights: Array | None, *, n_folds: int, seed: int
) -> list[Fold]:
    """Divide the rows into folds, so that every row is held out once.

    Parameters
    ----------
    labels : class of each row, for stratification; None without classes.
    weights : of the rows; both sides of a fold need a positive one. None for equal weights.
    n_folds : reduced for few rows; no folds if fewer than two remain.
    """
    n_folds = min(n_folds, n_rows // _MIN_ROWS)
    if labels is not None:
        n_folds = min(n_folds, int(np.unique(labels, return_counts=True)[1].min()))
    if n_folds < 2:
        return []
    kind = KFold if labels is None else StratifiedKFold
    splitter = kind(n_folds, shuffle=True, random_state=seed)
    folds = list(splitter.split(np.zeros(n_rows), labels))
    return folds if all(_have_weight(weights, *fold) for fold in folds) else []


def split_off(
    n_rows: int, labels: npt.NDArray[np.intp] | None, weights: Array | None, *, fraction: float, seed: int
) -> Fold | None:
    """Hold out a fraction of the rows; None if they are too few. Parameters as for `fold_rows`."""
    n_held_out = round(fraction * n_rows)
    if n_held_out < _MIN_ROWS:
        return None
    if labels is not None:
        _, n_of_class = np.unique(labels, return_counts=True)
        if n_of_class.min() < 2 or n_held_out < len(n_of_class):
            return None
    # Stratified, since a rare class could be missing from few held-out rows
    training, held_out = train_test_split(np.arange(n_rows), test_size=fraction, random_state=seed, stratify=labels)
    return (training, held_out) if _have_weight(weights, training, held_out) else None


def _have_weight(weights: Array | None, *parts: npt.NDArray[np.intp]) -> bool:
    """Whether each part has a row with a positive weight."""
    return weights is None or all(weights[part].any() for part in parts)


@dataclass(frozen=True)
class Curves:
    """Losses after each epoch, and the best epoch; for several networks, means.

    After a network has stopped, the loss of its best epoch is used.
    """

    training: list[float]
    validation: list[float]
    n_epochs: int
    best_epoch: int


def curves(epochs: list[Epoch], best_epoch: int) -> Curves:
    """The curves of one training."""
    return Curves(
        training=[epoch.training_loss for epoch in epochs],
        validation=[epoch.validation_loss for epoch in epochs if epoch.validation_loss is not None],
        n_epochs=len(epochs),
        best_epoch=best_epoch,
    )


def mean_curves(folds: list[Curves]) -> Curves:
    """The mean curves of several trainings."""
    n_epochs = max(fold.n_epochs for fold in folds)

    def mean(losses: list[list[float]], best_epochs: list[int]) -> list[float]:
        rows: list[Array] = []
        for values, best in zip(losses, best_epochs, strict=True):
            kept = values[max(best, 1) - 1]
            rows.append(np.array(values + [kept] * (n_epochs - len(values))))
        means: list[float] = np.mean(rows, axis=0).tolist()
        return means

    best_epochs = [fold.best_epoch for fold in folds]
    return Curves(
        training=mean([fold.training for fold in folds], best_epochs),
        validation=mean([fold.validation for fold in folds], best_epochs),
        n_epochs=n_epochs,
        best_epoch=round(float(np.mean(best_epochs))),
    )
