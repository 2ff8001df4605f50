"""A folder that holds no encoder, or a forged one, is refused by the name of the file and what is wrong with it."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models.encoding.sentences.encoder import SentenceEncoder
from models.encoding.sentences.folder import SentenceFolder
from models.errors import SentenceModelError
from tests.sentence_folders import SIZES, tensors, write_folder

pytest.importorskip("tokenizers", reason="tokenizers is not installed (extra: sentences)")

WORDS = "embeddings.word_embeddings.weight"


def refused(folder: Path, problem: str) -> None:
    with pytest.raises(SentenceModelError, match=re.escape(problem)) as caught:
        SentenceEncoder.read(folder)
    assert str(caught.value).startswith(f"sentence encoder {folder}: ")


@pytest.mark.parametrize(
    ("sizes", "problem"),
    [
        ({"model_type": "gpt2"}, "config.json: model_type: Input should be 'bert', got 'gpt2'"),
        ({"hidden_act": "relu"}, "config.json: hidden_act: Input should be 'gelu', got 'relu'"),
        ({"position_embedding_type": "relative_key"}, "config.json: position_embedding_type: "),
        ({"hidden_size": 10**12}, "config.json: hidden_size: Input should be less than or equal to 4096, got '1000"),
        ({"hidden_size": 25}, "config.json: hidden_size 25 must be a multiple of 3 heads"),
        ({"num_attention_heads": 0}, "config.json: num_attention_heads: Input should be greater than or equal to 1"),
        ({"layer_norm_eps": "x"}, "config.json: layer_norm_eps: Input should be a valid number"),
        (
            {"num_hidden_layers": 3},
            "model.safetensors: tensor 'encoder.layer.2.attention.self.query.weight' is missing",
        ),
        (
            {"vocab_size": 15},
            f"model.safetensors: tensor '{WORDS}' must be floats of shape [15, 24], as config.json says, "
            "got float32 of shape [14, 24]",
        ),
    ],
)
def test_sizes_that_do_not_fit(tmp_path: Path, sizes: dict[str, Any], problem: str) -> None:
    """Another kind of model, sizes beyond all bounds, and sizes that the weights contradict."""
    refused(write_folder(tmp_path, **sizes), problem)


def changed(name: str, array: Any) -> dict[str, Any]:
    return {**tensors(), name: array}


@pytest.mark.parametrize(
    ("weights", "problem"),
    [
        (changed(WORDS, np.full((14, 24), np.nan, np.float32)), f"tensor '{WORDS}' has numbers that are not finite"),
        (changed(WORDS, np.zeros((14, 24), np.int64)), f"tensor '{WORDS}' must be floats of shape [14, 24]"),
        (
            {name: array for name, array in tensors().items() if name != "embeddings.LayerNorm.bias"},
            "tensor 'embeddings.LayerNorm.bias' is missing",
        ),
        (changed(WORDS, np.zeros((14, 24), np.uint16)), f"array '{WORDS}' is of type 'U16'; known: F16, F32"),
        (changed("embeddings.LayerNorm.weight", np.full(24, 3e38, np.float32)), "sums are not finite"),
    ],
)
def test_weights_that_do_not_fit(tmp_path: Path, weights: dict[str, Any], problem: str) -> None:
    """The tensor is named."""
    refused(write_folder(tmp_path, weights=weights), problem)


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "tokenizer.json"])
@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda path: path.unlink(), "cannot read {}: No such file or directory"),
        (lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]), "{}: "),
        (lambda path: path.write_bytes(b""), "{}: "),
        (lambda path: path.write_bytes(b"\xff" * 100), "{}: "),
        (lambda path: path.write_bytes(b"[" * 100_000), "{}: "),
        (lambda path: path.rename(path.with_name("other")) and path.symlink_to("other"), "{} is not a regular file"),
        (lambda path: path.unlink() or os.mkfifo(path), "{} is not a regular file"),
    ],
    ids=["missing", "cut", "empty", "noise", "nested", "link", "pipe"],
)
def test_files_that_cannot_be_read(tmp_path: Path, name: str, change: Callable[[Path], object], problem: str) -> None:
    """Whatever is there in place of a file, the error names it."""
    change(write_folder(tmp_path) / name)
    refused(tmp_path, problem.format(name))


def test_tokens_without_an_embedding(tmp_path: Path) -> None:
    """A tokenizer of another model, also where only its marks of start and end are unknown."""
    folder = write_folder(tmp_path)
    tokenizer = json.loads((folder / "tokenizer.json").read_text())
    tokenizer["model"]["vocab"]["more"] = 14
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
    refused(folder, "tokenizer.json: token 14 has no embedding; the weights have those of 0 to 13")
    del tokenizer["model"]["vocab"]["more"]
    tokenizer["post_processor"]["special_tokens"]["[SEP]"]["ids"] = [99]
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
    refused(folder, "tokenizer.json: token 99 has no embedding")


def test_a_model_with_a_head_and_in_half_precision(tmp_path: Path) -> None:
    """The prefix of its tensors and a head are no hindrance; float16 is read as float32."""
    weights = {f"bert.{name}": array.astype(np.float16) for name, array in tensors().items()}
    encoder = SentenceEncoder.read(
        write_folder(tmp_path / "half", weights={**weights, "cls.predictions.bias": np.zeros(14, np.float32)})
    )
    same = {name: array.astype(np.float16).astype(np.float32) for name, array in tensors().items()}
    expected = SentenceEncoder.read(write_folder(tmp_path / "whole", weights=same))
    assert encoder.width == SIZES["hidden_size"]
    np.testing.assert_array_equal(encoder.vectors(["where is my card"]), expected.vectors(["where is my card"]))


def test_every_byte_counts_for_the_digest(tmp_path: Path) -> None:
    """A change of any file gives another digest; the folder's name does not matter."""
    first = SentenceFolder.read(write_folder(tmp_path / "a")).digest
    assert SentenceFolder.read(write_folder(tmp_path / "b")).digest == first
    for name in ("config.json", "model.safetensors", "tokenizer.json"):
        path = write_folder(tmp_path / "c") / name
        path.write_bytes(path.read_bytes() + b" ")
        assert SentenceFolder.read(tmp_path / "c").digest != first
