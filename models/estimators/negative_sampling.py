"""Negative down-sampling: train on a share of the negative rows, and correct the probabilities afterwards.

Where events are rare, most negative rows add training time and little information. If negative rows are kept with
probability w and a model predicts q on such rows, the probability on all rows is p = q / (q + (1 - q) / w) (He et al.
2014, "Practical lessons from predicting clicks on ads at Facebook", section 6.3): log(w) is added to the log-odds.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from models.arrays import Labels
from models.errors import ModelError


class SamplingError(ModelError):
    """A sample rate that is invalid or leaves no negative row."""


def checked_share(negative_sample_rate: float) -> float:
    """The share, if it is in (0, 1]; SamplingError otherwise."""
    if not 0 < negative_sample_rate <= 1:
        raise SamplingError(
            f"the share of rows without the event to keep must be above 0 and at most 1, got {negative_sample_rate:g}"
        )
    return negative_sample_rate


def kept_rows(labels: Labels, negative_sample_rate: float, *, seed: int) -> npt.NDArray[np.intp]:
    """Positions of all positive rows and of a random share of the negative ones, ascending.

    Parameters
    ----------
    labels : 0 or 1, shape (n_rows,).
    negative_sample_rate : the share, in (0, 1].

    Raises
    ------
    SamplingError
        The share is invalid, or so small that no negative row is left.
    """
    checked_share(negative_sample_rate)
    negatives = np.flatnonzero(labels == 0)
    n_kept = round(negative_sample_rate * len(negatives))
    if len(negatives) and not n_kept:
        raise SamplingError(
            f"a share of {negative_sample_rate:g} leaves none of {len(negatives):,} rows without the event; "
            "keep more of them"
        )
    drawn = np.random.default_rng(seed).choice(negatives, n_kept, replace=False)
    return np.sort(np.concatenate([np.flatnonzero(labels == 1), drawn])).astype(np.intp)


@dataclass(frozen=True, eq=False)
class DrawnRows:
    """The training set after sampling, and the validation set."""

    frame: pd.DataFrame
    labels: Labels
    validation: tuple[pd.DataFrame, Labels]


def drawn_rows(
    frame: pd.DataFrame,
    labels: Labels,
    validation: tuple[pd.DataFrame, Labels],
    negative_sample_rate: float,
    *,
    seed: int,
) -> DrawnRows:
    """Apply `kept_rows` to the training set and to the validation set; a share of 1 keeps all rows."""
    if checked_share(negative_sample_rate) == 1:
        return DrawnRows(frame, labels, validation)
    held_out, held_out_labels = validation
    rows, held_out_rows = (kept_rows(each, negative_sample_rate, seed=seed) for each in (labels, held_out_labels))
    return DrawnRows(
        frame.iloc[rows],
        labels[rows],
        (held_out.iloc[held_out_rows], held_out_labels[held_out_rows]),
    )
