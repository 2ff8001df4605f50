"""Row weights count in training, early stopping, calibration and evaluation, as repeated rows would."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit
from sklearn.metrics import roc_auc_score

from data.column import Column
from data.errors import TableError
from data.splits import Split
from data.table import Table
from models.domains._discovery import load_domains
from models.estimators.calibration import LogOddsCalibrator
from models.estimators.class_scorer import ClassScorer
from models.estimators.classifier import BackpropClassifier
from models.estimators.quantile_scorer import QuantileScorer, weighted_quantiles
from models.estimators.regressor import BackpropRegressor
from models.estimators.table_classifier import TableClassifier
from models.evaluation.calibration_test import calibration_test
from models.evaluation.diagnostics.segments import segments
from models.evaluation.measures import auc_interval
from models.evaluation.metrics import calibration_bins, compare, effective_rows
from models.home import Home
from models.presets import PRESETS
from models.registry.live import REPORT, load_live
from models.registry.registry import Registry
from models.retraining import train
from models.tasks.classes import evaluate_classes
from models.tasks.quantiles import evaluate_quantiles
from models.training.job import TrainingJob

TABLE = Table(
    name="loans",
    columns=(
        Column(name="x", kind="number"),
        Column(name="stands_for", kind="number", role="weight"),
        Column(name="late", kind="flag", role="target"),
    ),
)


def loans(n_rows: int, seed: int) -> pd.DataFrame:
    """A population of which about 4.5 % are late, more the larger x."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n_rows)
    late = rng.random(n_rows) < expit(x - 3.5)
    return pd.DataFrame({"x": x, "stands_for": 1.0, "late": np.where(late, "yes", "no")})


def sampled(population: pd.DataFrame) -> pd.DataFrame:
    """All late rows and one in six of the others, which then stand for six."""
    others = np.flatnonzero(population["late"] == "no")[::6]
    kept = population.iloc[np.sort(np.concatenate([others, np.flatnonzero(population["late"] == "yes")]))]
    return kept.assign(stands_for=np.where(kept["late"] == "yes", 1.0, 6.0)).reset_index(drop=True)


def trained(folder: Path, table: Table, frame: pd.DataFrame, preset: Any) -> tuple[Any, Any, str]:
    """The result of a job, its scorer and its report."""
    home = Home(folder)
    registry = Registry(home.database_url)
    job = TrainingJob(
        domain=load_domains()["credit"], name="loans", table=table, source="rows", split=Split(kind="random"),
        preset=preset, promote="always",
    )  # fmt: skip
    result = train(job, frame, home=home, registry=registry)
    version = registry.version("loans", 1)
    registry.close()
    report = (home.bundles / version.digest / REPORT).read_text()
    return result, load_live(version, home.bundles).scorer, report


@pytest.mark.parametrize("preset", ["fast", "balanced"])
def test_probabilities_and_metrics_are_those_of_the_weighted_rows(tmp_path: Path, preset: str) -> None:
    """A sample of a fifth of lates predicts the one in twenty that it stands for, and says so of itself."""
    population = loans(40_000, 0)
    frame = sampled(population)
    assert frame["late"].eq("yes").mean() > 0.2
    fresh = loans(20_000, 1)
    truth = expit(fresh["x"] - 3.5).mean()

    result, scorer, report = trained(tmp_path, TABLE, frame, preset)

    assert scorer.probabilities(fresh).mean() == pytest.approx(truth, rel=0.08)
    for metrics in result.contenders.values():
        assert metrics["positive_rate"] == pytest.approx(population["late"].eq("yes").mean(), rel=0.03)
        assert metrics["calibration_ratio"] == pytest.approx(1, abs=0.15)
    assert "Rows count by their “stands_for” in training, early stopping, calibration" in report
    assert "No difference beyond chance in" in report
    assert "observed above predicted" not in report


def test_calibration_counts_a_weight_as_repeated_rows() -> None:
    """Whatever the unit of the weights."""
    rng = np.random.default_rng(0)
    log_odds = rng.normal(-1, 2, 40_000)
    labels = (rng.random(40_000) < expit(0.6 * log_odds + 0.4)).astype(np.int64)
    repeats = np.where(labels == 1, 1, 5)
    repeated = LogOddsCalibrator().fit(np.repeat(log_odds, repeats), np.repeat(labels, repeats))

    for unit in (1.0, 1e-6):
        weighted = LogOddsCalibrator().fit(log_odds, labels, repeats * unit)
        assert weighted.slope == pytest.approx(repeated.slope, abs=1e-3)
        assert weighted.intercept == pytest.approx(repeated.intercept, abs=1e-3)


