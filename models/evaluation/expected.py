"""How good probabilities are before any outcome is known: what they themselves let one expect.

If a model is calibrated, a probability says how likely the event is, and so how good the model must be expected to be:
its AUC, log-loss and Brier score follow from the probabilities alone (NannyML calls this confidence-based performance
estimation). What this cannot see is a world in which the same row means another risk than in training: there the
probabilities are wrong, and so is what follows from them.
"""

from __future__ import annotations

import numpy as np
from pydantic import BaseModel, Field
from scipy.stats import rankdata

from models.arrays import Floats
from models.evaluation.measures import CLIP, MIN_ROWS, NOTHING, Measure

N_DRAWS = 400
ASSUMES = (
    "The probabilities are calibrated for the rows that come now: what a row holds still means the risk it meant in "
    "training. A change of that meaning shows only in outcomes."
)


class Expected(BaseModel):
    """How good probabilities can be expected to be; intervals hold 95 % of what chance makes of the outcomes."""

    n_rows: int
    event_rate: Measure
    auc: Measure
    log_loss: Measure
    brier: Measure
    assumes: str = Field(ASSUMES, description="What must hold for this.")


def expected(probabilities: Floats, *, seed: int = 0, n_draws: int = N_DRAWS) -> Expected:
    """What to expect of probabilities of shape (n_rows,).

    Outcomes are drawn from the probabilities again and again, and each measure is taken of each draw; the mean is the
    estimate. Too few rows give none.
    """
    n = len(probabilities)
    if n < MIN_ROWS:
        return Expected(n_rows=n, event_rate=NOTHING, auc=NOTHING, log_loss=NOTHING, brier=NOTHING)
    rng = np.random.default_rng(seed)
    clipped = np.clip(probabilities, CLIP, 1 - CLIP)
    loss_of_event, loss_of_other = -np.log(clipped), -np.log1p(-clipped)
    ranks = rankdata(probabilities)
    drawn = np.empty((4, n_draws))
    for i in range(n_draws):
        event = rng.random(n) < probabilities
        m = int(event.sum())
        drawn[0, i] = m / n
        is_defined = 0 < m < n
        drawn[1, i] = (ranks[event].sum() - m * (m + 1) / 2) / (m * (n - m)) if is_defined else np.nan
        drawn[2, i] = np.where(event, loss_of_event, loss_of_other).mean()
        drawn[3, i] = ((probabilities - event) ** 2).mean()
    rate, auc, log_loss, brier = (_measure(values) for values in drawn)
    return Expected(n_rows=n, event_rate=rate, auc=auc, log_loss=log_loss, brier=brier)


def _measure(drawn: Floats) -> Measure:
    if np.isnan(drawn).any():  # the event is so rare that draws are without it
        return NOTHING
    low, high = np.quantile(drawn, [0.025, 0.975])
    return Measure(value=float(drawn.mean()), low=float(low), high=float(high))
