"""ScoreHistogram: the distribution of answers, for each model and version.

The library's own histogram takes one value at a time; a batch has up to ten thousand.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from threading import Lock

import numpy as np
from numpy.typing import ArrayLike
from prometheus_client.core import HistogramMetricFamily, Metric
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

MAX_VERSIONS = 8
"""Versions kept per model, the latest ones, so that a service that retrains daily does not grow without bound."""


@dataclass(eq=False)
class Spread:
    """Counts per bucket of one version; the last bucket is above all bounds."""

    bounds: Sequence[float]
    counts: list[int]
    total: float = 0.0


class ScoreHistogram(Collector):
    """Histogram of the numbers that summarize answers, by model and version; thread-safe."""

    def __init__(self, name: str, documentation: str) -> None:
        self._name, self._documentation = name, documentation
        self._lock = Lock()
        self._spreads: dict[str, dict[int, Spread]] = {}

    def observe(self, model: str, version: int, bounds: Sequence[float], number: float) -> None:
        """Count one answer; `bounds` are inclusive upper bounds, constant for a version."""
        place = bisect_left(bounds, number)
        with self._lock:
            spread = self._spread(model, version, bounds)
            spread.counts[place] += 1
            spread.total += number

    def observe_many(self, model: str, version: int, bounds: Sequence[float], numbers: ArrayLike) -> None:
        """Count the answers of a batch."""
        values = np.asarray(numbers, dtype=np.float64)
        counts = np.bincount(np.searchsorted(bounds, values), minlength=len(bounds) + 1).tolist()
        with self._lock:
            spread = self._spread(model, version, bounds)
            spread.counts = [before + more for before, more in zip(spread.counts, counts, strict=True)]
            spread.total += float(values.sum())

    def collect(self) -> Iterator[Metric]:
        """The histogram as a metric of the library."""
        family = HistogramMetricFamily(self._name, self._documentation, labels=["model", "version"])
        with self._lock:
            for model, versions in self._spreads.items():
                for version, spread in versions.items():
                    bounds = [*map(floatToGoString, spread.bounds), "+Inf"]
                    buckets = list(zip(bounds, map(float, accumulate(spread.counts)), strict=True))
                    family.add_metric([model, str(version)], buckets, spread.total)
        yield family

    def _spread(self, model: str, version: int, bounds: Sequence[float]) -> Spread:
        versions = self._spreads.setdefault(model, {})
        spread = versions.get(version)
        if spread is None:
            if len(versions) >= MAX_VERSIONS:
                del versions[next(iter(versions))]
            spread = versions[version] = Spread(bounds, [0] * (len(bounds) + 1))
        return spread
