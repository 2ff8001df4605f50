"""Optimizers, schedules, ensembles and the loop around them, each against an oracle of its own."""

from __future__ import annotations

import math
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from typing import Literal

import numpy as np
import pytest

from models.nn.arrays import Array
from models.nn.loss_sums import mean_loss
from models.nn.losses import BINARY_LOG_LOSS, SQUARED_ERROR, pinball
from models.nn.network import Network
from models.nn.optimizers import SGD, Adam, Optimizer
from models.nn.rows import Rows
from models.nn.schedules import SCHEDULES
from models.nn.training import EarlyStopping, Epoch, Training


def made_rows(n_rows: int = 300, *, weights: bool = False) -> Rows:
    """Rows whose label depends on two of four inputs."""
    rng = np.random.default_rng(5)
    inputs = rng.standard_normal((n_rows, 4)).astype(np.float32)
    targets = (inputs[:, :1] * inputs[:, 1:2] + 0.3 * rng.standard_normal((n_rows, 1)) > 0).astype(np.float32)
    return Rows(inputs, targets, rng.random((n_rows, 1)).astype(np.float32) if weights else None)


def made_training(network: Network, **options: object) -> Training:
    settings = {
        "loss": BINARY_LOG_LOSS,
        "optimizer": Adam(),
        "learning_rate": 1e-2,
        "rng": np.random.default_rng(1),
        "batch_size": 64,
    }
    return Training(network, **{**settings, **options})  # type: ignore[arg-type]


