"""Bin edges that follow the target: found where the event rate changes, and nowhere else."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from models.encoding import TableEncoder
from models.encoding.target_bins import target_edges


def stepped(n_rows: int, steps: tuple[float, ...], seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Values from 0 to 1 whose event rate is 0.2 and 0.6 in turn, changing at each of the steps."""
    rng = np.random.default_rng(seed)
    values = rng.random(n_rows)
    rate = np.where(np.searchsorted(steps, values) % 2, 0.6, 0.2)
    return values, (rng.random(n_rows) < rate).astype(np.int64)


@pytest.mark.parametrize("seed", range(3))
def test_steps_of_the_event_rate_are_found(seed: int) -> None:
    """Each planted step has an edge near it."""
    edges = target_edges(*stepped(5000, (0.3, 0.75), seed), max_bins=16)
    for step in (0.3, 0.75):
        assert np.abs(edges - step).min() < 0.01


def test_a_column_that_tells_nothing_has_no_edges() -> None:
    """Of 200 columns of noise hardly any is split, and none often."""
    n_edges = []
    for seed in range(200):
        rng = np.random.default_rng(seed)
        n_edges.append(len(target_edges(rng.random(1000), rng.integers(0, 2, 1000), max_bins=16)))
    assert np.mean(np.array(n_edges) > 0) < 0.1
    assert max(n_edges) <= 3


def test_a_split_is_worth_its_gain_in_likelihood() -> None:
    """Twice the log-likelihood that the first split adds, computed by hand, is where `min_gain` cuts off."""
    values, labels = stepped(400, (0.5,), 0)
    (edge,) = target_edges(values, labels, max_bins=2)

    def log_likelihood(part: np.ndarray) -> float:
        rate = part.mean()
        return float(len(part) * (rate * math.log(rate) + (1 - rate) * math.log(1 - rate)))

    below, above = labels[values < edge], labels[values > edge]
    gain = 2 * (log_likelihood(below) + log_likelihood(above) - log_likelihood(labels))
    assert len(target_edges(values, labels, max_bins=2, min_gain=0.999 * gain)) == 1
    assert len(target_edges(values, labels, max_bins=2, min_gain=1.001 * gain)) == 0


def test_edges_keep_their_limits() -> None:
    """At most so many bins, none of fewer than 20 rows, each edge half-way between two values."""
    values, labels = stepped(3000, tuple(np.linspace(0.05, 0.95, 19)), 0)
    values = np.round(values, 3)
    for max_bins in (1, 2, 5, 16):
        edges = target_edges(values, labels, max_bins=max_bins)
        assert len(edges) <= max_bins - 1
        counts = np.histogram(values, np.concatenate([[-1], edges, [2]]))[0]
        assert counts.min() >= 20
        distinct = np.unique(values)
        for edge in edges:
            above = np.searchsorted(distinct, edge)
            assert edge == pytest.approx((distinct[above - 1] + distinct[above]) / 2, rel=1e-12)
    assert len(target_edges(values[:39], labels[:39], max_bins=16)) == 0
    assert len(target_edges(np.ones(500), labels[:500], max_bins=16)) == 0


@pytest.mark.parametrize("scale", [1e-300, 1e-30, 1e30, 1e300])
def test_the_size_of_numbers_does_not_matter(scale: float) -> None:
    values, labels = stepped(2000, (0.3, 0.75), 0)
    edges = target_edges(values, labels, max_bins=16)
    np.testing.assert_allclose(target_edges(values * scale, labels, max_bins=16), edges * scale, rtol=1e-9)


def test_the_coarser_view_has_the_code_of_the_targets_bins_alone() -> None:
    """Merged features are the piecewise-linear code on the edges at which the target's rate changes."""
    values, labels = stepped(4000, (0.3, 0.75), 1)
    frame = pd.DataFrame({"x": values, "noise": np.random.default_rng(2).random(4000)})
    encoder = TableEncoder(n_bins=8, n_target_bins=16, most_values=0, statistics_from=0).fit(frame, labels)
    found = target_edges(values, labels, max_bins=16)
    edges = np.concatenate([[values.min()], found, [values.max()]])
    expected = np.clip((values[:, None] - edges[:-1]) / np.diff(edges), 0, 1)

    merged = encoder.groups_.merged(encoder.transform(frame))

    assert len(found) >= 2
    n_numbers, n_noise_bins = 2, 8
    assert merged.shape[1] == n_numbers + len(edges) - 1 + n_noise_bins
    np.testing.assert_allclose(merged[:, n_numbers : n_numbers + len(edges) - 1], expected, atol=2e-6)


def test_a_number_of_few_values_has_bins_between_them() -> None:
    frame = pd.DataFrame({"x": np.repeat([0.0, 1, 2, 5, 9], 100)})
    names = TableEncoder(n_bins=2, most_values=5).fit(frame).get_feature_names_out()
    assert names.tolist() == ["x", "x>0", "x>1", "x>2", "x>5"]
    assert len(TableEncoder(n_bins=2, most_values=4).fit(frame).get_feature_names_out()) == 3
