"""Dropout: hidden units dropped at random while training (Srivastava et al. 2014)."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from models.nn.arrays import Array

# SplitMix64 (Steele, Lea and Flood 2014): the k-th random word is a fixed hash of seed + k * GOLDEN. Words do not
# depend on each other, so all of them are computed at once.
GOLDEN = 0x9E3779B97F4A7C15
SCRAMBLE = (30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)
LAST_SHIFT = 31


class Dropout:
    """The dropout mask of a batch, drawn anew for each step.

    One random byte per unit decides, so the probability is rounded to a multiple of 1/256. Units that stay are scaled
    up by `scale` = 1 / (1 - rounded probability), so that expected outputs do not change (inverted dropout).

    Parameters
    ----------
    probability : of dropping a unit, 0 < probability < 1.
    shape : of the outputs, (n_members, n_rows, n_units).

    Attributes
    ----------
    words, chances : the random words of a step, and a view of them as bytes in that shape; a unit is dropped where
        its byte is less than `n_off`.
    """

    def __init__(self, probability: float, shape: tuple[int, int, int]) -> None:
        self.n_off = min(round(256 * probability), 255)  # 256 would drop every unit, and the scale be infinite
        self.scale = 256 / (256 - self.n_off)
        n_units = math.prod(shape)
        # A word of 64 bits decides for eight units
        self._steps = np.arange(1, n_units // 8 + 2, dtype=np.uint64) * np.uint64(GOLDEN)
        self._shifted = np.empty_like(self._steps)
        self.words = np.empty_like(self._steps)
        self.chances: npt.NDArray[np.uint8] = self.words.view(np.uint8)[:n_units].reshape(shape)

    @staticmethod
    def seed(rng: np.random.Generator) -> np.uint64:
        """The seed of one step's words."""
        return rng.integers(0, 2**64, dtype=np.uint64)

    def draw(self, rng: np.random.Generator, out: Array) -> None:
        """Fill `out` with 0 for dropped units and `scale` for the others."""
        words, shifted = self.words, self._shifted
        np.add(self._steps, self.seed(rng), out=words)
        for shift, factor in SCRAMBLE:
            np.right_shift(words, np.uint64(shift), out=shifted)
            np.bitwise_xor(words, shifted, out=words)
            np.multiply(words, np.uint64(factor), out=words)
        np.right_shift(words, np.uint64(LAST_SHIFT), out=shifted)
        np.bitwise_xor(words, shifted, out=words)
        np.multiply(self.chances >= self.n_off, out.dtype.type(self.scale), out=out)
