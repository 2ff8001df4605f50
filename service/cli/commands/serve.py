"""`backscore serve`: answer requests over HTTP."""
# ruff: noqa: PLC0415 - heavy libraries are imported by the command that needs them, so that --help is quick

from __future__ import annotations

import gc
import os
import socket
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from service.cli import console
from service.cli.context import database_of, open_registry, read_settings
from service.cli.exits import CommandFailedError

if TYPE_CHECKING:
    from service.settings import Settings


def serve(
    host: Annotated[
        str | None,
        typer.Option(
            help="Address to listen on; default BACKSCORE_HOST or 127.0.0.1. An address that other machines can reach"
            " needs keys, see `backscore keys`."
        ),
    ] = None,
    port: Annotated[int | None, typer.Option(help="Port; default BACKSCORE_PORT or 8000.")] = None,
    workers: Annotated[
        int | None, typer.Option(help="Number of worker processes; default BACKSCORE_WORKERS or 1.")
    ] = None,
) -> None:
    """Serve every live model; new versions go live without a restart.

    Models are at /, the API documentation at /docs, readiness at /health/ready.
    """
    gc.disable()  # until the service is ready: collections take a fifth of the start and find nothing
    settings = read_settings(host=host, port=port, workers=workers)
    with open_registry(settings) as registry:
        champions = registry.champions()
    if not champions:
        console.warn("no model is live yet, so /health/ready answers 503; train one with `backscore train DOMAIN`")
    run_service(settings)


def run_service(settings: Settings) -> None:
    """Serve until a signal stops the process.

    Raises
    ------
    CommandFailedError
        The port is in use, or the address is not one of this machine.
    """
    from service.runtime.server import run_server

    check_keys(settings)
    check_free(settings.host, settings.port)
    # The workers are processes of their own and read their settings from the environment
    for name in ("home", "data_home", "database_url", "host", "port", "workers"):
        if (value := getattr(settings, name)) is not None:
            os.environ[f"BACKSCORE_{name.upper()}"] = str(value)
    try:
        status = run_server(settings, partial(_announce, settings))
    except SystemExit as end:  # uvicorn's own exit codes mean other things than ours
        raise CommandFailedError("the service stopped; see its log above") from end
    if status:
        raise typer.Exit(status)


def _announce(settings: Settings) -> None:
    address = f"http://{settings.host}:{settings.port}"
    console.remark(f"Serving on {address}, documentation at /docs; Ctrl+C stops it")


def check_keys(settings: Settings) -> None:
    """Refuse a host that other machines can reach without a usable key, or with one that can be guessed.

    Raises
    ------
    UnsafeAddressError, WeakKeyError
    """
    from models.clock import utc_now
    from service.access.key_store import KeyStore
    from service.errors import UnsafeAddressError, WeakKeyError
    from service.settings import KEY_RULE, is_loopback, is_weak

    if is_loopback(settings.host):
        return
    if settings.api_key is not None:
        if is_weak(settings.api_key.get_secret_value()):
            raise WeakKeyError(settings.host, KEY_RULE)
        return
    with database_of(settings) as engine:
        keys = KeyStore(engine).all()
    if not any(key.is_usable(utc_now()) for key in keys):
        raise UnsafeAddressError(settings.host)


def check_free(host: str, port: int) -> None:
    """CommandFailedError if the address cannot be bound."""
    try:
        ((family, kind, protocol, _, address), *_) = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        raise CommandFailedError(
            f"cannot listen on {host}:{port}: {error.strerror}; choose another --port, or stop what listens there"
        ) from error
