"""What tests of stored things share: an empty database, and a clock whose every moment is known."""

import os
import uuid
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from models.home import Home
from models.registry import Registry

POSTGRES = os.environ.get("BACKSCORE_TEST_POSTGRES")
START = datetime(2024, 5, 1, 12, 30, 15, 123456, tzinfo=UTC)


class SteppingClock:
    """A clock that moves on by one minute with each look at it."""

    def __init__(self):
        self.n_looks = 0

    def __call__(self):
        self.n_looks += 1
        return START + timedelta(minutes=self.n_looks - 1)


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request, tmp_path):
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
def registry(url):
    registry = Registry(url, now=SteppingClock())
    yield registry
    registry.close()
