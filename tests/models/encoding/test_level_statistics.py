"""Statistics of a category's levels: what the other rows say, drawn to the mean, and only where it helps."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.column import Column
from data.table import Table
from models.encoding import TableEncoder
from models.encoding.level_statistics import (
    MIN_GAIN,
    PRIOR_ROWS,
    cross_fitted_statistics,
    held_out_gain,
    level_statistics,
    statistics_that_tell,
)

TABLE = Table(
    name="clicks",
    columns=(
        Column(name="site", kind="key", optional=True),
        Column(name="price", kind="number", optional=True),
        Column(name="device", kind="category", optional=True),
        Column(name="click", kind="flag", role="target"),
    ),
)


def clicks(n_rows: int, *, n_sites: int = 300, spread: float = 1.5, seed: int = 0) -> tuple[pd.DataFrame, np.ndarray]:
    """Rows whose log-odds depend on the site with the given standard deviation."""
    rng = np.random.default_rng(seed)
    sites = rng.integers(0, n_sites, n_rows)
    log_odds = rng.normal(0, spread, n_sites)[sites] - 0.5
    frame = pd.DataFrame(
        {
            "site": [f"s{site}" for site in sites],
            "price": np.where(rng.random(n_rows) < 0.1, np.nan, rng.lognormal(0, 1, n_rows)),
            "device": rng.choice(["phone", "desk", None], n_rows),
        }
    )
    return frame, (rng.random(n_rows) < 1 / (1 + np.exp(-log_odds))).astype(np.int64)


def log_odds_by_groupby(levels: np.ndarray, labels: np.ndarray, rate: float) -> pd.Series:
    """The same formula by pandas: log-odds with PRIOR_ROWS rows of the mean rate added, from those of the mean."""
    groups = pd.Series(labels).groupby(levels)
    events, rows = groups.sum() + PRIOR_ROWS * rate, groups.count() + PRIOR_ROWS
    return np.log(events / (rows - events)) - np.log(rate / (1 - rate))


def test_statistics_are_those_of_the_levels_rows() -> None:
    rng = np.random.default_rng(0)
    codes, labels = rng.integers(0, 20, 500), rng.integers(0, 2, 500)
    statistics = level_statistics(codes, labels, n_levels=22)

    expected = log_odds_by_groupby(codes, labels, labels.mean())
    np.testing.assert_allclose(statistics[expected.index, 0], expected, rtol=1e-12)
    np.testing.assert_allclose(statistics[:, 1], np.log1p(np.bincount(codes, minlength=22)))
    np.testing.assert_allclose(statistics[20:], 0, atol=1e-12)  # levels without a row say nothing


def test_cross_fitted_statistics_come_from_the_other_folds() -> None:
    """Five folds, drawn by the generator; in each the statistics are those of the rows outside it."""
    rng = np.random.default_rng(0)
    codes, labels = rng.integers(0, 20, 500), rng.integers(0, 2, 500)
    statistics = cross_fitted_statistics(codes, labels, n_levels=20, rng=np.random.default_rng(7))
    fold_of = np.random.default_rng(7).permutation(500) % 5
    for fold in range(5):
        inside = fold_of == fold
        expected = log_odds_by_groupby(codes[~inside], labels[~inside], labels.mean())
        np.testing.assert_allclose(statistics[inside, 0], expected.reindex(codes[inside]).fillna(0), rtol=1e-12)
    np.testing.assert_allclose(statistics[:, 1], np.log1p(np.bincount(codes)[codes] - 1))


def test_no_row_carries_its_own_label() -> None:
    """Two rows swap labels, so that the mean stays: the statistics of each ignore its own label."""
    rng = np.random.default_rng(1)
    codes = np.arange(600) % 200
    labels = rng.integers(0, 2, 600)
    zero, one = np.flatnonzero(labels == 0)[0], np.flatnonzero(labels == 1)[0]
    traded = labels.copy()
    traded[[zero, one]] = 1, 0
    before, after = (
        cross_fitted_statistics(codes, of, n_levels=200, rng=np.random.default_rng(0)) for of in (labels, traded)
    )
    np.testing.assert_array_equal(before[[zero, one]], after[[zero, one]])
    assert (before != after).any()


def test_the_gain_tells_levels_that_matter_from_noise() -> None:
    frame, labels = clicks(6000)
    codes, _ = pd.factorize(frame["site"])
    noise = np.random.default_rng(5).permutation(labels)
    gains = [held_out_gain(codes, of, n_levels=300, rng=np.random.default_rng(0)) for of in (labels, noise)]
    assert gains[0] > 100 * MIN_GAIN
    assert gains[1] < 0


@pytest.mark.parametrize("spread", [1.5, 0.0])
def test_only_a_category_that_matters_is_given_statistics(spread: float) -> None:
    encoder = TableEncoder(TABLE, preset="balanced").fit(*clicks(6000, spread=spread))
    names = encoder.get_feature_names_out().tolist()
    assert ("site event rate" in names, "site rows" in names) == (spread > 0, spread > 0)
    assert not any(name.startswith("device event") for name in names)  # two levels are few


def newcomers(n_rows: int, *, seed: int) -> tuple[pd.DataFrame, np.ndarray]:
    """Rows of sites that say nothing about themselves, but those that come just once click five times as often."""
    rng = np.random.default_rng(seed)
    once = rng.random(n_rows) < 0.3
    sites = np.where(once, np.arange(n_rows) + 1500, rng.integers(0, 1500, n_rows))
    frame = pd.DataFrame({"site": [f"s{site}" for site in sites], "price": 1.0, "device": "phone"})
    return frame, (rng.random(n_rows) < np.where(once, 0.05, 0.01)).astype(np.int64)


def test_how_often_a_level_comes_is_told_even_if_its_event_rate_is_noise() -> None:
    """As for addresses: being new is informative, the outcomes of a known one are not."""
    frame, labels = newcomers(4000, seed=0)
    codes, _ = pd.factorize(frame["site"])
    names = TableEncoder(TABLE, preset="balanced").fit(frame, labels).get_feature_names_out()

    assert statistics_that_tell(codes, labels) == [1]
    assert "site rows" in names
    assert "site event rate" not in names
    shuffled = np.random.default_rng(1).permutation(labels)
    assert statistics_that_tell(codes, shuffled) == []


def test_a_row_of_a_level_seen_once_is_told_what_a_training_row_with_one_companion_is() -> None:
    """The count of the others: a new row has one, and so has each of two training rows of one level."""
    frame, labels = newcomers(4000, seed=0)
    encoder = TableEncoder(TABLE, preset="balanced")
    training = encoder.fit_transform(frame, labels)
    place = encoder.get_feature_names_out().tolist().index("site rows")
    counts = frame["site"].map(frame["site"].value_counts()).to_numpy()
    alone, in_pair = (int(np.flatnonzero(counts == n_rows)[0]) for n_rows in (1, 2))
    sites = (frame["site"].iloc[alone], "never seen")

    seen_once, unseen = encoder.encode_rows([{"site": site, "price": 1.0, "device": "phone"} for site in sites])

    assert seen_once[place] == pytest.approx(training[in_pair, place], rel=1e-6)
    assert unseen[place] == pytest.approx(training[alone, place], rel=1e-6)
    assert seen_once[place] > unseen[place]


def test_a_key_of_very_many_levels_stays_within_bounds() -> None:
    """100,000 levels give few features and a bounded look-up."""
    rng = np.random.default_rng(0)
    sites = np.concatenate([rng.integers(0, 100_000, 150_000), rng.integers(0, 20, 20_000)])
    labels = np.where(sites < 20, rng.random(len(sites)) < 0.7, rng.random(len(sites)) < 0.1).astype(np.int64)
    frame = pd.DataFrame({"site": [f"s{site}" for site in sites], "price": 1.0, "device": "phone"})
    encoder = TableEncoder(TABLE, preset="balanced").fit(frame, labels)

    assert "site event rate" in encoder.get_feature_names_out()
    assert encoder.transform(frame.head()).shape[1] < 100
    assert len(encoder.others_[0].levels) <= 20_000 + 32


def test_an_unseen_level_is_told_nothing() -> None:
    """Its event rate is the mean's and its count is that of no rows."""
    frame, labels = clicks(6000)
    encoder = TableEncoder(TABLE, preset="balanced").fit(frame, labels)
    block = encoder.others_[0]
    row = encoder.encode_rows([{"site": "never seen", "price": 1.0, "device": "phone"}])[0]
    names = encoder.get_feature_names_out().tolist()
    encoded = row[[names.index("site event rate"), names.index("site rows")]]
    scaled = -block.statistics_mean / block.statistics_scale
    np.testing.assert_allclose(encoded, scaled / np.sqrt(1 + scaled**2 / 9), rtol=1e-6)


