"""Limits of one worker, on a bare application between the middlewares and a server that is played by hand."""

import asyncio
import json
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from time import perf_counter

import anyio.to_thread
import pytest
from starlette.requests import ClientDisconnect

from service.logs import open_log
from service.metrics.metrics import Metrics
from service.middleware.admission import MIN_BYTES_PER_SECOND, InFlight, Limits
from service.middleware.exchange import ABORT_CONNECTION
from service.middleware.request_log import RequestLog
from service.requests.problems import problem_response
from service.requests.statuses import EXPECTED_ERRORS


@dataclass
class Request:
    """A request as the server gives it: parts of a body come when they are put in."""

    path: str = "/v1/credit/score"
    parts: asyncio.Queue = field(default_factory=asyncio.Queue)
    sent: list = field(default_factory=list)
    disconnected: list = field(default_factory=list)

    async def receive(self):
        if any(message["type"] == "http.response.body" for message in self.sent):
            return {"type": "http.disconnect"}  # as uvicorn has it once the answer is out
        getting = asyncio.ensure_future(self.parts.get())
        while not getting.done() and not self.sent:
            await asyncio.sleep(0.01)
        if getting.done():
            return getting.result()
        getting.cancel()
        return {"type": "http.disconnect"}

    async def send(self, message):
        self.sent.append(message)

    def put(self, body, more=False):
        self.parts.put_nowait({"type": "http.request", "body": body, "more_body": more})

    @property
    def statuses(self):
        return [message["status"] for message in self.sent if message["type"] == "http.response.start"]

    @property
    def headers(self):
        return {name.lower(): value for name, value in self.sent[0]["headers"]}

    @property
    def problem(self):
        return json.loads(self.sent[1]["body"])

    def scope(self):
        abort = {ABORT_CONNECTION: lambda: self.disconnected.append(True)}
        return {"type": "http", "method": "POST", "path": self.path, "headers": [], **abort}


@dataclass
class Stack:
    """The application under its limits, a clock that can be put forward, and what was counted and logged."""

    app: object
    under_way: InFlight
    metrics: Metrics
    lines: list
    ahead: list

    def aborted(self, reason):
        return self.metrics.registry.get_sample_value("backscore_requests_cut_short_total", {"reason": reason})

    def begin(self, request):
        return asyncio.create_task(self.app(request.scope(), request.receive, request.send))


@asynccontextmanager
async def limited(endpoint, **changes):
    """An endpoint `async (receive) -> bytes` as an application with limits."""

    async def application(scope, receive, send):
        try:
            scope["exchange"].let_in(has_key=scope["path"] != "/login")
            body = await endpoint(receive)
        except EXPECTED_ERRORS as error:
            await problem_response(scope, error)(scope, receive, send)
            return
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": body})

    log, metrics, lines, ahead = open_log(), Metrics(), [], [0.0]
    limits = {
        "max_requests": 3,
        "max_keyless": 2,
        "max_bytes": 1000,
        "body_seconds": 10,
        "request_seconds": 60,
        **changes,
    }
    under_way = InFlight(**limits, metrics=metrics, log=log, clock=lambda: perf_counter() + ahead[0])
    stack = RequestLog(
        Limits(application, under_way),
        log=log,
        write_line=lines.append,
        new_id=lambda: "id",
        metrics=metrics,
        served_models=dict,
        is_draining=lambda: False,
    )
    keeping_time = asyncio.create_task(under_way.keep_time())
    try:
        yield Stack(stack, under_way, metrics, lines, ahead)
    finally:
        keeping_time.cancel()


async def whole_body(receive):
    """Read as the service does."""
    parts, more = [], True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        parts.append(message["body"])
        more = message["more_body"]
    return b"".join(parts)


@pytest.fixture(autouse=True)
def _sweep_often(monkeypatch):
    monkeypatch.setattr("service.middleware.admission.SWEEP_SECONDS", 0.01)


def test_more_than_fit_are_sent_away_at_once():
    """The next gets 503 with Retry-After, those under way their answers; health is always let in; room comes back."""

    async def check():
        async with limited(whole_body) as stack:
            under_way = [Request() for _ in range(3)]
            tasks = [stack.begin(request) for request in under_way]
            await asyncio.sleep(0.02)
            in_flight = stack.metrics.registry.get_sample_value("backscore_requests_in_flight")
            one_more, health = Request(), Request("/health/ready")
            health.put(b"well")
            await stack.begin(one_more)
            await stack.begin(health)
            for request in under_way:
                request.put(b"x")
            await asyncio.gather(*tasks)
            last = Request()
            last.put(b"x")
            await stack.begin(last)

            assert in_flight == 3
            assert one_more.statuses == [503]
            assert int(one_more.headers[b"retry-after"]) > 0
            assert one_more.problem["type"] == "urn:backscore:overloaded"
            assert [request.statuses for request in (*under_way, health, last)] == [[200]] * 5
            assert stack.aborted("full") == 1
            assert len(stack.under_way) == 0

    asyncio.run(check())


