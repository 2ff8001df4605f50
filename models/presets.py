"""Presets: how much time a training may take, and what it spends it on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

PresetName: TypeAlias = Literal["fast", "balanced", "best"]


@dataclass(frozen=True)
class Preset:
    """Parameters of `TableEncoder` and of `BackpropClassifier`, named once for all domains."""

    name: PresetName
    encoder: dict[str, Any]
    network: dict[str, Any]


PRESETS: dict[PresetName, Preset] = {
    "fast": Preset(
        name="fast",
        encoder={"n_bins": 8},
        network={
            "hidden_layer_sizes": (64, 32),
            "n_members": 1,
            "dropout": 0.1,
            "learning_rate": 2e-3,
            "max_epochs": 30,
            "patience": 5,
        },
    ),
    "balanced": Preset(
        name="balanced",
        encoder={"n_bins": 8, "n_target_bins": 16, "most_values": 40, "statistics_from": 30},
        network={
            "hidden_layer_sizes": (64, 32),
            "activation": "silu",
            "n_folds": 5,
            "n_members": 1,
            "dropout": 0.2,
            "weight_decay": 0.1,
            "learning_rate": 1e-3,
            "max_epochs": 60,
            "patience": 8,
        },
    ),
    "best": Preset(
        name="best",
        encoder={"n_bins": 8, "n_target_bins": 16, "most_values": 40, "statistics_from": 30},
        network={
            "hidden_layer_sizes": (64, 32),
            "activation": "silu",
            "n_folds": 5,
            "n_members": 4,
            "dropout": 0.2,
            "weight_decay": 0.1,
            "learning_rate": 1e-3,
            "max_epochs": 100,
            "patience": 12,
        },
    ),
}
