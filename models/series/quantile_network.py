"""The network: for each step all quantiles at once, members for each fold of held-out windows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

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
        return _quantiles(self.network, standardised(X, self.mean, self.spread))


def standardised(X: Features, mean: Floats, spread: Floats) -> Features:
    """Features of mean 0 and standard deviation 1, cut off at `MAX_FEATURE`."""
    scaled: Features = np.clip((X - mean) / spread, -MAX_FEATURE, MAX_FEATURE).astype(np.float32)
    return scaled


def _quantiles(network: Network, X: Features) -> Floats:
    sums = network.mean_sums(X).astype(np.float64)
    return np.sort(sums.reshape(len(X), -1, len(LEVELS)), axis=2)  # they never cross (Chernozhukov et al. 2010)


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
    mean, spread = X.mean(axis=0, dtype=np.float64), X.std(axis=0, dtype=np.float64)
    spread = np.where(spread > 1e-6, spread, 1.0)
    inputs = standardised(X, mean, spread)
    wide = np.repeat(np.clip(targets, -MAX_TARGET, MAX_TARGET).astype(np.float32), len(LEVELS), axis=1)
    rows = Rows(inputs, wide, weights.astype(np.float32)[:, None])
    held = np.full((len(X), targets.shape[1], len(LEVELS)), np.nan)
    networks, curves = [], []
    for training, held_out in folds:
        network, curve = _fit_one(rows.subset(training), targets[training], settings, size, rng, callbacks)
        curves.append(curve)
        held[held_out] = _quantiles(network, inputs[held_out])
        networks.append(network)
    first = [network.layers[0].weights for network in networks]
    whole = Network.joined(networks, first_weights=first, directions=None)
    n_epochs = min(map(len, curves))
    curve = np.mean([one[:n_epochs] for one in curves], axis=0).tolist()
    return QuantileNetwork(whole, mean, spread, curve), held


def _fit_one(
    rows: Rows,
    targets: Floats,
    settings: SeriesSettings,
    size: Size,
    rng: np.random.Generator,
    callbacks: Sequence[Callback],
) -> tuple[Network, list[float]]:
    """A trained network, and its training loss after each epoch."""
    n_knots = targets.shape[1]
    network = Network(
        (rows.inputs.shape[1], *size.hidden, n_knots * len(LEVELS)),
        hidden_activation="silu",
        output_activation="identity",
        n_members=size.n_members,
        dropout=settings.dropout,
        rng=rng,
    )
    last = network.layers[-1]
    last.weights *= FIRST_WEIGHTS
    last.biases[...] = np.quantile(targets, LEVELS, axis=0).T.reshape(-1)
    training = Training(
        network,
        loss=pinball(*(LEVELS * n_knots)),
        optimizer=optimizer_named("adamw"),
        learning_rate=settings.learning_rate,
        schedule=cosine,
        batch_size=settings.batch_size,
        weight_decay=settings.weight_decay,
        rng=rng,
    )
    seen = training.epochs(rows, n_epochs=settings.n_epochs, callbacks=callbacks)
    return network, [epoch.training_loss for epoch in seen]
