"""Cut-offs for review and block: from a number of reviews a day, or from the costs of errors.

Both simulate past transactions. A subject is reviewed at most once a day. It is blocked, without a review, if its
highest score of the day reaches the block cut-off; else it is reviewed if one of its transactions is alerted. A subject
with a positive that is alerted is found, and stopped from the next day on: its later transactions neither make alerts
nor lose money. So a subject's day counts for the review cut-offs above the one, `stopped_to`, up to which it
is found earlier, and it is alerted for those up to its own highest score: every count below is a sum over such
intervals.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from models.arrays import Floats
from models.costs import AlertCosts
from models.decisions.alerts.subject_days import Codes
from models.decisions.alerts.transactions import ALWAYS, NEVER, ScoredTransactions
from models.errors import CutOffError


@dataclass(frozen=True)
class CheapestCutOffs:
    """The two cut-offs of least cost on past transactions, and their cost a day."""

    review_from: float
    block_from: float
    cost_per_day: float


def cut_off_for_reviews(scored: ScoredTransactions, reviews_per_day: float, *, block_from: float) -> float:
    """The lowest review cut-off, at most `block_from`, with at most this many reviews a day on average.

    Parameters
    ----------
    scored : at least one transaction. Partly covered days count, days without transactions do not.
    reviews_per_day : above 0.

    Raises
    ------
    CutOffError
        The number is invalid, or more subjects are reviewed at any cut-off.
    """
    if not (math.isfinite(reviews_per_day) and reviews_per_day > 0):
        raise CutOffError(f"the reviews a day must be a finite number above 0, got {reviews_per_day:g}")
    n_days = scored.past.subject_days.n_days
    cut_offs = _distinct(np.minimum(np.append(scored.alert_scores, block_from), block_from))
    not_blocked = scored.blocked_to < block_from
    alerted_to, stopped_to = scored.alerted_to[not_blocked], scored.stopped_to[not_blocked]
    n_reviews = _sums(cut_offs, above=stopped_to, up_to=alerted_to, of=np.ones(len(alerted_to)))
    fits = np.flatnonzero(n_reviews <= reviews_per_day * n_days)
    if not len(fits):
        raise CutOffError(
            f"{n_reviews.min() / n_days:,.1f} subjects a day are reviewed at any cut-off of the probability, "
            f"more than the {reviews_per_day:g} reviews a day; reduce reviews for other reasons, or allow more reviews"
        )
    return float(cut_offs[fits[0]])


def least_cost_cut_offs(scored: ScoredTransactions, costs: AlertCosts) -> CheapestCutOffs:
    """The pair of cut-offs of least observed cost on these transactions; overfits small samples.

    Only scores of positives and of subjects that are reviewed anyway are candidates: between two of them, a cut-off
    only affects genuine subjects, and one of the two ends costs no more.

    Raises CutOffError if the amounts are not known.
    """
    if scored.past.amounts is None:
        raise CutOffError(
            "a missed positive costs its amount, and the table names no amount; give the reviews a day instead"
        )
    positives, compromised = scored.past.labels == 1, scored.past.compromised
    anyway = scored.alerted_to > scored.blocked_to
    tried = _distinct(
        np.concatenate(
            [
                scored.alert_scores[positives],
                scored.alerted_to[compromised],
                scored.blocked_to[compromised | anyway],
                [ALWAYS],
            ]
        )
    )
    without_blocking = _costs_without_blocking(scored, tried, costs)
    best = CheapestCutOffs(ALWAYS, ALWAYS, math.inf)
    for place, of_blocking in enumerate(_costs_of_blocking(scored, tried, costs)):
        upper = place + int(np.argmin(of_blocking[place:]))
        cost = float(without_blocking[place] + of_blocking[upper]) / scored.past.subject_days.n_days
        if cost < best.cost_per_day:
            best = CheapestCutOffs(float(tried[place]), float(tried[upper]), cost)
    return best


def _costs_without_blocking(scored: ScoredTransactions, tried: Floats, costs: AlertCosts) -> Floats:
    """The cost of missed positives and reviews for each review cut-off, if every alerted subject were reviewed."""
    amounts = scored.past.amounts
    assert amounts is not None  # noqa: S101 - the caller has looked
    lost = scored.past.labels * amounts * costs.missed_share
    passes_above = np.maximum(scored.alert_scores, scored.stopped_to[scored.past.subject_days.of_rows])
    missed = _sums(tried, above=passes_above, up_to=np.full(len(lost), np.inf), of=lost)
    looks = np.full(len(scored.stopped_to), costs.review)
    return missed + _sums(tried, above=scored.stopped_to, up_to=scored.alerted_to, of=looks)


def _costs_of_blocking(scored: ScoredTransactions, tried: Floats, costs: AlertCosts) -> Iterator[Floats]:
    """For each review cut-off, ascending: the cost of blocking for each block cut-off, less the reviews saved."""
    of_block = np.where(scored.past.compromised, 0.0, costs.blocked_good) - costs.review
    first, blocked_to = (_places(tried, values) for values in (scored.stopped_to, scored.blocked_to))
    order = np.argsort(first, kind="stable")
    by_place = np.zeros(len(tried) + 1)
    for start, end in pairwise(np.searchsorted(first[order], np.arange(len(tried) + 1))):
        new = order[start:end]  # from this review cut-off on these are not found earlier
        by_place += np.bincount(blocked_to[new], of_block[new], len(by_place))
        yield by_place[:0:-1].cumsum()[::-1]


def _sums(cut_offs: Floats, *, above: Floats, up_to: Floats, of: Floats) -> Floats:
    """For each of the sorted cut-offs the sum of the values whose interval, above < cut-off <= up_to, holds it."""
    first = _places(cut_offs, above)
    end = np.maximum(first, _places(cut_offs, up_to))
    n_places = len(cut_offs) + 1
    return np.cumsum(np.bincount(first, of, n_places) - np.bincount(end, of, n_places))[:-1]


def _distinct(scores: Floats) -> Floats:
    """The scores that can be cut-offs, each once, in order."""
    return np.unique(scores[scores > NEVER])


def _places(cut_offs: Floats, values: Floats) -> Codes:
    """The number of sorted cut-offs at most each value."""
    return np.searchsorted(cut_offs, values, side="right")
