"""Metrics of several workers, as JSON and merged.

Counters and histograms are sums over all workers that ever ran, so that they never decrease when a worker ends. Gauges
are sums over running workers, with the exceptions in `MERGED_BY`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeAlias

from prometheus_client.core import Metric
from pydantic import TypeAdapter
from typing_extensions import TypedDict  # pydantic takes typing's own only from Python 3.12 on

MERGED_BY: Mapping[str, Callable[[float, float], float]] = {
    "backscore_audit_up": min,
    "backscore_database_up": min,  # a single worker without its database must raise the alert
    "backscore_live_version_info": max,
    "process_start_time_seconds": max,
    "process_max_fds": min,
}

Sample: TypeAlias = tuple[str, dict[str, str], float]
"""(name, labels, value)."""


class Family(TypedDict):
    """A metric with all of its samples."""

    name: str
    documentation: str
    type: str
    samples: list[Sample]


FAMILIES = TypeAdapter(list[Family])


def families_of(metrics: Iterable[Metric]) -> list[Family]:
    """Families of collected metrics, without the `_created` timestamps."""
    return [
        Family(
            name=metric.name,
            documentation=metric.documentation,
            type=metric.type,
            samples=[
                (sample.name, sample.labels, sample.value)
                for sample in metric.samples
                if not sample.name.endswith("_created")
            ],
        )
        for metric in metrics
    ]


def merged(running: Sequence[Iterable[Family]], ended: Sequence[Iterable[Family]] = ()) -> list[Family]:
    """The merged families of several workers.

    Parameters
    ----------
    running, ended : families of each running worker, and of each that has ended.
    """
    families: dict[str, Family] = {}
    values: dict[str, dict[tuple[str, tuple[tuple[str, str], ...]], float]] = {}
    kept_on = [[family for family in families if family["type"] != "gauge"] for families in ended]
    for worker in (*running, *kept_on):
        for family in worker:
            name = family["name"]
            families.setdefault(name, family)
            merge = MERGED_BY.get(name, _add)
            of_family = values.setdefault(name, {})
            for sample, labels, value in family["samples"]:
                key = (sample, tuple(labels.items()))
                of_family[key] = merge(of_family[key], value) if key in of_family else value
    return [
        {**family, "samples": [(sample, dict(labels), value) for (sample, labels), value in values[name].items()]}
        for name, family in families.items()
    ]


def as_metrics(families: Iterable[Family]) -> list[Metric]:
    """Families as the library's metric objects."""
    metrics = []
    for family in families:
        metric = Metric(family["name"], family["documentation"], family["type"])
        for sample, labels, value in family["samples"]:
            metric.add_sample(sample, labels, value)
        metrics.append(metric)
    return metrics


def _add(first: float, second: float) -> float:
    return first + second
