"""`serve` and `quickstart`: the real server."""

from __future__ import annotations

import json
import shlex
import signal
import socket
import time
import urllib.error
import urllib.request
from contextlib import closing

import pytest

from models.domains._discovery import load_domains
from models.registry.live import load_live
from service.cli.commands import quickstart, tour
from service.cli.commands.serve import check_keys
from service.errors import WeakKeyError
from service.settings import Settings

N_CALLS = sum(3 + len(domain.operations) for domain in load_domains().values()) + 3
"""Of the tour: score, batch, operations and details of each model, and the list of models, and twice the health."""


@pytest.fixture
def port():
    """A port that was free a moment ago."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def status_of(url):
    """Status of a GET, None while nothing listens."""
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 - our own server
            return answer.status
    except urllib.error.HTTPError as error:
        with error:
            return error.code
    except OSError:
        return None


def wait_until_it_listens(process, port):
    """The status of /health/ready as soon as there is one."""
    give_up = time.monotonic() + 30
    while (status := status_of(f"http://127.0.0.1:{port}/health/ready")) is None:
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < give_up, "does not listen"
        time.sleep(0.05)
    return status


def test_serve_answers_until_it_is_told_to_stop(start, trained, port):
    """Two processes answer; the service says where it listens, is ready, and ends quietly on SIGTERM."""
    process = start("serve", "--port", port, "--workers", 2)

    status = wait_until_it_listens(process, port)
    before = []
    while f"Serving on http://127.0.0.1:{port}" not in "".join(before):
        before.append(process.stderr.readline())
        assert before[-1], "it ended without saying where it listens"
    process.send_signal(signal.SIGTERM)
    _, after = process.communicate(timeout=30)
    stderr = "".join(before) + after

    assert status == 200
    assert stderr.count('"version went live"') == 2 * len(load_domains())
    assert "Traceback" not in stderr


def test_serve_without_models_serves_and_says_so(start, port):
    """A service may be started before the first model is trained: alive, but not ready."""
    process = start("serve", "--port", port)

    assert wait_until_it_listens(process, port) == 503
    assert status_of(f"http://127.0.0.1:{port}/health/live") == 200
    process.send_signal(signal.SIGTERM)
    _, stderr = process.communicate(timeout=30)
    assert "no model is live yet" in stderr
    assert "Traceback" not in stderr


def test_serve_refuses_other_machines_without_a_key(run):
    """An address that others reach needs BACKSCORE_API_KEY."""
    outcome = run("serve", "--host", "0.0.0.0")  # noqa: S104 - it is refused

    assert outcome.exit_code == 2
    assert "BACKSCORE_API_KEY" in outcome.stderr


@pytest.mark.parametrize("key", ["a", "open sesame", "a" * 40, "abcabcabcabcabcabc"])
def test_serve_refuses_other_machines_with_a_key_that_can_be_guessed(run, monkeypatch, key):
    """The refusal says how long a key must be and how to make one, and does not repeat it; loopback may have it."""
    with pytest.raises(WeakKeyError):  # else the command below would not end
        check_keys(Settings(api_key=key, host="0.0.0.0"))  # noqa: S104
    monkeypatch.setenv("BACKSCORE_API_KEY", key)
    outcome = run("serve", "--host", "0.0.0.0")  # noqa: S104 - it is refused

    assert outcome.exit_code == 2
    assert "at least 16 characters" in outcome.stderr
    assert "openssl rand -hex 32" in outcome.stderr
    assert len(key) < 2 or key not in outcome.stderr
    check_keys(Settings(api_key=key))
    check_keys(Settings(api_key="0f" * 3 + "123456789abcde", host="0.0.0.0"))  # noqa: S104


@pytest.mark.parametrize("command", ["serve", "quickstart"])
def test_a_port_that_is_taken_is_said_at_once(run, port, command):
    """Before anything is trained or loaded."""
    with closing(socket.create_server(("127.0.0.1", port))):
        outcome = run(command, "--port", port)

    assert outcome.exit_code == 1
    assert f"127.0.0.1:{port}" in outcome.stderr
    assert "--port" in outcome.stderr


def test_a_port_that_cannot_be_is_bad_input(run):
    """Ports end at 65535."""
    outcome = run("serve", "--port", 70_000)

    assert outcome.exit_code == 2
    assert "--port" in outcome.stderr
    assert "65535" in outcome.stderr


def test_quickstart_once_asks_every_endpoint(run, trained):
    """Score of each domain, rank, batch, models and health: each is answered by the real server."""
    outcome = run("quickstart", "--once")

    assert outcome.exit_code == 0, outcome.stderr
    for path in ("ads/score", "credit/score", "fraud/score", "ads/rank", "credit/batch", "models", "models/ads"):
        assert f"/v1/{path}" in outcome.stdout
    assert "/health/ready" in outcome.stdout
    assert outcome.stdout.count("200 OK") == N_CALLS
    assert '"probability_of_default"' in outcome.stdout


def test_quickstart_of_one_domain_asks_for_that_one_alone(run, trained):
    outcome = run("quickstart", "credit", "--once")

    assert outcome.exit_code == 0, outcome.stderr
    assert "POST /v1/credit/score" in outcome.stdout
    assert "POST /v1/ads/score" not in outcome.stdout


def test_quickstart_of_an_unknown_domain_names_the_known_ones(run):
    outcome = run("quickstart", "lending", "--once")

    assert outcome.exit_code == 2
    assert "unknown domain 'lending'; available: ads," in " ".join(outcome.stderr.split())


def test_quickstart_once_prints_little_and_writes_all(run, trained, tmp_path):
    """At most 150 lines, in which long answers are cut; the file holds every request and answer."""
    file = tmp_path / "answers.json"
    outcome = run("quickstart", "--once", "--json", file)

    assert outcome.exit_code == 0, outcome.stderr
    assert len(outcome.stdout.splitlines()) <= 150
    assert "more characters)" in outcome.stdout
    exchanges = json.loads(file.read_text())["exchanges"]
    assert [one["status"] for one in exchanges] == [200] * N_CALLS
    (traced,) = (one for one in exchanges if one["path"] == "/v1/credit/trace")
    assert traced["request"]["row"]["income_eur"] > 0
    assert len(json.dumps(traced["answer"])) > 10 * tour.MAX_SHOWN


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--json", "x.json"], "--json needs --once"),
        (["--once", "--json", "absent/x.json"], "there is no folder absent"),
    ],
)
def test_a_file_that_cannot_be_written_is_bad_input(run, words, message):
    """Before anything is trained."""
    outcome = run("quickstart", *words)

    assert outcome.exit_code == 2
    assert message in outcome.stderr


def test_quickstart_once_uses_the_key(run, trained, monkeypatch):
    """With a key set, its requests carry it."""
    monkeypatch.setenv("BACKSCORE_API_KEY", "open sesame")

    assert run("quickstart", "--once").exit_code == 0


def test_quickstart_once_fails_if_an_answer_is_no_success(run, trained, monkeypatch):
    """Exit code 1, and the endpoint is named."""
    calls = [tour.Call("GET", "/health/live"), tour.Call("POST", "/v1/credit/score", {"income_eur": "much"})]
    monkeypatch.setattr(tour, "calls_of", lambda _models: calls)

    outcome = run("quickstart", "--once")

    assert outcome.exit_code == 1
    assert "POST /v1/credit/score (422)" in outcome.stderr
    assert "GET /health/live (" not in outcome.stderr


def test_quickstart_prints_commands_that_can_be_pasted(run, trained, monkeypatch, start_service):
    """One curl for each endpoint; what they carry is what the service takes."""
    monkeypatch.setattr(quickstart, "run_service", lambda _settings: None)
    client = start_service(trained.home.path).client

    outcome = run("quickstart", "--port", 8765)

    commands = [shlex.split(line) for line in outcome.stdout.splitlines() if line.startswith("curl ")]
    assert "http://127.0.0.1:8765/docs" in outcome.stdout
    assert len(commands) == N_CALLS
    for command in commands:
        path = command[-1].removeprefix("http://127.0.0.1:8765")
        if "-d" in command:
            body = json.loads(command[command.index("-d") + 1])
            assert client.post(path, json=body).status_code == 200
        else:
            assert client.get(path).status_code == 200


def test_quickstart_trains_only_what_is_absent(trained, monkeypatch, tmp_path):
    """Live models are kept; the others are trained, those of few rows first, so that one soon answers."""
    jobs = []
    monkeypatch.setattr(quickstart, "train_examples", lambda _settings, names, _preset: jobs.append(names) or iter(()))

    for folder in (trained.home.path, tmp_path / "empty"):
        assert list(quickstart._absent_trained(Settings(home=folder), sorted(load_domains()), "fast")) == []

    assert jobs == [[], sorted(load_domains(), key=lambda name: load_domains()[name].n_simulated_rows)]


def test_quickstart_answers_while_the_others_train(run, trained, monkeypatch, eventually):
    """The first live model is served; the commands of each further one are printed once it is live."""
    steps = []

    def serve(_settings):
        steps.append("serves")
        eventually(lambda: ["ads"] in steps)

    monkeypatch.setattr(quickstart, "_absent_trained", lambda *_: iter(["ads"]))
    monkeypatch.setattr(quickstart, "_live_names", lambda *_: ["credit"])
    monkeypatch.setattr(quickstart, "_print_calls", lambda _settings, names: steps.append(names))
    monkeypatch.setattr(quickstart, "run_service", serve)

    assert run("quickstart", "--port", 8765).exit_code == 0

    assert steps[0] == ["credit"]
    assert "serves" in steps


def test_the_tour_covers_every_operation_of_every_domain(trained):
    """A domain that gains an operation gains a request."""
    models = [load_live(version, trained.home.bundles) for version in trained.registry.champions().values()]

    paths = {call.path for call in tour.calls_of(models)}

    for name, domain in load_domains().items():
        endpoints = ["score", "batch", *(operation.name for operation in domain.operations)]
        assert {f"/v1/{name}/{endpoint}" for endpoint in endpoints} <= paths
