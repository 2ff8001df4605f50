"""The network: for each step all quantiles at once, members for each fold of held-out windows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol

import numpy as np

from models.arrays import Floats
from models.nn.losses import pinball
from models.nn.network import Network
from models.nn.optimizers import optimizer_named
from models.nn.rows import Rows
from models.nn.schedules import cosine
from models.nn.training import Callback, Training
from models.series.arrays import Features
from models.series.features import MAX_FEATURE
from models.series.held_out import Fold
from models.series.settings import LEVELS, SeriesSettings, Size

MAX_TARGET = 1e4
FIRST_WEIGHTS = 0.1
"""Factor on the last layer's first weights; with the targets' quantiles as biases, all begin with the same answer."""


class Learning(Protocol):
    """How a network for quantiles learns, see `SeriesSettings`."""

    @property
    def n_epochs(self) -> int:
        """Passes over the rows."""

    @property
    def batch_size(self) -> int:
        """Rows a step."""

    @property
    def learning_rate(self) -> float:
        """At the first step."""

    @property
    def weight_decay(self) -> float:
        """See `Training`."""

    @property
    def dropout(self) -> float:
        """Share of hidden units left out."""


@dataclass
class QuantileNetwork:
    """A network with n_knots x n_levels outputs, in units of the scale.

    Attributes
    ----------
    mean, spread : of the features, (n_features,).
    network : the members of all folds.
    training_curve : loss after each epoch, the mean over the folds.
    """

    stored_as: ClassVar[str] = "quantile_network"
    stored_fields: ClassVar[Mapping[str, str]] = {
        "network": "network",
        "mean": "float64[features]",
        "spread": "float64[features]",
        "training_curve": "float[]",
    }
    network: Network
    mean: Floats
    spread: Floats
    training_curve: Sequence[float] = ()

    @property
    def shape(self) -> tuple[int, int]:
        """Number of inputs and of outputs."""
        return self.network.n_inputs, self.network.layers[-1].n_outputs

    def check_restored(self) -> None:
        """ValueError unless the network reads these features, and each has a spread."""
        if self.network.n_inputs != len(self.mean):
            raise ValueError(f"the network reads {self.network.n_inputs} features, {len(self.mean)} have a mean")
        if not (self.spread > 0).all():
            raise ValueError("the spread of a feature must be above 0")

    def quantiles(self, X: Features) -> Floats:
        """Rising quantiles, (n_windows, n_knots, n_levels)."""
        return network_quantiles(self.network, standardised(X, self.mean, self.spread), LEVELS)


def standardised(X: Features, mean: Floats, spread: Floats) -> Features:
    """Features of mean 0 and standard deviation 1, cut off at `MAX_FEATURE`."""
    scaled: Features = np.clip((X - mean) / spread, -MAX_FEATURE, MAX_FEATURE).astype(np.float32)
    return scaled


def mean_and_spread(X: Features) -> tuple[Floats, Floats]:
    """Of each feature, for `standardised`; the spread of a constant is 1."""
    mean, spread = X.mean(axis=0, dtype=np.float64), X.std(axis=0, dtype=np.float64)
    return mean, np.where(spread > 1e-6, spread, 1.0)


def network_quantiles(network: Network, X: Features, levels: Sequence[float]) -> Floats:
    """What a network of `fit_network` says of standardised features: rising quantiles, (n_rows, n_knots, n_levels)."""
    sums = network.mean_sums(X).astype(np.float64)
    return np.sort(sums.reshape(len(X), -1, len(levels)), axis=2)  # they never cross (Chernozhukov et al. 2010)


def fit_quantile_network(
    X: Features,
    targets: Floats,
    weights: Floats,
    folds: Sequence[Fold],
    settings: SeriesSettings,
    size: Size,
    rng: np.random.Generator,
    callbacks: Sequence[Callback] = (),
) -> tuple[QuantileNetwork, Floats]:
    """Train a network for each fold; returns all of them as one, and what each says of its held-out windows.

    Parameters
    ----------
    targets : (n_windows, n_knots), in units of the scale.
    weights : (n_windows,).

    Returns
    -------
    The network, and held-out quantiles (n_windows, n_knots, n_levels); NaN for windows that no fold holds out.
    """
    mean, spread = mean_and_spread(X)
    inputs = standardised(X, mean, spread)
    held = np.full((len(X), targets.shape[1], len(LEVELS)), np.nan)
    networks, curves = [], []
    for training, held_out in folds:
        network, curve = fit_network(
            inputs[training],
            targets[training],
            weights[training],
            LEVELS,
            settings,
            hidden=size.hidden,
            n_members=size.n_members,
            rng=rng,
            callbacks=callbacks,
        )
        curves.append(curve)
        held[held_out] = network_quantiles(network, inputs[held_out], LEVELS)
        networks.append(network)
    first = [network.layers[0].weights for network in networks]
    whole = Network.joined(networks, first_weights=first, directions=None)
    n_epochs = min(map(len, curves))
    curve = np.mean([one[:n_epochs] for one in curves], axis=0).tolist()
    return QuantileNetwork(whole, mean, spread, curve), held


def fit_network(
    X: Features,
    targets: Floats,
    weights: Floats,
    levels: Sequence[float],
    learning: Learning,
    *,
    hidden: Sequence[int],
    n_members: int,
    rng: np.random.Generator,
    callbacks: Sequence[Callback] = (),
) -> tuple[Network, list[float]]:
    """Learn the quantiles of targets (n_rows, n_knots) from standardised features; with the loss after each epoch."""
    n_knots = targets.shape[1]
    wide = np.repeat(np.clip(targets, -MAX_TARGET, MAX_TARGET).astype(np.float32), len(levels), axis=1)
    rows = Rows(X, wide, weights.astype(np.float32)[:, None])
    network = Network(
        (X.shape[1], *hidden, n_knots * len(levels)),
        hidden_activation="silu",
        output_activation="identity",
        n_members=n_members,
        dropout=learning.dropout,
        rng=rng,
    )
    last = network.layers[-1]
    last.weights *= FIRST_WEIGHTS
    last.biases[...] = np.quantile(targets, levels, axis=0).T.reshape(-1)
    training = Training(
        network,
        loss=pinball(*(tuple(levels) * n_knots)),
        optimizer=optimizer_named("adamw"),
        learning_rate=learning.learning_rate,
        schedule=cosine,
        batch_size=learning.batch_size,
        weight_decay=learning.weight_decay,
        rng=rng,
    )
    seen = training.epochs(rows, n_epochs=learning.n_epochs, callbacks=callbacks)
    return network, [epoch.training_loss for epoch in seen]
