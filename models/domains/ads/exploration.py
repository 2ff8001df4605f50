"""Choice of the first ad and its propensity: greedy, epsilon-greedy, or Thompson sampling."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from models.arrays import Floats
from models.domains.ads.policy import AdsPolicy

ChosenBy: TypeAlias = Literal["greedy", "epsilon", "thompson"]


@dataclass(frozen=True)
class Choice:
    """The ad to show.

    Parameters
    ----------
    shown : its position among the candidates; None if none is eligible.
    chosen_by : "greedy" for the highest value, "epsilon" for a uniform draw among the eligible ads, "thompson" for the
        highest value according to a randomly drawn ensemble member.
    propensities : probability of each candidate being shown, shape (n_candidates,); their sum is 1, or 0
        if none is eligible.
    """

    shown: int | None
    chosen_by: ChosenBy | None
    propensities: Floats


def choose(
    policy: AdsPolicy, values: Floats, of_members: Floats, eligible: npt.NDArray[np.bool_], prediction_id: str
) -> Choice:
    """Choose the ad to show among the eligible candidates.

    A voter is drawn, and its most valuable eligible ad is shown (ties: the one sent first); with probability epsilon,
    a uniformly drawn eligible ad is shown instead. Epsilon-greedy has one voter, the ensemble. In Thompson sampling
    the voters are the ensemble's members, which approximate posterior samples of the weights (Lu and Van Roy 2017,
    "Ensemble sampling"). The propensity of an eligible ad is exactly

        (1 - epsilon) * share of the voters whose best it is + epsilon / number of eligible ads.

    Parameters
    ----------
    values : value of each candidate by the ensemble, shape (n_candidates,).
    of_members : value by each member, shape (n_members, n_candidates).
    eligible : of shape (n_candidates,).
    prediction_id : seed of the draws, see `draws`.
    """
    places = np.flatnonzero(eligible)
    if not len(places):
        return Choice(None, None, np.zeros(len(values)))
    votes = of_members if policy.exploration == "thompson" else values[None]
    best = places[votes[:, places].argmax(axis=1)]
    epsilon = 0.0 if policy.exploration == "none" else policy.epsilon
    propensities = (1 - epsilon) * np.bincount(best, minlength=len(values)) / len(best)
    propensities[places] += epsilon / len(places)
    whether, which = draws(prediction_id)
    if whether < epsilon * 2.0**64:
        return Choice(int(places[which * len(places) >> 64]), "epsilon", propensities)
    chosen_by: ChosenBy = "thompson" if policy.exploration == "thompson" else "greedy"
    return Choice(int(best[which * len(best) >> 64]), chosen_by, propensities)


def draws(prediction_id: str) -> tuple[int, int]:
    """Two draws from 0 to 2^64 - 1: the first 16 bytes of the id's SHA-256, eight each, the most significant first.

    The choice can thus be reproduced from request, answer and policy. The first draw explores if it is below
    epsilon * 2^64. The second picks number floor(draw * n / 2^64), counted from 0, of n eligible ads in request order,
    or of n voters.
    """
    digest = sha256(prediction_id.encode()).digest()
    return int.from_bytes(digest[:8], "big"), int.from_bytes(digest[8:16], "big")
