"""Metrics of several workers: as JSON, and added up.

Counters and histograms are sums over all workers that ever ran, so that they never fall when one ends. Gauges are sums
over those that run now, with the exceptions in `MERGED_BY`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeAlias

from prometheus_client.core import Metric
from pydantic import TypeAdapter
from typing_extensions import TypedDict  # pydantic takes typing's own only from Python 3.12 on

MERGED_BY: Mapping[str, Callable[[float, float], float]] = {
    "backscore_database_up": min,  # one worker without its database is one too many
    "backscore_live_version_info": max,
    "process_start_time_seconds": max,
    "process_max_fds": min,
}

Sample: TypeAlias = tuple[str, dict[str, str], float]
"""Its name, its labels, its value."""


class Family(TypedDict):
    """A metric with all of its samples."""

    name: str
    documentation: str
    type: str
    samples: list[Sample]


FAMILIES = TypeAdapter(list[Family])


def families_of(metrics: Iterable[Metric]) -> list[Family]:
    """Metrics as the library collects them, without the times at which they began."""
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
    """The families of several workers as one.

    Parameters
    ----------
    running, ended : of each worker that runs now, and of each that has ended.
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
    """Families as the library writes them."""
    metrics = []
    for family in families:
        metric = Metric(family["name"], family["documentation"], family["type"])
        for sample, labels, value in family["samples"]:
            metric.add_sample(sample, labels, value)
        metrics.append(metric)
    return metrics


def _add(first: float, second: float) -> float:
    return first + second
