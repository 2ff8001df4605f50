"""`backscore serve`: answer requests over HTTP."""
# ruff: noqa: PLC0415 - heavy libraries are imported by the command that needs them, so that --help is quick

from __future__ import annotations

import gc
import os
import socket
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
            help="Address to listen on; BACKSCORE_HOST or 127.0.0.1 if left out. An address that other machines reach"
            " needs keys, see `backscore keys`."
        ),
    ] = None,
    port: Annotated[int | None, typer.Option(help="Port; BACKSCORE_PORT or 8000 if left out.")] = None,
    workers: Annotated[
        int | None, typer.Option(help="Processes that answer; BACKSCORE_WORKERS or 1 if left out.")
    ] = None,
) -> None:
    """Serve every model that has a live version; new versions are taken over without a restart.

    The models are at /, the documentation of the running service at /docs, its state at /health/ready.
    """
    gc.disable()  # until the service is ready: a fifth of the start is spent looking for garbage that is not there yet
    settings = read_settings(host=host, port=port, workers=workers)
    with open_registry(settings) as registry:
        champions = registry.champions()
    if not champions:
        console.warn("no model is live yet, so /health/ready answers 503; `backscore train DOMAIN` makes one")
    run_service(settings)


def run_service(settings: Settings) -> None:
    """Serve until the process is told to stop.

    Raises
    ------
    CommandFailedError
        The port is taken, or the address is not one of this machine.
    """
    from service.runtime.server import run_server

    check_keys(settings)
    check_free(settings.host, settings.port)
    address = f"http://{settings.host}:{settings.port}"
    console.remark(f"Serving on {address}, for a browser too; documentation at /docs; Ctrl+C ends it")
    # The workers are processes of their own and read their settings from the environment
    for name in ("home", "data_home", "database_url", "host", "port", "workers"):
        if (value := getattr(settings, name)) is not None:
            os.environ[f"BACKSCORE_{name.upper()}"] = str(value)
    try:
        status = run_server(settings)
    except SystemExit as end:  # uvicorn's own exit codes mean other things than ours
        raise CommandFailedError("the service ended; its log above says why") from end
    if status:
        raise typer.Exit(status)


def check_keys(settings: Settings) -> None:
    """UnsafeAddressError if other machines can reach the host, and there is no key that they would need."""
    from models.clock import utc_now
    from service.access.key_store import KeyStore
    from service.errors import UnsafeAddressError
    from service.settings import is_loopback

    if settings.api_key is not None or is_loopback(settings.host):
        return
    with database_of(settings) as engine:
        keys = KeyStore(engine).all()
    if not any(key.is_usable(utc_now()) for key in keys):
        raise UnsafeAddressError(settings.host)


def check_free(host: str, port: int) -> None:
    """CommandFailedError if nothing can listen on that address."""
    try:
        ((family, kind, protocol, _, address), *_) = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        raise CommandFailedError(
            f"cannot listen on {host}:{port}: {error.strerror}; choose another --port, or end what listens there"
        ) from error
