"""`backscore quickstart`: from nothing to a running service with an example of every domain."""
# ruff: noqa: PLC0415 - heavy libraries are imported by the command that needs them, so that --help is quick

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import StringIO
from pathlib import Path
from threading import Thread
from time import monotonic, sleep
from typing import TYPE_CHECKING, Annotated

import typer

from models.domains import domain_names
from models.presets import PresetName
from service.cli import console
from service.cli.commands import tour
from service.cli.commands.events import load_rows
from service.cli.commands.serve import check_free, run_service
from service.cli.commands.side_by_side import train_examples
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


def _known_domains(names: list[str] | None) -> list[str]:
    known = domain_names()
    if unknown := [name for name in names or () if name not in known]:
        raise typer.BadParameter(f"unknown domain {unknown[0]!r}; available: {', '.join(known)}")
    return [name for name in known if not names or name in names]


def quickstart(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="DOMAIN", help="Domains to train and serve; all if none.", callback=_known_domains),
    ] = None,
    *,
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
    preset: Annotated[
        PresetName, typer.Option(help="How long to train; balanced and best take longer and are more accurate.")
    ] = "fast",
) -> None:
    """Train an example of every domain on embedded rows, then serve them on this machine.

    Those without a live model are trained, as many at once as there are cores, and the first answers while the others
    train; nothing is downloaded. For each, one command to try is printed for each endpoint.
    """
    names = names or domain_names()
    _check_file(json_file, once=once)
    settings = read_settings(host=HOST, port=0 if once and port is None else port, workers=1)
    check_free(HOST, settings.port)
    trainings = _absent_trained(settings, names, preset)
    if once:
        next(trainings, None)
        with _running(settings) as real_port:
            for _ in trainings:  # the service takes each over as soon as it is live
                pass
            _send_examples(settings, names, real_port, json_file)
        return
    if not _live_names(settings, names):
        next(trainings)
    address = f"http://{HOST}:{settings.port}"
    print_text([Line(f"Address: {address}   documentation: {address}/docs   One command for each endpoint:", "bold")])
    _print_calls(settings, _live_names(settings, names))
    Thread(target=_train_others, args=(settings, trainings), name="trainings", daemon=True).start()
    run_service(settings)


def _absent_trained(settings: Settings, names: Sequence[str], preset: PresetName) -> Iterator[str]:
    """Train the domains without a live model of their name, those of few rows first; yields each once it is live."""
    from models.domains._discovery import load_domains

    absent = sorted(
        set(names) - set(_live_names(settings, names)), key=lambda name: load_domains()[name].n_simulated_rows
    )
    for name in train_examples(settings, absent, preset):
        _load_past(settings, name)
        yield name


def _train_others(settings: Settings, trainings: Iterator[str]) -> None:
    """The trainings that remain while the first models answer."""
    try:
        for name in trainings:
            _print_calls(settings, [name])
    except CommandFailedError as error:
        console.warn(str(error))


def _print_calls(settings: Settings, names: Sequence[str]) -> None:
    calls = tour.calls_of(_live_models(settings, names))
    tour.print_calls(calls, f"http://{HOST}:{settings.port}", with_key=settings.api_key is not None)


def _send_examples(settings: Settings, names: Sequence[str], port: int, file: Path | None) -> None:
    calls = tour.calls_of(_live_models(settings, names))
    tour.send_all(
        calls, HOST, port, None if settings.api_key is None else settings.api_key.get_secret_value(), file=file
    )
    whole = f"in full in {file}" if file else "long ones shortened; --json FILE writes them in full"
    print_text([Line(f"{len(calls)} requests answered, {whole}.")])


def _check_file(file: Path | None, *, once: bool) -> None:
    """Checked before anything takes time."""
    if file is None:
        return
    if not once:
        raise CommandError("--json needs --once: without it no requests are sent")
    check_folder(file)


def _load_past(settings: Settings, name: str) -> None:
    """Load the simulated past if the model has window features."""
    live = live_model(settings, name)
    if live.table.windows:
        console.remark(f"Loading past rows for {name}'s window features", style="bold")
        load_rows(settings, live, data=None, table=None, until=None)


def _live_names(settings: Settings, names: Sequence[str]) -> list[str]:
    with open_registry(settings) as registry:
        return [name for name in names if registry.champion(name) is not None]


def _live_models(settings: Settings, names: Sequence[str]) -> list[LiveModel]:
    from models.registry.live import load_live

    with open_registry(settings) as registry:
        champions = registry.champions()
    return [load_live(champions[name], home_of(settings).bundles) for name in names]


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
