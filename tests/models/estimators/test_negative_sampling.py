"""Negative down-sampling: fewer rows to learn from, the same probabilities."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.simulators import ads as simulator
from models.domains._discovery import load_domains
from models.errors import RefinementError
from models.estimators.calibration import LogOddsCalibrator, probability
from models.estimators.negative_sampling import SamplingError, kept_rows
from models.estimators.table_classifier import TableClassifier
from models.evaluation.metrics import evaluate
from models.home import Home
from models.presets import PRESETS
from models.registry.bundles import read_manifest
from models.registry.live import REPORT
from models.registry.registry import Registry
from models.retraining import train
from models.training.job import TrainingJob
from tests.models.reports.test_training_report import Page

ADS = load_domains()["ads"]


@given(n_rows=st.integers(1, 300), share=st.floats(0.05, 1), seed=st.integers(0, 9))
def test_every_event_and_a_share_of_the_others_is_kept(n_rows, share, seed):
    """In their order, without doubles, the same for the same seed."""
    labels = (np.random.default_rng(seed).random(n_rows) < 0.3).astype(np.int64)
    n_others = int((labels == 0).sum())
    if n_others and not round(share * n_others):
        return

    rows = kept_rows(labels, share, seed=seed)

    assert np.all(np.diff(rows) > 0)
    assert labels[rows].sum() == labels.sum()
    assert (labels[rows] == 0).sum() == round(share * n_others)
    assert rows.tolist() == kept_rows(labels, share, seed=seed).tolist()


@pytest.mark.parametrize("share", [0.0, -0.1, 1.5, math.nan])
def test_what_is_no_share_is_refused(share):
    """With the value and what is allowed."""
    with pytest.raises(SamplingError, match=f"above 0 and at most 1, got {share:g}"):
        kept_rows(np.array([0, 1]), share, seed=0)


def test_a_share_that_leaves_nothing_is_refused():
    """A model of events alone learns nothing."""
    with pytest.raises(SamplingError, match="leaves none of 20 rows"):
        kept_rows(np.array([0] * 20 + [1]), 0.01, seed=0)


def test_the_correction_is_the_published_formula():
    """He et al. 2014: p = q / (q + (1 - q) / w)."""
    rng = np.random.default_rng(0)
    log_odds = rng.normal(size=500)
    labels = (rng.random(500) < probability(log_odds)).astype(np.int64)
    q = probability(LogOddsCalibrator().fit(log_odds, labels).log_odds(log_odds))

    p = probability(LogOddsCalibrator().fit(log_odds, labels, negative_sample_rate=0.1).log_odds(log_odds))

    np.testing.assert_allclose(p, q / (q + (1 - q) / 0.1), rtol=1e-12)


@pytest.fixture(scope="module")
def sets():
    """Training, validation and fresh rows, with the true probabilities of the last."""
    frame = simulator.simulate(26_000, seed=0).frame
    labels = simulator.TABLE.labels(frame)
    fresh = simulator.simulate(10_000, seed=1)
    return (frame.iloc[:22_000], labels[:22_000]), (frame.iloc[22_000:], labels[22_000:]), fresh


@pytest.fixture(scope="module")
def thinned(sets):
    """A model of the balanced preset from a tenth of the rows without a click."""
    train_rows, validation, _ = sets
    scorer = TableClassifier(simulator.TABLE, PRESETS["balanced"], 0)
    return scorer.fit(*train_rows, validation=validation, negative_sample_rate=0.1)


def test_a_tenth_of_the_negatives_gives_the_probabilities_of_all(sets, thinned):
    """On whole rows the mean is right within 5 %, and the log-loss within 3 % of that of the full training."""
    train_rows, validation, fresh = sets
    full = TableClassifier(simulator.TABLE, PRESETS["fast"], 0).fit(*train_rows, validation=validation)
    labels = simulator.TABLE.labels(fresh.frame)

    found = thinned.probabilities(fresh.frame)

    assert found.mean() == pytest.approx(fresh.probability.mean(), rel=0.05)
    of_all = evaluate(labels, full.probabilities(fresh.frame))
    assert evaluate(labels, found)["log_loss"] < 1.03 * of_all["log_loss"]
    assert evaluate(labels, found)["auc"] > of_all["auc"] - 0.01


def test_without_the_correction_it_would_answer_several_times_too_much(sets, thinned):
    """The test above can fail: the model itself knows only the thinned rows."""
    fresh = sets[2]
    X = thinned.encoder.transform(fresh.frame)

    uncorrected = probability(thinned.log_odds(X) - math.log(0.1))

    assert uncorrected.mean() > 3 * fresh.probability.mean()


def test_the_background_is_of_all_rows(sets, thinned):
    """What became of each score, and who is compared with, does not know of the sampling."""
    (frame, labels), _, _ = sets

    bands = thinned.background.bands

    assert sum(band.n_rows for band in bands) == len(frame)
    assert sum(band.n_events for band in bands) == labels.sum()
    assert f"{(labels == 0).sum():,}" in thinned.background.reference_group
    for band in bands:
        assert band.low - 0.03 < band.n_events / band.n_rows < band.high + 0.03


def test_the_network_sees_the_kept_rows_and_nothing_else(sets):
    """The log-odds are those of a model of the kept rows, moved by log(w)."""
    (frame, labels), (held_out, held_out_labels), fresh = sets
    frame, labels = frame[:3000], labels[:3000]
    rows, held_out_rows = (kept_rows(each, 0.2, seed=7) for each in (labels, held_out_labels))
    build = TableClassifier(simulator.TABLE, PRESETS["fast"], 7), TableClassifier(simulator.TABLE, PRESETS["fast"], 7)

    ours = build[0].fit(frame, labels, validation=(held_out, held_out_labels), negative_sample_rate=0.2)
    by_hand = build[1].fit(
        frame.iloc[rows],
        labels[rows],
        validation=(held_out.iloc[held_out_rows], held_out_labels[held_out_rows]),
    )

    X = ours.encoder.transform(fresh.frame)
    np.testing.assert_allclose(ours.log_odds(X), by_hand.log_odds(X) + math.log(0.2), rtol=1e-12)


def _job(**changes):
    fixed = {"domain": ADS, "name": "ads", "table": ADS.table, "source": "simulated", "split": ADS.split}
    return TrainingJob(**{**fixed, "preset": "fast", "promote": "always", **changes})


def test_the_job_tests_on_whole_rows_and_says_what_it_left_out(tmp_path: Path):
    """In the manifest and in the report; a refinement keeps the share and takes no other."""
    home = Home(tmp_path)
    registry = Registry(home.database_url)
    frame = ADS.simulate(4_000, 3).frame

    result = train(_job(negative_sample_rate=0.25), frame, home=home, registry=registry)

    assert result.metrics["n_rows"] == 800
    assert result.metrics["positive_rate"] == pytest.approx(frame["clicked"].mean(), abs=0.002)
    assert result.metrics["calibration_ratio"] == pytest.approx(1, abs=0.25)
    assert read_manifest(home.bundles, result.digest).negative_sample_rate == 0.25
    page = Page((home.bundles / result.digest / REPORT).read_text("utf-8"))
    assert "25 % of the negative ones" in page.text

    newer = ADS.simulate(4_000, 4).frame
    refined = train(_job(refine=True, preset=None), newer, home=home, registry=registry)
    assert read_manifest(home.bundles, refined.digest).negative_sample_rate == 0.25
    assert refined.metrics["calibration_ratio"] == pytest.approx(1, abs=0.25)
    with pytest.raises(RefinementError, match=r"sample rate is 0\.25.* 0\.5 was requested"):
        train(_job(refine=True, preset=None, negative_sample_rate=0.5), newer[::-1], home=home, registry=registry)
    registry.close()


def test_a_job_with_an_impossible_share_leaves_nothing_behind(tmp_path: Path):
    """It is refused before any row is read."""
    home = Home(tmp_path)
    registry = Registry(home.database_url)
    with pytest.raises(SamplingError, match="at most 1, got 2"):
        train(_job(negative_sample_rate=2.0), ADS.simulate(100, 0).frame, home=home, registry=registry)
    assert registry.versions("ads") == []
    registry.close()
