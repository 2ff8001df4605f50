"""Fixtures of several rooms: small trained models, stored as a training job stores them, and the service."""

from __future__ import annotations

import os

# Processes that test side by side get one thread each: more would wait for each other. Read when numpy is imported
if "PYTEST_XDIST_WORKER" in os.environ:
    for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(_variable, "1")

import copy
import functools
import io
import itertools
import json
import shutil
import time
import uuid
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from filelock import FileLock
from hypothesis import HealthCheck, settings

from data.windows import checked_history
from models.contract import Domain, LiveModel
from models.domains._discovery import load_domains
from models.estimators.table_classifier import TableClassifier
from models.home import Home
from models.presets import PRESETS
from models.registry.bundles import Manifest, write_bundle
from models.registry.database.engine import open_database
from models.registry.database.migrations import create_schema
from models.registry.database.schema import predictions
from models.registry.live import CARD, POLICY, REPORT
from models.registry.registry import Registry, Version
from service.app import create_app
from service.middleware.tracing import Tracing
from service.settings import Settings

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # newer versions of starlette ask for another client, and take this one
    from starlette.testclient import TestClient

# A busy machine fails no test: examples may take as long as they need, and share the fixtures of their test. They are
# the same in every run; --hypothesis-profile=explore looks for new ones
settings.register_profile(
    "backscore",
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.register_profile("explore", settings.get_profile("backscore"), derandomize=False, max_examples=500)
settings.load_profile("backscore")

ADDRESS = "http://127.0.0.1:8000"
MOMENT = datetime(2024, 5, 31, 12, 0, tzinfo=UTC)
POSTGRES = os.environ.get("BACKSCORE_TEST_POSTGRES")
START = datetime(2024, 5, 1, 12, 30, 15, 123456, tzinfo=UTC)


Ids = Callable[[], str]
BuildOnce = Callable[[str, Callable[[Path], None]], Path]


@dataclass(frozen=True)
class Store:
    """A home with its registry, and the making of further versions."""

    home: Home
    registry: Registry

    def add(
        self,
        domain: Domain,
        scorer: TableClassifier,
        *,
        name: str | None = None,
        promote: bool,
        more_files: Mapping[str, bytes] | None = None,
    ) -> Version:
        """Store a scorer with its domain's default policy as the next version of a name."""
        manifest = Manifest(
            name=name or domain.name,
            domain=domain.name,
            created=MOMENT,
            table=scorer.table,
            metrics={"auc": 0.75},
            source="simulated rows",
            n_rows=2_000,
            data_digest="0" * 64,
            seed=0,
            preset="fast",
        )
        files = {POLICY: domain.policy().model_dump_json().encode(), REPORT: b"<!doctype html>"}
        files |= more_files or {}
        if domain.name == "credit":
            files[CARD] = b'{"name": "credit"}'
        digest = write_bundle(self.home.bundles, manifest, scorer=scorer, files=files)
        return self.registry.register(
            name=manifest.name,
            domain=domain.name,
            digest=digest,
            metrics=manifest.metrics,
            actor="tests",
            why="for tests",
            promote=promote,
        )


def quick_scorer(domain: Domain, seed: int) -> TableClassifier:
    """A model of the domain's simulated rows, good enough to answer; each caller has its own."""
    if domain is load_domains().get(domain.name):
        return copy.deepcopy(_trained_once(domain.name, seed))
    return _trained(domain, seed)


@functools.cache
def _trained_once(name: str, seed: int) -> TableClassifier:
    return _trained(load_domains()[name], seed)


def _trained(domain: Domain, seed: int) -> TableClassifier:
    table = domain.restrict_inputs(domain.table)
    frame, labels = checked_history(
        table, domain.simulate(2_000, seed).frame, "simulated rows", targets=domain.task.targets
    )
    held_out = (frame.iloc[1_500:], labels[1_500:])
    return domain.build(table, PRESETS["fast"], seed).fit(frame.iloc[:1_500], labels[:1_500], validation=held_out)


def quick_live(domain: Domain) -> LiveModel:
    """Such a model, live under its domain's default policy."""
    return LiveModel(name=domain.name, version=1, domain=domain, scorer=quick_scorer(domain, 0), policy=domain.policy())


def open_store(folder: Path) -> Store:
    home = Home(folder)
    return Store(home, Registry(home.database_url))


@pytest.fixture(scope="session")
def build_once(tmp_path_factory: pytest.TempPathFactory) -> BuildOnce:
    """Builds a folder that is never to be changed, once per test run: in whichever process needs it first."""
    own = tmp_path_factory.getbasetemp()
    shared = own.parent if "PYTEST_XDIST_WORKER" in os.environ else own

    def build(name: str, fill: Callable[[Path], None]) -> Path:
        with FileLock(shared / f"{name}.lock"):
            if not (shared / name).exists():
                fill(shared / f"{name}.partial")
                (shared / f"{name}.partial").rename(shared / name)
        return shared / name

    return build


@pytest.fixture(scope="session")
def trained_home(build_once: BuildOnce, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home in which version 1 of every domain is live and credit has a version 2 that is not; never to be changed.

    Each process of a test run has its own copy, because services write into their audit log.
    """
    return shutil.copytree(build_once("trained", _train_every_domain), tmp_path_factory.mktemp("trained") / "home")


def _train_every_domain(folder: Path) -> None:
    store = open_store(folder)
    for domain in load_domains().values():
        store.add(domain, quick_scorer(domain, seed=0), promote=True)
    credit = load_domains()["credit"]
    store.add(credit, quick_scorer(credit, seed=1), promote=False)
    store.registry.close()


@pytest.fixture
def store(trained_home: Path, tmp_path: Path) -> Iterator[Store]:
    """A copy of the trained home that a test may change, with an empty audit log."""
    shutil.copytree(trained_home, tmp_path / "home")
    opened = open_store(tmp_path / "home")
    with opened.registry._engine.begin() as connection:
        connection.execute(predictions.delete())
    yield opened
    opened.registry.close()


@dataclass(frozen=True)
class Service:
    """A running application: a client for it, what it logged, and its home."""

    client: TestClient
    log: io.StringIO
    home: Path

    def log_lines(self, event: str) -> list[dict[str, Any]]:
        lines = [json.loads(line) for line in self.log.getvalue().splitlines()]
        return [line for line in lines if line["event"] == event]


def counting_ids() -> Ids:
    """Gives id-1, id-2, ..."""
    numbers = itertools.count(1)
    return lambda: f"id-{next(numbers)}"


@pytest.fixture(scope="session")
def running_services() -> Iterator[list[TestClient]]:
    """The clients of services that run; those that several tests share run until all tests have ended."""
    clients: list[TestClient] = []
    yield clients
    _stop(clients, 0)


@pytest.fixture(autouse=True)
def stop_services(running_services: list[TestClient]) -> Iterator[None]:
    """Stop the services that a test has started for itself: they poll, and hundreds would leave no time for others."""
    n_shared = len(running_services)
    yield
    _stop(running_services, n_shared)


def _stop(clients: list[TestClient], n_left: int) -> None:
    while len(clients) > n_left:
        clients.pop().__exit__(None, None, None)


@pytest.fixture(scope="session")
def start_service(running_services: list[TestClient]) -> Callable[..., Service]:
    """Starts services on a home, with other settings where they are given."""
    ids = counting_ids()  # one for all: homes are copied with their audit log, which knows an id once

    def start(home: Path, tracing: Tracing | None = None, **changes: Any) -> Service:
        settings = Settings(home=home, **{"poll_seconds": 3600, **changes})
        log = io.StringIO()
        app = create_app(settings, now=lambda: MOMENT, new_id=ids, log_to=log, tracing=tracing)
        client = TestClient(app, base_url=ADDRESS, raise_server_exceptions=False).__enter__()
        running_services.append(client)
        return Service(client, log, home)

    return start


@pytest.fixture(scope="session")
def service(
    start_service: Callable[..., Service], trained_home: Path, tmp_path_factory: pytest.TempPathFactory
) -> Service:
    """A service with a model of every domain and small limits, to send requests to and not to change."""
    home = shutil.copytree(trained_home, tmp_path_factory.mktemp("served") / "home")
    return start_service(home, max_body_bytes=50_000, max_batch_bytes=200_000, max_rows_per_batch=100)


@pytest.fixture(scope="session")
def client(service: Service) -> TestClient:
    return service.client


@pytest.fixture(scope="session")
def applicant() -> dict[str, Any]:
    """A credit request that is right in every respect."""
    domain = load_domains()["credit"]
    return domain.restrict_inputs(domain.table).example()


@pytest.fixture(scope="session")
def eventually() -> Callable[[Callable[[], bool]], None]:
    """Waits until a condition holds, and fails if it does not within a minute."""

    def wait(is_so: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 60
        while not is_so():
            assert time.monotonic() < deadline, "did not happen within a minute"
            time.sleep(0.01)

    return wait


class SteppingClock:
    """A clock that moves on by one minute with each look at it."""

    def __init__(self) -> None:
        self.n_looks = 0

    def __call__(self) -> datetime:
        self.n_looks += 1
        return START + timedelta(minutes=self.n_looks - 1)


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of an empty database, thrown away afterwards."""
    if request.param == "sqlite":
        yield Home(tmp_path).database_url
        return
    if not POSTGRES:
        pytest.skip("BACKSCORE_TEST_POSTGRES names no PostgreSQL server")
    schema = f"test_{uuid.uuid4().hex}"
    server = sa.create_engine(POSTGRES)
    with server.begin() as connection:
        connection.execute(sa.schema.CreateSchema(schema))
    yield (
        sa.make_url(POSTGRES)
        .update_query_dict({"options": f"-csearch_path={schema}"})
        .render_as_string(hide_password=False)
    )
    with server.begin() as connection:
        connection.execute(sa.schema.DropSchema(schema, cascade=True))
    server.dispose()


@pytest.fixture
def engine(url: str) -> Iterator[sa.Engine]:
    """A database with the tables of the registry."""
    opened = open_database(url)
    create_schema(opened)
    yield opened
    opened.dispose()


@pytest.fixture
def registry(url: str) -> Iterator[Registry]:
    registry = Registry(url, now=SteppingClock())
    yield registry
    registry.close()
