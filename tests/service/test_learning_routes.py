"""/learn/state, /learn/trace and /learn/train: bounded, the same as a run of one's own, and room for two at once."""

import asyncio
import json
import time

import pytest

from models.playground.run import Run
from models.playground.settings import PlaygroundSettings
from service.errors import TooManyTrainingsError, TrainingTooLongError
from service.pages import trainings as module
from service.pages.trainings import Trainings

SMALL = {"n_rows": 40, "hidden": "4", "n_epochs": 3, "batch_size": 7}
SETTINGS = PlaygroundSettings.model_validate(SMALL)


def advanced(steps, settings=SETTINGS):
    run = Run(settings)
    run.advance(steps)
    return run


def test_a_state_is_that_of_a_run_of_ones_own(client):
    """Forwards, backwards and again."""
    for steps in (5, 9, 2, 2, 1_000):
        found = client.get("/learn/state", params={**SMALL, "steps": steps})
        assert found.json() == json.loads(advanced(steps).state(with_points=True).model_dump_json())


def test_a_trace_is_that_of_a_run_of_ones_own(client):
    """Of a row by its number; numbers beyond the last begin anew."""
    for row in (0, 39, 41):
        found = client.get("/learn/trace", params={**SMALL, "steps": 4, "row": row})
        assert found.json() == json.loads(advanced(4).trace(row % 40).model_dump_json())


def test_a_training_is_watched_epoch_by_epoch(client):
    """From any step on; the last event says why it ends."""
    answer = client.get("/learn/train", params={**SMALL, "steps": 3})
    assert answer.headers["content-type"].startswith("text/event-stream")
    *epochs, end, nothing = answer.text.split("\n\n")
    assert nothing == ""
    told = [one.split("\n") for one in epochs]
    assert {name for name, _ in told} == {"event: epoch"}
    states = [json.loads(data.removeprefix("data: ")) for _, data in told]
    assert [state["step"] for state in states] == [4, 8, 12]
    assert states[1] == json.loads(advanced(8).state().model_dump_json())
    assert end.startswith("event: end\ndata: ")
    assert json.loads(end.split("data: ")[1])["why"] == "finished"


def test_a_diverged_training_says_so(client):
    """It ends at once."""
    answer = client.get(
        "/learn/train",
        params={
            "data": "credit",
            "normalise": "false",
            "learning_rate": 100,
            "activation": "relu",
            "loss": "squared error",
            "weight_decay": 1,
        },
    )
    assert '"why":"diverged"' in answer.text


def test_there_is_room_for_two(client):
    """The third is told when to come again; one that leaves makes room."""

    async def scenario():
        trainings = Trainings()
        slow = PlaygroundSettings(n_epochs=1_000)
        first, second = trainings.frames(slow, 0), trainings.frames(slow, 0)
        await anext(first)
        await anext(second)
        with pytest.raises(TooManyTrainingsError):
            await anext(trainings.frames(slow, 0))
        with pytest.raises(TooManyTrainingsError):
            await trainings.state(SETTINGS, 0)
        await first.aclose()
        assert (await trainings.state(SETTINGS, 0)).step == 0
        await second.aclose()

    asyncio.run(scenario())


def test_no_room_is_a_polite_refusal(client, monkeypatch):
    """429 with Retry-After, before a stream begins."""
    monkeypatch.setattr(module, "MOST_AT_ONCE", 0)
    for path in ("/learn/state", "/learn/train", "/learn/trace"):
        refused = client.get(path)
        assert (refused.status_code, refused.headers["retry-after"]) == (429, "5")
        assert refused.json()["type"] == "urn:backscore:too-many-trainings"


def test_what_takes_too_long_is_refused_or_cut(client, monkeypatch):
    """A moment far ahead is refused; a stream ends where it is."""
    monkeypatch.setattr(module, "MOST_SECONDS", 0.05)
    large = {"n_rows": 2_000, "batch_size": 1, "hidden": "64,64", "n_epochs": 1_000}
    refused = client.get("/learn/state", params={**large, "steps": 100_000})
    assert refused.status_code == 422
    assert "fewer rows" in refused.json()["detail"]
    assert '"why":"time"' in client.get("/learn/train", params=large).text
    with pytest.raises(TrainingTooLongError):
        asyncio.run(Trainings().trace(PlaygroundSettings.model_validate(large), 100_000, 0))


def test_a_client_that_leaves_stops_the_training():
    """No step is taken once nobody asks for the next picture."""

    async def scenario():
        frames = Trainings().frames(PlaygroundSettings(n_epochs=1_000), 0)
        await anext(frames)
        started = time.perf_counter()
        await frames.aclose()
        assert time.perf_counter() - started < 1

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("given", "path"),
    [
        ({"n_rows": 2001}, "?n_rows"),
        ({"hidden": "65"}, "?hidden"),
        ({"hidden": "1,1,1,1,1"}, "?hidden"),
        ({"steps": -1}, "?steps"),
        ({"learning_rate": "nan"}, "?learning_rate"),
        ({"colour": "red"}, "?colour"),
    ],
)
def test_what_is_out_of_bounds_is_named(client, given, path):
    """As every other parameter in an address."""
    for endpoint in ("state", "train", "trace"):
        refused = client.get(f"/learn/{endpoint}", params=given)
        assert refused.status_code == 422
        assert refused.json()["errors"][0]["path"] == path
