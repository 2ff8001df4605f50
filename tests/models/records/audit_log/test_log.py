"""The audit log on both databases: what was written is read, in order, alone and out of batches, and rolls out."""

from concurrent.futures import ThreadPoolExecutor, wait
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from models.errors import DatabaseError, UnknownVersionError
from models.records.audit_log.log import PredictionAppender, PredictionLog, add_records
from models.records.audit_log.record import milliseconds
from models.records.audit_log.retention import delete_old
from models.registry.audit_settings import DEFAULT, AuditSettings, set_audit
from models.registry.database.engine import appending, open_database
from models.registry.database.migrations import create_schema
from models.registry.id_hash import share_of
from tests.models.records.audit_log.predictions import START, record, store


@pytest.fixture
def appender(log):
    """Adds to the log."""
    appender = PredictionAppender(log.engine)
    yield appender
    appender.close()


@pytest.fixture
def log(url):
    engine = open_database(url)
    create_schema(engine)
    yield PredictionLog(engine)
    engine.dispose()


def test_what_was_written_is_read(log):
    """Record by record, and row by row in the order of time, whatever the order of writing."""
    batch = record("b", 2, rows=[{"x": 1}, {"x": 2}])
    records = [record("a", 3), batch, record("c", 1), record("d", 0, model="ads")]
    store(log, records)
    store(log, [])

    assert log.records("a") == [records[0]]
    assert log.records("b-2") == [batch]
    assert log.records("b-1") == []  # the row with an error, which got no answer
    read = [(one.id, one.row["x"]) for one in log.predictions("credit")]
    assert read == [("c", 1), ("b-0", 1), ("b-2", 2), ("a", 1)]
    assert log.prediction("b-2").answer == {"prediction_id": "b-2", "p": 0.2}
    assert log.prediction("nothing") is None
    assert log.count("credit") == 4
    assert [one.id for one in log.newest("credit", 2)] == ["a", "b"]


def test_a_period_and_roles_can_be_asked_for(log):
    """`until` is left out; what a shadow said is told only to who asks for it, and what was sent comes first."""
    shadow = record("a", 1, version=2, role="shadow")
    store(log, [shadow, record("a", 1), record("b", 2), record("c", 3), record("rank", 2, action="rank")])

    found = log.predictions("credit", since=START + timedelta(minutes=1), until=START + timedelta(minutes=3))
    assert [one.id for one in found] == ["a", "b"]
    assert [one.role for one in log.records("a")] == ["champion", "shadow"]
    assert [one.version for one in log.predictions("credit", roles=["shadow"])] == [2]
    assert log.prediction("a", "shadow").version == 2


def test_a_prediction_was_made_by_the_version_whose_answer_was_sent(log):
    """Not by a shadow, which may have answered the same request or one of which nothing else is recorded."""
    store(log, [record("a", 1), record("a", 1, version=2, role="shadow"), record("b", 2, version=2, role="shadow")])

    places = log.places(["a", "b", "nothing"])

    assert {name: (place.model, place.version) for name, place in places.items()} == {"a": ("credit", 1)}
    assert places["a"].moment == START + timedelta(minutes=1)


