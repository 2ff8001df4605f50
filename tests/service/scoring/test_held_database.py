"""A database that somebody else holds: answers come in time, and the service says what is wrong."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from models.errors import DatabaseError
from models.registry.database.engine import Timeouts, open_database, reading
from models.registry.registry import Registry


@pytest.fixture
def postgres(url):
    """The URL of a PostgreSQL database."""
    if not url.startswith("postgresql"):
        pytest.skip("SQLite has one writer at a time, and its own timeout")
    return url


def test_a_held_table_ends_in_a_503_and_the_service_says_so(start_service, store, applicant, postgres):
    """Nobody waits for the request's own time limit; warnings and metrics tell, and end with the next success."""
    registry = Registry(postgres)
    version = store.registry.version("credit", 1)
    registry.register(
        name="credit", domain="credit", digest=version.digest, metrics={}, actor="tests", why="", promote=True
    )
    registry.close()
    client = start_service(store.home.path, database_url=postgres, database_lock_seconds=0.2).client
    server = sa.create_engine(postgres)

    def up():
        (line,) = [one for one in client.get("/metrics").text.splitlines() if one.startswith("backscore_audit_up ")]
        return line

    with server.begin() as other:
        other.execute(sa.text("LOCK TABLE predictions IN ACCESS EXCLUSIVE MODE"))
        held = client.post("/v1/credit/score", json=applicant)
        assert (held.status_code, "retry-after" in held.headers) == (503, True)
        ready = client.get("/health/ready")
        assert ready.json()["warnings"] == ["the last predictions could not be recorded; see the log"]
        assert up() == "backscore_audit_up 0.0"
    server.dispose()

    assert client.post("/v1/credit/score", json=applicant).status_code == 200
    assert client.get("/health/ready").json()["warnings"] == []
    assert up() == "backscore_audit_up 1.0"


def test_a_statement_takes_no_longer_than_it_may(postgres):
    """On every connection of the engine; without a limit it may take any time."""
    for timeouts, limit in ((Timeouts(lock=1, statement=0.1), "100ms"), (Timeouts(), "0")):
        engine = open_database(postgres, timeouts)
        for _ in range(2):
            with reading(engine) as connection:
                assert connection.scalar(sa.text("SHOW statement_timeout")) == limit
        if limit != "0":
            with pytest.raises(DatabaseError, match="statement timeout"), reading(engine) as connection:
                connection.execute(sa.text("SELECT pg_sleep(60)"))
        engine.dispose()
