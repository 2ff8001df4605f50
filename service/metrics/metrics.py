"""Metrics: the counters, histograms and gauges of one process."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeAlias

from numpy.typing import ArrayLike
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from service.metrics.score_histogram import ScoreHistogram

LiveVersion: TypeAlias = tuple[str, int, int]
"""Model, version, policy version."""

DURATIONS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
"""Upper bounds in seconds: a score takes about a millisecond, a large batch seconds."""
DURATIONS_NAME = "backscore_request_duration_seconds"
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
SHADOWED = ("answered", "dropped", "failed")
REFUSALS = ("full", "slow_body", "timeout", "client_left")


class Metrics:
    """Counts requests, answers and audit records; cheap enough for every request.

    Thread-safe. Gauges are functions that are evaluated on every scrape.
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "backscore_requests",
            "Answered requests by endpoint, model, method and HTTP status.",
            ["endpoint", "model", "method", "status"],
            registry=self.registry,
        )
        self._durations = Histogram(
            DURATIONS_NAME,
            "Time from the first byte of a request to the last of its response, by endpoint and model.",
            ["endpoint", "model"],
            buckets=DURATIONS,
            registry=self.registry,
        )
        self._refused = Counter(
            "backscore_requests_cut_short",
            "Requests without a proper response: overload, slow body, timeout, client disconnected.",
            ["reason"],
            registry=self.registry,
        )
        self._scores = ScoreHistogram("backscore_score", "Scored probabilities by model and version.")
        self.registry.register(self._scores)
        self._audit_written = Counter("backscore_audit_written", "Recorded predictions.", registry=self.registry)
        self._audit_dropped = Counter(
            "backscore_audit_dropped",
            "Answered predictions of audit level async that could not be recorded.",
            registry=self.registry,
        )
        self._shadowed = Counter(
            "backscore_shadow_rows",
            "Rows for shadow challengers by result: answered, dropped, failed.",
            ["result"],
            registry=self.registry,
        )
        self._workers = Gauge("backscore_workers", "Worker processes.", registry=self.registry)
        self._workers.set(1)
        ProcessCollector(registry=self.registry)
        for reason in REFUSALS:  # start at 0, so that `increase()` sees the first one
            self._refused.labels(reason)
        for result in SHADOWED:
            self._shadowed.labels(result)
        # the library's look-up of a labelled child takes longer than counting, so children are kept
        self._requests_of: dict[tuple[str, str, str, int], Counter] = {}
        self._durations_of: dict[tuple[str, str], Histogram] = {}

    def request(self, endpoint: str, model: str, method: str, status: int, seconds: float) -> None:
        """Count an answered request; `endpoint` and `model` come from `EndpointNames`."""
        requests = self._requests_of.get((endpoint, model, method, status))
        if requests is None:
            known_method = method if method in METHODS else "other"
            requests = self._requests.labels(endpoint, model, known_method, str(status))
            if known_method == method:
                self._requests_of[endpoint, model, method, status] = requests
        requests.inc()
        durations = self._durations_of.get((endpoint, model))
        if durations is None:
            durations = self._durations_of[endpoint, model] = self._durations.labels(endpoint, model)
        durations.observe(seconds)

    def aborted(self, reason: str) -> None:
        """Count a request without a proper response; `reason` is one of `REFUSALS`."""
        self._refused.labels(reason).inc()

    def score(self, model: str, version: int, bounds: Sequence[float], number: float) -> None:
        """Count one answer of a live version, see `ScoreHistogram`."""
        self._scores.observe(model, version, bounds, number)

    def scores(self, model: str, version: int, bounds: Sequence[float], numbers: ArrayLike) -> None:
        """Count the answers of a batch."""
        self._scores.observe_many(model, version, bounds, numbers)

    def audit_written(self, n_predictions: int) -> None:
        """Count recorded predictions."""
        self._audit_written.inc(n_predictions)

    def audit_dropped(self, n_predictions: int) -> None:
        """Count predictions that were answered but not recorded."""
        self._audit_dropped.inc(n_predictions)

    def shadowed(self, result: str, n_rows: int) -> None:
        """Count rows for a shadow; `result` is one of `SHADOWED`."""
        self._shadowed.labels(result).inc(n_rows)

    def watch(self, name: str, documentation: str, value: Callable[[], float]) -> None:
        """Add a gauge whose value is the result of the function at the time of the scrape."""
        Gauge(name, documentation, registry=self.registry).set_function(value)

    def watch_audit_queue(self, n_waiting: Callable[[], int]) -> None:
        """Add a gauge of the audit queue's length."""
        self.watch("backscore_audit_queue_length", "Groups of predictions waiting to be recorded.", n_waiting)

    def watch_live_versions(self, live: Callable[[], Iterable[LiveVersion]]) -> None:
        """Add a gauge of the live versions and their policies."""
        self.registry.register(_LiveVersions(live))


class _LiveVersions(Collector):
    """Gauge 1 for every version that answers."""

    def __init__(self, live: Callable[[], Iterable[LiveVersion]]) -> None:
        self._live = live

    def collect(self) -> Iterator[Metric]:
        family = GaugeMetricFamily(
            "backscore_live_version_info",
            "1 for each live version, labelled with its active policy.",
            labels=["model", "version", "policy_version"],
        )
        for model, version, policy_version in self._live():
            family.add_metric([model, str(version), str(policy_version)], 1)
        yield family
