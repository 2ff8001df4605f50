"""Expected performance of probabilities without outcomes (confidence-based performance estimation).

For a calibrated model, the expected AUC, log-loss and Brier score follow from its probabilities alone (the name of the
method is NannyML's). It is blind to concept drift: if the risk of the same row changes, the probabilities are wrong,
and so are the estimates.
"""

from __future__ import annotations

import numpy as np
from pydantic import BaseModel, Field
from scipy.stats import rankdata

from models.arrays import Floats
from models.evaluation.measures import CLIP, MIN_ROWS, NOTHING, Measure

N_DRAWS = 400
ASSUMES = (
    "The probabilities are calibrated for current rows: the same inputs carry the same risk as in training. "
    "Concept drift shows only in outcomes."
)


class Expected(BaseModel):
    """Expected performance; 95 % intervals over random outcomes."""

    n_rows: int
    event_rate: Measure
    auc: Measure
    log_loss: Measure
    brier: Measure
    assumes: str = Field(ASSUMES, description="Assumption of the estimates.")


def expected(probabilities: Floats, *, seed: int = 0, n_draws: int = N_DRAWS) -> Expected:
    """Expected performance of probabilities of shape (n_rows,).

    Outcomes are simulated from the probabilities, and each measure is averaged over the draws; null for too few rows.
    """
    n = len(probabilities)
    if n < MIN_ROWS:
        return Expected(n_rows=n, event_rate=NOTHING, auc=NOTHING, log_loss=NOTHING, brier=NOTHING)
    rng = np.random.default_rng(seed)
    clipped = np.clip(probabilities, CLIP, 1 - CLIP)  # keeps the loss of a certain error finite
    loss_of_event, loss_of_other = -np.log(clipped), -np.log1p(-clipped)
    ranks = rankdata(probabilities)
    drawn = np.empty((4, n_draws))
    for i in range(n_draws):
        event = rng.random(n) < probabilities
        m = int(event.sum())
        drawn[0, i] = m / n
        is_defined = 0 < m < n
        # The Mann-Whitney statistic; ranks are computed once, since the scores are the same in each draw
        drawn[1, i] = (ranks[event].sum() - m * (m + 1) / 2) / (m * (n - m)) if is_defined else np.nan
        drawn[2, i] = np.where(event, loss_of_event, loss_of_other).mean()
        drawn[3, i] = ((probabilities - event) ** 2).mean()
    rate, auc, log_loss, brier = (_measure(values) for values in drawn)
    return Expected(n_rows=n, event_rate=rate, auc=auc, log_loss=log_loss, brier=brier)


def _measure(drawn: Floats) -> Measure:
    if np.isnan(drawn).any():  # some draws have no event
        return NOTHING
    low, high = np.quantile(drawn, [0.025, 0.975])
    return Measure(value=float(drawn.mean()), low=float(low), high=float(high))
