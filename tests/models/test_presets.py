"""Presets: what they name exists, their table says what they do, and each makes a model that holds together."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from data.column import Column
from data.table import Table
from models import presets
from models.estimators.classifier import BackpropClassifier
from models.estimators.table_classifier import TableClassifier
from models.presets import PRESETS, EncoderSettings, NetworkSettings, PresetName

TABLE = Table(
    name="loans",
    columns=(
        Column(name="income", kind="number", direction=-1, optional=True),
        Column(name="late", kind="number", direction=1, ordered_above=0),
        Column(name="branch", kind="key"),
        Column(name="purpose", kind="category"),
        Column(name="default", kind="flag", role="target"),
    ),
)


def loans(n_rows: int, seed: int) -> tuple[pd.DataFrame, np.ndarray]:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "income": np.where(rng.random(n_rows) < 0.1, np.nan, rng.lognormal(3, 0.5, n_rows)),
            "late": rng.integers(-2, 8, n_rows),
            "branch": [f"b{number}" for number in rng.integers(0, 60, n_rows)],
            "purpose": rng.choice(["car", "house", "other"], n_rows),
        }
    )
    effect_of_branch = np.random.default_rng(0).normal(0, 1, 60)[frame["branch"].str[1:].astype(int)]
    log_odds = 0.3 * frame["late"].clip(0) - 0.03 * frame["income"].fillna(30) + effect_of_branch - 0.5
    return frame, (rng.random(n_rows) < 1 / (1 + np.exp(-log_odds))).astype(np.int64)


@pytest.mark.parametrize("name", PRESETS)
def test_each_preset_makes_a_calibrated_monotone_model(name: PresetName) -> None:
    """On numbers with directions, codes, a key with statistics and a category, all pieces at once."""
    (frame, labels), (others, truth) = loans(3000, 1), loans(4000, 2)
    model = TableClassifier(TABLE, PRESETS[name], seed=0)
    model.fit(frame[:2500], labels[:2500], validation=(frame[2500:], labels[2500:]))
    probabilities = model.probabilities(others)

    assert roc_auc_score(truth, probabilities) > 0.74
    assert probabilities.mean() == pytest.approx(truth.mean(), abs=0.03)
    later = model.probabilities(others.assign(late=others["late"].clip(0) + 1))
    assert (later >= model.probabilities(others.assign(late=others["late"].clip(0)))).all()
    richer = others.assign(income=others["income"] * 2)
    assert (model.probabilities(richer) <= probabilities)[others["income"].notna()].all()


@pytest.mark.parametrize("name", PRESETS)
def test_presets_name_all_parameters_they_stand_for(name: PresetName) -> None:
    preset = PRESETS[name]
    for given, kind in ((preset.network, NetworkSettings), (preset.encoder, EncoderSettings)):
        assert set(given) == {field.name for field in dataclasses.fields(kind)}
    assert preset.name == name
    assert BackpropClassifier(preset=name).settings == NetworkSettings(**preset.network)


def test_the_table_says_what_the_presets_do() -> None:
    """Each preset's column holds its own figures."""
    assert presets.__doc__ is not None
    lines = {line[:20].strip(): [cell.strip() for cell in (line[20:44], line[44:72], line[72:])]
             for line in presets.__doc__.splitlines()}  # fmt: skip
    for position, name in enumerate(PRESETS):
        network, encoder = PRESETS[name].network, PRESETS[name].encoder
        units = "-".join(map(str, network["hidden_layer_sizes"]))
        n_networks = network["n_members"] * network["n_folds"]
        assert lines["networks"][position] == f"{n_networks} of {units} {network['activation']}"
        assert lines["numbers"][min(position, 1)].startswith(f"{encoder['n_bins']} quantile bins")
        assert f"{network['dropout']:g}" == lines["dropout"][position]
        assert f"{network['weight_decay']:g}" == lines["weight decay"][position]
        assert f"{network['max_epochs']}, {network['patience']}" == lines["epochs, patience"][position]
        assert f"{network['learning_rate']:g}" in lines["learning rate"][position]
