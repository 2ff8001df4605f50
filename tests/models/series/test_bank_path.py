"""Smoothers weigh by how well they did."""

import numpy as np
import pytest

from models.series.bank_path import bank_paths, error_weights
from models.series.histories import Histories
from models.series.smoothers import Bank, run_bank


def path_of(values, season, horizon, sharpness=8.0):
    bank = Bank.of(season, horizon)
    states = run_bank(bank, Histories.of([values]), np.array([len(values) - 1]), np.array([0]))
    return bank_paths(bank, states, np.arange(1.0, horizon + 1), sharpness)


def test_weights_are_powers_of_errors():
    found = error_weights(np.array([[1.0, 2.0, 4.0]]), 2)
    np.testing.assert_allclose(found, np.array([[16, 4, 1]]) / 21)


@pytest.mark.parametrize("unit", [1e-300, 1.0, 1e300])
def test_weights_have_no_unit(unit):
    np.testing.assert_allclose(error_weights(np.array([[1.0, 2.0]]) * unit, 16)[0, 0], 1 / (1 + 2.0**-16))


def test_without_any_error_all_that_had_none_weigh_the_same():
    np.testing.assert_allclose(error_weights(np.array([[0.0, 0.0, 1.0], [0.0, 0.0, 0.0]]), 8)[0], [0.5, 0.5, 0])
    np.testing.assert_allclose(error_weights(np.zeros((1, 4)), 8), 0.25)


def test_a_line_goes_on():
    found = path_of(5 + 2.0 * np.arange(200), 1, 6)
    np.testing.assert_allclose(found.mean[0], 5 + 2.0 * np.arange(200, 206), atol=0.05)


def test_a_season_goes_on():
    """A pattern is continued, whatever its phase at the origin, also beyond one season."""
    values = np.tile([1.0, 5.0, -2.0, 0.0, 3.0], 30)[:143]
    found = path_of(values, 5, 12)
    np.testing.assert_allclose(found.mean[0], np.tile([1.0, 5.0, -2.0, 0.0, 3.0], 40)[143:155], atol=0.05)


def test_the_mean_is_within_the_paths_and_the_last_value_is_one_of_them():
    rng = np.random.default_rng(0)
    values = rng.standard_normal(80).cumsum()
    found = path_of(values, 4, 8)
    assert (found.mean <= found.paths.max(axis=1)).all()
    assert (found.mean >= found.paths.min(axis=1)).all()
    assert any(np.allclose(path, values[-1]) for path in found.paths[0])
