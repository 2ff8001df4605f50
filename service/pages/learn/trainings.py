"""Trainings: networks that learn for pages, few at once and not for long, while the service goes on answering."""

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
"""So long at most a thread goes on when nobody waits for it any more."""
FRAMES = 200
"""Most pictures of a training; more epochs lie between two of them."""
FRAME_SECONDS = 0.05
"""Faster than this nobody sees anything."""
MAX_KEPT = 4


class End(BaseModel):
    """Why a training is watched no longer."""

    why: Why
    text: str


class Trainings:
    """Runs of the playground; those asked for last are kept, so that going on does not begin anew.

    Parameters
    ----------
    is_ending : whether the process was told to end, which must not wait for anybody's network.
    """

    def __init__(self, is_ending: Callable[[], bool] = lambda: False) -> None:
        self._is_ending = is_ending
        self._n_now = 0
        self._kept: dict[PlaygroundSettings, Run] = {}

    @contextmanager
    def place(self) -> Iterator[None]:
        """Room for one training; TooManyTrainingsError if there is none."""
        if self._n_now >= MAX_AT_ONCE:
            raise TooManyTrainingsError(MAX_AT_ONCE)
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
        return await self._after(settings, steps, partial(Run.state, with_points=True))

    async def trace(self, settings: PlaygroundSettings, steps: int, row: int) -> TracedPoint:
        """A row through the network as it is after so many steps; raises what `state` does, and DivergedError."""
        return await self._after(settings, steps, partial(Run.trace, number=row))

    async def frames(self, settings: PlaygroundSettings, steps: int) -> AsyncIterator[PlaygroundState | End]:
        """What there is to see from there on, epoch by epoch, and why it ends.

        To be closed by whoever does not want the next one any more, and iterated within a `place`.
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
        """A run that has taken no more steps than that, for this caller alone."""
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
        """Somebody may go on from here."""
        self._kept[run.settings] = run
        if len(self._kept) > MAX_KEPT:
            del self._kept[next(iter(self._kept))]

    def _end(self, run: Run, diverged: bool) -> End:
        if diverged:
            return End(why="diverged", text="There are numbers that are not finite any more: the steps were too large.")
        if run.is_finished:
            return End(why="finished", text="All epochs are over.")
        if self._is_ending():
            return End(why="ending", text="The service is about to end; go on when it is back.")
        return End(why="time", text=f"{MAX_SECONDS:g} seconds are over; go on whenever you like.")


class _Learner:
    """A run, worked on in threads.

    Attributes
    ----------
    pace : of the work.
    is_at_rest : false while a thread may be at it, which goes on for a moment when the request is broken off.
    """

    def __init__(self, run: Run) -> None:
        self.run, self.pace, self.is_at_rest = run, Pace(), True

    async def reach(self, step: int, is_over: Callable[[], bool]) -> None:
        """Learn up to a step, or until it is over."""
        while self.run.step < step and not self.run.is_finished and not is_over():
            await self.do(partial(_learn, pace=self.pace, to=step))

    async def do(self, work: Callable[[Run], Found]) -> Found:
        """Have a thread work on the run; a client that leaves is heeded when it is done."""
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
    """Take steps for a moment, with rests between them."""
    is_over = _timer(PIECE_SECONDS)
    while run.step < to and not run.is_finished and not is_over():
        run.take_step()
        pace.rest()


def _timer(seconds: float) -> Callable[[], bool]:
    """Tells whether so many seconds from now have gone by."""
    until = time.monotonic() + seconds
    return lambda: time.monotonic() >= until
