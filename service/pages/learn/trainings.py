"""Trainings: small networks trained for the playground, few at once and for a limited time, beside scoring."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from typing import Literal, TypeVar

import anyio.to_thread
from pydantic import BaseModel

from models.errors import ModelError
from models.playground.run import Run
from models.playground.settings import PlaygroundSettings
from models.playground.states import PlaygroundState, TracedPoint
from service.errors import TooManyTrainingsError, TrainingTooLongError
from service.pages.learn.pace import Pace

Found = TypeVar("Found")
Why = Literal["finished", "diverged", "time", "ending"]
MAX_AT_ONCE = 2
MAX_SECONDS = 20.0
PIECE_SECONDS = 0.1
"""Longest work of a thread after its client has left."""
FRAMES = 200
"""Most frames of a training; longer ones skip epochs."""
FRAME_SECONDS = 0.05
"""Least time between frames."""
MAX_KEPT = 4


class End(BaseModel):
    """Why a stream of frames ended."""

    why: Why
    text: str


class Trainings:
    """Runs of the playground; the latest are kept, so that a training continues where it stopped.

    Parameters
    ----------
    is_ending : whether the process is shutting down, which must not wait for a training.
    """

    def __init__(self, is_ending: Callable[[], bool] = lambda: False) -> None:
        self._is_ending = is_ending
        self._n_now = 0
        self._kept: dict[PlaygroundSettings, Run] = {}

    @contextmanager
    def place(self) -> Iterator[None]:
        """A slot for one training; TooManyTrainingsError if all are taken."""
        if self._n_now >= MAX_AT_ONCE:
            raise TooManyTrainingsError(MAX_AT_ONCE)
        self._n_now += 1
        try:
            yield
        finally:
            self._n_now -= 1

    async def state(self, settings: PlaygroundSettings, steps: int) -> PlaygroundState:
        """The state after so many steps, with the points.

        Raises
        ------
        TooManyTrainingsError, TrainingTooLongError
            All slots are taken, or getting there takes too long.
        """
        return await self._after(settings, steps, partial(Run.state, with_points=True))

    async def trace(self, settings: PlaygroundSettings, steps: int, row: int) -> TracedPoint:
        """The trace of a row after so many steps; raises what `state` does, and DivergedError."""
        return await self._after(settings, steps, partial(Run.trace, number=row))

    async def frames(self, settings: PlaygroundSettings, steps: int) -> AsyncIterator[PlaygroundState | End]:
        """The states from that step on, epoch by epoch, and why they end.

        To be iterated within a `place`, and closed by a consumer that stops early.
        """
        is_late = _timer(MAX_SECONDS)

        def is_over() -> bool:
            return is_late() or self._is_ending()

        async with self._learner(settings, steps) as learner:
            run = learner.run
            each = run.steps_per_epoch * max(1, settings.n_epochs // FRAMES)
            await learner.reach(steps, is_over)
            diverged = run.diverged
            while not run.is_finished and not diverged and not is_over():
                drawn = time.monotonic() + FRAME_SECONDS
                await learner.reach((run.step // each + 1) * each, is_over)
                state = await learner.do(Run.state)
                yield state
                diverged = state.diverged
                await asyncio.sleep(max(0.0, drawn - time.monotonic()))
            yield self._end(run, diverged)

    async def _after(self, settings: PlaygroundSettings, steps: int, look: Callable[[Run], Found]) -> Found:
        with self.place():
            async with self._learner(settings, steps) as learner:
                await learner.reach(steps, _timer(MAX_SECONDS))
                if learner.run.step < steps and not learner.run.is_finished:
                    raise TrainingTooLongError(MAX_SECONDS)
                return await learner.do(look)

    @asynccontextmanager
    async def _learner(self, settings: PlaygroundSettings, steps: int) -> AsyncIterator[_Learner]:
        """A run that has taken at most so many steps, for this caller alone."""
        run = self._kept.pop(settings, None)
        if run is None or run.step > steps:
            run = await anyio.to_thread.run_sync(Run, settings)
        learner = _Learner(run)
        try:
            yield learner
        finally:
            if learner.is_at_rest:
                self._keep(run)

    def _keep(self, run: Run) -> None:
        """Keep a run for later calls, and drop the oldest of more than MAX_KEPT."""
        self._kept[run.settings] = run
        if len(self._kept) > MAX_KEPT:
            del self._kept[next(iter(self._kept))]

    def _end(self, run: Run, diverged: bool) -> End:
        if diverged:
            return End(why="diverged", text="Training diverged: lower the learning rate.")
        if run.is_finished:
            return End(why="finished", text=_finished(run))
        if self._is_ending():
            return End(why="ending", text="The service is shutting down; continue when it is back.")
        return End(why="time", text=f"Paused after {MAX_SECONDS:g} seconds; press Play to continue.")


def _finished(run: Run) -> str:
    loss = run.state().losses.validation
    n_epochs = run.settings.n_epochs
    return f"Finished: {n_epochs} epochs" + (f", validation loss {loss:.2g}." if loss is not None else ".")


class _Learner:
    """A run advanced in worker threads.

    Attributes
    ----------
    is_at_rest : false while a thread may be working, which lasts a moment beyond a cancelled request.
    """

    def __init__(self, run: Run) -> None:
        self.run, self.pace, self.is_at_rest = run, Pace(), True

    async def reach(self, step: int, is_over: Callable[[], bool]) -> None:
        """Train up to a step, or until it is over."""
        while self.run.step < step and not self.run.is_finished and not is_over():
            await self.do(partial(_learn, pace=self.pace, to=step))

    async def do(self, work: Callable[[Run], Found]) -> Found:
        """Work on the run in a thread; a cancellation takes effect when it is done."""
        self.is_at_rest = False
        try:
            found = await anyio.to_thread.run_sync(self._paced, work)
        except ModelError:
            self.is_at_rest = True
            raise
        self.is_at_rest = True
        return found

    def _paced(self, work: Callable[[Run], Found]) -> Found:
        with self.pace.at_work():
            return work(self.run)


def _learn(run: Run, pace: Pace, to: int) -> None:
    """Take steps for at most PIECE_SECONDS, with rests between them."""
    is_over = _timer(PIECE_SECONDS)
    while run.step < to and not run.is_finished and not is_over():
        run.take_step()
        pace.rest()


def _timer(seconds: float) -> Callable[[], bool]:
    """A function that tells whether so many seconds have passed."""
    until = time.monotonic() + seconds
    return lambda: time.monotonic() >= until
