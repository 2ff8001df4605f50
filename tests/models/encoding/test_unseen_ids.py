"""Ids that training never saw: answered by the other columns, as if the id were one of the rarer ones."""

from __future__ import annotations

import functools
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit
from sklearn.metrics import roc_auc_score

from data.checking import checked_frame
from data.column import Column
from data.files.sources import read_frame
from data.splits import SplitRows, random_split, split_rows
from data.table import Table
from data.tables._catalogue import public_tables
from models.estimators.table_classifier import TableClassifier
from models.presets import PRESETS

DATA_HOME = os.environ.get("BACKSCORE_DATA_HOME")
TABLE = Table(
    name="impressions",
    columns=(
        Column(name="publisher", kind="key"),
        Column(name="campaign", kind="key"),
        Column(name="position", kind="number"),
        Column(name="device", kind="category", levels=("phone", "desk")),
        Column(name="click", kind="flag", role="target"),
    ),
)
needs_files = pytest.mark.skipif(
    DATA_HOME is None, reason="BACKSCORE_DATA_HOME is not set: the public files are needed"
)
PRESET_NAMES = pytest.mark.parametrize("preset", ["fast", "balanced"])


def impressions(n_rows: int, *, ids: str, seed: int) -> tuple[pd.DataFrame, np.ndarray]:
    """Rows of 600 publishers and 3,000 campaigns, most of them rare, whose effects are drawn for `ids`.

    Ids of another first letter are other ids. Also returns the true log-odds but for the effects of the ids.
    """
    effects = np.random.default_rng(ord(ids))
    publishers, campaigns = effects.normal(0, 0.7, 600), effects.normal(0, 0.7, 3000)
    rng = np.random.default_rng(seed)
    publisher, campaign = (600 * rng.random(n_rows) ** 3).astype(int), (3000 * rng.random(n_rows) ** 2).astype(int)
    position, phone = rng.uniform(0, 4, n_rows), rng.random(n_rows) < 0.6
    by_the_rest = -0.6 - 0.5 * position + 0.8 * phone
    clicks = rng.random(n_rows) < expit(by_the_rest + publishers[publisher] + campaigns[campaign])
    frame = pd.DataFrame(
        {
            "publisher": [f"{ids}{number}" for number in publisher],
            "campaign": [f"{ids}{number}" for number in campaign],
            "position": position,
            "device": np.where(phone, "phone", "desk"),
            "click": np.where(clicks, "true", "false"),
        }
    )
    return frame, by_the_rest


def trained(table: Table, preset: str, frame: pd.DataFrame) -> TableClassifier:
    """A model of these rows."""
    labels = table.labels(frame)
    train, validation = random_split(labels, test_fraction=0.15, seed=0)
    scorer = TableClassifier(table, PRESETS[preset], 0)
    return scorer.fit(frame.iloc[train], labels[train], validation=(frame.iloc[validation], labels[validation]))


@functools.cache
def model(preset: str, *, with_ids: bool) -> TableClassifier:
    """With both ids among the inputs, or none."""
    ignored = {} if with_ids else {name: {"role": "ignore"} for name in ("publisher", "campaign")}
    return trained(TABLE.with_columns(ignored), preset, impressions(12_000, ids="a", seed=0)[0])


@PRESET_NAMES
def test_what_an_unseen_id_is_called_changes_nothing(preset):
    """Two rows that differ in nothing but ids that nobody has seen get the same answer, bit for bit."""
    frame, _ = impressions(200, ids="b", seed=1)
    renamed = frame.assign(publisher="x" + frame["publisher"], campaign="somebody else")

    scorer = model(preset, with_ids=True)

    assert scorer.probabilities(frame).tolist() == scorer.probabilities(renamed).tolist()


@PRESET_NAMES
def test_rows_of_unseen_ids_are_ranked_by_the_other_columns(preset):
    """As well as a model without ids ranks them, up to 0.01 of AUC."""
    frame, by_the_rest = impressions(8_000, ids="b", seed=1)
    labels = TABLE.labels(frame)

    ours = roc_auc_score(labels, model(preset, with_ids=True).probabilities(frame))

    assert ours > roc_auc_score(labels, model(preset, with_ids=False).probabilities(frame)) - 0.01
    assert ours > 0.65
    assert roc_auc_score(labels, by_the_rest) > ours - 0.01  # nothing can be known of these ids


