"""The promotion test: whether the challenger is better than the champion, valid whenever one looks.

It compares the task's bounded loss: for binary models the Brier score, the squared difference between probability and
outcome. It lies between 0 and 1, and the true probability minimises its mean, so that "better" means better
probabilities. The log-loss is unbounded: clipped high, the test needs many times more rows; clipped low, it no longer
favours the true probability.

An improvement is the champion's loss minus the challenger's. In shadow mode both answer the same rows, and their losses
are compared row by row. A canary answers other rows than the champion, assigned by id with a known probability, so each
row is weighted by 1 / probability (inverse propensity weighting), and losses are measured from the mean of the rows
before, which changes no expectation and removes the level of the losses from the variance.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, Field

from models.arrays import Floats
from models.contract import Task
from models.monitoring.promotion.confidence_sequence import boundary

ALPHA = 0.05
MAX_BASELINE = 0.25
"""The Brier score of a constant 0.5; a higher baseline would only widen the range of possible values."""
MAX_NEEDED = 10**9

Verdict: TypeAlias = Literal["better", "worse", "undecided"]


class PromotionTest(BaseModel):
    """The evidence of the outcomes so far about the challenger, valid at all times at once."""

    verdict: Verdict = Field(description="Whether the challenger is better or worse than the champion, or undecided.")
    n_predictions: int = Field(description="Compared predictions with a known outcome.")
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
    champion: npt.ArrayLike, challenger: npt.ArrayLike, targets: npt.ArrayLike, *, task: Task
) -> PromotionTest:
    """Compare predictions of the same rows, in the order of arrival of the outcomes.

    Parameters
    ----------
    champion, challenger : predictions of n rows.
    targets : of shape (n,).
    """
    y = np.asarray(targets, float)
    scores = [task.bounded_losses(y, np.asarray(one, float)) for one in (champion, challenger)]
    return _judged(task, scores[0] - scores[1], scores[0], scores[1], scale_below=1.0, scale_above=1.0)


def judge_canary(
    predictions: npt.ArrayLike, by_challenger: npt.ArrayLike, targets: npt.ArrayLike, *, share: float, task: Task
) -> PromotionTest:
    """Compare predictions of different rows, in the order of arrival of the outcomes.

    Parameters
    ----------
    predictions : the answered ones, of n rows.
    by_challenger : whether the row was assigned to the challenger, of shape (n,).
    targets : of shape (n,).
    share : probability of that assignment.
    """
    given = np.asarray(by_challenger, bool)
    scores = task.bounded_losses(np.asarray(targets, float), np.asarray(predictions, float))
    improvements = canary_improvements(scores, given, share)
    return _judged(
        task,
        improvements,
        scores[~given],
        scores[given],
        scale_below=max(1 / share, MAX_BASELINE / (1 - share)),
        scale_above=max(1 / (1 - share), MAX_BASELINE / share),
    )


def canary_improvements(scores: Floats, given: npt.NDArray[np.bool_], share: float) -> Floats:
    """Estimates of the improvement, one per row, unbiased over the random assignment of rows."""
    before = np.arange(len(scores))
    means = np.divide(np.cumsum(scores) - scores, before, out=np.zeros(len(scores)), where=before > 0)
    weights = np.where(given, -1 / share, 1 / (1 - share))
    return weights * (scores - np.minimum(means, MAX_BASELINE))


def _judged(
    task: Task,
    improvements: Floats,
    champion: Floats,
    challenger: Floats,
    *,
    scale_below: float,
    scale_above: float,
) -> PromotionTest:
    """The verdict on improvements that lie in [-scale_below, scale_above]."""
    n = len(improvements)
    if n == 0:
        text = "There are no comparable predictions with a known outcome yet."
        return PromotionTest(
            verdict="undecided",
            loss=task.bounded_loss,
            n_predictions=0,
            champion_brier=None,
            challenger_brier=None,
            improvement=None,
            low=None,
            high=None,
            n_needed=None,
            text=text,
        )
    squares, mean = float(np.sum(improvements**2)), float(np.mean(improvements))
    low = mean - boundary(squares, ALPHA / 2, scale_below) / n
    high = mean + boundary(squares, ALPHA / 2, scale_above) / n
    verdict: Verdict = "better" if low > 0 else "worse" if high < 0 else "undecided"
    scale = scale_below if mean > 0 else scale_above
    needed = None if verdict != "undecided" else _n_needed(abs(mean), squares / n, scale, at_least=n)
    return PromotionTest(
        verdict=verdict,
        loss=task.bounded_loss,
        n_predictions=n,
        champion_brier=_mean(champion),
        challenger_brier=_mean(challenger),
        improvement=mean,
        low=low,
        high=high,
        n_needed=needed,
        text=_sentence(task.bounded_loss, verdict, n, mean, low, high, needed),
    )


def _mean(scores: Floats) -> float | None:
    return float(scores.mean()) if len(scores) else None


def _n_needed(mean: float, mean_square: float, scale: float, *, at_least: int) -> int | None:
    """The number of rows, to within a tenth, after which such improvements decide; None if out of reach."""
    n = float(at_least)
    while n <= MAX_NEEDED:
        if n * mean > boundary(n * mean_square, ALPHA / 2, scale):
            return round(n)
        n = max(n * 1.1, n + 1)
    return None


def _sentence(loss: str, verdict: Verdict, n: int, mean: float, low: float, high: float, needed: int | None) -> str:
    bounds = f"between {low:+.5f} and {high:+.5f} at all times, 95 % confidence"
    said = (
        f"{loss[:1].upper()}{loss[1:]} improved by {mean:+.5f} ({bounds}) over {n:,} predictions with a known outcome"
    )
    if verdict != "undecided":
        return f"The challenger is {verdict}: {said}."
    rest = f"about {needed:,} would decide at this rate" if needed else "no decision in sight at this rate"
    return f"Undecided: {said}; {rest}."
