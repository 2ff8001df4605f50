"""The registry: numbers, champions and history, on SQLite and, where one is named, on PostgreSQL."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, timedelta, timezone
from pathlib import Path

import pytest
import sqlalchemy as sa

from models.errors import (
    DatabaseError,
    DomainMismatchError,
    MetricsError,
    ModelNameError,
    NothingToRollBackError,
    UnknownVersionError,
)
from models.home import Home
from models.registry.database.migrations import newest_revision
from models.registry.registry import Registry
from tests.conftest import START

SOURCE_ROOT = Path(__file__).parents[3]

REGISTRANTS = """
import os, sys
from concurrent.futures import ThreadPoolExecutor
from models.registry.registry import Registry

url, n_processes = sys.argv[1], int(sys.argv[2])
start, started = os.pipe()

def register(registry, process, i):
    version = registry.register(
        name="lending", domain="credit", digest="d", metrics={}, actor=f"process {process}", why=str(i),
        promote=i % 2 == 0,
    )
    return version.number

children = []
for process in range(n_processes):  # forked once everything is imported, and before there is a thread or a connection
    child = os.fork()
    if child == 0:
        os.close(started)
        os.read(start, 1)  # ends for all at once, when the parent closes its end
        registry = Registry(url)
        with ThreadPoolExecutor(5) as pool:
            print(*pool.map(lambda i: register(registry, process, i), range(5)), flush=True)
        registry.close()
        sys.exit()
    children.append(child)
