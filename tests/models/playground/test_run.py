"""The playground's network: reproducible to the bit, correct gradients, and reported failures."""

import json
import math
from collections import Counter

import numpy as np
import pytest
from pydantic import ValidationError
from sklearn.neighbors import KNeighborsClassifier

from models.errors import DivergedError
from models.playground.points import DATA_SETS, points
from models.playground.run import Run
from models.playground.settings import PlaygroundSettings
from tests.models.playground.steps import advance

QUICK = PlaygroundSettings(n_rows=60, hidden=(5, 3), activation="tanh", n_epochs=4, batch_size=8, dropout=0.2)


@pytest.mark.parametrize("name", DATA_SETS)
def test_points_are_two_classes_that_can_be_told_apart(name):
    """Half of each class, different for another seed, and separable by nearest neighbours better than by chance."""
    found = points(name, 400, 0.05, 1)
    assert (found.X.shape, found.labels.sum(), found.n_training) == ((400, 2), 200, 280)
    assert points(name, 400, 0.05, 1).X.tobytes() == found.X.tobytes()
    assert points(name, 400, 0.05, 2).X.tobytes() != found.X.tobytes()
    scaled = (found.X - found.X.mean(axis=0)) / found.X.std(axis=0)
    neighbours = KNeighborsClassifier(15).fit(scaled[:280], found.labels[:280])
    assert neighbours.score(scaled[280:], found.labels[280:]) > (0.57 if name in ("credit", "fraud") else 0.9)


@pytest.mark.parametrize(("name", "n_rows"), [("credit", 2_000), ("fraud", 300)])
def test_rows_that_are_held_back_were_not_learned_from(name, n_rows):
    """One in twenty is the same by chance, as two people may be; within a side, too, where there are rows enough."""
    found = points(name, n_rows, 0, 1)
    rows = [tuple(row) for row in found.X.tolist()]
    learned, held_back = set(rows[: found.n_training]), rows[found.n_training :]
    assert np.mean([row in learned for row in held_back]) < 0.06
    assert len(learned) > 0.94 * found.n_training


def test_where_events_are_few_they_repeat_on_their_own_side():
    """Frauds are repeated evenly where there are too few, instead of simulating more rows."""
    found = points("fraud", 2_000, 0, 1)
    frauds = [[tuple(row) for row in side.tolist()] for side in _sides(found, label=1)]
    assert not set(frauds[0]) & set(frauds[1])
    for side in frauds:
        counts = Counter(side).values()
        assert max(counts) - min(counts) <= 1


def _sides(found, label):
    """The rows of a class that are learned from, and those that are held back."""
    sides = np.split(found.X, [found.n_training]), np.split(found.labels, [found.n_training])
    return [X[labels == label] for X, labels in zip(*sides, strict=True)]


def test_the_same_step_is_the_same_however_one_got_there():
    """Step by step, with looks in between, or at once; batches, first weights and dropout are all the seed's."""
    slow, quick = Run(QUICK), Run(QUICK)
    for _ in range(10):
        slow.take_step()
        slow.state()
        slow.trace(3)
    advance(quick, 10)
    assert slow.state(with_points=True) == quick.state(with_points=True)
    assert slow.network.parameters.tobytes() == quick.network.parameters.tobytes()
    other = Run(QUICK.model_copy(update={"seed": 1}))
    assert other.network.parameters.tobytes() != Run(QUICK).network.parameters.tobytes()


def test_it_ends_after_its_epochs():
    """42 rows are learned from, in six steps an epoch."""
    run = Run(QUICK)
    assert (run.steps_per_epoch, run.is_finished) == (6, False)
    advance(run, 10**6)
    assert (run.step, run.state().epoch, run.is_finished) == (24, 4, True)


@pytest.mark.parametrize("name", ["circles", "spirals", "xor"])
def test_a_network_with_hidden_units_learns_what_a_line_cannot(name):
    """Without hidden units the boundary is a line, which is no better than chance here."""
    given = {
        "data": name,
        "activation": "tanh",
        "noise": 0,
        "n_epochs": 300,
        "optimizer": "adam",
        "learning_rate": 0.02,
    }
    line, bent = Run(PlaygroundSettings(**given, hidden=())), Run(PlaygroundSettings(**given, hidden=(16, 8)))
    for run in (line, bent):
        advance(run, 10**6)
    assert line.state().accuracies.validation < 0.75
    assert bent.state().accuracies.validation > 0.95
    assert bent.state().losses.training < line.state().losses.training / 2


