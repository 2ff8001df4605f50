"""The setup of every drill: a home with trained models and its database, the service as a process, the exit code."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NoReturn

import sqlalchemy as sa
from pydantic_core import from_json

from models.domains._discovery import load_domains
from models.home import Home
from models.registry.database.engine import open_database, reading
from models.registry.database.schema import predictions
from models.registry.registry import Registry
from tests.conftest import Store, quick_scorer
from tests.drills.load import ONE_THREAD, BackgroundLoad, free_port, post, wait_until_ready

ROOT = Path(__file__).parents[2]
NAME = "credit"
"""The model that most drills score with."""
START_SECONDS = 180


@dataclass(frozen=True)
class Stage:
    """A home and its database."""

    home: Home
    database_url: str

    @classmethod
    def at(cls, folder: Path, database_url: str | None = None) -> Stage:
        """The stage in a folder; the database is SQLite in the home unless another is given."""
        folder.mkdir(parents=True, exist_ok=True)
        return cls(Home(folder), database_url or Home(folder).database_url)

    def store(self) -> Store:
        """The registry and its bundles; to be closed by the caller."""
        return Store(self.home, Registry(self.database_url))

    def trained(self) -> Store:
        """The store with version 1 of a small credit model live, and a version 2 beside it."""
        store, domain = self.store(), load_domains()[NAME]
        for seed in (0, 1):
            store.add(domain, quick_scorer(domain, seed=seed), promote=seed == 0)
        return store

    def quickstart(self) -> None:
        """Train a model of every domain as a user would."""
        command = [sys.executable, "-m", "service", "quickstart", "--once", "--preset", "fast"]
        environment = {**os.environ, **self.environment}
        environment.pop("BACKSCORE_API_KEY", None)
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"training failed:\n{done.stderr[-2000:]}")

    @property
    def environment(self) -> dict[str, str]:
        """The settings that point commands at the stage."""
        return {"BACKSCORE_HOME": str(self.home.path.resolve()), "BACKSCORE_DATABASE_URL": self.database_url}

    @contextmanager
    def serving(
        self, *, database_url: str | None = None, workers: int = 1, settings: Mapping[str, str] | None = None
    ) -> Iterator[ServiceProcess]:
        """The service, ready to answer; stopped in the end.

        Parameters
        ----------
        database_url : where the service finds the database, a proxy for instance.
        """
        via = {"BACKSCORE_DATABASE_URL": database_url} if database_url else {}
        service = ServiceProcess(self, workers=workers, settings={**via, **(settings or {})})
        try:
            service.wait_until_ready()
            yield service
        finally:
            service.stop()

    def recorded(self) -> dict[str, bytes]:
        """Every answer in the audit log, by the id of its prediction."""
        engine = open_database(self.database_url)
        with reading(engine) as connection:
            found = {row.id: row.answer.encode() for row in connection.execute(sa.select(predictions))}
        engine.dispose()
        return found

    def lost(self, answers: Sequence[bytes]) -> list[str]:
        """Answers that clients received and that the audit log does not hold byte for byte."""
        kept = self.recorded()
        received = ((str(from_json(answer)["prediction_id"]), answer) for answer in answers)
        return [
            f"the answer {name} is not in the audit log as it was sent"
            for name, answer in received
            if kept.get(name) != answer
        ]


def example(model: str = NAME) -> dict[str, Any]:
    """A valid row for the model of a domain."""
    domain = load_domains()[model]
    return domain.restrict_inputs(domain.table).example()


def scoring(port: int, *, seconds: float, connections: int = 8) -> BackgroundLoad:
    """Requests to score the example, again and again."""
    return BackgroundLoad(port, score_request(), seconds=seconds, connections=connections)


def score_request() -> bytes:
    """A request to score the example, as bytes."""
    return post(f"/v1/{NAME}/score?reasons=none", json.dumps(example()).encode())


@contextmanager
def scratch(database: str | None = None) -> Iterator[Stage]:
    """An empty stage, thrown away afterwards; `database` is the URL of a PostgreSQL database, SQLite if None."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="drill-")))
        yield Stage.at(folder / "home", stack.enter_context(empty_schema(database)) if database else None)


@contextmanager
def empty_schema(server_url: str) -> Iterator[str]:
    """The URL of an empty schema of a PostgreSQL database, dropped afterwards."""
    schema, server = f"drill_{uuid.uuid4().hex}", sa.create_engine(server_url)
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

    def __init__(self, stage: Stage, *, workers: int = 1, settings: Mapping[str, str] | None = None) -> None:
        self.port = free_port()
        self._command = [sys.executable, "-m", "service", "serve", "--port", str(self.port), "--workers", str(workers)]
        self.environment: Mapping[str, str] = {**os.environ, **ONE_THREAD, **stage.environment, **(settings or {})}
        self._log = stage.home.path / "serve.log"
        self.start()

    def start(self) -> None:
        """Start the process."""
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(self._command, cwd=ROOT, env=self.environment, stdout=log, stderr=log)

    def wait_until_ready(self) -> None:
        """Return when it answers; TimeoutError with the end of its log if that takes too long."""
        try:
            wait_until_ready(self.port, START_SECONDS)
        except TimeoutError as error:
            raise TimeoutError(f"{error}:\n{self.log()[-2000:]}") from error

    def log(self) -> str:
        """Everything that the process has written."""
        return self._log.read_text(errors="replace")

    def kill(self) -> None:
        """Kill the process (SIGKILL)."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        """Stop the process (SIGTERM)."""
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(START_SECONDS)


def end_with(problems: Sequence[str]) -> NoReturn:
    """Print some of the problems, and exit with 1 if there are any, else with 0."""
    sys.stdout.writelines(f"  {problem}\n" for problem in problems[:50])
    sys.exit(bool(problems))