os.close(started)
sys.exit(max(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children))
"""


def register(registry, name="lending", *, promote=False, domain="credit", digest="d1", metrics=None):
    return registry.register(
        name=name, domain=domain, digest=digest, metrics=metrics or {}, actor="job", why="trained", promote=promote
    )


def champion_number(registry, name="lending"):
    champion = registry.champion(name)
    return champion and champion.number


def test_versions_count_from_one_for_each_name(registry):
    """Each name has its own numbers."""
    numbers = [register(registry, name).number for name in ("lending", "lending", "cards", "lending")]

    assert numbers == [1, 2, 1, 3]
    assert registry.names() == ["cards", "lending"]
    assert [version.number for version in registry.versions("lending")] == [1, 2, 3]


def test_a_version_is_read_back_as_it_was_registered(registry, url):
    """Another registry on the same database sees equal versions, nested metrics and UTC times included."""
    metrics = {"auc": 0.1 + 0.2, "ks": None, "by_decile": [{"n": 3, "rate": 1e-17}], "note": "ä"}
    written = register(registry, metrics=metrics, promote=True)

    other = Registry(url)
    assert other.version("lending", 1) == written == other.champion("lending")
    assert (written.metrics, written.created, written.created_by) == (metrics, START, "job")
    assert other.champion("lending").created.tzinfo is UTC
    other.close()


def test_a_clock_in_another_zone_is_stored_in_utc(url):
    """What was recorded elsewhere is the same moment, told in UTC."""
    registry = Registry(url, now=lambda: START.astimezone(timezone(timedelta(hours=9))))
    register(registry)

    created = registry.version("lending", 1).created
    assert (created, created.utcoffset()) == (START, timedelta(0))
    registry.close()


def test_registering_does_not_touch_the_champion_unless_asked(registry):
    """Without `promote` the version that answers stays."""
    register(registry)
    assert registry.champion("lending") is None
    register(registry, promote=True)
    register(registry)
    assert champion_number(registry) == 2


def test_champions_holds_one_version_for_each_name_that_has_one(registry):
    """Names without a champion are left out."""
    expected = {"cards": register(registry, "cards", promote=True), "lending": register(registry, promote=True)}
    register(registry, "ads")

    assert registry.champions() == expected


def test_champions_is_one_query(registry):
    """Polling every second costs one statement, whatever the number of names."""
    for name in ("cards", "lending", "ads"):
        register(registry, name, promote=True)
    statements = []
    sa.event.listen(
        registry._engine, "before_cursor_execute", lambda *arguments: statements.append(arguments[2]), named=False
    )
    registry.champions()

    assert len([text for text in statements if not text.startswith("BEGIN")]) == 1


def test_promoting_an_unknown_version_says_which_there_are(registry):
    """The numbers that exist are in the text, and nothing was moved or recorded."""
    register(registry, promote=True)
    register(registry)
    before = registry.history("lending")

    with pytest.raises(UnknownVersionError, match="no version 7; it has 1, 2"):
        registry.promote("lending", 7, actor="ann", why="better")
    with pytest.raises(UnknownVersionError, match="nothing is registered under this name"):
        registry.promote("cards", 1, actor="ann", why="better")
    assert champion_number(registry) == 1
    assert registry.history("lending") == before


def test_rollback_goes_further_back_each_time(registry):
    """The documented example: 1, 2, 3, back to 2, back to 1, on to 4, back to 1."""
    for _ in range(3):
        register(registry, promote=True)
    assert registry.rollback("lending", actor="ann", why="bad").number == 2
    assert registry.rollback("lending", actor="ann", why="worse").number == 1
    register(registry, promote=True)
    assert champion_number(registry) == 4
    assert registry.rollback("lending", actor="ann", why="bad").number == 1
    assert champion_number(registry) == 1

    with pytest.raises(NothingToRollBackError, match="version 1 is the first that went live"):
        registry.rollback("lending", actor="ann", why="again")


def test_rollback_without_a_champion_is_refused(registry):
    """A registered version that never went live is nothing to go back from."""
    register(registry)
    with pytest.raises(NothingToRollBackError, match="it has no live version"):
        registry.rollback("lending", actor="ann", why="try")


def test_promoting_the_champion_again_changes_nothing(registry):
    """It leaves no event, so that a rollback still leads to the version before."""
    register(registry, promote=True)
    register(registry, promote=True)
    before = registry.history("lending")
    registry.promote("lending", 2, actor="ann", why="twice")

    assert registry.history("lending") == before
    assert registry.rollback("lending", actor="ann", why="bad").number == 1


def test_history_tells_everything_in_order(registry):
    """Each change is there with its time, actor and reason; other names are not."""
    register(registry, promote=True)
    register(registry)
    register(registry, "cards", promote=True)
    registry.promote("lending", 2, actor="ann", why="better")
    registry.rollback("lending", actor="bob", why="worse")

    minutes = {minute: START + timedelta(minutes=minute) for minute in range(5)}
    events = [
        (event.at, event.action, event.alias, event.from_version, event.to_version, event.actor, event.why)
        for event in registry.history("lending")
    ]
    assert events == [
        (minutes[0], "register", None, None, 1, "job", "trained"),
        (minutes[0], "promote", "champion", None, 1, "job", "trained"),
        (minutes[1], "register", None, None, 2, "job", "trained"),
        (minutes[3], "promote", "champion", 1, 2, "ann", "better"),
        (minutes[4], "rollback", "champion", 2, 1, "bob", "worse"),
    ]


def test_a_name_keeps_its_domain(registry):
    """A credit endpoint cannot become a fraud endpoint by a slip of the hand."""
    register(registry, promote=True)
    with pytest.raises(DomainMismatchError, match="'lending' is a 'credit' model, not 'fraud'"):
        register(registry, domain="fraud", promote=True)
    assert len(registry.versions("lending")) == 1


@pytest.mark.parametrize("value", [float("nan"), float("inf"), {1, 2}], ids=["nan", "infinity", "set"])
def test_metrics_that_are_not_json_are_refused(registry, value):
    """An undefined metric is None, never NaN."""
    with pytest.raises(MetricsError, match="metrics of 'lending' are not JSON"):
        register(registry, metrics={"auc": value})
    assert registry.names() == []


def test_a_bad_name_is_refused(registry):
    """Names are checked at the door."""
    with pytest.raises(ModelNameError):
        register(registry, "../lending")


def test_a_failure_in_the_middle_stores_nothing(registry, monkeypatch):
    """Version and champion are stored together or not at all."""
    register(registry, promote=True)
    monkeypatch.setattr("models.registry.registry._set_champion", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        register(registry, promote=True)

    assert len(registry.versions("lending")) == 1
    assert len(registry.history("lending")) == 2


def test_concurrent_processes_get_distinct_versions(url):
    """Four processes of five threads start on an empty database at once: twenty numbers, a consistent history."""
    command = [sys.executable, "-c", REGISTRANTS, url, "4"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=SOURCE_ROOT, check=False, timeout=120)

    assert (done.returncode, done.stderr) == (0, "")
    assert sorted(int(number) for number in done.stdout.split()) == list(range(1, 21))
    registry = Registry(url)
    moves = [event for event in registry.history("lending") if event.action == "promote"]
    assert len(moves) == 4 * 3
    assert [move.from_version for move in moves] == [None, *(move.to_version for move in moves[:-1])]
    assert champion_number(registry) == moves[-1].to_version
    registry.close()


def test_concurrent_rollbacks_each_take_one_step(registry):
    """Two people who roll back at once go back twice, not once and not to the same version."""
    for _ in range(9):
        register(registry, promote=True)
    with ThreadPoolExecutor(8) as pool:
        reached = list(pool.map(lambda _: registry.rollback("lending", actor="a", why="w").number, range(8)))

    assert sorted(reached) == list(range(1, 9))


def test_reading_goes_on_while_another_connection_writes(registry, url):
    """The service reads the champions during a job's transaction, and sees the state before it."""
    version = register(registry, promote=True)
    writer = Registry(url)
    seen = []

    def clock_inside_the_transaction():
        seen.append(registry.champions())
        return START

    writer._now = clock_inside_the_transaction
    register(writer, promote=True)
    writer.close()

    assert seen == [{"lending": version}]
    assert champion_number(registry) == 2


