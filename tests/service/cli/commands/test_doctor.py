"""`doctor`: what is found."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing

import numpy as np
import pytest

from service.cli.commands.doctor import cores


def test_an_empty_home_is_described(run, home):
    """Versions, cores, BLAS, home, database and data, as one object."""
    found = run("doctor", "--json").json

    assert found["versions"]["numpy"] == np.__version__
    assert found["cores"]["usable"] == len(os.sched_getaffinity(0))
    assert found["blas"]
    assert found["home"]["path"] == str(home.path)
    assert found["home"]["writable"]
    assert found["database"]["reachable"]
    assert found["database"]["live_models"] == {}
    assert found["data"]["data_home"] is None


def test_live_models_are_loaded(run, trained):
    """A champion that cannot be loaded is reported by the doctor."""
    bundle = trained.home.bundles / trained.registry.champion("credit").digest
    (bundle / "policy.json").write_text("{}")

    outcome = run("doctor")

    assert outcome.exit_code == 0
    assert "fraud, version 1, loads" in outcome.stdout
    assert "policy.json was altered" in " ".join(outcome.stdout.split())


def test_a_database_out_of_reach_is_a_finding(run, monkeypatch, tmp_path):
    """The doctor reports it instead of failing."""
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("BACKSCORE_DATABASE_URL", f"sqlite:///{tmp_path}/file/backscore.db")

    outcome = run("doctor", "--json")

    assert outcome.exit_code == 0
    assert not outcome.json["database"]["reachable"]
    assert outcome.json["database"]["problem"]


def test_the_revision_of_the_schema_is_told(run, monkeypatch, tmp_path):
    """The one that the database has; one of a newer backscore is a finding."""
    file = tmp_path / "backscore.db"
    monkeypatch.setenv("BACKSCORE_DATABASE_URL", f"sqlite:///{file}")

    told = run("doctor", "--json").json["database"]["schema"]

    with closing(sqlite3.connect(file)) as connection, connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchall() == [(told,)]
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    found = run("doctor", "--json").json["database"]
    assert not found["reachable"]
    assert "has schema 9999" in found["problem"]


@pytest.mark.parametrize(
    ("files", "granted"),
    [
        ({"cpu.max": "150000 100000\n"}, 1.5),
        ({"cpu.max": "max 100000\n"}, None),
        ({"cpu/cpu.cfs_quota_us": "50000\n", "cpu/cpu.cfs_period_us": "100000\n"}, 0.5),
        ({"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, None),
        ({}, None),
    ],
    ids=["version 2", "version 2 without limit", "version 1", "version 1 without limit", "no control group"],
)
def test_cores_are_those_that_the_control_group_grants(tmp_path, files, granted):
    """The quota of a container, in cores."""
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)

    assert cores(tmp_path)["granted"] == granted
