"""`backscore doctor`: versions, settings and state of this installation."""
# ruff: noqa: PLC0415 - heavy libraries are imported by the command that needs them, so that --help is quick

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from platform import python_version
from typing import TYPE_CHECKING, Any

from service.cli.commands.data import found_at
from service.cli.console import Listing, print_result
from service.cli.context import AsJson, home_of, installed_version, open_registry, read_settings

if TYPE_CHECKING:
    from service.settings import Settings

PACKAGES = (
    "backscore",
    "numpy",
    "pandas",
    "scikit-learn",
    "joblib",
    "fastapi",
    "pydantic",
    "uvicorn",
    "SQLAlchemy",
    "alembic",
    "safetensors",
    "pyarrow",
    "plotly",
)


def doctor(as_json: AsJson = False) -> None:
    """Show versions, cores, settings, data and live models; start here when something looks wrong."""
    settings = read_settings()
    findings: dict[str, Mapping[str, Any]] = {
        "versions": _versions(),
        "cores": cores(),
        "blas": _blas(),
        "home": _home(settings),
        "database": _database(settings),
        "data": _data(settings),
    }
    text = (
        Listing(("", ""), [(name, _in_words(value)) for name, value in found.items()], heading.capitalize())
        for heading, found in findings.items()
    )
    print_result(findings, text, as_json=as_json)


def cores(cgroup: Path = Path("/sys/fs/cgroup")) -> dict[str, float | None]:
    """The cores of the machine, those this process may use, and the CPU quota of its container.

    `granted` is the quota of the control group (v2 or v1) in cores; None without a limit.
    """
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {"present": os.cpu_count(), "usable": usable, "granted": _quota(cgroup)}


def _quota(cgroup: Path) -> float | None:
    try:
        if (cgroup / "cpu.max").exists():
            quota, period = (cgroup / "cpu.max").read_text().split()
        else:
            quota = (cgroup / "cpu" / "cpu.cfs_quota_us").read_text()
            period = (cgroup / "cpu" / "cpu.cfs_period_us").read_text()
        return None if quota == "max" or int(quota) < 0 else int(quota) / int(period)
    except (OSError, ValueError):
        return None  # no control groups here


def _versions() -> dict[str, str]:
    return {"python": python_version(), **{name: installed_version(name) for name in PACKAGES}}


def _blas() -> dict[str, Any]:
    """The BLAS libraries and their threads."""
    import numpy as np  # noqa: F401 - its BLAS can only be seen once it is loaded
    from threadpoolctl import threadpool_info

    libraries = [library for library in threadpool_info() if library["user_api"] == "blas"]
    return {
        f"{library['internal_api']} {library['version']}": f"{library['num_threads']} thread(s)"
        for library in libraries
    }


def _home(settings: Settings) -> dict[str, Any]:
    path = settings.home.absolute()
    there = next(folder for folder in (path, *path.parents) if folder.exists())
    return {"path": path, "exists": path.exists(), "writable": os.access(there, os.W_OK)}


def _database(settings: Settings) -> dict[str, Any]:
    """Whether the registry can be opened, and its champions."""
    import sqlalchemy as sa

    from models.errors import BundleError, DatabaseError, UnreadablePolicyError
    from models.registry.database.migrations import newest_revision
    from models.registry.live import load_answering

    try:
        with open_registry(settings) as registry:
            champions, policies = registry.champions(), registry.policies.all_active()
    except DatabaseError as error:
        return {"reachable": False, "problem": str(error), "live_models": {}}
    live_models = {}
    for name, version in champions.items():
        try:
            load_answering(version, policies.get(name), home_of(settings).bundles)
            state = "loads"
        except (BundleError, UnreadablePolicyError) as error:
            state = f"cannot be loaded: {error}"
        live_models[name] = f"{version.domain}, version {version.number}, {state}"
    url = sa.make_url(settings.registry_url).render_as_string(hide_password=True)
    # opening the registry has brought the schema there, or has failed
    return {"reachable": True, "url": url, "schema": newest_revision(), "live_models": live_models}


def _data(settings: Settings) -> dict[str, Any]:
    from data.tables._catalogue import public_tables

    found = {name: found_at(public, settings) for name, public in public_tables().items()}
    return {"data_home": settings.data_home, "public_tables": found}


def _in_words(value: object) -> str:
    if isinstance(value, Mapping):
        return "\n".join(f"{name}: {_in_words(inner)}" for name, inner in value.items()) or "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "-" if value is None else str(value)
