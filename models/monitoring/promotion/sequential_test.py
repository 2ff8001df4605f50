"""Whether the challenger is better than the champion: a test that may be looked at at any time.

What is compared is the task's bounded loss: of binary models the Brier score, the squared distance of the probability
from what happened. It lies between 0 and 1 by itself, and the true probability minimises its mean, so that "better"
means better probabilities. The log-loss has no bound: cut off high it takes many times more rows until anything can be
said, cut off low it no longer favours the true probability.

Improvements are what the champion's score is above the challenger's. In shadow mode both answer the same row, and their
scores are compared row by row. A canary answers other rows than the champion, chosen by their ids with a known share,
so each row stands for 1 / share of the rows (inverse propensity weighting), and scores count from the mean score of the
rows before, which changes no mean and takes the height of the scores out of the variance.
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
"""The score of who always says 0.5; a baseline above it would only widen the range of what can come."""
MAX_NEEDED = 10**9

Verdict: TypeAlias = Literal["better", "worse", "undecided"]


class PromotionTest(BaseModel):
    """What the outcomes so far say about the challenger, valid at all times at once."""

    verdict: Verdict = Field(description="Of the challenger: better or worse than the champion, or not to be said yet.")
    n_predictions: int = Field(description="Predictions with a known outcome that were compared.")
    loss: str = Field("Brier score", description="What is compared; between 0 and 1, less is better.")
    champion_brier: float | None = Field(description="The champion's mean loss.")
    challenger_brier: float | None = Field(description="The challenger's mean loss.")
    improvement: float | None = Field(
        description="The champion's mean loss less the challenger's, as the test estimates it; above 0 the "
        "challenger is better."
    )
    low: float | None = Field(description="With the confidence below, the mean improvement never lies below this,")
    high: float | None = Field(description="nor above this, however often one looks.")
    confidence: float = 1 - ALPHA
    n_needed: int | None = Field(
        description="About so many compared predictions decide if improvements go on as they were; null where that "
        "cannot be said."
    )
    text: str = Field(description="The same in a sentence.")


def judge_shadow(
    champion: npt.ArrayLike, challenger: npt.ArrayLike, targets: npt.ArrayLike, *, task: Task
) -> PromotionTest:
    """Compare predictions of the same rows, in the order in which the outcomes came in.

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
    """Compare predictions of different rows, in the order in which the outcomes came in.

    Parameters
    ----------
    predictions : that were answered to n rows.
    by_challenger : whether chance gave the row to the challenger, of shape (n,).
    targets : of shape (n,).
    share : with which chance it did.
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
    """What each row says about the improvement: right on average over the chance that gave rows to the challenger."""
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
        text = "No outcome is known yet of a prediction that can be compared."
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
    """The number of rows, to a tenth, from which such improvements decide; None if it is out of reach."""
    n = float(at_least)
    while n <= MAX_NEEDED:
        if n * mean > boundary(n * mean_square, ALPHA / 2, scale):
            return round(n)
        n = max(n * 1.1, n + 1)
    return None


def _sentence(loss: str, verdict: Verdict, n: int, mean: float, low: float, high: float, needed: int | None) -> str:
    bounds = f"between {low:+.5f} and {high:+.5f} at all times, with 95 %"
    said = (
        f"{loss[:1].upper()}{loss[1:]} improved by {mean:+.5f} ({bounds}) over {n:,} predictions with a known outcome"
    )
    if verdict != "undecided":
        return f"The challenger is {verdict}: {said}."
    rest = f"about {needed:,} would decide if it goes on like this" if needed else "no end is in sight like this"
    return f"Undecided: {said}; {rest}."
