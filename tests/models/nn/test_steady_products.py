"""A row's product does not depend on its neighbours, whichever way this processor multiplies."""

import numpy as np
import pytest

from models.nn import steady_products
from models.nn.network import Network
from models.nn.steady_products import MAX_ROWS, most_steady_rows, rows_per_tile, steady_product


@pytest.fixture(params=["as it is", "in tiles"])
def way(request, monkeypatch):
    """With as many rows at once as this processor allows, and tile by tile."""
    if request.param == "in tiles":
        monkeypatch.setattr(steady_products, "most_steady_rows", lambda *_shape: rows_per_tile())


@pytest.mark.parametrize(("n_inputs", "n_outputs"), [(135, 64), (64, 1), (3, 2), (32, 487), (487, 64), (200, 8)])
def test_every_place_gives_a_row_the_same_bits(way, n_inputs, n_outputs):
    """Cut anywhere, in multiples of a tile, the rows' products are those of the whole; and they are the product."""
    rng = np.random.default_rng(1)
    weights = rng.standard_normal((3, n_inputs, n_outputs)).astype(np.float32)
    rows = rng.standard_normal((75 * rows_per_tile(), n_inputs)).astype(np.float32)
    whole = steady_product(rows, weights)
    np.testing.assert_allclose(whole, np.float64(rows) @ np.float64(weights), rtol=1e-3, atol=1e-3)
    for start in range(0, len(rows), rows_per_tile()):
        for n_rows in (rows_per_tile(), 3 * rows_per_tile(), 20 * rows_per_tile()):
            piece = steady_product(rows[start : start + n_rows], weights)
            np.testing.assert_array_equal(piece, whole[:, start : start + n_rows])


def test_members_with_rows_of_their_own(way):
    """As in all layers but the first."""
    rng = np.random.default_rng(1)
    weights, rows = rng.standard_normal((2, 5, 4)), rng.standard_normal((2, 1028, 5))
    np.testing.assert_allclose(steady_product(rows, weights), rows @ weights)


def test_rows_at_once_are_whole_tiles():
    """At least one tile, and at most the maximum."""
    for shape in ((5, 3), (64, 32), (32, 487)):
        n_rows = most_steady_rows(*shape, np.dtype(np.float32))
        assert rows_per_tile() <= n_rows <= MAX_ROWS
        assert n_rows % rows_per_tile() == 0


@pytest.mark.parametrize("widths", [(487, 64, 32, 1), (487, 32, 8, 32, 487)])
def test_a_wide_network_gives_a_row_the_same_bits_alone_and_among_others(widths):
    """Wherever it stands among thousands."""
    network = Network(widths, output_activation="identity", n_members=2, rng=np.random.default_rng(0))
    rows = np.random.default_rng(1).standard_normal((2_500, widths[0])).astype(np.float32)
    together = network.mean_sums(rows)
    for i in (0, 1, 63, 1_023, 1_024, 2_499):
        np.testing.assert_array_equal(network.mean_sums(rows[i : i + 1])[0], together[i])
