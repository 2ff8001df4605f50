"""Small versions of `tests/drills/faults`: a service is killed, or loses its database, in a stream of events."""

import os

import pytest

from tests.drills.faults import kill_worker, stop_database
from tests.drills.proxy import Proxy
from tests.drills.stage import Stage, scratch
from tests.drills.stream import simulated

POSTGRES = os.environ.get("BACKSCORE_TEST_POSTGRES")


def test_a_killed_service_loses_no_event_and_counts_none_twice(tmp_path):
    """What was answered is stored, and what was not is sent again; every window is that of the bulk computation."""
    stream = simulated(Stage.at(tmp_path), n_stream=300, n_history=1_500)

    replayed = kill_worker.play(stream, n_kills=1)

    assert replayed.n_broken >= 1
    assert replayed.refusals == []
    assert stream.problems(replayed.answers) == []


@pytest.mark.skipif(POSTGRES is None, reason="BACKSCORE_TEST_POSTGRES names no PostgreSQL server")
def test_a_database_that_goes_away_is_refused_clearly_and_recovered_from():
    """Every answer meanwhile is a 503 with Retry-After, and nothing is half-written."""
    with scratch(str(POSTGRES)) as stage, Proxy(stage.database_url) as proxy:
        stream = simulated(stage, n_stream=200, n_history=1_500)
        with stage.serving(database_url=proxy.url) as served:
            replayed = stop_database.play(stream, served.port, proxy, seconds=0.5)

        assert stop_database.problems_of(replayed) == []
        assert stream.problems(replayed.answers) == []
