"""Trainings: networks that learn for pages, few at once and not for long, while the service goes on answering."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

from models.playground.run import PlaygroundState, Run, TracedPoint
from models.playground.settings import PlaygroundSettings
from service.errors import TooManyTrainingsError, TrainingTooLongError

MOST_AT_ONCE = 2
MOST_SECONDS = 20.0
SLICE_SECONDS, REST_SECONDS = 0.002, 0.001
"""A training works so long and rests so long, so that whoever scores does not wait for it."""
FRAMES = 200
"""Most pictures of a training; more epochs lie between two of them."""
FRAME_SECONDS = 0.05
"""Faster than this nobody sees anything."""
MOST_KEPT = 8


class Trainings:
    """Runs of the playground; those asked for last are kept, so that going on does not begin anew."""

    def __init__(self) -> None:
        self._n_now = 0
        self._kept: dict[str, Run] = {}

    @contextmanager
    def place(self) -> Iterator[None]:
        """Room for one training; TooManyTrainingsError if there is none."""
        if self._n_now >= MOST_AT_ONCE:
            raise TooManyTrainingsError(MOST_AT_ONCE)
        self._n_now += 1
        try:
            yield
        finally:
            self._n_now -= 1

    async def state(self, settings: PlaygroundSettings, steps: int) -> PlaygroundState:
        """What there is to see after so many steps, with the points.

        Raises
        ------
        TooManyTrainingsError, TrainingTooLongError
            There is no room, or it takes too long to get there.
        """
        with self.place():
            run = await self._run(settings, steps)
            state = await asyncio.to_thread(run.state, with_points=True)
            self._keep(run)
        return state

    async def trace(self, settings: PlaygroundSettings, steps: int, row: int) -> TracedPoint:
        """A row through the network as it is after so many steps; raises what `state` does."""
        with self.place():
            run = await self._run(settings, steps)
            found = await asyncio.to_thread(run.trace, row)
            self._keep(run)
        return found

    async def frames(self, settings: PlaygroundSettings, steps: int) -> AsyncIterator[PlaygroundState]:
        """What there is to see from there on, epoch by epoch, until nothing more is to do or the time is up.

        Whoever does not ask for the next one any more makes room for others. Raises what `state` does.
        """
        with self.place():
            run = await self._run(settings, steps)
            until = time.monotonic() + MOST_SECONDS
            each = run.steps_per_epoch * max(1, settings.n_epochs // FRAMES)
            while not run.is_finished and time.monotonic() < until:
                drawn = time.monotonic() + FRAME_SECONDS
                await asyncio.to_thread(
                    _advance, run, (run.step // each + 1) * each, until - time.monotonic(), cut=True
                )
                yield await asyncio.to_thread(run.state)
                await asyncio.sleep(drawn - time.monotonic())
            self._keep(run)

    async def _run(self, settings: PlaygroundSettings, steps: int) -> Run:
        """A run that has taken so many steps, for this caller alone until it is kept again."""
        run = self._kept.pop(str(settings.query()), None)
        if run is None or run.step > steps:
            run = await asyncio.to_thread(Run, settings)
        await asyncio.to_thread(_advance, run, steps, MOST_SECONDS)
        return run

    def _keep(self, run: Run) -> None:
        """Somebody may go on from here."""
        self._kept[str(run.settings.query())] = run
        if len(self._kept) > MOST_KEPT:
            del self._kept[next(iter(self._kept))]


def _advance(run: Run, to: int, seconds: float, *, cut: bool = False) -> None:
    """Take steps, with rests between them.

    Parameters
    ----------
    cut : whether to stop when the seconds are over; otherwise TrainingTooLongError.
    """
    began = worked = time.perf_counter()
    while run.step < to and not run.is_finished:
        run.take_step()
        now = time.perf_counter()
        if now - began > seconds:
            if cut:
                return
            raise TrainingTooLongError(seconds)
        if now - worked > SLICE_SECONDS:
            time.sleep(REST_SECONDS)
            worked = time.perf_counter()
