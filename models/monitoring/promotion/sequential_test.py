"""The promotion test: whether the challenger is better than the champion, valid whenever one looks.

It compares the task's bounded loss: for binary models the Brier score, the squared difference between probability and
outcome. It lies between 0 and 1, and the true probability minimises its mean, so that "better" means better
probabilities. The log-loss is unbounded: clipped high, the test needs many times more rows; clipped low, it no longer
favours the true probability.

An improvement is the champion's loss minus the challenger's. In shadow mode both answer the same rows, and their losses
are compared row by row. A canary answers other rows than the champion, assigned by id with a known probability, so each
row is weighted by 1 / probability (inverse propensity weighting), and losses are measured from the mean of the rows
before, which changes no expectation and removes the level of the losses from the variance.

Rows are compared in the order of their predictions. In the order in which outcomes arrive, early ones would be of one
kind: defaults come before "paid back", and whoever predicts more of them looks better for months. The test reads a
first part of the rows; each row in it whose outcome is unknown counts as the outcome that favours the other verdict
(Manski 1990), so that outcomes that are late, or that come for some rows alone, make no verdict. Of the first parts
with at most so many unknown outcomes the one with the narrowest bounds is used: they hold for all at once.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, Field

from models.arrays import Floats
from models.contract import Task
from models.contract.rows import are_known, stacked
from models.monitoring.promotion.confidence_sequence import boundary

ALPHA = 0.05
MAX_BASELINE = 0.25
"""The Brier score of a constant 0.5; a higher baseline would only widen the range of possible values."""
MAX_NEEDED = 10**9
MAX_UNKNOWN = (0.0, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2)
"""Shares of unknown outcomes among the compared rows that are tried; more leave nothing to decide."""

Verdict: TypeAlias = Literal["better", "worse", "undecided"]


class PromotionTest(BaseModel):
    """The evidence of the outcomes so far about the challenger, valid at all times at once."""

    verdict: Verdict = Field(description="Whether the challenger is better or worse than the champion, or undecided.")
    n_predictions: int = Field(description="Compared predictions with a known outcome.")
    n_unknown: int = Field(
        0, description="Predictions between them whose outcome is unknown; they count against either verdict."
    )
    n_waiting: int = Field(
        0,
        description="Later comparable predictions, which wait for the outcomes of earlier ones: rows are compared in "
        "the order of their predictions.",
    )
    loss: str = Field("Brier score", description="The compared loss; between 0 and 1, lower is better.")
    champion_brier: float | None = Field(description="The champion's mean loss.")
    challenger_brier: float | None = Field(description="The challenger's mean loss.")
    improvement: float | None = Field(
        description="The champion's mean loss minus the challenger's, as estimated by the test; above 0 the "
        "challenger is better."
    )
    low: float | None = Field(description="Lower end of the confidence sequence of the mean improvement.")
    high: float | None = Field(description="Upper end of it.")
    confidence: float = 1 - ALPHA
    n_needed: int | None = Field(
        description="Approximate number of compared predictions for a decision if improvements continue as so far; "
        "null if unknown."
    )
    text: str = Field(description="The result in a sentence.")


def judge_shadow(
    champion: Iterable[Any], challenger: Iterable[Any], targets: Iterable[Any], *, task: Task, note: str = ""
) -> PromotionTest:
    """Compare predictions of the same rows, in the order of the predictions.

    Parameters
    ----------
    champion, challenger : predictions of n rows.
    targets : of each row, None or NaN where unknown.
    note : a sentence on which rows these are.
    """
    y, known = _known(targets)
    predictions = [stacked(one) for one in (champion, challenger)]
    ours, theirs = (task.bounded_losses(y, one) for one in predictions)
    improvements = ours - theirs
    by_target = [
        task.bounded_losses(at, predictions[0]) - task.bounded_losses(at, predictions[1])
        for at in _possible_targets(task, predictions[0])
    ] or [np.full(len(y), -1.0), np.full(len(y), 1.0)]
    least, most = (np.where(known, improvements, of(by_target, axis=0)) for of in (np.min, np.max))
    return _judged(task, least, most, known, ours, theirs, scale_below=1.0, scale_above=1.0, note=note)


def judge_canary(
    predictions: Iterable[Any],
    by_challenger: npt.ArrayLike,
    targets: Iterable[Any],
    *,
    share: float,
    task: Task,
    note: str = "",
) -> PromotionTest:
    """Compare predictions of different rows, in the order of the predictions.

    Parameters
    ----------
    predictions : the answered ones, of n rows.
    by_challenger : whether the row was assigned to the challenger, of shape (n,).
    targets : of each row, None or NaN where unknown.
    share : probability of that assignment.
    note : a sentence on which rows these are.
    """
    given, answered = np.asarray(by_challenger, bool), stacked(predictions)
    y, known = _known(targets)
    scores = task.bounded_losses(y, answered)
    by_target = [task.bounded_losses(at, answered) for at in _possible_targets(task, answered)]
    by_target = by_target or [np.zeros(len(y)), np.ones(len(y))]
    each = [
        canary_improvements(np.where(known, scores, of(by_target, axis=0)), given, share, known)
        for of in (np.min, np.max)
    ]
    return _judged(
        task,
        np.minimum(*each),
        np.maximum(*each),
        known,
        np.where(given, np.nan, scores),
        np.where(given, scores, np.nan),
        scale_below=max(1 / share, MAX_BASELINE / (1 - share)),
        scale_above=max(1 / (1 - share), MAX_BASELINE / share),
        note=note,
    )


def canary_improvements(
    scores: Floats, given: npt.NDArray[np.bool_], share: float, known: npt.NDArray[np.bool_] | None = None
) -> Floats:
    """Estimates of the improvement, one per row, unbiased over the random assignment of rows.

    Parameters
    ----------
    known : the rows whose scores make the means of the rows before; None for all.
    """
    counted = np.ones(len(scores)) if known is None else known.astype(np.float64)
    before = np.cumsum(counted) - counted
    sums = np.cumsum(scores * counted) - scores * counted
    means = np.divide(sums, before, out=np.zeros(len(scores)), where=before > 0)
    weights = np.where(given, -1 / share, 1 / (1 - share))
    return weights * (scores - np.minimum(means, MAX_BASELINE))


def _known(targets: Iterable[Any]) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """Targets with 0 in place of unknown ones, and which of them are known."""
    y = stacked(targets)
    known = are_known(y)
    y[~known] = 0.0
    return y, known


def _possible_targets(task: Task, predictions: Floats) -> list[Floats]:
    """Each value that a target may have, for all rows; none for numbers."""
    if not len(predictions):
        return []
    n_values = 2 if task.is_binary else predictions.shape[1] if task.name == "classes" else 0
    return [np.full(len(predictions), float(value)) for value in range(n_values)]


@dataclass(frozen=True)
class _Bounds:
    """The bounds of the mean improvement from the first n rows, of which some outcomes are unknown."""

    n: int
    low: float
    high: float


def _judged(
    task: Task,
    least: Floats,
    most: Floats,
    known: npt.NDArray[np.bool_],
    champion: Floats,
    challenger: Floats,
    *,
    scale_below: float,
    scale_above: float,
    note: str = "",
) -> PromotionTest:
    """The verdict on improvements that lie in [-scale_below, scale_above].

    Parameters
    ----------
    least, most : the improvement of each row; they differ where its outcome is unknown.
    champion, challenger : the losses of each row; NaN where the version did not answer, anything where unknown.
    """
    squares = np.cumsum(np.maximum(least**2, most**2))
    totals = np.cumsum(least), np.cumsum(most)
    candidates = []
    for n in _first_parts(known):
        low = (totals[0][n - 1] - boundary(float(squares[n - 1]), ALPHA / 2, scale_below)) / n
        high = (totals[1][n - 1] + boundary(float(squares[n - 1]), ALPHA / 2, scale_above)) / n
        candidates.append(_Bounds(n, float(low), float(high)))
    if not candidates:
        return _nothing_to_compare(task, len(known), note)
    best = min(candidates, key=lambda one: one.high - one.low)
    inside = known[: best.n]
    n_known, n = int(inside.sum()), best.n
    mean = float(least[:n][inside].mean())
    verdict: Verdict = "better" if best.low > 0 else "worse" if best.high < 0 else "undecided"
    scale, certain = (scale_below, totals[0][n - 1] / n) if mean > 0 else (scale_above, -totals[1][n - 1] / n)
    needed = None if verdict != "undecided" else _n_needed(float(certain), float(squares[n - 1]) / n, scale, at_least=n)
    return PromotionTest(
        verdict=verdict,
        loss=task.bounded_loss,
        n_predictions=n_known,
        n_unknown=n - n_known,
        n_waiting=len(known) - n,
        champion_brier=_mean(champion[:n][inside]),
        challenger_brier=_mean(challenger[:n][inside]),
        improvement=mean,
        low=best.low,
        high=best.high,
        n_needed=needed,
        text=_sentence(
            task.bounded_loss, verdict, mean, best, needed, n_known=n_known, n_waiting=len(known) - n, note=note
        ),
    )


def _first_parts(known: npt.NDArray[np.bool_]) -> list[int]:
    """The longest first parts with at most the shares MAX_UNKNOWN of unknown outcomes, as numbers of rows."""
    unknown = np.cumsum(~known) / np.arange(1, len(known) + 1)
    ends = {int(np.flatnonzero(unknown <= share)[-1]) + 1 for share in MAX_UNKNOWN if (unknown <= share).any()}
    return sorted(n for n in ends if known[:n].any())


def _nothing_to_compare(task: Task, n_waiting: int, note: str) -> PromotionTest:
    text = "There are no comparable predictions with a known outcome yet."
    if n_waiting:
        text = (
            f"The outcomes of the first of {n_waiting:,} comparable predictions are unknown; rows are compared in the "
            "order of their predictions, so send outcomes of all kinds, not the early ones alone."
        )
    return PromotionTest(
        verdict="undecided",
        loss=task.bounded_loss,
        n_predictions=0,
        n_waiting=n_waiting,
        champion_brier=None,
        challenger_brier=None,
        improvement=None,
        low=None,
        high=None,
        n_needed=None,
        text=" ".join(filter(None, [text, note])),
    )


def _mean(scores: Floats) -> float | None:
    answered = scores[~np.isnan(scores)]
    return float(answered.mean()) if len(answered) else None


def _n_needed(mean: float, mean_square: float, scale: float, *, at_least: int) -> int | None:
    """The number of rows, to within a tenth, after which such improvements decide; None if out of reach."""
    n = float(at_least)
    while n <= MAX_NEEDED:
        if n * mean > boundary(n * mean_square, ALPHA / 2, scale):
            return round(n)
        n = max(n * 1.1, n + 1)
    return None


def _sentence(
    loss: str,
    verdict: Verdict,
    mean: float,
    bounds: _Bounds,
    needed: int | None,
    *,
    n_known: int,
    n_waiting: int,
    note: str,
) -> str:
    within = f"between {bounds.low:+.5f} and {bounds.high:+.5f} at all times, 95 % confidence"
    said = (
        f"{loss[:1].upper()}{loss[1:]} improved by {mean:+.5f} ({within}) over {n_known:,} predictions with a known "
        "outcome"
    )
    text = f"The challenger is {verdict}: {said}."
    if verdict == "undecided":
        rest = f"about {needed:,} would decide at this rate" if needed else "no decision in sight at this rate"
        text = f"Undecided: {said}; {rest}."
    if n_unknown := bounds.n - n_known:
        text += f" {n_unknown:,} unknown outcomes among them count against either verdict."
    if n_waiting:
        text += f" {n_waiting:,} later predictions wait for the outcomes of earlier ones."
    return f"{text} {note}".rstrip()
