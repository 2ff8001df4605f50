"""The folder of a sentence encoder: read strictly, so that a wrong or forged one is refused by name.

config.json         sizes, as written by the `transformers` library for the model type "bert"
model.safetensors   weights, float32 or float16
tokenizer.json      of the `tokenizers` library

and, if they are there, the files of `models.encoding.sentences.library_settings`.
"""

from __future__ import annotations

import hashlib
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal, TypeVar

import numpy as np
from pydantic import BaseModel, Field, ValidationError

from models.array_file import Array, Buffer, file_content, parsed_json, read_arrays
from models.encoding.sentences.bert import Bert, Dense, Layer, Norm
from models.encoding.sentences.library_settings import (
    FILES,
    MODULES,
    POOLING,
    TRANSFORMER,
    LibrarySettings,
    Transformer,
)
from models.encoding.sentences.products import Weights
from models.errors import SentenceModelError

CONFIG, WEIGHTS, TOKENIZER = "config.json", "model.safetensors", "tokenizer.json"
MAX_BYTES = {CONFIG: 2**20, WEIGHTS: 2 * 2**30, TOKENIZER: 64 * 2**20, **dict.fromkeys(FILES, 2**20)}
PARTIAL = ".partial-"
T = TypeVar("T", bound=BaseModel)
PREFIX = "bert."
"""Before the names of tensors of a model that was stored with a head."""


class EncoderConfig(BaseModel):
    """The sizes of an encoder, under their names in config.json; other fields are not read."""

    model_type: Literal["bert"]
    hidden_act: Literal["gelu"]
    position_embedding_type: Literal["absolute"] = "absolute"
    hidden_size: int = Field(ge=1, le=4096)
    num_attention_heads: int = Field(ge=1, le=64)
    num_hidden_layers: int = Field(ge=1, le=48)
    intermediate_size: int = Field(ge=1, le=16_384)
    vocab_size: int = Field(ge=1, le=2_000_000)
    max_position_embeddings: int = Field(ge=3, le=16_384)
    type_vocab_size: int = Field(ge=1, le=100)
    layer_norm_eps: float = Field(gt=0, le=0.01)


@dataclass(frozen=True)
class SentenceFolder:
    """The files of a folder, read once: what is verified is what is used."""

    path: Path
    contents: dict[str, Buffer]

    @classmethod
    def read(cls, path: Path) -> SentenceFolder:
        """Read the files; SentenceModelError if a needed one is missing, one is too large, or not a regular file."""
        contents: dict[str, Buffer] = {}
        for name, limit in MAX_BYTES.items():
            try:
                content = file_content(path / name, limit, mapped=name == WEIGHTS)
            except OSError as error:
                if name in FILES and isinstance(error, FileNotFoundError):
                    continue
                raise SentenceModelError(path, f"cannot read {name}: {error.strerror}") from error
            if content is None:
                raise SentenceModelError(path, f"{name} is not a regular file of at most {limit:,} bytes")
            contents[name] = content
        return cls(path, contents)

    def copy_to(self, folder: Path) -> None:
        """Write the files to a folder, which appears complete or not at all; one that exists is left as it is."""
        if folder.exists():
            return
        folder.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix=PARTIAL, dir=folder.parent) as partial:
            whole = Path(partial) / folder.name
            whole.mkdir()
            for name, content in self.contents.items():
                (whole / name).parent.mkdir(exist_ok=True)
                (whole / name).write_bytes(content)
                (whole / name).chmod(0o444)  # it is mapped into memory: a write in place could crash the service
            with suppress(FileExistsError):  # another job was faster, with the same files
                whole.rename(folder)

    @property
    def digest(self) -> str:
        """SHA-256 of the names and SHA-256 of the files that are read."""
        lines = [f"{name} {hashlib.sha256(content).hexdigest()}\n" for name, content in self.contents.items()]
        return hashlib.sha256("".join(lines).encode()).hexdigest()

    def config(self) -> EncoderConfig:
        """The sizes; SentenceModelError for those of another kind of model."""
        found = self._parsed(CONFIG, EncoderConfig)
        if found.hidden_size % found.num_attention_heads:
            problem = f"hidden_size {found.hidden_size} must be a multiple of {found.num_attention_heads} heads"
            raise SentenceModelError(self.path, f"{CONFIG}: {problem}")
        return found

    def library_settings(self) -> LibrarySettings:
        """What the folder says beside the forward pass; SentenceModelError for what is not computed here."""
        for name in (name for name in FILES if name in self.contents):
            if problem := self._parsed(name, FILES[name]).problem():
                raise SentenceModelError(self.path, f"{name}: {problem}")
        if MODULES in self.contents and POOLING not in self.contents:
            raise SentenceModelError(self.path, f"{MODULES} has a step Pooling, and {POOLING} is missing")
        if TRANSFORMER not in self.contents:
            return LibrarySettings()
        found = self._parsed(TRANSFORMER, Transformer)
        return LibrarySettings(found.max_seq_length, found.do_lower_case)

    def _parsed(self, name: str, kind: type[T]) -> T:
        """A file of JSON; SentenceModelError names a field that is missing or wrong."""
        try:
            return kind.model_validate(parsed_json(bytes(self.contents[name])))
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            what = ".".join(map(str, first["loc"])) or "the file"
            got = "" if first["type"] == "missing" else f", got {str(first['input'])[:100]!r}"
            raise SentenceModelError(self.path, f"{name}: {what}: {first['msg']}{got}") from error
        except ValueError as error:
            raise SentenceModelError(self.path, f"{name}: {error}") from error

    def bert(self) -> Bert:
        """The forward pass; SentenceModelError names a tensor that is missing, of another shape or not finite."""
        try:
            arrays = read_arrays(self.contents[WEIGHTS], has_metadata=True)
        except ValueError as error:
            raise SentenceModelError(self.path, f"{WEIGHTS}: {error}") from error
        return _Builder(self.path, self.config(), arrays).bert()


