"""SentenceEncoder: texts to vectors, by a pretrained encoder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from models.encoding.sentences.bert import Bert
from models.encoding.sentences.folder import TOKENIZER, SentenceFolder
from models.errors import SentenceModelError
from models.nn.arrays import Array

MAX_TOKENS = 256
"""The rest of a longer text is not read."""
MAX_TEXTS = 32
"""Texts of one length that are computed together."""
INSTALL = "pip install 'backscore[sentences]'"


class SentenceEncoder:
    """The mean of a text's token states, of length 1.

    Parameters
    ----------
    bert : the forward pass. tokenizer : a `tokenizers.Tokenizer`. digest : of the folder that they come from.
    """

    def __init__(self, bert: Bert, tokenizer: Any, digest: str) -> None:
        self._bert, self._tokenizer, self.digest = bert, tokenizer, digest
        tokenizer.no_padding()
        tokenizer.enable_truncation(min(MAX_TOKENS, len(bert.positions)))

    @classmethod
    def read(cls, path: Path) -> SentenceEncoder:
        """The encoder of a folder, see `models.encoding.sentences.folder`; SentenceModelError for a wrong one."""
        return cls.of(SentenceFolder.read(path))

    @classmethod
    def of(cls, folder: SentenceFolder) -> SentenceEncoder:
        """The encoder of a folder's files."""
        bert = folder.bert()
        encoder = cls(bert, _tokenizer(folder, len(bert.words)), folder.digest)
        with np.errstate(all="ignore"):
            if not np.isfinite(encoder.vectors(["a"])).all():
                raise SentenceModelError(folder.path, "its weights are so large that sums are not finite")
        return encoder

    @property
    def width(self) -> int:
        """Length of a vector."""
        return int(self._bert.words.shape[1])

    def vectors(self, texts: Sequence[str]) -> Array:
        """The vectors of texts, float32 of shape (n_texts, width); one without tokens has zeros.

        A text has the same bits alone and among others.
        """
        # Halves of surrogate pairs, which JSON may hold, are no text
        encoded = self._tokenizer.encode_batch_fast([text.encode(errors="replace").decode() for text in texts])
        ids = [np.array(one.ids, np.intp) for one in encoded]
        lengths = np.array([len(one) for one in ids], np.intp)
        vectors: Array = np.zeros((len(texts), self.width), np.float32)
        for length in np.unique(lengths[lengths > 0]).tolist():
            places = np.flatnonzero(lengths == length)
            for first in range(0, len(places), MAX_TEXTS):
                chosen = places[first : first + MAX_TEXTS]
                vectors[chosen] = _means(self._bert.states(np.stack([ids[i] for i in chosen])))
        return vectors


def _means(states: Array) -> Array:
    """The mean of each text's states, (n_texts, n_tokens, width), to length 1."""
    means: Array = np.add.reduce(states, axis=1)
    means /= np.maximum(np.sqrt(np.einsum("ij,ij->i", means, means)), np.float32(1e-12))[:, None]
    return means


def _tokenizer(folder: SentenceFolder, n_words: int) -> Any:
    """The tokenizer; SentenceModelError if it is none, or makes tokens that have no embedding."""
    try:
        import tokenizers  # noqa: PLC0415 - an optional package
    except ModuleNotFoundError as error:
        raise SentenceModelError(folder.path, f"needs the package tokenizers; {INSTALL}") from error
    try:
        found = tokenizers.Tokenizer.from_str(bytes(folder.contents[TOKENIZER]).decode())
        most = max([0, *found.get_vocab().values(), *found.encode("a").ids])
    except Exception as error:
        raise SentenceModelError(folder.path, f"{TOKENIZER}: {str(error)[:300]}") from error
    if most >= n_words:
        raise SentenceModelError(
            folder.path, f"{TOKENIZER}: token {most} has no embedding; the weights have those of 0 to {n_words - 1}"
        )
    return found
