"""/learn/state, /learn/trace and /learn/train: bounded, the same as a run of one's own, and room for two at once."""

import asyncio
import json
from contextlib import aclosing

import anyio
import pytest

from models.playground.run import Run
from models.playground.settings import PlaygroundSettings
from service.errors import TooManyTrainingsError, TrainingTooLongError
from service.pages.learn import trainings as module
from service.pages.learn.trainings import Trainings
from tests.models.playground.steps import advance

SMALL = {"n_rows": 40, "hidden": "4", "n_epochs": 3, "batch_size": 7}
SETTINGS = PlaygroundSettings.model_validate(SMALL)
LONG = PlaygroundSettings(n_rows=2_000, batch_size=1, n_epochs=1_000)


def advanced(steps, settings=SETTINGS):
    run = Run(settings)
    advance(run, steps)
    return run


def test_a_state_is_that_of_a_run_of_ones_own(client):
    """Forwards, backwards and again."""
    for steps in (5, 9, 2, 2, 1_000):
        found = client.get("/learn/state", params={**SMALL, "steps": steps})
        assert found.json() == json.loads(advanced(steps).state(with_points=True).model_dump_json())


def test_a_trace_is_that_of_a_run_of_ones_own(client):
    """Of a row by its number; there are as many as were asked for."""
    for row in (0, 39):
        found = client.get("/learn/trace", params={**SMALL, "steps": 4, "row": row})
        assert found.json() == json.loads(advanced(4).trace(row).model_dump_json())
    refused = client.get("/learn/trace", params={**SMALL, "row": 40})
    wanted = {"path": "?row", "message": "must be less than n_rows, 40", "value": 40}
    assert (refused.status_code, refused.json()["errors"]) == (422, [wanted])


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


@pytest.mark.parametrize("steps", [0, 5_000])
def test_a_diverged_training_says_so(client, steps):
    """Whether it happens while somebody looks on or has happened before; there is no row to follow then."""
    given = {"data": "credit", "normalise": "false", "learning_rate": 100, "weight_decay": 1}
    given |= {"activation": "relu", "loss": "squared error", "steps": steps}
    assert '"why":"diverged"' in client.get("/learn/train", params=given).text
    assert client.get("/learn/state", params={**given, "steps": 5_000}).json()["diverged"]
    refused = client.get("/learn/trace", params={**given, "steps": 5_000})
    assert (refused.status_code, refused.json()["type"]) == (422, "urn:backscore:diverged")


def test_there_is_room_for_two(client):
    """The third is refused; one that leaves makes room."""

    async def scenario():
        trainings = Trainings()
        with trainings.place():
            with trainings.place():
                with pytest.raises(TooManyTrainingsError), trainings.place():
                    raise AssertionError("there was room")
                with pytest.raises(TooManyTrainingsError):
                    await trainings.state(SETTINGS, 0)
            assert (await trainings.state(SETTINGS, 0)).step == 0

    asyncio.run(scenario())


def test_no_room_is_a_polite_refusal(client, monkeypatch):
    """429 with Retry-After, before a stream begins."""
    monkeypatch.setattr(module, "MAX_AT_ONCE", 0)
    for path in ("/learn/state", "/learn/train", "/learn/trace"):
        refused = client.get(path)
        assert (refused.status_code, refused.headers["retry-after"]) == (429, "5")
        assert refused.json()["type"] == "urn:backscore:too-many-trainings"


def test_what_takes_too_long_is_refused_or_cut(client, monkeypatch):
    """A moment far ahead is refused; a stream ends where it is."""
    monkeypatch.setattr(module, "MAX_SECONDS", 0.05)
    large = {"n_rows": 2_000, "batch_size": 1, "hidden": "64,64", "n_epochs": 1_000}
    refused = client.get("/learn/state", params={**large, "steps": 100_000})
    assert refused.status_code == 422
    assert "fewer rows" in refused.json()["detail"]
    assert '"why":"time"' in client.get("/learn/train", params=large).text
    with pytest.raises(TrainingTooLongError):
        asyncio.run(Trainings().trace(PlaygroundSettings.model_validate(large), 100_000, 0))


def test_who_pauses_goes_on_from_there():
    """No step is taken twice, whether the pause came between two pictures or in the middle of one."""

    async def scenario():
        trainings = Trainings()
        async with aclosing(trainings.frames(SETTINGS, 0)) as frames:
            seen = await anext(frames)
        (kept,) = trainings._kept.values()
        assert kept.step == seen.step == 4
        assert (await trainings.state(SETTINGS, 4)).step == 4
        assert list(trainings._kept.values()) == [kept]
        with anyio.move_on_after(0.05):
            await trainings.state(LONG, 10**6)
        assert await trainings.state(SETTINGS, 12) == advanced(12).state(with_points=True)

    asyncio.run(scenario())


def test_a_request_that_is_broken_off_leaves_no_run_that_a_thread_is_at():
    """Another client would get it, and both would advance it."""

    async def scenario():
        trainings = Trainings()
        asking = asyncio.create_task(trainings.state(LONG, 10**6))
        await asyncio.sleep(0.15)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        assert trainings._kept == {}
        assert await trainings.state(LONG, 30) == advanced(30, LONG).state(with_points=True)

    asyncio.run(scenario())


def test_the_end_of_the_service_waits_for_no_training():
    """Watching clients are notified."""

    async def scenario():
        ending = []
        frames = Trainings(lambda: bool(ending)).frames(LONG, 0)
        await anext(frames)
        ending.append(True)
        rest = [one async for one in frames]
        assert [one.why for one in rest] == ["ending"]

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("given", "path"),
    [
        ({"data": "moons"}, "?data"),
        ({"n_rows": 19}, "?n_rows"),
        ({"n_rows": 2001}, "?n_rows"),
        ({"noise": -0.1}, "?noise"),
        ({"noise": 1.1}, "?noise"),
        ({"hidden": "0"}, "?hidden"),
        ({"hidden": "65"}, "?hidden"),
        ({"hidden": "1,1,1,1,1"}, "?hidden"),
        ({"hidden": "8,x"}, "?hidden"),
        ({"activation": "step"}, "?activation"),
        ({"loss": "hinge"}, "?loss"),
        ({"optimizer": "newton"}, "?optimizer"),
        ({"learning_rate": 0}, "?learning_rate"),
        ({"learning_rate": 101}, "?learning_rate"),
        ({"learning_rate": "nan"}, "?learning_rate"),
        ({"batch_size": 0}, "?batch_size"),
        ({"batch_size": 2001}, "?batch_size"),
        ({"normalise": "maybe"}, "?normalise"),
        ({"weight_decay": -1}, "?weight_decay"),
        ({"weight_decay": 1.1}, "?weight_decay"),
        ({"dropout": 0.91}, "?dropout"),
        ({"n_epochs": 0}, "?n_epochs"),
        ({"n_epochs": 1001}, "?n_epochs"),
        ({"seed": -1}, "?seed"),
        ({"seed": 10**6}, "?seed"),
        ({"steps": -1}, "?steps"),
        ({"steps": 2_000_001}, "?steps"),
        ({"colour": "red"}, "?colour"),
    ],
)
def test_what_is_out_of_bounds_is_named(client, given, path):
    """As every other parameter in an address."""
    for endpoint in ("state", "train", "trace"):
        refused = client.get(f"/learn/{endpoint}", params=given)
        assert refused.status_code == 422
        (error,) = refused.json()["errors"]
        (value,) = given.values()
        assert error["path"] == path
        assert str(error["value"]) in str(value)
