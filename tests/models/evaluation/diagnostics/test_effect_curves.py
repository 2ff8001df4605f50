"""Effect curves: what the public way of scoring gives for changed rows, and a check of directions that can fail."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from data.checking import checked_frame
from data.column import Column
from data.sentences import spoken
from data.table import Table
from models.estimators.table_classifier import TableClassifier
from models.evaluation.diagnostics.effect_curves import (
    MAX_CURVE_ROWS,
    MAX_CURVES,
    effect_curves,
    mean_effects,
    steps_along,
)
from models.presets import PRESETS

TABLE = Table(
    name="loans",
    columns=(
        Column(name="income", kind="number", direction=-1, unit="EUR", optional=True),
        Column(name="late", kind="number", direction=+1, ordered_above=0),
        Column(name="home", kind="category", levels=("own", "rent"), meanings={"own": "owns it"}),
        Column(name="card", kind="key"),
        Column(name="bad", kind="flag", role="target"),
    ),
)


def loans(n_rows: int) -> pd.DataFrame:
    """Rows that go against both directions."""
    rng = np.random.default_rng(0)
    income, late = rng.lognormal(7, 1, n_rows), rng.choice([-1.0, 0.0, 1.0, 2.0, 3.0], n_rows)
    log_odds = 1.5 * (income > 1_000) - late
    frame = pd.DataFrame(
        {
            "income": income,
            "late": late,
            "home": rng.choice(["own", "rent"], n_rows),
            "card": rng.integers(0, 20, n_rows).astype(str),
            "bad": (rng.random(n_rows) < 1 / (1 + np.exp(-log_odds))).astype(int),
        }
    )
    return checked_frame(TABLE, frame, "loans", training=True)


def trained(table: Table, frame: pd.DataFrame) -> TableClassifier:
    labels, cut = table.labels(frame), len(frame) * 3 // 4
    validation = frame.iloc[cut:], labels[cut:]
    return TableClassifier(table, PRESETS["fast"], 0).fit(frame.iloc[:cut], labels[:cut], validation=validation)


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    return loans(1_600)


@pytest.fixture(scope="module")
def scorer(frame: pd.DataFrame) -> TableClassifier:
    return trained(TABLE, frame)


def test_a_curve_is_the_mean_score_of_changed_rows(frame: pd.DataFrame, scorer: TableClassifier) -> None:
    """Frames with the column set to each value, scored the public way, give mean and band."""
    rows = frame.iloc[:150]
    X = scorer.encoder.transform(rows)
    curves = {curve.column: curve for curve in effect_curves(scorer, X, mean_effects(scorer, X), seed=0)}
    assert set(curves) == {"income", "late", "home"}
    for name, curve in curves.items():
        values = scorer.background.usual_values[name]
        assert list(curve.values) == [spoken(TABLE[name], v) if name == "home" else v for v in values]
        for i, value in enumerate(values):
            probabilities = scorer.probabilities(rows.assign(**{name: value}))
            expected = (probabilities.mean(), *np.quantile(probabilities, [0.1, 0.9]))
            assert (curve.mean[i], curve.low[i], curve.high[i]) == pytest.approx(expected, abs=1e-12)


def test_a_model_that_keeps_to_its_directions_passes(frame: pd.DataFrame, scorer: TableClassifier) -> None:
    """No step of any row goes against it, and only columns with a direction are judged."""
    X = scorer.encoder.transform(frame)
    curves = {curve.column: curve for curve in effect_curves(scorer, X, mean_effects(scorer, X), seed=0)}
    for name in ("income", "late"):
        n_values = len(scorer.background.usual_values[name])
        assert (curves[name].monotone, curves[name].n_violations) == (True, 0)
        assert curves[name].n_steps == (n_values - 1) * MAX_CURVE_ROWS
    assert (curves["home"].monotone, curves["home"].n_steps, curves["home"].n_violations) == (None, None, None)


def test_a_model_that_breaks_its_directions_is_caught(frame: pd.DataFrame) -> None:
    """A model trained without constraints follows the data, and the check reports violations."""
    free = TABLE.with_columns({"income": {"direction": 0}, "late": {"direction": 0, "ordered_above": None}})
    scorer = trained(free, frame)
    X = scorer.encoder.transform(frame)
    scorer.table = TABLE
    curves = {curve.column: curve for curve in effect_curves(scorer, X, mean_effects(scorer, X), seed=0)}
    for name in ("income", "late"):
        assert curves[name].monotone is False
        assert (curves[name].n_violations or 0) > (curves[name].n_steps or 0) / 10


def test_one_planted_step_back_is_found() -> None:
    """Of three rows over four values, a single one falls where it must rise."""
    column = Column(name="x", kind="number", direction=+1)
    probabilities = np.tile([[0.1], [0.2], [0.3], [0.4]], (1, 3))
    assert (steps_along(column, [1, 2, 3, 4], probabilities) >= 0).all()
    probabilities[2, 1] = 0.19999
    assert (steps_along(column, [1, 2, 3, 4], probabilities) < 0).sum() == 1
    assert (steps_along(replace(column, direction=-1), [1, 2, 3, 4], probabilities) < 0).sum() == 8


def test_codes_of_states_are_compared_with_what_lies_above_them_only() -> None:
    """-2, -1 and 0 may come in any order, and all lie below 1."""
    column = Column(name="x", kind="number", direction=+1, ordered_above=0)
    probabilities = np.array([[0.3], [0.1], [0.2], [0.35], [0.5]])
    steps = steps_along(column, [-2, -1, 0, 1, 2], probabilities)
    assert sorted(steps[:, 0].tolist()) == pytest.approx([0.05, 0.15, 0.15, 0.25])
    assert steps_along(column, [-2, -1], probabilities[:2]).size == 0


def test_effects_are_mean_absolute_shares(frame: pd.DataFrame, scorer: TableClassifier) -> None:
    """Largest first, as explanations of the same rows give them."""
    X = scorer.encoder.transform(frame.iloc[:50])
    effects = mean_effects(scorer, X)
    shares = np.mean([np.abs(scorer.explain(x).shares) for x in X], axis=0)
    assert effects == pytest.approx(dict(zip(scorer.column_names, shares, strict=True)))
    assert list(effects.values()) == sorted(effects.values(), reverse=True)


def test_all_directed_columns_have_a_curve_however_many_columns_there_are() -> None:
    """Beyond the strongest, only columns with a direction are added."""
    n_columns = MAX_CURVES + 4
    names = [f"x{i:02}" for i in range(n_columns)]
    columns = [
        Column(name=name, kind="number", direction=+1 if i >= n_columns - 2 else 0) for i, name in enumerate(names)
    ]
    table = Table(name="t", columns=(*columns, Column(name="y", kind="flag", role="target")))
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(400, n_columns)), columns=names)
    frame["y"] = (frame["x00"] + rng.normal(size=400) > 0).astype(int).astype(str)
    scorer = trained(table, frame)
    effects = {name: 1.0 / (1 + i) for i, name in enumerate(names)}
    curves = effect_curves(scorer, scorer.encoder.transform(frame), effects, seed=0)
    assert [curve.column for curve in curves] == names[:MAX_CURVES] + names[-2:]