@pytest.mark.parametrize("estimator", [BackpropClassifier, BackpropRegressor])
def test_early_stopping_counts_a_weight_as_repeated_rows(estimator: Any) -> None:
    """The validation losses are those of the rows written down as often as they count."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 3)).astype(np.float32)
    y = (X[:, 0] + rng.normal(size=400) > 0).astype(np.int64)
    repeats = rng.integers(0, 6, 200)
    options = {"hidden_layer_sizes": (8,), "n_folds": 1, "n_members": 1, "max_epochs": 4, "random_state": 0}

    def losses(*validation: Any) -> list[float]:
        found: list[float] = estimator(**options).fit(X[:200], y[:200], validation_data=validation).validation_curve_
        return found

    weighted = losses(X[200:], y[200:], repeats)
    assert weighted == pytest.approx(losses(np.repeat(X[200:], repeats, axis=0), np.repeat(y[200:], repeats)), rel=1e-5)
    assert weighted != pytest.approx(losses(X[200:], y[200:]), rel=1e-3)


def test_metrics_of_classes_and_numbers_count_a_weight_as_repeated_rows() -> None:
    """`evaluate` of two classes has the same test in test_metrics.py."""
    rng = np.random.default_rng(0)
    repeats = rng.integers(0, 5, 300)
    targets, probabilities = rng.integers(0, 3, 300), rng.dirichlet([1, 1, 1], 300)
    numbers, quantiles = rng.normal(size=300), np.sort(rng.normal(size=(300, 3)), axis=1)
    levels = np.array([0.1, 0.5, 0.9])

    pairs = [
        (
            evaluate_classes(targets, probabilities, repeats),
            evaluate_classes(np.repeat(targets, repeats), np.repeat(probabilities, repeats, axis=0)),
        ),
        (
            evaluate_quantiles(numbers, quantiles, repeats, levels=levels),
            evaluate_quantiles(np.repeat(numbers, repeats), np.repeat(quantiles, repeats, axis=0), levels=levels),
        ),
    ]

    for weighted, repeated in pairs:
        for name in weighted.keys() - {"n_rows"}:
            assert weighted[name] == pytest.approx(repeated[name]), name


def test_the_comparison_with_a_champion_counts_weights() -> None:
    """The difference is the weighted mean, and the interval is around it."""
    rng = np.random.default_rng(0)
    ours, theirs, repeats = rng.random(2_000), rng.random(2_000), rng.integers(1, 9, 2_000)
    ours[repeats > 4] += 0.5

    found = compare(ours, theirs, repeats.astype(np.float64), seed=0)

    expected = np.repeat(ours - theirs, repeats).mean()
    assert found.difference == pytest.approx(expected)
    assert found.low < expected < found.high
    assert found.low > (ours - theirs).mean()


def test_groups_and_bins_count_weights_with_honest_intervals() -> None:
    """The rates are those of repeated rows; the intervals are wider, since repeating rows tells nothing new."""
    rng = np.random.default_rng(0)
    table = Table(name="t", columns=(Column(name="kind", kind="category"), *TABLE.columns))
    frame = pd.DataFrame({"kind": rng.choice(["a", "b"], 1_000), "x": 0.0, "late": "no"})
    labels, probabilities = rng.integers(0, 2, 1_000), rng.random(1_000)
    repeats = np.where(labels == 1, 1, 7)
    again = np.repeat(np.arange(1_000), repeats)

    (weighted,) = segments(table, frame, labels, probabilities, {}, repeats.astype(np.float64))
    (repeated,) = segments(table, frame.iloc[again], labels[again], probabilities[again], {})

    for ours, oracle in zip(weighted.groups, repeated.groups, strict=True):
        for name in ("observed_rate", "mean_predicted", "log_loss", "normalised_entropy", "auc"):
            assert getattr(ours, name) == pytest.approx(getattr(oracle, name)), name
        assert ours.observed_high - ours.observed_low > oracle.observed_high - oracle.observed_low
    bins = calibration_bins(labels, probabilities, repeats.astype(np.float64))
    assert np.average(bins.observed, weights=bins.weights) == pytest.approx(labels[again].mean())
    assert effective_rows(1_000, repeats.astype(np.float64)) == pytest.approx(repeats.sum() ** 2 / (repeats**2).sum())


def test_weighted_quantiles_are_those_of_repeated_rows() -> None:
    """By the definition of a quantile as the least value with enough of the weight up to it."""
    rng = np.random.default_rng(0)
    values, repeats = rng.normal(size=501), rng.integers(0, 6, 501)
    levels = np.array([0.1, 0.5, 0.9])

    found = weighted_quantiles(values, levels, repeats)

    np.testing.assert_array_equal(found, np.quantile(np.repeat(values, repeats), levels, method="inverted_cdf"))


def test_weights_that_are_all_zero_are_refused_by_name(tmp_path: Path) -> None:
    """Nothing can be learned or judged from rows that count for nothing."""
    with pytest.raises(TableError, match=r"'stands_for': all .* weight 0"):
        trained(tmp_path, TABLE, loans(2_000, 0).assign(stands_for=0.0), "fast")


@pytest.mark.parametrize("kind", ["event", "classes", "quantiles"])
def test_a_scorer_stops_and_calibrates_on_weighted_validation_rows(kind: str) -> None:
    """As on validation rows that are written down as often as they count."""
    rng = np.random.default_rng(0)
    targets = {"event": rng.integers(0, 2, 900), "classes": rng.integers(0, 3, 900), "quantiles": rng.normal(size=900)}
    levels = ("a", "b", "c") if kind == "classes" else ()
    target = Column(name="y", kind="category" if levels else "number", role="target", levels=levels)
    table = Table(name="t", columns=(*TABLE.columns[:2], target))
    frame = pd.DataFrame({"x": rng.normal(size=900), "stands_for": 1.0})
    repeats = rng.integers(0, 6, 300)
    places = np.repeat(np.arange(600, 900), repeats)
    weighted = frame.iloc[600:].assign(stands_for=repeats.astype(np.float64))
    make: dict[str, Any] = {
        "event": TableClassifier,
        "classes": ClassScorer,
        "quantiles": QuantileScorer.at(0.1, 0.5, 0.9),
    }

    def fitted(held_out: pd.DataFrame, held_out_targets: Any) -> Any:
        scorer = make[kind](table, PRESETS["fast"], 0)
        return scorer.fit(frame[:600], targets[kind][:600], validation=(held_out, held_out_targets))

    ours, oracle = fitted(weighted, targets[kind][600:]), fitted(frame.iloc[places], targets[kind][places])

    assert ours.network.validation_curve_ == pytest.approx(oracle.network.validation_curve_, rel=1e-4)
    for name in ("temperature", "offsets"):
        assert getattr(ours, name, 0) == pytest.approx(getattr(oracle, name, 0), abs=0.02), name


def test_weighted_intervals_cover_what_they_should() -> None:
    """Of AUC, slope and intercept: nineteen in twenty hold the truth of the population, as drawn 300 times."""
    rng = np.random.default_rng(0)
    population = rng.normal(size=200_000)
    happened = rng.random(200_000) < expit(population - 2)
    true_auc = auc_interval(population, happened.astype(np.int64))[0]
    share = np.where(happened, 1.0, 0.25)  # of the population that is drawn
    held = np.zeros(3)
    for _ in range(300):
        drawn = rng.integers(0, 200_000, 3_000)
        drawn = drawn[rng.random(3_000) < share[drawn]]
        labels, weights = happened[drawn].astype(np.int64), 1 / share[drawn]
        _, low, high = auc_interval(population[drawn], labels, weights)
        found = calibration_test(labels, expit(population[drawn] - 2), weights / weights.mean(), seed=0)
        assert found.slope is not None
        held += [low <= true_auc <= high, found.slope.holds(1), found.intercept.holds(0)]

    assert held[0] >= 273  # 285 expected, and three standard deviations below
    assert (held[1:] >= 288).all()  # 295 of joint intervals
    assert (held < 300).any()


def test_weighted_auc_is_that_of_repeated_rows() -> None:
    """And the interval of equal weights is that of no weights."""
    rng = np.random.default_rng(0)
    scores, labels, repeats = np.round(rng.random(500), 1), rng.integers(0, 2, 500), rng.integers(1, 6, 500)

    value, _, _ = auc_interval(scores, labels, repeats.astype(np.float64))

    assert value == pytest.approx(roc_auc_score(np.repeat(labels, repeats), np.repeat(scores, repeats)))
    assert auc_interval(scores, labels, np.full(500, 7.0)) == pytest.approx(auc_interval(scores, labels))
