"""Pairs of one person and many ads: click probabilities of all candidates from one forward pass."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

import numpy as np
import numpy.typing as npt

from data.table import Table
from models.answers.respond import unseen_warnings
from models.arrays import Floats
from models.contract import LiveModel, Row
from models.domains.ads.request import Candidate
from models.encoding.pairs import encode_pairs
from models.estimators.calibration import probability


@dataclass(frozen=True)
class DistinctAds:
    """The distinct ads among the candidates; campaigns often share an ad at different bids.

    Parameters
    ----------
    ads : the ad columns of each distinct ad.
    numbers : index of each candidate's ad, shape (n_candidates,).
    """

    ads: Sequence[Row]
    numbers: npt.NDArray[np.intp]


def distinct_ads(table: Table, candidates: Sequence[Candidate]) -> DistinctAds:
    """Group the candidates by their ad columns."""
    names = [column.name for column in table.inputs if column.part == "ad"]
    number_of: dict[tuple[Any, ...], int] = {}
    numbers = [
        number_of.setdefault(tuple(map(candidate.get("ad", {}).get, names)), len(number_of)) for candidate in candidates
    ]
    return DistinctAds([dict(zip(names, values, strict=True)) for values in number_of], np.array(numbers, np.intp))


def click_probabilities(live: LiveModel, shared: Row, distinct: DistinctAds) -> tuple[Floats, Floats]:
    """Calibrated click probability of each candidate, bit for bit equal to scoring each pair alone with `respond`.

    Parameters
    ----------
    shared : columns of person and context.

    Returns
    -------
    probabilities : of the ensemble, shape (n_candidates,).
    of_members : of each of its members, shape (n_members, n_candidates).
    """
    X = encode_pairs(live.classifier.encoder, shared, distinct.ads)
    log_odds, of_members = live.classifier.log_odds_and_members(X)
    return probability(log_odds)[distinct.numbers], probability(of_members)[:, distinct.numbers]


def pair_warnings(live: LiveModel, shared: Row, distinct: DistinctAds) -> list[str]:
    """The distinct warnings of all pairs."""
    # A warning concerns one value of one column, so distinct values suffice; pairs need not be checked
    names = distinct.ads[0].keys()
    values = [dict.fromkeys(ad[name] for ad in distinct.ads) for name in names]
    rows: list[Mapping[str, Any]] = [shared, *(dict(zip(names, row, strict=True)) for row in zip_longest(*values))]
    return sorted({warning for row in rows for warning in unseen_warnings(live, row)})
