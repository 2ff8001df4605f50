"""Dropout: the random words against published ones, and what happens to the units."""

from __future__ import annotations

import numpy as np
import pytest

from models.nn.dropout import Dropout


class FixedSeed:
    """A generator that always returns the same number."""

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def integers(self, *args: object, **options: object) -> np.uint64:
        return np.uint64(self.seed)


def test_the_words_are_those_of_splitmix64() -> None:
    """The first five of seed 1234567, as its authors' C program prints them."""
    dropout = Dropout(0.5, (1, 5, 8))
    dropout.draw(FixedSeed(1234567), np.empty((1, 5, 8), np.float32))  # type: ignore[arg-type]

    assert dropout.words[:5].tolist() == [
        6457827717110365317,
        3203168211198807973,
        9817491932198370423,
        4593380528125082431,
        16408922859458223821,
    ]


@pytest.mark.parametrize("probability", [0.004, 0.1, 0.5, 0.99])
def test_units_are_off_as_often_as_asked_and_the_mean_stays(probability: float) -> None:
    """Within the resolution of a byte and four standard errors."""
    shape = (3, 101, 333)
    mask = np.empty(shape, np.float32)
    Dropout(probability, shape).draw(np.random.default_rng(0), mask)
    standard_error = np.sqrt(probability * (1 - probability) / mask.size)

    assert (mask == 0).mean() == pytest.approx(probability, abs=1 / 512 + 4 * standard_error)
    assert mask.mean() == pytest.approx(1, abs=4 * standard_error / (1 - probability) * 1.01)
    assert len(np.unique(mask)) == 2


def test_units_members_and_steps_are_drawn_apart() -> None:
    """Masks are uncorrelated between neighbours, rows, members and steps."""
    shape, rng = (2, 200, 300), np.random.default_rng(0)
    dropout, mask = Dropout(0.5, shape), np.empty((2, 200, 300), np.float32)
    dropout.draw(rng, mask)
    first = mask - mask.mean()
    dropout.draw(rng, mask)
    second = mask - mask.mean()

    pairs = [
        (first[..., 1:], first[..., :-1]),
        (first[:, 1:], first[:, :-1]),
        (first[1:], first[:-1]),
        (first, second),
    ]
    for one, other in pairs:
        assert (one * other).mean() == pytest.approx(0, abs=4 / np.sqrt(one.size))