def test_a_database_of_a_newer_version_is_refused(registry, url):
    """An older program must not write into tables it does not understand."""
    with registry._engine.begin() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    known = newest_revision()
    with pytest.raises(DatabaseError, match=f"schema 9999, this backscore knows 0007 to {known}; upgrade backscore"):
        Registry(url)


def test_an_alias_cannot_point_to_nothing(registry):
    """The database itself keeps the champion among the versions."""
    with pytest.raises(sa.exc.IntegrityError), registry._engine.begin() as connection:
        connection.execute(sa.text("INSERT INTO aliases (name, alias, version) VALUES ('x', 'champion', 1)"))


def test_sqlite_is_set_up_for_safety(tmp_path):
    """Readers do not block writers, commits survive a power cut, references are checked, writers wait."""
    registry = Registry(Home(tmp_path / "new" / "home").database_url)
    with registry._engine.connect() as connection:
        values = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    registry.close()
    assert values == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 30_000}


def test_a_database_that_cannot_be_written_is_named(tmp_path):
    """The text holds the path and what SQLite says."""
    register(registry := Registry(Home(tmp_path).database_url))
    registry.close()
    path = tmp_path / "backscore.db"

    read_only = Registry(f"sqlite:///file:{path}?mode=ro&uri=true")
    assert read_only.names() == ["lending"]
    with pytest.raises(DatabaseError, match=rf"{path}.*attempt to write a readonly database"):
        register(read_only)
    read_only.close()


def test_a_path_that_can_hold_no_database_is_named(tmp_path):
    """A folder in place of the file, a file in place of the folder, and a file of something else."""
    text = tmp_path / "notes.txt"
    text.write_text("no database " * 100)

    for path in (tmp_path, text / "backscore.db", text):
        with pytest.raises(DatabaseError, match=str(path)):
            Registry(f"sqlite:///{path}")


@pytest.mark.parametrize("url", ["backscore.db", "oracle9://x/y", "mysql+nodriver://x/y"])
def test_a_url_that_cannot_be_used_is_explained(url):
    """The text shows how a URL is written."""
    with pytest.raises(DatabaseError, match="write sqlite:///FILE, or postgresql"):
        Registry(url)


def test_a_server_that_does_not_answer_is_named_without_its_password():
    """The user sees which server it was, the log never sees the password."""
    pytest.importorskip("psycopg")
    with pytest.raises(DatabaseError, match=r"ann:\*\*\*@127\.0\.0\.1:1/db") as caught:
        Registry("postgresql+psycopg://ann:secret@127.0.0.1:1/db")
    assert "secret" not in str(caught.value)
