"""What the fault scripts share: a home with two versions of a credit model, load on its service, what was recorded."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa
from pydantic_core import from_json

from models.domains._discovery import load_domains
from models.home import Home
from models.registry.database.engine import open_database, reading
from models.registry.database.schema import predictions
from models.registry.registry import Registry
from tests.conftest import Store, quick_scorer
from tests.drills.load import Loaded, load, post

NAME = "credit"


def trained(folder: Path, database_url: str | None = None) -> Store:
    """A home with version 1 of a small credit model live, and a version 2 beside it."""
    home = Home(folder)
    home.path.mkdir(parents=True, exist_ok=True)
    store = Store(home, Registry(database_url or home.database_url))
    domain = load_domains()[NAME]
    for seed in (0, 1):
        store.add(domain, quick_scorer(domain, seed=seed), promote=seed == 0)
    return store


def request() -> bytes:
    """A request to score the example."""
    domain = load_domains()[NAME]
    body = json.dumps(domain.restrict_inputs(domain.table).example()).encode()
    return post(f"/v1/{NAME}/score?reasons=none", body)


def recorded(database_url: str) -> dict[str, bytes]:
    """Every answer of the audit log, by the id of its prediction."""
    engine = open_database(database_url)
    with reading(engine) as connection:
        found = {row.id: row.answer.encode() for row in connection.execute(sa.select(predictions))}
    engine.dispose()
    return found


def lost(answers: list[bytes], database_url: str) -> list[str]:
    """What clients were told and the audit log does not hold, or holds otherwise."""
    kept = recorded(database_url)
    told = ((str(from_json(answer)["prediction_id"]), answer) for answer in answers)
    return [
        f"the answer {name} is not in the audit log as it was sent" for name, answer in told if kept.get(name) != answer
    ]


class Load:
    """Load on a port, from a thread beside the script.

    Attributes
    ----------
    answers : the bodies of all answers with status 200. loaded : what came of it, once it is done.
    """

    def __init__(self, port: int, *, seconds: float, connections: int = 8, rate: float | None = None) -> None:
        self.answers: list[bytes] = []
        self.loaded = Loaded()
        self._options = {"connections": connections, "seconds": seconds, "rate": rate}
        self._port, self._request = port, request()
        self._thread = threading.Thread(target=self._run)

    @contextmanager
    def running(self) -> Iterator[Load]:
        """While the block runs and until the load has ended."""
        self._thread.start()
        try:
            yield self
        finally:
            self._thread.join()

    def _run(self) -> None:
        self.loaded = load(self._port, self._request, on_answer=self.answers.append, **self._options)  # type: ignore[arg-type]
