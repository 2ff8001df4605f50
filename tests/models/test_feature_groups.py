"""Groups of features: a network on groups is a network on the features."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from models.feature_groups import FeatureGroups
from models.nn.network import Network


@given(st.lists(st.integers(1, 4), min_size=1, max_size=6), st.integers(1, 3), st.integers(0, 2**32))
@settings(deadline=None)
def test_a_network_on_groups_equals_the_spread_one_on_features(sizes: list[int], n_members: int, seed: int) -> None:
    """The sums of a network that sees the merged features, and of the same one with its first weights spread."""
    rng = np.random.default_rng(seed)
    groups = FeatureGroups(rng.random(sum(sizes)), np.repeat(np.arange(len(sizes)), sizes))
    X = rng.standard_normal((20, sum(sizes)))
    network = Network((len(sizes), 5, 2), n_members=n_members, rng=rng, dtype=np.float64)
    spread = Network.joined([network], first_weights=[groups.spread(network.layers[0].weights)], directions=None)

    np.testing.assert_allclose(spread.mean_sums(X), network.mean_sums(groups.merged(X)), rtol=1e-9, atol=1e-12)


@given(st.lists(st.integers(1, 4), min_size=1, max_size=6))
def test_groups_are_weighted_sums(sizes: list[int]) -> None:
    """Against a loop over the groups."""
    rng = np.random.default_rng(sum(sizes))
    weights, X = rng.random(sum(sizes)), rng.standard_normal((7, sum(sizes)))
    groups = FeatureGroups(weights, np.repeat(np.arange(len(sizes)), sizes))
    ends = np.cumsum(sizes)
    expected = [X[:, end - size : end] @ weights[end - size : end] for end, size in zip(ends, sizes, strict=True)]

    assert groups.starts.tolist() == (ends - sizes).tolist()
    np.testing.assert_allclose(groups.merged(X), np.stack(expected, axis=1), rtol=1e-12)
