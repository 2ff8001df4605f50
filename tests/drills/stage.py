"""A stage for a stream: a trained model, a store with the history before it, and what every answer must be."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt
import pandas as pd
import sqlalchemy as sa

from data.checking import checked_frame
from data.simulators import fraud
from data.table import Table
from data.windows import checked_history, whole_seconds, with_windows
from models.contract import LiveModel
from models.domains._discovery import load_domains
from models.home import Home
from models.presets import PRESETS
from models.records.events.backfill import load_past
from models.records.events.event_log import EventLog
from models.registry.bundles import Manifest, write_bundle
from models.registry.database import schema as tables
from models.registry.database.engine import open_database, reading
from models.registry.live import POLICY
from models.registry.registry import Registry

ROOT = Path(__file__).parents[2]
NAME = "fraud"
LABEL_DELAY_DAYS = 7
START_SECONDS = 60


@dataclass(frozen=True)
class Stage:
    """What a stream is played on.

    Parameters
    ----------
    rows : the requests, in time order.
    expected : of each what its answer must hold: its windows and the domain's own fields, computed in bulk.
    """

    home: Home
    database_url: str
    table: Table
    rows: list[dict[str, Any]]
    expected: list[dict[str, Any]]

    @property
    def entities(self) -> list[str]:
        """The columns that connect events."""
        return [column.name for column in self.table.of_role("entity")]

    def differences(self, answers: Sequence[bytes]) -> list[str]:
        """Every field of an answer that is not what it must be."""
        found = []
        for place, (body, expected) in enumerate(zip(answers, self.expected, strict=True)):
            answer = json.loads(body)
            found += [
                f"event {place}: {name} is {answer[name]}, must be {value}"
                for name, value in expected.items()
                if answer[name] != value
            ]
        return found

    def lost(self) -> set[str]:
        """Ids of the events that are not in the store, though they have not rolled out of it."""
        asked = tables.events.c.answer.is_not(None)
        engine = open_database(self.database_url)
        with reading(engine) as connection:
            stored = set(connection.execute(sa.select(tables.events.c.event_id).where(asked)).scalars())
            kept_from: int = connection.execute(sa.select(tables.event_streams.c.kept_from)).scalar_one()
        engine.dispose()
        (event,), (time_,) = self.table.of_role("event"), self.table.of_role("time")
        seconds = (whole_seconds(datetime.fromisoformat(row[time_.name])) for row in self.rows)
        kept = {str(row[event.name]) for row, at in zip(self.rows, seconds, strict=True) if at >= kept_from}
        return kept - stored

    def problems(self, answers: Sequence[bytes]) -> list[str]:
        """What is wrong at the end of a stream: events that are lost, and answers that are not what they must be.

        One that counted twice would show in the windows of those after it.
        """
        return [*(f"event {lost} is not stored" for lost in self.lost()), *self.differences(answers)]


def prepare(
    folder: Path,
    database_url: str | None,
    table: Table,
    frame: pd.DataFrame,
    *,
    n_stream: int,
    training: npt.NDArray[np.bool_],
) -> Stage:
    """Train on some of the rows, load those before the stream into the store, and compute what the stream must get.

    Parameters
    ----------
    frame : raw rows with their outcomes, in time order; the last `n_stream` are the stream, whose outcomes nobody
        knows yet.
    training : the rows to train on, shape (n_rows,), before the stream.
    """
    home, domain = Home(folder), load_domains()["fraud"]
    url = database_url or home.database_url
    checked, labels = checked_history(table, frame, table.name)
    n_history = len(frame) - n_stream
    labels[n_history:] = 0
    seen = with_windows(table, checked_frame(table, frame, table.name, training=False), labels)
    rows, n_training = np.flatnonzero(training), int(training.sum() * 0.8)
    held_out = rows[n_training:]
    scorer = domain.build(table, PRESETS["fast"], 0).fit(
        seen.iloc[rows[:n_training]], labels[rows[:n_training]], validation=(seen.iloc[held_out], labels[held_out])
    )
    live = LiveModel(name=NAME, version=1, domain=domain, scorer=scorer, policy=domain.policy())
    _register(live, home, url, n_training)
    engine = open_database(url)
    load_past(
        EventLog(engine, NAME, table), checked.iloc[:n_history], labels[:n_history], label_delay_days=LABEL_DELAY_DAYS
    )
    engine.dispose()
    stream = seen.iloc[n_history:]
    fields = live.decide(scorer.frame_scores(stream), stream)
    expected = [
        {"windows": windows, **{name: values[place] for name, values in fields.items()}}
        for place, windows in enumerate(windows_of(table, stream))
    ]
    return Stage(home, url, table, requests_of(table, frame.iloc[n_history:]), expected)


def simulated(folder: Path, database_url: str | None, *, n_stream: int, n_history: int = 5_000) -> Stage:
    """A stream of simulated transactions, after a training on the history before it."""
    frame = fraud.simulate(n_history + n_stream, 0).frame
    training = np.arange(len(frame)) < n_history
    return prepare(folder, database_url, fraud.TABLE, frame, n_stream=n_stream, training=training)


def _register(live: LiveModel, home: Home, url: str, n_rows: int) -> None:
    """Make the model the champion of its name."""
    home.path.mkdir(parents=True, exist_ok=True)
    manifest = Manifest(
        name=NAME,
        domain=live.domain.name,
        created=datetime.now(UTC),
        table=live.table,
        metrics={},
        source=live.table.name,
        n_rows=n_rows,
        data_digest="0" * 64,
        seed=0,
        preset="fast",
    )
    files = {POLICY: live.policy.model_dump_json().encode()}
    digest = write_bundle(home.bundles, manifest, scorer=live.scorer, files=files)
    registry = Registry(url)
    registry.register(
        name=NAME, domain=live.domain.name, digest=digest, metrics={}, actor="tests", why="a stream", promote=True
    )
    registry.close()


def requests_of(table: Table, frame: pd.DataFrame) -> list[dict[str, Any]]:
    """The inputs of raw rows, as JSON takes them."""
    inputs = frame[[column.name for column in table.inputs]].astype(object)
    rows = inputs.where(inputs.notna(), None).to_dict("records")
    return [
        {str(name): value.isoformat() if isinstance(value, pd.Timestamp) else value for name, value in row.items()}
        for row in rows
    ]


def windows_of(table: Table, frame: pd.DataFrame) -> list[dict[str, float | None]]:
    """The windows of rows that have them, as answers tell them."""
    rows = frame[[column.name for column in table.windows]].to_dict("records")
    return [{str(name): None if np.isnan(value) else value for name, value in row.items()} for row in rows]


def digest_of(answers: Sequence[bytes]) -> str:
    """The same for the same answers in two runs: all of them but the names that answers are given."""
    told = [{name: value for name, value in json.loads(body).items() if name != "prediction_id"} for body in answers]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()[:16]


@contextmanager
def empty_schema(server_url: str) -> Iterator[str]:
    """The URL of an empty place in a PostgreSQL database, thrown away afterwards."""
    schema, server = f"stream_{uuid.uuid4().hex}", sa.create_engine(server_url)
    with server.begin() as connection:
        connection.execute(sa.schema.CreateSchema(schema))
    url = sa.make_url(server_url).update_query_dict({"options": f"-csearch_path={schema}"})
    try:
        yield url.render_as_string(hide_password=False)
    finally:
        with server.begin() as connection:
            connection.execute(sa.schema.DropSchema(schema, cascade=True))
        server.dispose()


class ServiceProcess:
    """A `backscore serve` process on a free port."""

    def __init__(
        self, home: Home, database_url: str, *, workers: int = 1, settings: Mapping[str, str] | None = None
    ) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self._command = [sys.executable, "-m", "service", "serve", "--port", str(self.port), "--workers", str(workers)]
        self.environment: Mapping[str, str] = {
            **os.environ,
            **dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"),
            "BACKSCORE_HOME": str(home.path.resolve()),
            "BACKSCORE_DATABASE_URL": database_url,
            **(settings or {}),
        }
        self._log = home.path / "serve.log"
        self.start()

    def start(self) -> None:
        """Start the process."""
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(self._command, cwd=ROOT, env=self.environment, stdout=log, stderr=log)

    def wait_until_ready(self) -> None:
        """Return when it answers; RuntimeError if that takes too long."""
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{self.port}/health/ready", timeout=1).close()
            except OSError:
                time.sleep(0.05)
            else:
                return
        self.stop()
        raise RuntimeError(f"the service did not get ready within {START_SECONDS} s:\n{self._log.read_text()[-2000:]}")

    def kill(self) -> None:
        """End the process as a failing machine would."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        """End the process as an operator would."""
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(START_SECONDS)


def end_with(problems: Sequence[str]) -> NoReturn:
    """Show some of the problems, and end a script with 1 if there are any, else with 0."""
    sys.stdout.writelines(f"  {problem}\n" for problem in problems[:50])
    sys.exit(bool(problems))
