"""Groups of features: a network on groups is a network on the features."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from models.encoding.feature_groups import FeatureGroups
from models.nn.network import Network


@given(st.lists(st.integers(1, 4), min_size=1, max_size=6), st.integers(1, 3), st.integers(0, 2**32))
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


@given(st.lists(st.integers(1, 4), max_size=4), st.lists(st.integers(1, 4), min_size=1, max_size=4))
def test_groups_beside_others_merge_as_each_alone(first: list[int], second: list[int]) -> None:
    """The merged features of both are concatenated."""
    rng = np.random.default_rng(sum(first) + sum(second))
    one, other = (FeatureGroups(rng.random(sum(s)), np.repeat(np.arange(len(s)), s)) for s in (first, second))
    X = rng.standard_normal((5, sum(first) + sum(second)))
    alone = [
        groups.merged(part)
        for groups, part in zip((one, other), np.split(X, [sum(first)], axis=1), strict=True)
        if len(groups.groups)
    ]
    np.testing.assert_array_equal(one.followed_by(other).merged(X), np.concatenate(alone, axis=1))
