"""What came in the last hour, out of counters that only grow."""

from __future__ import annotations

import pytest

from service.metrics.families import families_of, merged
from service.metrics.metrics import DURATIONS, Metrics
from service.metrics.recent import Recent

WANTED = {("credit", "score"), ("credit", "batch")}


@pytest.fixture
def metrics():
    return Metrics()


@pytest.fixture
def clock():
    return [1_000.0]


@pytest.fixture
def recent(metrics, clock):
    return Recent(lambda: merged([families_of(metrics.registry.collect())]), lambda: clock[0])


def ask(metrics, n, endpoint="score", model="credit", seconds=0.0015):
    for _ in range(n):
        metrics.request(endpoint, model, "POST", 200, seconds)


def test_what_was_counted_before_does_not_count(recent, metrics, clock):
    """Only what came since the oldest note that is at most an hour old."""
    ask(metrics, 5)
    recent.note()
    clock[0] += 60
    ask(metrics, 3)
    traffic = recent.traffic(WANTED)["credit"]
    assert (traffic.n_requests, traffic.seconds, traffic.per_minute) == (3, 60, 3)


def test_an_hour_later_nothing_is_left_of_it(recent, metrics, clock):
    """Notes are made each minute; a request drops out when the hour is over."""
    recent.note()
    ask(metrics, 7)
    n_left = []
    for _ in range(62):
        clock[0] += 60
        recent.note()
        n_left.append(recent.traffic(WANTED)["credit"].n_requests)
    assert n_left[:60] == [7] * 60
    assert n_left[60:] == [0, 0]


def test_only_what_is_wanted_counts_and_kinds_are_added_up(recent, metrics):
    """Other models and other kinds of routes do not."""
    recent.note()
    ask(metrics, 2)
    ask(metrics, 3, endpoint="batch")
    ask(metrics, 4, endpoint="page_model")
    ask(metrics, 5, model="ads")
    traffic = recent.traffic(WANTED)
    assert {model: one.n_requests for model, one in traffic.items()} == {"credit": 5}


def test_durations_lie_within_their_bounds(recent, metrics):
    """Half were fast and a few slow; each quantile lies in the bucket of the request that it is."""
    recent.note()
    ask(metrics, 97, seconds=0.0015)
    ask(metrics, 3, seconds=0.3)
    traffic = recent.traffic(WANTED)["credit"]
    assert 0.001 < traffic.median <= 0.002
    assert 0.2 < traffic.slow <= 0.5


def test_without_requests_nothing_is_told_of_durations(recent, metrics, clock):
    """Nor of requests that took longer than any bound, than that bound."""
    ask(metrics, 1)
    recent.note()
    assert recent.traffic(WANTED)["credit"].median is None
    ask(metrics, 1, seconds=1_000.0)
    assert recent.traffic(WANTED)["credit"].median == DURATIONS[-1]
