"""What is put together, and that each part earns its share."""

import numpy as np
import pytest

from models.series.mixture import Mixture, fit_mixture
from models.series.settings import LEVELS, MEDIAN

N, GROUPS = 3200, np.repeat(np.arange(8), 400)
Z = np.array([-2.0, -1.3, -0.7, 0.0, 0.7, 1.3, 2.0])


def mixture(bank, network, spread, offsets=0.0):
    return Mixture(bank, np.array([network]), np.array([spread]), Z[None] * 10, np.full((1, 7), offsets))


def test_by_hand():
    """The bank says 4, the network 8 with its own distances: half way 6, and the distances between 10 Z and Z."""
    bank, network = np.array([[4.0]]), (8 + Z)[None, None]
    np.testing.assert_allclose(mixture(1.0, 0.5, 0.0).quantiles(bank, network)[0, 0], 6 + 10 * Z)
    np.testing.assert_allclose(mixture(1.0, 0.0, 1.0).quantiles(bank, network)[0, 0], 4 + Z)
    np.testing.assert_allclose(mixture(0.0, 0.25, 0.5).quantiles(bank, network)[0, 0], 2 + 5.5 * Z)
    np.testing.assert_allclose(mixture(1.0, 0.5, 0.5, 3.0).quantiles(bank, None)[0, 0], 4 + 10 * Z + 3)


def test_offsets_that_narrow_too_much_do_not_make_quantiles_cross():
    offsets = np.array([[30.0, 20.0, 10.0, 0.0, -10.0, -20.0, -30.0]])
    narrow = Mixture(0.0, np.zeros(1), np.zeros(1), Z[None], offsets)
    assert (np.diff(narrow.quantiles(np.zeros((1, 1)), None), axis=2) >= 0).all()


@pytest.fixture
def parts():
    """Half of what comes is known to the bank, the rest but for noise to the network."""
    rng = np.random.default_rng(0)
    known, more, noise = rng.standard_normal((3, N, 2))
    change = known + 2 * more + 0.2 * noise
    return change, known, (known + 2 * more)[:, :, None] + 0.2 * Z


def fitted(change, bank, network, max_share=1.0):
    everything = np.arange(N)
    return fit_mixture(change, bank, network, np.ones(N), GROUPS, max_share=max_share, newest=everything)


def test_what_is_better_gets_its_share(parts):
    change, bank, network = parts
    found = fitted(change, bank, network)
    assert found.bank_share == 1
    assert (found.network_share > 0.9).all()
    assert fitted(change, bank, network, max_share=0.5).network_share.tolist() == [0.5, 0.5]
    covered = found.quantiles(bank, network)
    inside = (covered[:, :, 0] <= change) & (change <= covered[:, :, -1])
    np.testing.assert_allclose(inside.mean(axis=0), LEVELS[-1] - LEVELS[0], atol=0.002)


def test_of_noise_the_last_value_stays(parts):
    change = parts[0]
    rng = np.random.default_rng(1)
    found = fitted(change, rng.standard_normal((N, 2)), rng.standard_normal((N, 2, 1)) + Z)
    assert found.bank_share == 0
    assert found.network_share.tolist() == [0, 0]
    quantiles = found.quantiles(np.ones((1, 2)), np.ones((1, 2, 1)) + Z)
    assert quantiles[0, :, MEDIAN].tolist() == [0, 0]


def test_only_the_last_value_has_the_benefit_of_the_doubt(parts):
    """A network that is right in six blocks and as wrong in two has a best share of 1, but is not proved better."""
    change, known, _ = parts
    rng = np.random.default_rng(1)
    median = np.where(GROUPS[:, None] < 6, change, -change)
    assert not fitted(change, rng.standard_normal((N, 2)), median[:, :, None] + 0.1 * Z).network_share.any()
    beside = np.where(GROUPS[:, None] < 6, change, 2 * known - change)  # as far off on the other side of the bank
    assert (fitted(change, known, beside[:, :, None] + 0.1 * Z).network_share > 0.5).all()


def test_without_a_network_the_spread_is_that_of_what_the_bank_leaves(parts):
    change, bank, _ = parts
    found = fitted(change, bank, None)
    left = change - bank * found.bank_share
    expected = np.quantile(left, LEVELS, axis=0).T
    np.testing.assert_allclose(found.spread, expected - expected[:, [MEDIAN]])
    assert not found.spread_share.any()
