"""A row's product does not depend on its neighbours, whichever way this processor multiplies."""

import numpy as np
import pytest

from models.nn import steady_products
from models.nn.steady_products import rows_per_tile, steady_product


@pytest.fixture(params=["as it is", "in tiles"])
def way(request, monkeypatch):
    """Both ways: the one that this processor takes, and tiles."""
    if request.param == "in tiles":
        monkeypatch.setattr(steady_products, "_is_steady", lambda tile: tile is not None)


@pytest.mark.parametrize(("n_inputs", "n_outputs"), [(135, 64), (64, 1), (3, 2)])
def test_every_place_gives_a_row_the_same_bits(way, n_inputs, n_outputs):
    """Cut anywhere, in multiples of a tile, the rows' products are those of the whole; and they are the product."""
    rng = np.random.default_rng(1)
    weights = rng.standard_normal((3, n_inputs, n_outputs)).astype(np.float32)
    rows = rng.standard_normal((15 * rows_per_tile(), n_inputs)).astype(np.float32)
    whole = steady_product(rows, weights)
    np.testing.assert_allclose(whole, np.float64(rows) @ np.float64(weights), rtol=1e-4, atol=1e-4)
    for start in range(0, len(rows), rows_per_tile()):
        for n_rows in (rows_per_tile(), 3 * rows_per_tile()):
            piece = steady_product(rows[start : start + n_rows], weights)
            np.testing.assert_array_equal(piece, whole[:, start : start + n_rows])


def test_members_with_rows_of_their_own(way):
    """As in all layers but the first."""
    rng = np.random.default_rng(1)
    weights, rows = rng.standard_normal((2, 5, 4)), rng.standard_normal((2, 16, 5))
    np.testing.assert_allclose(steady_product(rows, weights), rows @ weights)
