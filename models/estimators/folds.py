"""Rows held out to stop a training in time: one part of them, or in cross-validation each part in turn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from sklearn.model_selection import KFold, StratifiedKFold, train_test_split

from models.nn.arrays import Array
from models.nn.training import Epoch

_MIN_ROWS = 10  # held out: fewer cannot tell when to stop

Fold: TypeAlias = tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]
"""Numbers of the rows to train on, and of those that are held out."""


def fold_rows(
    n_rows: int, labels: npt.NDArray[np.intp] | None, weights: Array | None, *, n_folds: int, seed: int
) -> list[Fold]:
    """Divide the rows so that every row is held out once.

    Parameters
    ----------
    labels : class of each row, which then has its share in every fold; None for no classes.
    weights : of the rows; both sides of a fold need some. None if all count the same.
    n_folds : fewer are made of few rows, and none where there would be less than two.
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
    """Hold out a fraction of the rows; None of too few. Parameters as for `fold_rows`."""
    n_held_out = round(fraction * n_rows)
    if n_held_out < _MIN_ROWS:
        return None
    if labels is not None:
        _, n_of_class = np.unique(labels, return_counts=True)
        if n_of_class.min() < 2 or n_held_out < len(n_of_class):
            return None
    training, held_out = train_test_split(np.arange(n_rows), test_size=fraction, random_state=seed, stratify=labels)
    return (training, held_out) if _have_weight(weights, training, held_out) else None


def _have_weight(weights: Array | None, *parts: npt.NDArray[np.intp]) -> bool:
    """Whether each part holds a row whose weight is not 0."""
    return weights is None or all(weights[part].any() for part in parts)


@dataclass(frozen=True)
class Curves:
    """Losses after each epoch and the epoch that was kept; of several networks, their means.

    A network that has stopped counts with the epoch that it keeps.
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
    """The curves of several trainings as one."""
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
