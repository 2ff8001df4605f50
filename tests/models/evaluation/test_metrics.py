"""Metrics against their definitions, comparisons against normal theory, baselines on rows of every kind."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from scipy.stats import ks_2samp

from data.column import Column
from data.table import Table
from models.evaluation import metrics
from models.evaluation.baselines import baselines
from models.evaluation.metrics import (
    OneClassError,
    auc_by_ranks,
    calibration_bins,
    calibration_error,
    evaluate,
    log_losses,
)

Floats = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]


def compare(labels: Labels, ours: Floats, theirs: Floats, seed: int) -> metrics.Comparison:
    """By their log-losses."""
    return metrics.compare(log_losses(labels, ours), log_losses(labels, theirs), seed=seed)


def drawn(n_rows: int, seed: int = 0) -> tuple[Labels, Floats]:
    """Labels drawn from known probabilities."""
    rng = np.random.default_rng(seed)
    probabilities = rng.beta(1, 4, n_rows)
    return (rng.random(n_rows) < probabilities).astype(np.int64), probabilities


def test_the_quick_auc_counts_pairs_too():
    """Ties are half won, as the plain count of all pairs has it."""
    labels, probabilities = drawn(300)
    scores = probabilities.round(1)
    rows_with, rows_without = scores[labels == 1], scores[labels == 0]
    won = np.mean(rows_with[:, None] > rows_without) + 0.5 * np.mean(rows_with[:, None] == rows_without)
    assert auc_by_ranks(labels, scores) == auc_by_ranks(labels == 1, scores) == pytest.approx(won, abs=1e-12)


def test_metrics_equal_their_definitions():
    """AUC counts pairs, KS is the two-sample statistic, Brier and log-loss are means."""
    labels, probabilities = drawn(500)
    rows_with, rows_without = probabilities[labels == 1], probabilities[labels == 0]

    metrics = evaluate(labels, probabilities)

    won = np.mean(rows_with[:, None] > rows_without) + 0.5 * np.mean(rows_with[:, None] == rows_without)
    assert metrics["auc"] == pytest.approx(won)
    assert metrics["gini"] == pytest.approx(2 * won - 1)
    assert metrics["ks"] == pytest.approx(ks_2samp(rows_with, rows_without).statistic)
    assert metrics["brier"] == pytest.approx(np.mean((probabilities - labels) ** 2))
    assert metrics["log_loss"] == pytest.approx(
        -np.mean(np.log(np.where(labels == 1, probabilities, 1 - probabilities)))
    )
    assert metrics["calibration_ratio"] == pytest.approx(probabilities.sum() / labels.sum())
    assert metrics["positive_rate"] == labels.mean()
    assert metrics["n_rows"] == 500


def test_average_precision_is_the_mean_precision_at_the_events():
    """Average precision sums, over the events from the top, the precision down to each of them."""
    labels, probabilities = drawn(300)
    ranked = labels[np.argsort(-probabilities)]
    precision = np.cumsum(ranked) / np.arange(1, 301)

    assert evaluate(labels, probabilities)["average_precision"] == pytest.approx(precision[ranked == 1].mean())


def test_always_answering_the_rate_has_normalised_entropy_one():
    """Normalised entropy measures log-loss by that of knowing nothing but the observed rate."""
    labels, _ = drawn(1000)

    assert evaluate(labels, np.full(1000, labels.mean()))["normalised_entropy"] == pytest.approx(1.0)


def test_one_sure_error_leaves_the_log_loss_finite():
    """A probability of 0 for a row that had the event costs log(1e7) nats, not infinity."""
    labels, probabilities = np.array([1, 0]), np.array([0.0, 0.0])

    assert evaluate(labels, probabilities)["log_loss"] == pytest.approx(np.log(1e7) / 2, rel=1e-6)


def test_calibration_error_equals_a_plain_loop_over_ten_bins():
    """Sorted rows cut into ten equal parts give the same error."""
    labels, probabilities = drawn(1000)
    order = np.argsort(probabilities)
    gaps = [abs(probabilities[part].mean() - labels[part].mean()) for part in np.array_split(order, 10)]

    assert evaluate(labels, probabilities)["calibration_error"] == pytest.approx(np.mean(gaps))


def test_calibration_error_sees_a_shift():
    """True probabilities have next to no calibration error; 0.1 too much is an error of 0.1."""
    labels, probabilities = drawn(200_000)

    assert calibration_error(labels, probabilities) < 0.005
    assert calibration_error(labels, probabilities + 0.1) == pytest.approx(0.1, abs=0.005)


def test_equal_probabilities_share_a_bin_whatever_the_order_of_rows():
    """A model with three answers has three calibration bins."""
    rng = np.random.default_rng(1)
    probabilities, labels = rng.choice([0.1, 0.2, 0.7], 600), rng.integers(0, 2, 600)

    bins = calibration_bins(labels, probabilities)

    assert bins.predicted.tolist() == pytest.approx([0.1, 0.2, 0.7])
    assert bins.n_rows.tolist() == [int((probabilities == p).sum()) for p in (0.1, 0.2, 0.7)]
    assert bins.observed.tolist() == pytest.approx([labels[probabilities == p].mean() for p in (0.1, 0.2, 0.7)])


def test_a_weight_counts_like_repeated_rows():
    """A row of weight 3 is worth three equal rows."""
    labels, probabilities = drawn(400)
    repeats = np.random.default_rng(2).integers(1, 4, 400)

    weighted = evaluate(labels, probabilities, repeats.astype(np.float64))
    repeated = evaluate(np.repeat(labels, repeats), np.repeat(probabilities, repeats))

    bins_hold_other_rows = {"n_rows", "calibration_error"}
    assert {k: v for k, v in weighted.items() if k not in bins_hold_other_rows} == pytest.approx(
        {k: v for k, v in repeated.items() if k not in bins_hold_other_rows}
    )


@pytest.mark.parametrize("shares", [(1.0, 1.0), (1 / 6, 1.0), (1.0, 1 / 3)])
def test_effective_rows_say_how_much_the_rate_of_a_bin_varies(shares: tuple[float, float]):
    """Also where rows with the event weigh other than those without it, as where one kind is a sample."""
    rng = np.random.default_rng(0)
    rates, n_effective = [], []
    for _ in range(500):
        labels = (rng.random(2_000) < 0.2).astype(np.int64)
        kept = rng.random(2_000) < np.array(shares)[labels]
        labels, weights = labels[kept], 1 / np.array(shares)[labels[kept]]
        bins = calibration_bins(labels, np.full(len(labels), 0.2), weights)
        rates.append(float(bins.observed[0]))
        n_effective.append(float(bins.n_effective[0]))

    assert np.mean(n_effective) == pytest.approx(0.2 * 0.8 / np.var(rates), rel=0.15)


def test_bins_of_one_outcome_count_as_the_weights_say():
    weights = np.array([1.0, 2.0, 3.0, 4.0])

    bins = calibration_bins(np.array([0, 0, 1, 1]), np.array([0.1, 0.1, 0.9, 0.9]), weights)

    assert bins.n_effective == pytest.approx([3**2 / 5, 7**2 / 25])


@pytest.mark.parametrize("labels", [np.zeros(5, np.int64), np.ones(5, np.int64), np.zeros(0, np.int64)])
def test_rows_of_one_class_are_refused(labels: Labels):
    """Ranking is not defined without both classes; the error says so in place of a NaN."""
    with pytest.raises(OneClassError, match="both classes"):
        evaluate(labels, np.full(len(labels), 0.5))


@pytest.mark.parametrize("n_rows", [3_000, 60_001], ids=["every row drawn", "rows drawn in groups"])
def test_the_interval_is_that_of_normal_theory(n_rows: int):
    """For a mean of many rows the bootstrap must agree with mean +- 1.645 standard errors."""
    labels, ours = drawn(n_rows)
    theirs = np.clip(ours + np.random.default_rng(3).normal(0, 0.02, n_rows), 0.001, 0.999)
    losses = [-np.log(np.where(labels == 1, p, 1 - p)) for p in (ours, theirs)]
    differences = losses[0] - losses[1]
    half = 1.645 * differences.std() / np.sqrt(n_rows)

    comparison = compare(labels, ours, theirs, seed=0)

    assert comparison.difference == pytest.approx(differences.mean())
    assert comparison.low == pytest.approx(differences.mean() - half, abs=0.2 * half)
    assert comparison.high == pytest.approx(differences.mean() + half, abs=0.2 * half)


def test_a_clearly_worse_model_is_worse_and_never_better():
    """Noise on true probabilities is found out, from either side."""
    labels, truth = drawn(5_000)
    noisy = 1 / (1 + np.exp(-(np.log(truth / (1 - truth)) + np.random.default_rng(4).normal(0, 1, 5_000))))

    assert compare(labels, noisy, truth, seed=0).worse
    assert compare(labels, truth, noisy, seed=0).better
    assert not compare(labels, truth, noisy, seed=0).worse


def test_equal_models_are_neither_worse_nor_better():
    """Compared with itself, a model differs by exactly nothing."""
    labels, truth = drawn(100)
    comparison = compare(labels, truth, truth, seed=0)

    assert (comparison.difference, comparison.low, comparison.high) == (0, 0, 0)
    assert not comparison.worse
    assert not comparison.better


def test_a_comparison_repeats_with_its_seed():
    """The same seed gives the same interval, another seed another one."""
    labels, ours = drawn(1_000)
    theirs = ours[::-1].copy()

    assert compare(labels, ours, theirs, seed=1) == compare(labels, ours, theirs, seed=1)
    assert compare(labels, ours, theirs, seed=1) != compare(labels, ours, theirs, seed=2)


TABLE = Table(
    name="mixed",
    columns=(
        Column(name="amount", kind="number", missing=(-999,)),
        Column(name="never filled", kind="number", optional=True),
        Column(name="shop", kind="category"),
        Column(name="online", kind="flag"),
        Column(name="merchant_id", kind="key"),
        Column(name="card", kind="key", role="entity"),
        Column(name="at", kind="time", role="time", time_input=True),
        Column(name="event", kind="flag", role="target"),
    ),
)


def mixed_rows(n_rows: int, seed: int = 0) -> tuple[pd.DataFrame, Labels]:
    """Rows of every kind of column with gaps; the event depends on amount, shop and hour."""
    rng = np.random.default_rng(seed)
    hours = rng.integers(0, 24, n_rows)
    amount, shop = rng.normal(size=n_rows), rng.integers(0, 400, n_rows)
    night = (hours < 6).astype(float)
    labels = (rng.random(n_rows) < 1 / (1 + np.exp(1.5 - 1.5 * amount - 2 * night - (shop % 2)))).astype(np.int64)
    frame = pd.DataFrame(
        {
            "amount": np.where(rng.random(n_rows) < 0.1, np.nan, amount),
            "never filled": np.full(n_rows, np.nan),
            "shop": pd.Series([f"shop {i}" for i in shop], dtype=object).where(rng.random(n_rows) > 0.05, None),
            "online": pd.Series(rng.choice(["0", "1"], n_rows), dtype=object),
            "merchant_id": pd.Series([f"m{i}" for i in rng.integers(0, n_rows, n_rows)], dtype=object),
            "card": pd.Series([f"c{i}" for i in rng.integers(0, n_rows, n_rows)], dtype=object),
            "at": pd.Timestamp("2024-01-01") + pd.to_timedelta(hours + 24 * rng.integers(0, 30, n_rows), unit="h"),
        }
    )
    return frame, labels


def test_baselines_learn_from_rows_of_every_kind():
    """Missing values, an empty column, 400 levels, unseen ones, times and IDs: both models still find the signal."""
    train, train_labels = mixed_rows(8_000)
    test, test_labels = mixed_rows(2_000, seed=1)
    test.loc[:50, "shop"] = "a shop that opened yesterday"

    contenders = baselines(train, train_labels, test, test_labels, table=TABLE, seed=0)

    assert list(contenders) == ["logistic regression", "gradient boosting"]
    for contender in contenders.values():
        assert contender.metrics == evaluate(test_labels, contender.predictions)
        assert contender.metrics["auc"] > 0.75
        assert contender.seconds > 0
        assert contender.notes == "without the ID column(s) merchant_id"


def test_baselines_read_the_hour_of_a_time():
    """An event that only happens at night is found by the trees from the time alone."""
    train, _ = mixed_rows(3_000)
    test, _ = mixed_rows(500, seed=1)
    columns = Table(name="times", columns=(TABLE["at"], TABLE["event"]))
    labels = [(frame["at"].dt.hour < 6).to_numpy(np.int64) for frame in (train, test)]

    contenders = baselines(train, labels[0], test, labels[1], table=columns, seed=0)

    assert contenders["gradient boosting"].metrics["auc"] > 0.99


def test_baselines_read_a_code_for_missing_as_a_gap():
    """-999 means what an empty cell means, not a very small amount."""
    train, train_labels = mixed_rows(1_000)
    test, test_labels = mixed_rows(300, seed=1)
    coded = [frame.assign(amount=frame["amount"].fillna(-999)) for frame in (train, test)]

    with_gaps = baselines(train, train_labels, test, test_labels, table=TABLE, seed=0)
    with_codes = baselines(coded[0], train_labels, coded[1], test_labels, table=TABLE, seed=0)

    for name, contender in with_gaps.items():
        np.testing.assert_array_equal(contender.predictions, with_codes[name].predictions)


def test_baselines_without_any_usable_column_answer_the_rate():
    """If every feature is an id, the best that is left is the rate of the training rows."""
    train, train_labels = mixed_rows(1_000)
    columns = Table(name="ids", columns=(TABLE["merchant_id"], TABLE["event"]))

    for contender in baselines(train, train_labels, train, train_labels, table=columns, seed=0).values():
        np.testing.assert_allclose(contender.predictions, train_labels.mean(), atol=0.001)


def test_baselines_heed_weights():
    """With an intercept, the weighted mean of the probabilities is the weighted rate of the training rows."""
    train, train_labels = mixed_rows(2_000)
    weights = np.where(train_labels == 1, 9.0, 1.0)
    rate = np.average(train_labels, weights=weights)

    table = replace(TABLE, columns=(*TABLE.columns, Column(name="rows", kind="number", role="weight")))
    train["rows"] = weights

    contenders = baselines(train, train_labels, train, train_labels, table=table, seed=0)

    for contender in contenders.values():
        assert contender.metrics["positive_rate"] == pytest.approx(rate)
        assert np.average(contender.predictions, weights=weights) == pytest.approx(rate, abs=0.02)


def test_logistic_regression_says_that_it_saw_a_sample():
    """Above 200,000 rows the linear model is trained on a subsample, as its notes say."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"amount": rng.normal(size=200_001)})
    labels = (frame["amount"].to_numpy() + rng.normal(size=200_001) > 0).astype(np.int64)
    columns = Table(name="large", columns=(TABLE["amount"], TABLE["event"]))

    contenders = baselines(frame, labels, frame[:1000], labels[:1000], table=columns, seed=0)

    assert contenders["logistic regression"].notes == "trained on 200,000 random rows"
    assert contenders["gradient boosting"].notes == ""


def test_a_handful_of_events_is_enough_for_the_baselines():
    """Three events are too few for early stopping; the trees are trained without."""
    train, _ = mixed_rows(200)
    labels = np.zeros(200, np.int64)
    labels[:3] = 1

    contenders = baselines(train, labels, train, labels, table=TABLE, seed=0)

    assert all(np.isfinite(contender.predictions).all() for contender in contenders.values())
