"""Moved pictures, against scipy's own rotation and against shifts by whole pixels."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import affine_transform

from models.estimators.moved_pictures import Moves, moved

STILL = {"shift": 0.0, "turn": 0.0, "stretch": 0.0, "slant": 0.0}


class Fixed:
    """A generator that always draws the largest move."""

    def uniform(self, low: float, high: float, size: int) -> np.ndarray:
        return np.full(size, high)


def pictures() -> np.ndarray:
    return np.random.default_rng(0).uniform(0, 16, (3, 8, 8))


def test_no_move_changes_nothing() -> None:
    """To the bit."""
    found = moved(pictures(), np.random.default_rng(1), Moves(**STILL), blank=0.0)
    np.testing.assert_array_equal(found, pictures())


@pytest.mark.parametrize("blank", [0.0, 5.0])
def test_a_shift_by_whole_pixels_moves_them_and_fills_with_blank(blank: float) -> None:
    """Here up and left by two; the rest is blank."""
    found = moved(pictures(), Fixed(), Moves(**{**STILL, "shift": 2.0}), blank=blank)  # type: ignore[arg-type]
    expected = np.full((3, 8, 8), blank)
    expected[:, :6, :6] = pictures()[:, 2:, 2:]
    np.testing.assert_allclose(found, expected)


@pytest.mark.parametrize(
    "moves", [{"turn": 15.0}, {"stretch": 0.2}, {"slant": 0.3}, {"turn": 30.0, "stretch": 0.1, "shift": 0.7}]
)
def test_turns_stretches_and_slants_are_those_of_scipy(moves: dict[str, float]) -> None:
    """The same affine map, interpolated linearly by scipy."""
    full = {**STILL, **moves}
    found = moved(pictures(), Fixed(), Moves(**full), blank=0.0)  # type: ignore[arg-type]
    angle, size = np.deg2rad(full["turn"]), np.exp(full["stretch"])
    matrix = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) / size
    matrix[1, 0] += full["slant"]
    offset = 3.5 - matrix @ [3.5, 3.5] + full["shift"]
    for picture, one in zip(pictures(), found, strict=True):
        expected = affine_transform(picture, matrix, offset, order=1, mode="grid-constant")
        np.testing.assert_allclose(one, expected, atol=1e-9)


def test_each_picture_moves_by_itself_within_the_range_of_its_pixels() -> None:
    """Equal pictures are moved differently; interpolation invents no darker ink."""
    same = np.repeat(pictures()[:1], 20, axis=0)
    found = moved(same, np.random.default_rng(0), Moves(), blank=0.0)
    assert len(np.unique(found.reshape(20, -1), axis=0)) == 20
    assert found.min() >= 0
    assert found.max() <= same.max()
