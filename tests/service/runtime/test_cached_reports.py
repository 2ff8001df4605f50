"""CachedReports: made one at a time, shared by those who ask meanwhile, and kept as long as they are fresh."""

from __future__ import annotations

import asyncio
import threading
from datetime import timedelta

import pytest

from service.errors import OverloadedError
from service.runtime.cached_reports import CachedReports
from tests.conftest import MOMENT

MINUTE = timedelta(minutes=1)


class Finder:
    """Makes reports when released, and records how many ran at once."""

    def __init__(self):
        self.may_go_on, self.n_made, self.n_now, self.most_at_once = threading.Event(), 0, 0, 0

    def __call__(self):
        self.n_now += 1
        self.most_at_once = max(self.most_at_once, self.n_now)
        assert self.may_go_on.wait(10)
        self.n_now -= 1
        self.n_made += 1
        return object()


def test_they_are_made_one_at_a_time_and_kept_while_they_are_fresh():
    """Equal requests share a report; another request or minute makes a new one."""
    finder = Finder()

    async def scenario():
        findings = CachedReports()
        waiting = [asyncio.create_task(findings.of(asked, finder, now=MOMENT)) for asked in ("a", "a", "b", "c")]
        await asyncio.sleep(0.05)
        waiting[0].cancel()  # somebody hangs up; the others get theirs nevertheless
        finder.may_go_on.set()
        found = await asyncio.gather(*waiting[1:])
        assert (finder.n_made, finder.most_at_once) == (3, 1)
        for seconds, is_kept in ((59, True), (61, False), (-86_400, False)):  # the last: the clock was set back
            again = await findings.of("a", finder, now=MOMENT + timedelta(seconds=seconds), fresh_for=MINUTE)
            assert (again is found[0]) == is_kept
        assert await findings.of("b", finder, now=MOMENT) is not found[1]  # what need not be fresh is not kept

    asyncio.run(scenario())


def test_only_so_many_are_kept(monkeypatch):
    """The one found first goes first."""
    monkeypatch.setattr("service.runtime.cached_reports.MAX_KEPT", 2)

    async def scenario():
        findings = CachedReports()
        found = {asked: await findings.of(asked, object, now=MOMENT, fresh_for=MINUTE) for asked in "abc"}
        assert await findings.of("c", object, now=MOMENT, fresh_for=MINUTE) is found["c"]
        assert await findings.of("b", object, now=MOMENT, fresh_for=MINUTE) is found["b"]
        assert await findings.of("a", object, now=MOMENT, fresh_for=MINUTE) is not found["a"]

    asyncio.run(scenario())


def test_a_failure_is_told_to_who_asked_and_not_kept():
    """The next one to ask makes it try again."""
    outcomes = [ValueError("disk"), "found"]

    def find():
        outcome = outcomes.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    async def scenario():
        findings = CachedReports()
        with pytest.raises(ValueError, match="disk"):
            await findings.of("a", find, now=MOMENT)
        assert await findings.of("a", find, now=MOMENT) == "found"

    asyncio.run(scenario())


def test_what_nobody_waits_for_is_not_begun():
    """Those that left have no computation; the one under way ends and is kept; who comes later gets a new one."""
    finder = Finder()

    async def scenario():
        findings = CachedReports()
        first = asyncio.create_task(findings.of("first", finder, now=MOMENT))
        gone = [asyncio.create_task(findings.of(asked, finder, now=MOMENT)) for asked in ("a", "a", "b", "c")]
        stays = asyncio.create_task(findings.of("b", finder, now=MOMENT))
        await asyncio.sleep(0)
        while not finder.n_now:
            await asyncio.sleep(0.001)
        for one in (first, *gone):
            one.cancel()
        await asyncio.gather(first, *gone, return_exceptions=True)
        again = asyncio.create_task(findings.of("a", finder, now=MOMENT))
        await asyncio.sleep(0)
        finder.may_go_on.set()
        assert await stays is not await again
        assert finder.n_made == 3  # first, b and the second a
        assert findings.found("first", now=MOMENT, fresh_for=MINUTE) is not None

    asyncio.run(scenario())


def test_who_comes_at_the_moment_of_a_cancellation_gets_a_report():
    """A computation that was given up is no longer joined, not even in the same turn of the event loop."""
    finder = Finder()

    async def scenario():
        findings = CachedReports()

        async def returning():
            try:
                return await findings.of("a", finder, now=MOMENT)
            except asyncio.CancelledError:
                return await findings.of("a", finder, now=MOMENT)

        first = asyncio.create_task(findings.of("first", finder, now=MOMENT))
        waiting = asyncio.create_task(returning())
        while not finder.n_now:
            await asyncio.sleep(0.001)
        waiting.cancel()
        await asyncio.sleep(0.05)
        finder.may_go_on.set()
        assert await waiting is not await first

    asyncio.run(scenario())


def test_only_so_many_wait(monkeypatch):
    """One more is refused at once; a request for a report that waits already is not one more."""
    monkeypatch.setattr("service.runtime.cached_reports.MAX_WAITING", 2)
    finder = Finder()

    async def scenario():
        findings = CachedReports()
        waiting = [asyncio.create_task(findings.of(asked, finder, now=MOMENT)) for asked in ("a", "b", "c", "c", "a")]
        await asyncio.sleep(0)
        with pytest.raises(OverloadedError, match="2 reports wait"):
            await findings.of("d", finder, now=MOMENT)
        finder.may_go_on.set()
        assert len(set(await asyncio.gather(*waiting))) == 3
        assert await findings.of("d", finder, now=MOMENT)

    asyncio.run(scenario())