def orders(counts: list[int]) -> tuple[pd.DataFrame, np.ndarray]:
    """Rows of sites with these numbers of rows, every third of which clicks more often than not."""
    sites = np.repeat(np.arange(len(counts)), counts)
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"site": [f"s{site}" for site in sites], "price": 1.0, "device": "phone"})
    return frame, (rng.random(len(sites)) < np.where(sites % 3 == 0, 0.7, 0.2)).astype(np.int64)


def masks(counts: list[int]) -> tuple[np.ndarray, np.ndarray]:
    """Which training rows of such sites are encoded as an unseen site is, and the site of each."""
    frame, labels = orders(counts)
    encoder = TableEncoder(TABLE, preset="balanced")
    training = encoder.fit_transform(frame, labels)
    unseen = encoder.encode_rows([{"site": "never seen", "price": 1.0, "device": "phone"}])[0]
    return (training == unseen).all(axis=1), frame["site"].to_numpy()


def test_some_training_rows_are_those_of_an_unseen_level() -> None:
    """A tenth of the rows, about equally many of a small and of a large level."""
    masked, sites = masks([100] * 30 + [400] * 30)
    of_each = pd.Series(masked).groupby(sites).sum()

    assert masked.mean() == pytest.approx(0.1, abs=0.015)
    small, large = (of_each[[f"s{site}" for site in numbers]].mean() for numbers in (range(30), range(30, 60)))
    assert small == pytest.approx(25, rel=0.15)
    assert large == pytest.approx(25, rel=0.15)


