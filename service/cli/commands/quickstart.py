"""`backscore quickstart`: from nothing to a running service with the three examples."""
# ruff: noqa: PLC0415 - heavy libraries are imported by the command that needs them, so that --help is quick

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from pathlib import Path
from threading import Thread
from time import monotonic, sleep
from typing import TYPE_CHECKING, Annotated

import typer

from models.domains import domain_names
from models.evaluation.metric_tables import metrics_of
from models.presets import PresetName
from service.cli import console
from service.cli.commands import tour
from service.cli.commands.events import load_rows
from service.cli.commands.serve import check_free, run_service
from service.cli.commands.train import run_training
from service.cli.commands.train_rows import RowSource
from service.cli.console import Line, print_text
from service.cli.context import home_of, live_model, open_registry, read_settings
from service.cli.exits import CommandError, CommandFailedError
from service.cli.row_files import check_folder

if TYPE_CHECKING:
    import uvicorn

    from models.contract import LiveModel
    from service.settings import Settings

HOST = "127.0.0.1"
SECONDS_TO_START = 60


def quickstart(
    once: Annotated[
        bool,
        typer.Option("--once", help="Send a request to each scoring endpoint, print requests and answers, and exit."),
    ] = False,
    json_file: Annotated[
        Path | None,
        typer.Option("--json", metavar="FILE", help="With --once: write every request and answer in full, as JSON."),
    ] = None,
    port: Annotated[
        int | None, typer.Option(help="Port; default BACKSCORE_PORT or 8000, with --once any free one.")
    ] = None,
    preset: Annotated[PresetName, typer.Option(help="How long to train.")] = "balanced",
) -> None:
    """Train the three examples on simulated rows, then serve them on this machine.

    Ads, credit and fraud are trained if they have no live model yet; nothing is downloaded. Then the address is
    printed, with one command to try for each endpoint.
    """
    _check_file(json_file, once=once)
    settings = read_settings(host=HOST, port=0 if once and port is None else port, workers=1)
    check_free(HOST, settings.port)
    for name in train_absent(settings, preset):
        _load_past(settings, name)
    calls = tour.calls_of(_live_models(settings))
    key = None if settings.api_key is None else settings.api_key.get_secret_value()
    if once:
        with _running(settings) as real_port:
            tour.send_all(calls, HOST, real_port, key, file=json_file)
        whole = f"in full in {json_file}" if json_file else "long ones shortened; --json FILE writes them in full"
        print_text([Line(f"{len(calls)} requests answered, {whole}.")])
        return
    address = f"http://{HOST}:{settings.port}"
    print_text([Line(f"Address: {address}   documentation: {address}/docs   One command for each endpoint:", "bold")])
    tour.print_calls(calls, address, with_key=key is not None)
    run_service(settings)


def _check_file(file: Path | None, *, once: bool) -> None:
    """Checked before anything takes time."""
    if file is None:
        return
    if not once:
        raise CommandError("--json needs --once: without it no requests are sent")
    check_folder(file)


def train_absent(settings: Settings, preset: PresetName) -> list[str]:
    """Train every domain without a live model of its name on its simulated rows; returns their names."""
    with open_registry(settings) as registry:
        absent = [name for name in domain_names() if registry.champion(name) is None]
    for name in absent:
        console.remark(f"Training {name} on simulated rows", style="bold")
        result = run_training(settings, name, RowSource(), preset=preset, promote="auto", seed=0)
        if not result.promoted:
            raise CommandFailedError(f"version {result.version} of {name!r} was not promoted: {result.why}")
        headline = ", ".join(
            f"{one.title} {result.metrics[one.key]:.4f}" for one in metrics_of([result.metrics], headline=True)[:1]
        )
        console.remark(f"{name}: version {result.version}, {headline}, {result.seconds:.0f} s")
    return absent


def _load_past(settings: Settings, name: str) -> None:
    """Load the simulated past if the model has window features."""
    live = live_model(settings, name)
    if live.table.windows:
        console.remark(f"Loading past rows for {name}'s window features", style="bold")
        load_rows(settings, live, data=None, table=None, until=None)


def _live_models(settings: Settings) -> list[LiveModel]:
    from models.registry.live import load_live

    with open_registry(settings) as registry:
        champions = registry.champions()
    return [load_live(champions[name], home_of(settings).bundles) for name in domain_names()]


@contextmanager
def _running(settings: Settings) -> Iterator[int]:
    """The real server in a thread; yields its port once it is ready. Its log is printed if the block fails."""
    import uvicorn

    from service.app import create_app

    log = StringIO()
    app = create_app(settings, log_to=log)
    server = uvicorn.Server(
        uvicorn.Config(app, host=settings.host, port=settings.port, log_level="warning", access_log=False)
    )
    thread = Thread(target=server.run, name="service")
    thread.start()
    try:
        yield _port_when_started(server, thread)
    except CommandFailedError:
        console.remark(log.getvalue())
        raise
    finally:
        server.should_exit = True
        thread.join()


def _port_when_started(server: uvicorn.Server, thread: Thread) -> int:
    """The port that the server listens on; it counts as started once its models are loaded."""
    give_up = monotonic() + SECONDS_TO_START
    while not server.started:
        if not thread.is_alive() or monotonic() > give_up:
            raise CommandFailedError("the service did not start; see its log above")
        sleep(0.02)
    port: int = server.servers[0].sockets[0].getsockname()[1]
    return port
