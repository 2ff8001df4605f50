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
from models.encoding.sentences.library_settings import FILES
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


POOLING, MODULES = "1_Pooling/config.json", "modules.json"
STEPS = ("Transformer", ""), ("Pooling", "1_Pooling"), ("Normalize", "2_Normalize")


def with_file(folder: Path, name: str, content: Any) -> Path:
    """The tiny encoder with another file of the library."""
    write_folder(folder)
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_text(json.dumps(content))
    return folder


def modules(*steps: tuple[str, str]) -> list[dict[str, Any]]:
    return [
        {"idx": i, "name": str(i), "path": path, "type": f"sentence_transformers.models.{name}"}
        for i, (name, path) in enumerate(steps)
    ]


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        (POOLING, {"pooling_mode_mean_tokens": False}, "pooling_mode_mean_tokens: must be true, got false; take an"),
        (POOLING, {"pooling_mode_mean_tokens": 1}, "pooling_mode_mean_tokens: must be true, got 1; take an encoder"),
        (
            POOLING,
            {"pooling_mode_mean_tokens": True, "pooling_mode_cls_token": True},
            "pooling_mode_cls_token: must be false, got true; take an encoder whose vectors are means over the tokens",
        ),
        (POOLING, {"pooling_mode_lasttoken": True}, "pooling_mode_lasttoken: must be false, got true"),
        (POOLING, {"pooling_mode": "cls"}, 'pooling_mode: must be "mean", got "cls"'),
        (POOLING, [], "the file: Input should be a valid dictionary, got '[]'"),
        (
            MODULES,
            modules(STEPS[0], STEPS[1], ("Dense", "2_Dense"), STEPS[2]),
            "type: must be Transformer, Pooling and maybe Normalize, got Transformer, Pooling, Dense, Normalize",
        ),
        (MODULES, modules(STEPS[0]), "type: must be Transformer, Pooling and maybe Normalize, got Transformer"),
        (MODULES, modules(("Transformer", "0"), STEPS[1]), "path: of Transformer must be '', got '0'"),
        (MODULES, modules(STEPS[0], ("Pooling", "x")), "path: of Pooling must be '1_Pooling', got 'x'"),
        (MODULES, [{"path": ""}], "0.type: Field required"),
        ("sentence_bert_config.json", {"max_seq_length": 2}, "max_seq_length: Input should be greater than or equal"),
        ("sentence_bert_config.json", {"do_lower_case": "no"}, "do_lower_case: Input should be a valid boolean, got"),
        (
            "config_sentence_transformers.json",
            {"prompts": {"query": "query: "}, "default_prompt_name": "query"},
            "default_prompt_name: Input should be None, got 'query'",
        ),
    ],
)
def test_vectors_of_another_kind(tmp_path: Path, name: str, content: Any, problem: str) -> None:
    """An encoder whose vectors are no means, or go through more steps, is not read as if it were one."""
    refused(with_file(tmp_path, name, content), f"{name}: {problem}")


def test_steps_without_their_pooling(tmp_path: Path) -> None:
    """How the tokens become one vector is not guessed."""
    refused(with_file(tmp_path, MODULES, modules(*STEPS)), f"{MODULES} has a step Pooling, and {POOLING} is missing")


def test_files_of_the_library_that_change_nothing(tmp_path: Path) -> None:
    """Said or not, a vector is the mean; prompts that nobody asked for are not read."""
    folder = with_file(tmp_path, MODULES, modules(*STEPS))
    modes = {"pooling_mode_mean_tokens": True, "pooling_mode_cls_token": False, "pooling_mode_max_tokens": False}
    with_file(folder, POOLING, {"word_embedding_dimension": 24, **modes})
    with_file(folder, "sentence_bert_config.json", {"max_seq_length": 256, "do_lower_case": False})
    with_file(folder, "config_sentence_transformers.json", {"prompts": {"query": "query: "}})
    plain = SentenceEncoder.read(write_folder(tmp_path / "plain"))
    texts = ["where is my card", "I lost the parcel ?"]
    np.testing.assert_array_equal(SentenceEncoder.read(folder).vectors(texts), plain.vectors(texts))


def test_fewer_tokens_are_read_if_the_folder_says_so(tmp_path: Path) -> None:
    """With the marks of start and end; more than there are positions are not."""
    plain = SentenceEncoder.read(write_folder(tmp_path / "plain"))
    texts = ["where is my card lost", "where is my", "my " * 30]
    for most, read in ((5, ["where is my", "where is my", "my my my"]), (100, texts), (None, texts)):
        folder = with_file(tmp_path, "sentence_bert_config.json", {"max_seq_length": most})
        np.testing.assert_array_equal(SentenceEncoder.read(folder).vectors(texts), plain.vectors(read))


def test_texts_are_read_in_lower_case_if_the_folder_says_so(tmp_path: Path) -> None:
    """A tokenizer that knows capitals has no token for them; one that does not is no hindrance."""
    folder = with_file(tmp_path, "sentence_bert_config.json", {"do_lower_case": True})
    expected = SentenceEncoder.read(folder).vectors(["where is my card"])
    tokenizer = json.loads((folder / "tokenizer.json").read_text())
    tokenizer["normalizer"]["lowercase"] = False
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
    np.testing.assert_array_equal(SentenceEncoder.read(folder).vectors(["Where IS my card"]), expected)
    (folder / "sentence_bert_config.json").write_text(json.dumps({"do_lower_case": False}))
    assert not np.array_equal(SentenceEncoder.read(folder).vectors(["Where IS my card"]), expected)


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
    """A change of any file gives another digest, as does one more that is read; the folder's name does not matter."""
    first = SentenceFolder.read(write_folder(tmp_path / "a")).digest
    assert SentenceFolder.read(write_folder(tmp_path / "b")).digest == first
    for name in FILES:
        assert SentenceFolder.read(with_file(tmp_path / name.replace("/", "_"), name, {})).digest != first
    for name in ("config.json", "model.safetensors", "tokenizer.json"):
        path = write_folder(tmp_path / "c") / name
        path.write_bytes(path.read_bytes() + b" ")
        assert SentenceFolder.read(tmp_path / "c").digest != first