def test_the_surface_is_what_the_network_says():
    """At each place the probability that a prediction has there."""
    run = Run(QUICK)
    advance(run, 12)
    surface = run.state().surface
    for i, j in ((0, 0), (7, 31), (39, 39)):
        place = np.array([[surface.x[j], surface.y[i]]])
        assert surface.probabilities[i][j] == pytest.approx(run.network.predict(run.inputs(place))[0, 0], abs=1e-4)


@pytest.mark.parametrize("loss", ["log-loss", "squared error"])
@pytest.mark.parametrize("activation", ["sigmoid", "tanh", "silu"])
def test_a_traced_row_has_every_gradient_with_its_difference_quotient(activation, loss):
    """And a step against them lowers its loss."""
    run = Run(PlaygroundSettings(n_rows=40, hidden=(4, 3), activation=activation, loss=loss, learning_rate=0.01))
    advance(run, 5)
    found = run.trace(2)
    assert [len(layer.weights) for layer in found.layers] == [8, 12, 3]
    for layer in found.layers:
        quotients = [one.difference_quotient for one in layer.weights]
        np.testing.assert_allclose([one.gradient for one in layer.weights], quotients, rtol=1e-5, atol=1e-9)
        np.testing.assert_allclose(layer.sum_gradients, layer.bias_quotients, rtol=1e-5, atol=1e-9)
        for one in layer.weights:
            assert one.gradient == pytest.approx(layer.inputs[one.input] * layer.sum_gradients[one.unit])
            assert one.after == pytest.approx(one.weight - 0.01 * one.gradient)
    assert found.loss_after < found.loss
    assert found.probability == run.network.predict(np.array([found.inputs]))[0, 0]


def test_a_large_network_tells_its_steepest_weights():
    """A trace of a large network is shortened."""
    run = Run(PlaygroundSettings(hidden=(64, 64, 64, 64), n_rows=20))
    assert [len(layer.weights) for layer in run.trace(0).layers] == [60, 60, 60, 60, 60]


def test_steps_that_are_too_large_are_told():
    """No number that JSON cannot hold, and nothing more is learned."""
    run = Run(
        PlaygroundSettings(
            activation="relu",
            hidden=(8, 8),
            loss="squared error",
            learning_rate=100,
            n_rows=50,
            normalise=False,
            data="credit",
            weight_decay=1,
        )
    )
    advance(run, 10**6)
    state = run.state(with_points=True)
    assert (state.diverged, state.is_finished) == (True, True)
    assert run.step < run.n_steps
    json.loads(state.model_dump_json(), parse_constant=pytest.fail)
    assert state.losses.training is None
    with pytest.raises(DivergedError, match=f"by step {run.step};"):
        run.trace(0)


@pytest.mark.parametrize("loss", ["log-loss", "squared error"])
@pytest.mark.parametrize("activation", ["relu", "silu"])
def test_on_the_way_there_every_number_is_told_or_the_end_is(activation, loss):
    """At each step: weights may be finite when a loss is not, and a step may lead to infinity."""
    given = {"data": "credit", "normalise": False, "learning_rate": 100, "weight_decay": 1, "n_rows": 20}
    run, n_traced = Run(PlaygroundSettings(**given, activation=activation, loss=loss, hidden=(4, 4))), 0
    while not run.is_finished:
        run.take_step()
        state = run.state()
        assert state.diverged == (None in (state.losses.training, state.losses.validation) or run.diverged)
        assert state.is_finished >= state.diverged
        try:
            found = run.trace(3)
        except DivergedError:
            continue
        n_traced += 1
        json.loads(found.model_dump_json(), parse_constant=pytest.fail)
        assert "null" not in found.model_dump_json()
        assert math.isfinite(found.loss_after)
    assert run.diverged
    assert n_traced > 0


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"hidden": "8,65"}, "from 1 to 64"),
        ({"hidden": "1,1,1,1,1"}, "up to 4"),
        ({"hidden": "a"}, "valid integer"),
        ({"n_rows": "2001"}, "less than or equal to 2000"),
        ({"learning_rate": "nan"}, "finite"),
        ({"learning_rate": "0"}, "greater than 0"),
        ({"data": "moons"}, "'circles'"),
        ({"normalise": "maybe"}, "boolean"),
        ({"colour": "red"}, "not permitted"),
    ],
)
def test_settings_have_bounds(given, message):
    """Each is named in the error."""
    with pytest.raises(ValidationError, match=message):
        PlaygroundSettings.model_validate(given)


def test_a_link_holds_the_settings():
    """What differs from the defaults, and back again."""
    assert PlaygroundSettings().query() == {}
    assert PlaygroundSettings.model_validate(QUICK.query()) == QUICK
    none = PlaygroundSettings(hidden=(), normalise=False)
    assert none.query() == {"hidden": "", "normalise": "false"}
    assert PlaygroundSettings.model_validate(none.query()) == none