@PRESET_NAMES
def test_rows_of_unseen_ids_get_the_rate_that_their_other_columns_have(preset):
    """Right on average within 10 %, and no row far from what a model without ids says."""
    frame, _ = impressions(8_000, ids="b", seed=1)
    labels = TABLE.labels(frame)

    ours = model(preset, with_ids=True).probabilities(frame)

    assert ours.mean() == pytest.approx(labels.mean(), rel=0.1)
    others = model(preset, with_ids=False).probabilities(frame)
    assert np.abs(np.log(ours / (1 - ours)) - np.log(others / (1 - others))).max() < 0.75


def test_ids_that_were_seen_are_worth_having():
    """With informative IDs, the same test rows of known IDs are ranked better."""
    frame, _ = impressions(8_000, ids="a", seed=1)
    labels = TABLE.labels(frame)

    ours, others = (model("balanced", with_ids=given).probabilities(frame) for given in (True, False))

    assert roc_auc_score(labels, ours) > roc_auc_score(labels, others) + 0.03


@functools.cache
def public_rows(name: str) -> tuple[Table, pd.DataFrame, np.ndarray, SplitRows]:
    """Checked rows of a public table, their labels, and which of them train and test."""
    public = public_tables()[name]
    table = public.table
    frame = checked_frame(table, read_frame(Path(str(DATA_HOME)) / public.file), name, training=True)
    labels = table.labels(frame)
    times = None if table.time is None else frame[table.time.name]
    return table, frame, labels, split_rows(public.split, labels=labels, times=times, seed=0)


def on_test_rows(name: str, preset: str, ignored: list[str]) -> np.ndarray:
    """The probabilities of the test rows by a model that does not read the ignored columns."""
    table, frame, labels, rows = public_rows(name)
    scorer = TableClassifier(table.with_columns({key: {"role": "ignore"} for key in ignored}), PRESETS[preset], 0)
    validation = (frame.iloc[rows.validation], labels[rows.validation])
    scorer.fit(frame.iloc[rows.train], labels[rows.train], validation=validation)
    return scorer.probabilities(frame.iloc[rows.test])


def n_unseen(name: str, keys: list[str]) -> np.ndarray:
    """How many ids of each test row no row before the test rows holds."""
    _, frame, _, rows = public_rows(name)
    known, test = frame.iloc[[*rows.train, *rows.validation]], frame.iloc[rows.test]
    return sum((test[key].notna() & ~test[key].isin(known[key])).to_numpy(int) for key in keys)


@needs_files
def test_real_ads_with_many_unseen_ids_are_ranked_and_calibrated():
    """Criteo's: 805 of 2,000 test rows hold five or more ids that the 8,000 before never did."""
    table, _, labels, rows = public_rows("criteo_10k")
    keys = [column.name for column in table.inputs if column.kind == "key"]
    many = n_unseen("criteo_10k", keys) >= 5
    ours, without_ids = (on_test_rows("criteo_10k", "balanced", ignored)[many] for ignored in ([], keys))
    happened = labels[rows.test][many]

    assert many.sum() == 805
    assert roc_auc_score(happened, ours) > max(0.65, roc_auc_score(happened, without_ids) - 0.01)
    assert 0.85 < ours.mean() / happened.mean() < 1.15
    assert 0.01 < ours.min() < ours.max() < 0.95


@needs_files
def test_real_clicks_from_unseen_addresses_are_ranked_and_calibrated():
    """TalkingData's: 4,470 of 20,001 test rows come from an ip that is new, and 36 of the 45 installs are theirs."""
    _, _, labels, rows = public_rows("talkingdata")
    new = n_unseen("talkingdata", ["ip"]) == 1
    ours = on_test_rows("talkingdata", "fast", [])[new]
    happened = labels[rows.test][new]

    assert (new.sum(), happened.sum()) == (4470, 36)
    assert roc_auc_score(happened, ours) > 0.9
    assert 0.45 < ours.mean() / happened.mean() < 2.2  # 36 installs tell their rate to a third