OPTIMIZERS = {
    "SGD": (SGD(), lambda torch, p: torch.optim.SGD(p, lr=0.1)),
    "momentum": (SGD(0.9), lambda torch, p: torch.optim.SGD(p, lr=0.1, momentum=0.9)),
    "Adam": (Adam(), lambda torch, p: torch.optim.Adam(p, lr=0.1)),
    "Adam, other betas": (
        Adam(beta1=0.8, beta2=0.95, epsilon=1e-3),
        lambda torch, p: torch.optim.Adam(p, lr=0.1, betas=(0.8, 0.95), eps=1e-3),
    ),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimizers_step_as_those_of_pytorch(name: str) -> None:
    """Twenty steps along the same random gradients end at the same parameters."""
    torch = pytest.importorskip("torch", reason="PyTorch is not installed (extra: bench)")
    optimizer, make_theirs = OPTIMIZERS[name]
    rng = np.random.default_rng(0)
    mine = rng.standard_normal(40_000)  # more than one piece of Adam's
    theirs = torch.tensor(mine.copy(), requires_grad=True)
    reference = make_theirs(torch, [theirs])
    for _ in range(20):
        gradient = rng.standard_normal(mine.shape)
        theirs.grad = torch.tensor(gradient.copy())
        optimizer.step(mine, gradient, 0.1)
        reference.step()

    np.testing.assert_allclose(mine, theirs.detach().numpy(), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(("decoupled", "reference"), [(True, "AdamW"), (False, "Adam")])
def test_weight_decay_acts_on_weights_as_in_pytorch(decoupled: bool, reference: str) -> None:
    """AdamW decays the weights separately, Adam through the gradient; biases are not decayed."""
    torch = pytest.importorskip("torch", reason="PyTorch is not installed (extra: bench)")
    network = Network((4, 3, 1), rng=np.random.default_rng(2), dtype=np.float64)
    halves = (network.parameters[:15], network.parameters[15:])
    theirs = [torch.tensor(half.copy(), requires_grad=True) for half in halves]
    assert network.n_weights == 15
    optimizer = getattr(torch.optim, reference)(
        [{"params": [theirs[0]], "weight_decay": 0.1}, {"params": [theirs[1]], "weight_decay": 0.0}], lr=0.05
    )
    rows = made_rows(64)
    rows = Rows(rows.inputs.astype(float), rows.targets.astype(float))
    training = made_training(
        network, optimizer=Adam(decoupled_decay=decoupled), learning_rate=0.05, weight_decay=0.1, batch_size=None
    )
    oracle = Network((4, 3, 1), rng=np.random.default_rng(2), dtype=np.float64)
    for _ in range(5):
        oracle.parameters[...] = np.concatenate([part.detach().numpy() for part in theirs])
        records = oracle.new_records(64)
        oracle.forward(rows.inputs, records, np.random.default_rng(0))
        oracle.backward(rows.targets, BINARY_LOG_LOSS, records, 1 / 64)
        for part, gradient in zip(theirs, (oracle.gradients[:15], oracle.gradients[15:]), strict=True):
            part.grad = torch.tensor(gradient.copy())
        optimizer.step()
    training.epochs(rows, n_epochs=5)

    np.testing.assert_allclose(
        network.parameters, np.concatenate([part.detach().numpy() for part in theirs]), rtol=1e-7
    )


def test_decoupled_decay_shrinks_the_weights_beside_the_step() -> None:
    """The first step is W (1 - rate * decay) less what Adam takes without decay; biases do not shrink."""

    def parameters_after_a_step(decay: float) -> Array:
        network = Network((4, 3, 1), rng=np.random.default_rng(2), dtype=np.float64)
        adam = Adam(decoupled_decay=True)
        training = made_training(network, optimizer=adam, learning_rate=0.05, weight_decay=decay, batch_size=None)
        rows = made_rows(64)
        training.epochs(Rows(rows.inputs.astype(float), rows.targets.astype(float)), n_epochs=1)
        return network.parameters

    first = Network((4, 3, 1), rng=np.random.default_rng(2), dtype=np.float64)
    shrunk = np.where(np.arange(len(first.parameters)) < first.n_weights, 0.05 * 0.1 * first.parameters, 0.0)
    np.testing.assert_allclose(parameters_after_a_step(0.1), parameters_after_a_step(0.0) - shrunk, rtol=1e-12)


def test_members_trained_together_are_the_networks_trained_alone() -> None:
    """One batched product trains each member as if it were alone."""
    rows = made_rows()
    together = Network((4, 8, 1), n_members=3, rng=np.random.default_rng(0))
    alone = []
    for member in range(3):
        single = Network((4, 8, 1), rng=np.random.default_rng(0))
        for layer, joint in zip(single.layers, together.layers, strict=True):
            layer.weights[0], layer.biases[0] = joint.weights[member], joint.biases[member]
        alone.append(single)
    for network in (together, *alone):
        made_training(network, rng=np.random.default_rng(9)).epochs(rows, n_epochs=3)

    for member, single in enumerate(alone):
        np.testing.assert_allclose(
            together.layers[0].weights[member], single.layers[0].weights[0], rtol=1e-4, atol=1e-6
        )
    votes = np.mean([single.mean_sums(rows.inputs) for single in alone], axis=0)
    np.testing.assert_allclose(together.mean_sums(rows.inputs), votes, rtol=1e-3, atol=1e-4)


def test_equal_seeds_give_equal_bits() -> None:
    """Weights, order and dropout come from the generators that were given, and from nothing else."""
    results = []
    for _ in range(2):
        network = Network((4, 16, 1), dropout=0.3, n_members=2, rng=np.random.default_rng(4))
        made_training(network, rng=np.random.default_rng(6)).epochs(made_rows(), n_epochs=4)
        results.append(network.parameters.tobytes())

    assert results[0] == results[1]


@pytest.mark.parametrize("optimizer", [SGD(0.9), Adam()], ids=["SGD", "Adam"])
def test_training_lowers_the_loss(optimizer: Optimizer) -> None:
    """The network learns a product of two inputs, which no linear model can."""
    rows = made_rows(1000)
    network = Network((4, 32, 1), rng=np.random.default_rng(0))
    before = mean_loss(network, rows, BINARY_LOG_LOSS)
    rate = 0.1 if isinstance(optimizer, SGD) else 1e-2
    made_training(network, optimizer=optimizer, learning_rate=rate).epochs(rows, n_epochs=40)

    assert mean_loss(network, rows, BINARY_LOG_LOSS) < before / 2


def test_the_weight_of_a_row_counts_as_often_as_the_row() -> None:
    """A full-batch step with weights 2, 1, 0 is the step over the first row twice and the second once."""
    rows = made_rows(3)
    weighted = Rows(rows.inputs, rows.targets, np.array([[2.0], [1.0], [0.0]], np.float32))
    repeated = Rows(rows.inputs[[0, 0, 1]], rows.targets[[0, 0, 1]])
    parameters = []
    for given in (weighted, repeated):
        network = Network((4, 5, 1), rng=np.random.default_rng(0))
        made_training(network, optimizer=SGD(), batch_size=None).epochs(given, n_epochs=5)
        parameters.append(network.parameters)

    np.testing.assert_allclose(parameters[0], parameters[1], rtol=1e-4, atol=1e-6)


def test_early_stopping_brings_back_the_best_epoch() -> None:
    """The weights after training are those of the epoch with the least validation loss."""
    rows, validation = made_rows(60), made_rows(400)
    network = Network((4, 64, 1), rng=np.random.default_rng(0))
    stopping = EarlyStopping(network, patience=5)
    epochs = made_training(network, learning_rate=0.03).epochs(
        rows, n_epochs=200, validation=validation, callbacks=[stopping]
    )
    stopping.restore()

    losses = [epoch.validation_loss for epoch in epochs]
    assert len(epochs) < 200
    assert stopping.best_epoch == int(np.argmin(losses)) + 1 == len(epochs) - 5
    assert mean_loss(network, validation, BINARY_LOG_LOSS) == pytest.approx(min(losses), rel=1e-6)


def test_a_callback_hears_every_epoch_and_can_stop() -> None:
    """Returning True ends the training after that epoch."""
    heard: list[Epoch] = []
    epochs = made_training(Network((4, 4, 1), rng=np.random.default_rng(0))).epochs(
        made_rows(), n_epochs=10, callbacks=[heard.append, lambda epoch: epoch.number == 3]
    )

    assert [epoch.number for epoch in heard] == [1, 2, 3]
    assert heard == epochs


@pytest.mark.parametrize("name", SCHEDULES)
def test_schedules_stay_between_nothing_and_the_full_rate(name: str) -> None:
    """At every point of the training."""
    rates = [SCHEDULES[name](progress) for progress in np.linspace(0, 1, 101)]
    assert min(rates) >= 0
    assert max(rates) == pytest.approx(1, abs=0.01)


def test_coslog4_peaks_and_rests_where_the_paper_says() -> None:
    """(1 - cos(2 pi log2(1 + 15 t))) / 2 rests at 1 + 15 t = 1, 2, 4, 8, 16 and peaks half-way in the logarithm."""
    for k in range(5):
        assert SCHEDULES["coslog4"]((2**k - 1) / 15) == pytest.approx(0, abs=1e-12)
    for k in range(4):
        assert SCHEDULES["coslog4"]((2 ** (k + 0.5) - 1) / 15) == pytest.approx(1)


@pytest.mark.parametrize("quantile", [0.1, 0.5, 0.9])
def test_the_pinball_loss_finds_the_quantile(quantile: float) -> None:
    """A network with a constant output learns the quantile of its targets."""
    targets = np.random.default_rng(0).exponential(size=(2000, 1))
    network = Network((1, 1), output_activation="identity", rng=np.random.default_rng(0), dtype=np.float64)
    made_training(network, loss=pinball(quantile), optimizer=Adam(), learning_rate=0.02, batch_size=None).epochs(
        Rows(np.zeros((2000, 1)), targets), n_epochs=400
    )

    said = network.predict(np.zeros((1, 1)))[0, 0]
    assert said == pytest.approx(-math.log(1 - quantile), abs=0.08)  # the exponential distribution's own quantile


def test_squared_error_finds_the_mean() -> None:
    """A network with a constant output learns the mean of its targets."""
    targets = np.random.default_rng(0).exponential(size=(500, 1))
    network = Network((1, 1), output_activation="identity", rng=np.random.default_rng(0), dtype=np.float64)
    made_training(network, loss=SQUARED_ERROR, optimizer=SGD(), learning_rate=0.3, batch_size=None).epochs(
        Rows(np.zeros((500, 1)), targets), n_epochs=100
    )

    assert network.predict(np.zeros((1, 1)))[0, 0] == pytest.approx(targets.mean(), rel=1e-9)


@pytest.mark.parametrize("widths", [(23, 128, 64, 1), (300, 32, 1), (700, 64, 1)], ids=str)
def test_a_row_is_answered_alike_alone_and_among_others(widths: tuple[int, ...]) -> None:
    """To the last bit, however many rows come with it."""
    network = Network(widths, n_members=3, rng=np.random.default_rng(0))
    inputs = np.random.default_rng(1).standard_normal((500, widths[0])).astype(np.float32)
    together = network.mean_sums(inputs)
    for start, n_rows in [(0, 1), (7, 1), (100, 2), (3, 5), (50, 33), (499, 1)]:
        np.testing.assert_array_equal(
            network.mean_sums(inputs[start : start + n_rows]), together[start : start + n_rows]
        )


def test_a_subset_trains_as_its_copy_does() -> None:
    """Rows given by their numbers lead to the same bits as the same rows copied out, in training and validation."""
    whole = made_rows(400, weights=True)
    chosen = np.random.default_rng(0).permutation(400)[:150]
    copied = Rows(whole.inputs[chosen], whole.targets[chosen], whole.weights[chosen])  # type: ignore[index]
    results = []
    for rows in (copied, whole.subset(chosen)):
        network = Network((4, 8, 1), rng=np.random.default_rng(0))
        epochs = made_training(network).epochs(rows, n_epochs=2, validation=rows)
        results.append((network.parameters.tobytes(), [(e.training_loss, e.validation_loss) for e in epochs]))

    assert results[0] == results[1]


def test_a_subset_of_a_subset_counts_within_it() -> None:
    """Its numbers are places among the rows that counted before."""
    rows = made_rows(10).subset(np.array([7, 3, 5])).subset(np.array([2, 0]))

    np.testing.assert_array_equal(rows.piece(0, 2).inputs, made_rows(10).inputs[[5, 7]])
    assert len(rows) == 2


@pytest.mark.parametrize("batch_size", [7, 64, None])
@pytest.mark.parametrize("weights", [False, True], ids=["unweighted", "weighted"])
def test_the_epochs_loss_is_the_mean_over_its_rows(batch_size: int | None, *, weights: bool) -> None:
    """Whatever the batch size and the number of batches whose losses are computed together."""
    rows = made_rows(300, weights=weights)
    network = Network((4, 8, 1), n_members=2, rng=np.random.default_rng(0))
    before = network.parameters.copy()
    [epoch] = made_training(network, optimizer=SGD(), learning_rate=1e-12, batch_size=batch_size).epochs(
        rows, n_epochs=1
    )

    np.testing.assert_allclose(network.parameters, before, atol=1e-9)
    z, y = network.sums(rows.inputs)[..., 0].astype(float), rows.targets[:, 0]
    by_row = np.logaddexp(0, z) - y * z
    assert epoch.training_loss == pytest.approx((by_row * (rows.weights[:, 0] if weights else 1)).mean(), rel=1e-5)


def test_the_log_loss_stays_exact_where_the_sigmoid_is_rounded() -> None:
    """At sums whose exponential float32 cannot hold."""
    sums = np.array([[-200.0], [-20.0], [0.0], [20.0], [200.0]], np.float32)
    for target in (0.0, 1.0):
        expected = np.logaddexp(0, sums.astype(float)) - target * sums
        values = BINARY_LOG_LOSS.value(sums, sums, np.full_like(sums, target))
        np.testing.assert_allclose(values, expected[:, 0], rtol=1e-6, atol=1e-30)


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("subset", [False, True], ids=["all rows", "a subset"])
def test_training_copies_no_more_of_the_inputs_than_a_batch(order: Literal["C", "F"], *, subset: bool) -> None:
    """Beyond its buffers it allocates the order of the rows, and nothing that grows with their width."""
    n_rows, n_inputs = 20_000, 100
    rows = Rows(np.ones((n_rows, n_inputs), np.float32, order), np.ones((n_rows, 1), np.float32))
    rows = rows.subset(np.arange(n_rows)) if subset else rows
    training = made_training(Network((n_inputs, 4, 1), rng=np.random.default_rng(0)))
    training.epochs(rows, n_epochs=1, validation=rows)  # what is imported and compiled once is not counted
    tracemalloc.start()
    try:
        training.epochs(rows, n_epochs=2, validation=rows)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    order = 2 * 8 * n_rows
    assert peak < order + 1_000_000 < rows.inputs.nbytes / 4


def test_trainings_in_threads_do_not_disturb_each_other() -> None:
    """Several networks trained at once on the same rows end with the bits they have when trained in turn."""
    rows = made_rows(400)

    def train(seed: int) -> bytes:
        network = Network((4, 16, 8, 1), n_members=2, dropout=0.2, rng=np.random.default_rng(seed))
        chosen = np.flatnonzero(np.arange(400) % 4 != seed % 4)
        made_training(network, rng=np.random.default_rng(seed)).epochs(rows.subset(chosen), n_epochs=3)
        return network.parameters.tobytes()

    in_turn = [train(seed) for seed in range(8)]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(train, range(8))) == in_turn
