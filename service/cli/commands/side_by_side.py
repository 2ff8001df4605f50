"""Trainings of several domains at once, each in a process of its own."""
# ruff: noqa: PLC0415 - heavy libraries are imported by the command that needs them, so that --help is quick

from __future__ import annotations

import os
import signal
from collections import deque
from collections.abc import Iterator, Sequence
from multiprocessing import get_context
from multiprocessing.connection import wait
from typing import TYPE_CHECKING, Any

from models.evaluation.metric_tables import metrics_of
from models.presets import PresetName
from service.cli import console
from service.cli.commands.train import run_training
from service.cli.commands.train_rows import RowSource
from service.cli.exits import CommandFailedError

if TYPE_CHECKING:
    from service.settings import Settings


def train_examples(settings: Settings, names: Sequence[str], preset: PresetName) -> Iterator[str]:
    """Train domains on their simulated rows, as many at a time as there are cores; yields each name once it is live.

    Raises CommandFailedError for the first that fails or is not promoted; the others are stopped then.
    """
    from models.cores import usable_cores

    n_at_once = min(usable_cores(), len(names))
    if n_at_once < 2:
        for name in names:
            console.remark(_train(settings, name, preset))
            yield name
        return
    context = get_context("spawn")  # a fork would copy locks that other threads hold
    waiting = deque(names)
    running: dict[Any, tuple[str, Any]] = {}  # the processes by the pipes on which they answer
    try:
        while waiting or running:
            while waiting and len(running) < n_at_once:
                name = waiting.popleft()
                ours, theirs = context.Pipe(duplex=False)
                arguments = (theirs, settings, name, preset, usable_cores() // n_at_once)
                process = context.Process(target=_train_alone, args=arguments, name=f"train {name}", daemon=True)
                process.start()
                theirs.close()  # so that the pipe ends with the process
                running[ours] = name, process
            for connection in wait([*running]):
                name, _ = running.pop(connection)
                console.remark(_received(connection, name))
                yield name
    finally:
        for _, process in running.values():
            process.terminate()


def _received(connection: Any, name: str) -> str:
    text: str
    try:
        failed, text = connection.recv()
    except EOFError:
        raise CommandFailedError(f"the training of {name!r} was cut off") from None
    if failed:
        raise CommandFailedError(text)
    return text


def _train_alone(
    connection: Any, settings: Settings, name: str, preset: PresetName, n_cores: int
) -> None:  # pragma: no cover - in a process of its own
    """A training in its own process; sends whether it failed, and the line to print."""
    from data.errors import DataError
    from models.errors import ModelError

    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl+C ends the command, which says so
    os.environ["LOKY_MAX_CPU_COUNT"] = str(n_cores)  # what `usable_cores` counts
    try:
        connection.send((False, _train(settings, name, preset, label=f"{name}: ")))
    except (DataError, ModelError, CommandFailedError) as error:
        connection.send((True, str(error)))


def _train(settings: Settings, name: str, preset: PresetName, *, label: str = "") -> str:
    """Train and promote a domain's first version; returns a line about it."""
    console.remark(f"Training {name} on simulated rows", style="bold")
    result = run_training(settings, name, RowSource(), preset=preset, promote="auto", seed=0, label=label)
    if not result.promoted:
        raise CommandFailedError(f"version {result.version} of {name!r} was not promoted: {result.why}")
    headline = ", ".join(
        f"{one.title} {result.metrics[one.key]:.4f}" for one in metrics_of([result.metrics], headline=True)[:1]
    )
    return f"{name}: version {result.version}, {headline}, {result.seconds:.0f} s"
