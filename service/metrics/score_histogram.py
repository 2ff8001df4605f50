"""ScoreHistogram: how probabilities are spread, for each model and version.

The library's own histogram takes one value at a time; a batch has ten thousand.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import accumulate
from threading import Lock

import numpy as np
from numpy.typing import ArrayLike
from prometheus_client.core import HistogramMetricFamily, Metric
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

BOUNDS = (0.001, 0.003, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 1.0)
"""Upper bounds, inclusive; finer where the probabilities of rare events lie."""
MAX_VERSIONS = 8
"""Of each model; the one that came first gives way, so that a service that retrains daily does not grow for ever."""


@dataclass(eq=False)
class Spread:
    """The counts of one version: of each bucket, those above the last bound at the end."""

    counts: list[int] = field(default_factory=lambda: [0] * (len(BOUNDS) + 1))
    total: float = 0.0


class ScoreHistogram(Collector):
    """Counts probabilities by model and version; safe to use from several threads."""

    def __init__(self, name: str, documentation: str) -> None:
        self._name, self._documentation = name, documentation
        self._lock = Lock()
        self._spreads: dict[str, dict[int, Spread]] = {}

    def observe(self, model: str, version: int, probability: float) -> None:
        """Count one probability."""
        place = bisect_left(BOUNDS, probability)
        with self._lock:
            spread = self._spread(model, version)
            spread.counts[place] += 1
            spread.total += probability

    def observe_many(self, model: str, version: int, probabilities: ArrayLike) -> None:
        """Count the probabilities of a batch."""
        values = np.asarray(probabilities, dtype=np.float64)
        counts = np.bincount(np.searchsorted(BOUNDS, values), minlength=len(BOUNDS) + 1).tolist()
        with self._lock:
            spread = self._spread(model, version)
            spread.counts = [before + more for before, more in zip(spread.counts, counts, strict=True)]
            spread.total += float(values.sum())

    def collect(self) -> Iterator[Metric]:
        """The histogram as the library writes it."""
        family = HistogramMetricFamily(self._name, self._documentation, labels=["model", "version"])
        bounds = [*map(floatToGoString, BOUNDS), "+Inf"]
        with self._lock:
            for model, versions in self._spreads.items():
                for version, spread in versions.items():
                    buckets = list(zip(bounds, map(float, accumulate(spread.counts)), strict=True))
                    family.add_metric([model, str(version)], buckets, spread.total)
        yield family

    def _spread(self, model: str, version: int) -> Spread:
        versions = self._spreads.setdefault(model, {})
        spread = versions.get(version)
        if spread is None:
            if len(versions) >= MAX_VERSIONS:
                del versions[next(iter(versions))]
            spread = versions[version] = Spread()
        return spread