@pytest.mark.parametrize("n_bytes", [1, 3 * MIN_BYTES_PER_SECOND])
def test_a_body_that_dribbles_ends_in_408(n_bytes):
    """When its time is over, which every byte that came has prolonged; the place is free again."""

    async def check():
        async with limited(whole_body, max_bytes=10**6) as stack:
            request = Request()
            task = stack.begin(request)
            request.put(b"x" * n_bytes, more=True)
            await asyncio.sleep(0.05)
            stack.ahead[0] = 9 + n_bytes / MIN_BYTES_PER_SECOND
            await asyncio.sleep(0.1)
            early = list(request.statuses)
            stack.ahead[0] += 2
            await asyncio.wait([task])

            assert early == []
            assert request.statuses == [408]
            assert request.headers[b"connection"] == b"close"
            assert "10 s" in request.problem["detail"]
            assert stack.aborted("slow_body") == 1
            assert [line["status"] for line in stack.lines] == [408]
            assert len(stack.under_way) == 0

    asyncio.run(check())


def test_work_that_takes_too_long_is_answered_by_504_and_goes_on():
    """The thread keeps its place until it is done, and its answer is dropped."""
    done = []

    async def slow(receive):
        await receive()
        await anyio.to_thread.run_sync(work)
        return b"late"

    def work():
        time.sleep(0.3)
        done.append(True)

    async def check():
        async with limited(slow) as stack:
            request = Request()
            request.put(b"x")
            task = stack.begin(request)
            await asyncio.sleep(0.05)
            stack.ahead[0] = 61
            await asyncio.sleep(0.1)
            answered, places = list(request.statuses), len(stack.under_way)
            await task

            assert (answered, places) == ([504], 1)
            assert len(done) == 1
            assert request.statuses == [504]
            assert len(request.sent) == 2
            assert request.problem["type"] == "urn:backscore:time-limit"
            assert len(stack.under_way) == 0
            assert stack.aborted("timeout") == 1
            assert [line["status"] for line in stack.lines] == [504]

    asyncio.run(check())


def test_the_time_of_the_work_begins_when_the_body_is_there():
    """A body may take its time without taking it from the work."""

    async def slow(receive):
        await whole_body(receive)
        await asyncio.sleep(0.2)
        return b"done"

    async def check():
        async with limited(slow, request_seconds=5, body_seconds=30) as stack:
            request = Request()
            task = stack.begin(request)
            stack.ahead[0] = 20
            await asyncio.sleep(0.05)
            stack.ahead[0] = 0
            request.put(b"x")
            await task
            assert request.statuses == [200]

    asyncio.run(check())


def test_large_bodies_share_a_limit():
    """Bodies that come in parts are held only as long as all of them fit; the one that does not gets 503."""

    async def check():
        async with limited(whole_body) as stack:
            first, second = Request(), Request()
            tasks = [stack.begin(first), stack.begin(second)]
            first.put(b"x" * 800, more=True)
            await asyncio.sleep(0.02)
            second.put(b"x" * 300, more=True)
            await tasks[1]
            first.put(b"x" * 100)
            await tasks[0]
            third = Request()
            third.put(b"x" * 900, more=True)
            third.put(b"")
            await stack.begin(third)

            assert second.statuses == [503]
            assert (first.statuses, third.statuses) == ([200], [200])

    asyncio.run(check())


def test_an_answer_that_has_begun_is_broken_off():
    """Nothing else can be done about it: the application is cancelled, and the server closes the connection."""

    async def stuck(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await asyncio.sleep(30)

    async def check():
        async with limited(whole_body) as stack:
            stack.app.app.app = stuck
            request = Request()
            task = stack.begin(request)
            await asyncio.sleep(0.05)
            stack.ahead[0] = 61
            await asyncio.wait([task], timeout=5)

            assert task.cancelled()
            assert request.disconnected == [True]
            assert len(stack.under_way) == 0

    asyncio.run(check())


def test_without_a_key_only_few_places_can_be_taken():
    """The third at /login gets 503 while others with a key get in, as many as ever; and the other way round."""

    async def check():
        async with limited(whole_body) as stack:
            keyless = [Request("/login") for _ in range(2)]
            tasks = [stack.begin(request) for request in keyless]
            await asyncio.sleep(0.02)
            third = Request("/login")
            await stack.begin(third)
            assert (third.statuses, third.problem["type"]) == ([503], "urn:backscore:overloaded")

            with_key = [Request() for _ in range(3)]
            tasks += [stack.begin(request) for request in with_key]
            await asyncio.sleep(0.02)
            fourth = Request()
            await stack.begin(fourth)
            assert fourth.statuses == [503]
            keyless[0].put(b"x")
            await tasks[0]
            again = Request("/login")
            again.put(b"x")
            await stack.begin(again)
            for request in (keyless[1], *with_key):
                request.put(b"x")
            await asyncio.gather(*tasks)
            assert [request.statuses for request in (*keyless, again, *with_key)] == [[200]] * 6
            assert len(stack.under_way) == 0

    asyncio.run(check())


def test_a_client_that_does_not_read_holds_up_no_other(monkeypatch):
    """All are cut short at once; the one that does not take its 408 is disconnected."""
    monkeypatch.setattr("service.middleware.admission.SECONDS_TO_TAKE", 0.05)

    async def check():
        async with limited(whole_body) as stack:
            stuck, others = Request(), [Request(), Request()]
            never = asyncio.Event()

            async def send(_message):
                await never.wait()

            tasks = [asyncio.create_task(stack.app(stuck.scope(), stuck.receive, send)), *map(stack.begin, others)]
            await asyncio.sleep(0.02)
            stack.ahead[0] = 11
            await asyncio.wait(tasks[1:], timeout=30)
            assert [request.statuses for request in others] == [[408], [408]]
            while not stuck.disconnected:
                await asyncio.sleep(0.001)
            assert stuck.disconnected == [True]
            assert [request.disconnected for request in others] == [[], []]
            tasks[0].cancel()

    asyncio.run(check())