def test_many_records_are_read_in_parts(log, monkeypatch):
    """None is left out or told twice where parts meet, also among records of one millisecond."""
    monkeypatch.setattr("models.records.audit_log.log.RECORDS_AT_ONCE", 3)
    records = [record(f"{number:02}", minute=number // 5) for number in range(20)]
    store(log, records)

    assert [one.id for one in log.predictions("credit")] == [one.id for one in records]


def test_a_transaction_is_all_or_nothing(log, appender):
    """An ID is recorded once per version; a duplicate stores nothing, and later records are stored."""
    appender.write([record("a")])
    with pytest.raises(DatabaseError, match="does it exist, and is it reachable"):
        appender.write([record("b", 1), record("a")])
    appender.write([])
    appender.write([record(f"c{number:03}", 2) for number in range(600)])
    assert [one.id for one in log.predictions("credit")] == ["a", *(f"c{number:03}" for number in range(600))]


def test_what_was_added_is_read(log, appender):
    """To the last character, as by any other way."""
    records = [record("a", 3, request='{"x":"%s, ? and Straße"}'), record("b", 2, rows=[{"x": 1}, {"x": 2}])]
    appender.write(records)
    assert [log.records("a"), log.records("b-2")] == [[one] for one in records]


def test_a_database_that_was_away_gets_the_records(log, appender):
    """The connection is kept, and made anew when the server has ended it."""
    appender.write([record("a")])
    end_connection(log.engine, appender)
    appender.write([record("b", 1)])
    assert [one.id for one in log.predictions("credit")] == ["a", "b"]


def test_what_a_database_stored_before_it_went_away_is_there_once(log, appender, monkeypatch):
    """It is unknown whether it was stored, so it is written again."""
    appender.write([record("a")])
    adder = appender._appender
    execute = adder._execute

    def execute_and_end(statement, values):
        monkeypatch.setattr(adder, "_execute", execute)
        execute(statement, values)
        end_connection(log.engine, appender)
        adder._kept.cursor().execute("SELECT 1")  # tells of it as the driver does

    monkeypatch.setattr(adder, "_execute", execute_and_end)
    appender.write([record("b", 1), record("c", 2)])
    assert [one.id for one in log.predictions("credit")] == ["a", "b", "c"]


def test_records_wait_for_another_writer(log, appender):
    """SQLite has one writer at a time; on PostgreSQL no writer waits."""
    with ThreadPoolExecutor(1) as pool, appending(log.engine) as connection:
        add_records(connection, [record("a")])
        added = pool.submit(appender.write, [record("b", 1)])
        assert log.engine.dialect.name == "postgresql" or not wait([added], 0.05).done
    added.result()
    assert [one.id for one in log.predictions("credit")] == ["a", "b"]


def end_connection(engine, appender):
    """As a server that is restarted does."""
    kept = appender._appender._kept
    if engine.dialect.name == "sqlite":
        kept.close()
    else:
        with engine.begin() as connection:
            connection.execute(sa.select(sa.func.pg_terminate_backend(kept.info.backend_pid, 1_000)))


def test_old_records_go_and_the_newest_stay_within_their_room(log):
    """By age, by size, by both; those of other models stay."""
    records = [record(f"{number:02}", minute=number) for number in range(10)]
    store(log, [*records, record("other", model="ads")])
    now = START + timedelta(minutes=10)

    assert delete_old(log.engine, "credit", DEFAULT, now=now) == 0
    days = 8 / (24 * 60)
    assert delete_old(log.engine, "credit", AuditSettings(keep_days=days), now=now) == 2
    room = sum(one.n_bytes for one in records[-3:]) / 1e6
    assert delete_old(log.engine, "credit", AuditSettings(keep_days=days, keep_megabytes=room), now=now) == 5
    assert [one.id for one in log.predictions("credit")] == ["07", "08", "09"]
    assert log.count("ads") == 1


def test_more_than_go_at_once_go(log, monkeypatch):
    """In as many transactions as it takes."""
    monkeypatch.setattr("models.records.audit_log.retention.MAX_AT_ONCE", 4)
    store(log, [record(f"{number:02}", minute=number) for number in range(9)])
    assert delete_old(log.engine, "credit", AuditSettings(keep_days=1e-9), now=START + timedelta(days=1)) == 9


def test_settings_are_kept_and_told_in_the_history(registry):
    """Of a model that there is; another setting replaces the one before."""
    registry.register(name="credit", domain="credit", digest="d", metrics={}, actor="tests", why="", promote=True)
    assert registry.audit_settings() == {}
    with pytest.raises(UnknownVersionError):
        registry.set_audit("lending", AuditSettings(), actor="key ops", why="")
    for settings in (AuditSettings(level="off"), AuditSettings(level="async", sample=0.5, keep_days=30)):
        registry.set_audit("credit", settings, actor="key ops", why="too much")
        assert registry.audit_settings() == {"credit": settings}
    told = registry.history("credit")[-1]
    assert (told.action, told.actor, told.why) == (
        "audit",
        "key ops",
        "level async, sample 0.5, keep_days 30.0; too much",
    )
    with pytest.raises(UnknownVersionError):
        set_audit(registry._engine, "nothing", DEFAULT, at=START, actor="", why="")


def test_a_sample_is_a_share_of_the_ids():
    """Within four standard deviations; the same ids again, also of a smaller sample; other salts draw anew."""
    ids = [f"{number:032x}" for number in range(10_000)]
    tenth = [one for one in ids if AuditSettings(sample=0.1).records(one)]
    assert abs(len(tenth) - 1_000) < 4 * (10_000 * 0.1 * 0.9) ** 0.5
    assert {one for one in ids if AuditSettings(sample=0.05).records(one)} < set(tenth)
    assert all(AuditSettings().records(one) for one in ids)
    assert not any(AuditSettings(level="off").records(one) for one in ids)
    both = sum(share_of(one) < 0.1 and share_of(one, "canary") < 0.1 for one in ids)
    assert abs(both - 100) < 4 * 10


@given(at=st.datetimes(min_value=datetime(1970, 1, 2), max_value=datetime(2200, 1, 1)))
def test_times_are_kept_to_the_millisecond(at):
    """Cut, never rounded up: what happened before a moment stays before it."""
    at = at.replace(tzinfo=UTC)
    one = record("a", at=milliseconds(at))
    assert timedelta(0) <= at - datetime.fromtimestamp(one.at / 1000, UTC) < timedelta(milliseconds=1.01)
