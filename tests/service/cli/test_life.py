"""The life of a service: several workers that count together, and an end without a failed request."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import threading
import time
from contextlib import closing

import pytest
from prometheus_client.parser import text_string_to_metric_families

from models.domains._discovery import load_domains


@pytest.fixture
def port():
    """A port that was free a moment ago."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="module")
def body():
    """A request of credit."""
    domain = load_domains()["credit"]
    return json.dumps(domain.restrict_inputs(domain.table).example())


def until(is_so):
    """Wait until something is so: a service starts in two seconds, and on a busy machine in many more."""
    deadline = time.monotonic() + 120
    while not is_so():
        assert time.monotonic() < deadline, "did not happen within two minutes"
        time.sleep(0.02)


def connect(port):
    """A connection that is closed in the end, whatever happens."""
    return closing(http.client.HTTPConnection("127.0.0.1", port, timeout=20))


def ask(port, method, path, body=None, connection=None):
    """Status and text of an answer, over a new connection unless one is given."""
    if connection is None:
        with connect(port) as new:
            return ask(port, method, path, body, new)
    connection.request(method, path, body, {"Content-Type": "application/json"} if body else {})
    with connection.getresponse() as answer:
        return answer.status, answer.read().decode()


def is_ready(port):
    try:
        return ask(port, "GET", "/health/ready")[0] == 200
    except OSError:
        return False


def metrics_of(port):
    """The samples of GET /metrics by name and labels."""
    return {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(ask(port, "GET", "/metrics")[1])
        for sample in family.samples
    }


def n_scores(samples):
    """How many scores were answered with 200."""
    labels = {"endpoint": "score", "method": "POST", "model": "credit", "status": "200"}
    return samples.get(("backscore_requests_total", *sorted(labels.items())), 0)


class Load:
    """Clients that send until readiness says 503, over connections that they keep and over new ones."""

    def __init__(self, port, body, n_clients=4):
        self.port, self.body = port, body
        self.has_gone_down = threading.Event()
        self.statuses, self.failures = [], []
        self.threads = [threading.Thread(target=self._send, args=(i % 2 == 0,)) for i in range(n_clients)]
        self.threads.append(threading.Thread(target=self._probe))
        for thread in self.threads:
            thread.start()

    def join(self):
        for thread in self.threads:
            thread.join(30)

    def _send(self, keeps):
        with connect(self.port) as kept:
            while not self.has_gone_down.is_set():
                try:
                    status, _ = ask(self.port, "POST", "/v1/credit/score", self.body, kept if keeps else None)
                    self.statuses.append(status)
                except Exception as error:
                    self.failures.append(repr(error))

    def _probe(self):
        while is_ready(self.port):
            time.sleep(0.05)
        self.has_gone_down.set()


class Log:
    """Reads what a process logs, which would else fill its pipe and stop."""

    def __init__(self, process):
        self.lines = []
        self.thread = threading.Thread(target=lambda: self.lines.extend(process.stderr))
        self.thread.start()

    @property
    def requests(self):
        return [json.loads(line) for line in list(self.lines) if '"event":"request"' in line]


def end_under_load(process, port, body, log):
    """SIGTERM under load: readiness goes first, clients stop, every request had its answer and its line in the log."""
    logged_before = len(log.requests)
    load = Load(port, body)
    time.sleep(0.5)
    process.send_signal(signal.SIGTERM)
    load.join()
    yield
    process.wait(30)
    log.thread.join()

    assert load.failures == []
    assert set(load.statuses) == {200}
    assert len(load.statuses) > 20
    assert process.returncode == 0
    assert len(log.requests) - logged_before >= len(load.statuses)
    assert "Traceback" not in "".join(log.lines)


def test_the_end_fails_no_request(start, trained, port, body):
    """Not one of clients that stop when readiness says so, and not one whose body comes after the last connection."""
    process = start("serve", "--port", port, drain_seconds=0.5)
    until(lambda: is_ready(port))
    log = Log(process)
    with closing(socket.create_connection(("127.0.0.1", port), timeout=20)) as connection:
        length = f"Content-Type: application/json\r\nContent-Length: {len(body)}"
        connection.sendall(f"POST /v1/credit/score HTTP/1.1\r\nHost: localhost\r\n{length}\r\n\r\n{body[:10]}".encode())
        for _ in end_under_load(process, port, body, log):
            until(lambda: refuses(port))
            connection.sendall(body[10:].encode())
            answer = connection.recv(65_536)

    assert answer.startswith(b"HTTP/1.1 200 ")


def refuses(port):
    try:
        socket.create_connection(("127.0.0.1", port)).close()
    except ConnectionRefusedError:
        return True
    return False


@pytest.mark.parametrize("workers", [1, 2])
def test_a_second_signal_ends_at_once(start, trained, port, workers):
    """A second signal ends the process without draining."""
    process = start("serve", "--port", port, "--workers", workers, drain_seconds=60)
    until(lambda: is_ready(port))

    process.send_signal(signal.SIGTERM)
    until(lambda: not is_ready(port))
    time.sleep(1)  # the process above several workers looks for signals twice a second
    still_there = process.poll() is None
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=30)  # of sixty that the drain would take

    assert still_there
    assert process.returncode in (-signal.SIGTERM, 128 + signal.SIGTERM)


def test_a_person_does_not_wait(start, trained, port):
    """Ctrl+C ends in good order, without the pause for load balancers."""
    process = start("serve", "--port", port, drain_seconds=60)
    until(lambda: is_ready(port))

    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)

    assert process.returncode == 0


def test_workers_do_not_outlive_the_process_above_them(start, trained, port):
    """If it is killed, they would never be stopped and would keep the port."""
    process = start("serve", "--port", port, "--workers", 2)
    until(lambda: is_ready(port))
    log = Log(process)

    process.kill()

    until(lambda: refuses(port))
    log.thread.join(10)  # its pipe closes with the last of them
    assert not log.thread.is_alive()
    assert sum('"event":"ending"' in line for line in log.lines) == 2


def test_workers_count_together(start, trained, port, body):
    """Every worker reports the sum, a killed one stays counted, and all shut down cleanly."""
    process = start("serve", "--port", port, "--workers", 2, drain_seconds=0.5)
    until(lambda: is_ready(port) and metrics_of(port)[("backscore_ready_workers",)] == 2)
    log = Log(process)
    for _ in range(60):
        ask(port, "POST", "/v1/credit/score", body)
    until(lambda: n_scores(metrics_of(port)) == 60)
    counts = [n_scores(metrics_of(port)) for _ in range(10)]

    os.kill(log.requests[-1]["pid"], signal.SIGKILL)
    until(lambda: metrics_of(port)[("backscore_workers",)] == 1)
    after_the_death = n_scores(metrics_of(port))
    until(lambda: metrics_of(port)[("backscore_ready_workers",)] == 2)
    after_the_birth = n_scores(metrics_of(port))

    assert counts == [60] * 10
    assert (after_the_death, after_the_birth) == (60, 60)
    assert len({line["pid"] for line in log.requests}) == 2
    assert list(end_under_load(process, port, body, log)) == [None]