class _Builder:
    """Takes the tensors by their names in the `transformers` library."""

    def __init__(self, path: Path, config: EncoderConfig, arrays: dict[str, Array]) -> None:
        self.path, self.config = path, config
        self.arrays = {name.removeprefix(PREFIX): array for name, array in arrays.items()}

    def bert(self) -> Bert:
        config, width = self.config, self.config.hidden_size
        kinds = self.tensor("embeddings.token_type_embeddings.weight", config.type_vocab_size, width)
        positions = self.tensor("embeddings.position_embeddings.weight", config.max_position_embeddings, width)
        return Bert(
            words=self.tensor("embeddings.word_embeddings.weight", config.vocab_size, width),
            positions=positions + kinds[0],
            norm=self.norm("embeddings.LayerNorm"),
            layers=tuple(self.layer(f"encoder.layer.{i}.") for i in range(config.num_hidden_layers)),
            n_heads=config.num_attention_heads,
        )

    def layer(self, name: str) -> Layer:
        width, inner = self.config.hidden_size, self.config.intermediate_size
        parts = [self.matrix(f"{name}attention.self.{part}", width, width) for part in ("query", "key", "value")]
        scale = np.float32((width // self.config.num_attention_heads) ** -0.5)
        parts[0] = parts[0][0] * scale, parts[0][1] * scale
        weights, biases = zip(*parts, strict=True)
        return Layer(
            queries_keys_values=Dense(Weights.of(np.concatenate(weights, axis=1)), np.concatenate(biases)),
            attended=self.dense(f"{name}attention.output.dense", width, width),
            attention_norm=self.norm(f"{name}attention.output.LayerNorm"),
            inner=self.dense(f"{name}intermediate.dense", width, inner),
            outer=self.dense(f"{name}output.dense", inner, width),
            norm=self.norm(f"{name}output.LayerNorm"),
        )

    def dense(self, name: str, n_inputs: int, n_outputs: int) -> Dense:
        weights, biases = self.matrix(name, n_inputs, n_outputs)
        return Dense(Weights.of(weights), biases)

    def matrix(self, name: str, n_inputs: int, n_outputs: int) -> tuple[Array, Array]:
        return self.tensor(f"{name}.weight", n_outputs, n_inputs).T, self.tensor(f"{name}.bias", n_outputs)

    def norm(self, name: str) -> Norm:
        scale, shift = (self.tensor(f"{name}.{part}", self.config.hidden_size) for part in ("weight", "bias"))
        return Norm(scale, shift, self.config.layer_norm_eps)

    def tensor(self, name: str, *shape: int) -> Array:
        found: Any = self.arrays.get(name)
        if found is None:
            raise SentenceModelError(self.path, f"{WEIGHTS}: tensor {name!r} is missing")
        if found.shape != shape or found.dtype.kind != "f":
            raise SentenceModelError(
                self.path,
                f"{WEIGHTS}: tensor {name!r} must be floats of shape {list(shape)}, as {CONFIG} says, "
                f"got {found.dtype} of shape {list(found.shape)}",
            )
        numbers: Array = found.astype(np.float32, copy=False)
        if not np.isfinite(numbers).all():
            raise SentenceModelError(self.path, f"{WEIGHTS}: tensor {name!r} has numbers that are not finite")
        return numbers
