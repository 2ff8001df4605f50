"""Recent: request rate and latency of each model over the last hour.

Counters only grow, so the traffic of an hour is the difference between now and a snapshot an hour ago. Snapshots are
taken once a minute, at no cost to requests.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from time import monotonic
from typing import TypeAlias

from service.metrics.families import Family
from service.metrics.metrics import DURATIONS_NAME

MINUTE = 60.0
MINUTES = 60

Counts: TypeAlias = dict[tuple[str, str, float], float]
"""(model, kind of route, upper bound in seconds) -> cumulative count of requests."""


@dataclass(frozen=True)
class Traffic:
    """Requests to a model, and their latency.

    Parameters
    ----------
    n_requests : answered requests.
    seconds : length of the period, at most an hour.
    median, slow : p50 and p99 of the duration in seconds; None without requests.
    """

    n_requests: int
    seconds: float
    median: float | None
    slow: float | None

    @property
    def per_minute(self) -> float:
        """Requests per minute."""
        return self.n_requests * MINUTE / max(self.seconds, 1.0)


class Recent:
    """Keeps a snapshot of the counters per minute, and computes the traffic of the last hour.

    Parameters
    ----------
    collect : returns the current metrics of all workers.
    clock : seconds.
    """

    def __init__(self, collect: Callable[[], Iterable[Family]], clock: Callable[[], float] = monotonic) -> None:
        self._collect, self._clock = collect, clock
        self._notes: deque[tuple[float, Counts]] = deque(maxlen=MINUTES + 1)

    def note(self) -> None:
        """Take a snapshot."""
        self._notes.append((self._clock(), _counts(self._collect())))

    async def keep_noting(self) -> None:
        """Take a snapshot every minute until cancelled."""
        while True:
            await asyncio.to_thread(self.note)
            await asyncio.sleep(MINUTE)

    def traffic(self, requested: Collection[tuple[str, str]]) -> dict[str, Traffic]:
        """Traffic by model, summed over the given pairs of model and kind of route; only models with requests."""
        now, counts = self._clock(), _counts(self._collect())
        within = [(at, noted) for at, noted in self._notes if now - at <= MINUTE * MINUTES]
        since, before = within[0] if within else (now, counts)
        by_model: dict[str, dict[float, float]] = {}
        for (model, endpoint, bound), count in counts.items():
            if (model, endpoint) in requested:
                of_model = by_model.setdefault(model, {})
                of_model[bound] = of_model.get(bound, 0.0) + count - before.get((model, endpoint, bound), 0.0)
        return {model: _traffic(sorted(of_model.items()), now - since) for model, of_model in by_model.items()}


def _counts(families: Iterable[Family]) -> Counts:
    return {
        (labels["model"], labels["endpoint"], float(labels["le"])): value
        for family in families
        if family["name"] == DURATIONS_NAME
        for sample, labels, value in family["samples"]
        if sample.endswith("_bucket")
    }


def _traffic(cumulative: list[tuple[float, float]], seconds: float) -> Traffic:
    return Traffic(
        n_requests=round(cumulative[-1][1]),
        seconds=seconds,
        median=_quantile(cumulative, 0.5),
        slow=_quantile(cumulative, 0.99),
    )


def _quantile(cumulative: list[tuple[float, float]], share: float) -> float | None:
    """A quantile of the duration by linear interpolation within its bucket, as Prometheus' `histogram_quantile`."""
    rank = share * cumulative[-1][1]
    if not rank:
        return None
    low, n_below = 0.0, 0.0
    for bound, count in cumulative:
        if count >= rank:
            return low if bound == float("inf") else low + (bound - low) * (rank - n_below) / (count - n_below)
        low, n_below = bound, count
    return low
