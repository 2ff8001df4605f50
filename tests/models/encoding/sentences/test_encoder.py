"""The forward pass equals one that is written as loops, and the library that the weights come from."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models.encoding.sentences.bert import gelu
from models.encoding.sentences.encoder import SentenceEncoder
from models.encoding.sentences.products import Weights, product
from tests.sentence_folders import SIZES, WORDS, pretrained, tensors, write_folder

pytest.importorskip("tokenizers", reason="tokenizers is not installed (extra: sentences)")

HERE = Path(__file__).parent
TEXTS = (
    "where is my card",
    "my cards ?",
    "I lost the parcel",
    "is",
    "",
    "where is the unheard",
    "my my my my my my my my my my my my my my",
)
IDS = (
    (2, 4, 5, 6, 7, 3),
    (2, 6, 7, 8, 13, 3),
    (2, 10, 9, 11, 12, 3),
    (2, 5, 3),
    (2, 3),
    (2, 4, 5, 11, 1, 3),
    (2, *[6] * 10, 3),
)
"""The tokens of each text, as its words stand in `WORDS`; twelve are read."""


def normed(x: list[float], scale: Any, shift: Any) -> list[float]:
    mean = sum(x) / len(x)
    spread = math.sqrt(sum((one - mean) ** 2 for one in x) / len(x) + SIZES["layer_norm_eps"])
    return [(one - mean) / spread * scale[i] + shift[i] for i, one in enumerate(x)]


def oracle(ids: tuple[int, ...]) -> list[float]:
    """The sentence's vector by loops over tokens and units in Python's floats; products alone are numpy's."""
    w = {name: array.astype(np.float64) for name, array in tensors().items()}

    def dense(name: str, rows: list[list[float]]) -> list[list[float]]:
        return [[float(row @ np.array(x) + b) for row, b in zip(w[f"{name}.weight"], w[f"{name}.bias"])] for x in rows]  # noqa: B905

    def norm(name: str, rows: list[list[float]]) -> list[list[float]]:
        return [normed(x, w[f"{name}.weight"], w[f"{name}.bias"]) for x in rows]

    word, position, kind = (w[f"embeddings.{name}_embeddings.weight"] for name in ("word", "position", "token_type"))
    x = norm("embeddings.LayerNorm", [(word[token] + position[i] + kind[0]).tolist() for i, token in enumerate(ids)])
    size = SIZES["hidden_size"] // SIZES["num_attention_heads"]
    for number in range(SIZES["num_hidden_layers"]):
        layer = f"encoder.layer.{number}."
        q, k, v = (dense(f"{layer}attention.self.{part}", x) for part in ("query", "key", "value"))
        attended = []
        for asking in q:
            row: list[float] = []
            for first in range(0, SIZES["hidden_size"], size):
                units = range(first, first + size)
                weights = [math.exp(sum(asking[u] * key[u] for u in units) / math.sqrt(size)) for key in k]
                row += [sum(a * value[u] for a, value in zip(weights, v, strict=True)) / sum(weights) for u in units]
            attended.append(row)
        mixed = dense(f"{layer}attention.output.dense", attended)
        x = norm(
            f"{layer}attention.output.LayerNorm",
            [[a + b for a, b in zip(*two, strict=True)] for two in zip(x, mixed, strict=True)],
        )
        inner = dense(f"{layer}intermediate.dense", x)
        inner = [[one * (1 + math.erf(one / math.sqrt(2))) / 2 for one in row] for row in inner]
        outer = dense(f"{layer}output.dense", inner)
        x = norm(
            f"{layer}output.LayerNorm",
            [[a + b for a, b in zip(*two, strict=True)] for two in zip(x, outer, strict=True)],
        )
    means = [sum(units) / len(x) for units in zip(*x, strict=True)]
    length = math.sqrt(sum(one * one for one in means))
    return [one / length for one in means]


def test_vectors_equal_those_of_loops(tmp_path: Path) -> None:
    """Tokens, embeddings, attention, norms, gelu and the mean, each as its formula says."""
    encoder = SentenceEncoder.read(write_folder(tmp_path))
    assert WORDS[IDS[1][3]] == "##s"
    np.testing.assert_allclose(encoder.vectors(TEXTS), [oracle(ids) for ids in IDS], rtol=0, atol=2e-6)


def test_a_text_has_the_same_bits_alone_and_among_others(tmp_path: Path) -> None:
    """In any order, and with as many of its length as are computed together."""
    encoder = SentenceEncoder.read(write_folder(tmp_path))
    texts = [*TEXTS * 40, *reversed(TEXTS)]
    together = encoder.vectors(texts)
    assert together.dtype == np.float32
    alone = [encoder.vectors([text])[0] for text in TEXTS]
    np.testing.assert_array_equal(together, np.array([*alone * 40, *reversed(alone)]))


def test_no_texts_and_broken_characters(tmp_path: Path) -> None:
    """No row for no text; half of a surrogate pair reads as a question mark."""
    encoder = SentenceEncoder.read(write_folder(tmp_path))
    assert encoder.vectors([]).shape == (0, SIZES["hidden_size"])
    np.testing.assert_array_equal(*encoder.vectors(["my card \ud83d", "my card ?"]))


def test_gelu_is_exact() -> None:
    """Phi(x) times x, to the last digits of float32, also far out."""
    x = np.concatenate([np.linspace(-12, 12, 4801), [-1e30, 0.0, 1e30]]).astype(np.float32)
    expected = [one * math.erfc(-one / math.sqrt(2)) / 2 for one in x.tolist()]
    np.testing.assert_allclose(gelu(x.copy()), expected, rtol=2e-7, atol=5e-7)


@pytest.mark.parametrize("shape", [(384, 1152), (1536, 384), (768, 128), (24, 72), (7, 5)])
def test_products_have_the_same_bits_for_any_number_of_rows(shape: tuple[int, int]) -> None:
    """In blocks of columns and at once; and they are products."""
    rng = np.random.default_rng(0)
    matrix, rows = (
        rng.standard_normal(shape).astype(np.float32),
        rng.standard_normal((400, shape[0])).astype(np.float32),
    )
    whole = product(rows, weights := Weights.of(matrix))
    np.testing.assert_allclose(whole, rows.astype(np.float64) @ matrix, rtol=0, atol=1e-6 * shape[0])
    for n_rows in (8, 16, 32, 40, 200):
        for first in (0, 64, 200):
            np.testing.assert_array_equal(product(rows[first : first + n_rows], weights), whole[first : first + n_rows])


def test_pretrained_vectors_equal_those_of_the_library() -> None:
    """Fifty sentences; `make_reference.py` wrote what the library says of them."""
    encoder = SentenceEncoder.read(pretrained())
    texts, reference = (
        (HERE / "sentences.txt").read_text(encoding="utf-8").splitlines(),
        np.load(HERE / "reference.npy"),
    )
    assert len(texts) == len(reference) == 50
    np.testing.assert_allclose(encoder.vectors(texts), reference, rtol=0, atol=1e-5)


def test_pretrained_bits_are_the_same_alone_and_together() -> None:
    """With the sizes that products are fast for."""
    encoder = SentenceEncoder.read(pretrained())
    texts = (HERE / "sentences.txt").read_text(encoding="utf-8").splitlines()[:12]
    np.testing.assert_array_equal(
        encoder.vectors(texts * 20)[: len(texts)], [encoder.vectors([text])[0] for text in texts]
    )