def test_no_level_loses_more_than_a_quarter_of_its_rows() -> None:
    """Else nothing would be learned of the rare ones."""
    masked, sites = masks([8] * 200 + [2_000] * 5)
    rare = np.isin(sites, [f"s{site}" for site in range(200)])

    assert 0.2 < masked[rare].mean() < 0.3


def test_rows_of_levels_that_occur_once_need_no_masks() -> None:
    """They are as good as unseen; with enough of them, the rows of known levels all stay."""
    masked, sites = masks([1] * 1_000 + [100] * 60)

    assert not masked[pd.Series(sites).map(pd.Series(sites).value_counts()).to_numpy() > 1].any()


@pytest.mark.parametrize("counts", [[200] * 50, [3] + [300] * 60, [25] * 400], ids=["equal", "one rare", "many"])
def test_no_statistic_is_far_out(counts: list[int]) -> None:
    """With equal counts, the count of an unseen level was 17 to 116 deviations off."""
    frame, labels = orders(counts)
    encoder = TableEncoder(TABLE, preset="balanced").fit(frame, labels)
    rows = pd.concat([frame, frame.head(1).assign(site="never seen")])
    names = encoder.get_feature_names_out().tolist()

    statistics = encoder.transform(rows)[:, [names.index("site event rate"), names.index("site rows")]]

    assert np.abs(statistics).max() <= 3


def test_training_rows_differ_from_others_in_masks_and_statistics() -> None:
    """`fit_transform` leaves each row's own label out, gives equal bits twice, and changes no other feature."""
    frame, labels = clicks(6000)
    first, again = (TableEncoder(TABLE).fit_transform(frame, labels) for _ in range(2))
    encoder = TableEncoder(TABLE).fit(frame, labels)
    plain, names = encoder.transform(frame), encoder.get_feature_names_out()
    unseen = encoder.transform(frame.assign(site="never seen"))
    told = [name in ("site event rate", "site rows") for name in names]
    masked = (first == unseen).all(axis=1)

    np.testing.assert_array_equal(first, again)
    np.testing.assert_array_equal(first[~masked][:, ~np.array(told)], plain[~masked][:, ~np.array(told)])
    assert (first != plain)[~masked][:, told].any(axis=0).all()


ENCODER = TableEncoder(TABLE, preset="best").fit(*clicks(6000))
SITE = st.one_of(st.none(), st.integers(0, 400).map(lambda number: f"s{number}"), st.just("never seen"))


@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "site": SITE,
                "price": st.one_of(st.none(), st.floats(-1e3, 1e9)),
                "device": st.sampled_from(["phone", "desk", "watch", None]),
            }
        ),
        min_size=1,
        max_size=5,
    )
)
def test_rows_and_frames_have_the_same_bits_with_everything_on(rows: list[dict[str, Any]]) -> None:
    frame = pd.DataFrame(rows, columns=["site", "price", "device"]).astype({"price": float})
    np.testing.assert_array_equal(ENCODER.encode_rows(rows), ENCODER.transform(frame))
