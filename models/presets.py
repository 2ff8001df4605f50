"""Presets: settings of encoder and network by training time.

=================== ======================= =========================== ===================================
.                   fast                    balanced (the default)      best
=================== ======================= =========================== ===================================
for                 a first look            everyday training           the last thousandth of AUC
networks            1 of 64-32 relu         5 of 64-32 silu             20 of 64-32 silu
trained on          85 % of the rows        80 % of the rows each, the fifth left out stops it (5 folds)
numbers             8 quantile bins         8 quantile bins and up to 16 that follow the target; 2 or 3 folds see
                                            the latter alone
few-valued numbers  as other numbers        the values themselves are the bins, up to 40
categories          one-hot                 one-hot; from 30 levels on also the levels' event rates and counts
learning rate       0.002                   0.001                       four waves up to 0.002 (coslog4)
dropout             0.1                     0.3                         0.3
weight decay        0.01                    0.1                         0.1
inputs              all alike               scaled, the scales learn 10 times as fast as the weights
epochs, patience    30, 5                   60, 8                       48, 24
=================== ======================= =========================== ===================================

They were tuned on rows that are in no test set of the comparison tasks, under any seed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, ClassVar, Literal, TypeAlias

PresetName: TypeAlias = Literal["fast", "balanced", "best"]


@dataclass(frozen=True)
class NetworkSettings:
    """Estimator parameters of a preset, documented at `BackpropEstimator`."""

    hidden_layer_sizes: Sequence[int]
    activation: str
    n_members: int
    n_folds: int
    dropout: float
    learning_rate: float
    schedule: str
    weight_decay: float
    input_scale_rate: float
    max_epochs: int
    patience: int

    names: ClassVar[tuple[str, ...]]


NetworkSettings.names = tuple(field.name for field in fields(NetworkSettings))


@dataclass(frozen=True)
class EncoderSettings:
    """Encoder parameters of a preset, documented at `TableEncoder`."""

    n_bins: int
    n_target_bins: int
    most_values: int
    statistics_from: int


@dataclass(frozen=True)
class Preset:
    """Parameters of `TableEncoder` and of the estimators, named once for all domains."""

    name: PresetName
    encoder: dict[str, Any]
    network: dict[str, Any]


_FOLLOW_THE_TARGET = {"n_bins": 8, "n_target_bins": 16, "most_values": 40, "statistics_from": 30}

PRESETS: dict[PresetName, Preset] = {
    "fast": Preset(
        name="fast",
        encoder={"n_bins": 8, "n_target_bins": 0, "most_values": 0, "statistics_from": 0},
        network={
            "hidden_layer_sizes": (64, 32),
            "activation": "relu",
            "n_folds": 1,
            "n_members": 1,
            "dropout": 0.1,
            "weight_decay": 0.01,
            "input_scale_rate": 0.0,
            "learning_rate": 2e-3,
            "schedule": "constant",
            "max_epochs": 30,
            "patience": 5,
        },
    ),
    "balanced": Preset(
        name="balanced",
        encoder=_FOLLOW_THE_TARGET,
        network={
            "hidden_layer_sizes": (64, 32),
            "activation": "silu",
            "n_folds": 5,
            "n_members": 1,
            "dropout": 0.3,
            "weight_decay": 0.1,
            "input_scale_rate": 10.0,
            "learning_rate": 1e-3,
            "schedule": "constant",
            "max_epochs": 60,
            "patience": 8,
        },
    ),
    "best": Preset(
        name="best",
        encoder=_FOLLOW_THE_TARGET,
        network={
            "hidden_layer_sizes": (64, 32),
            "activation": "silu",
            "n_folds": 5,
            "n_members": 4,
            "dropout": 0.3,
            "weight_decay": 0.1,
            "input_scale_rate": 10.0,
            "learning_rate": 2e-3,
            "schedule": "coslog4",
            "max_epochs": 48,
            "patience": 24,
        },
    ),
}
