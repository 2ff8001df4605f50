"""SentenceEncoder: texts to vectors, by a pretrained encoder."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np

from models.encoding.sentences.bert import Bert
from models.encoding.sentences.folder import TOKENIZER, SentenceFolder
from models.encoding.sentences.library_settings import LibrarySettings
from models.errors import SentenceModelError
from models.home import Home
from models.nn.arrays import Array

MAX_TOKENS = 256
"""The rest of a longer text is not read."""
MAX_TEXTS = 32
"""Texts of one length that are computed together."""
MAX_REMEMBERED = 200_000
"""Texts whose vectors a training job keeps: it reads its rows several times."""
INSTALL = "pip install 'backscore[sentences]'"


class SentenceEncoder:
    """The mean of a text's token states, of length 1.

    A bundle holds the digest alone; the home keeps the files, see `keep`.

    Parameters
    ----------
    bert : the forward pass. tokenizer : a `tokenizers.Tokenizer`. settings : what else the folder says.
    digest : of the folder that they come from.

    Attributes
    ----------
    width : length of a vector.
    """

    stored_as: ClassVar[str] = "sentence_encoder"
    stored_fields: ClassVar[Mapping[str, str]] = {"digest": "text", "width": "int"}

    def __init__(self, bert: Bert, tokenizer: Any, settings: LibrarySettings, digest: str) -> None:
        self._bert, self._tokenizer, self.digest, self.width = bert, tokenizer, digest, int(bert.words.shape[1])
        self._remembered: dict[str, Array] | None = None
        tokenizer.no_padding()
        self._lower_case = settings.lower_case
        tokenizer.enable_truncation(min(MAX_TOKENS, len(bert.positions), settings.max_tokens or MAX_TOKENS))

    @classmethod
    def read(cls, path: Path) -> SentenceEncoder:
        """The encoder of a folder, see `models.encoding.sentences.folder`; SentenceModelError for a wrong one."""
        return cls.of(SentenceFolder.read(path))

    @classmethod
    def of(cls, folder: SentenceFolder) -> SentenceEncoder:
        """The encoder of a folder's files."""
        settings, bert = folder.library_settings(), folder.bert()
        encoder = cls(bert, _tokenizer(folder, len(bert.words)), settings, folder.digest)
        with np.errstate(all="ignore"):
            if not np.isfinite(encoder.vectors(["a"])).all():
                raise SentenceModelError(folder.path, "its weights are so large that sums are not finite")
        return encoder

    def remember(self) -> Self:
        """Itself, which from now on computes the vector of a text once."""
        self._remembered = {}
        return self

    def restore_from(self, home: Home) -> None:
        """Take the weights that this digest names from the home; SentenceModelError if it has none."""
        if not re.fullmatch("[0-9a-f]{64}", self.digest):
            raise SentenceModelError(self.digest[:64], "not a digest (64 hexadecimal digits)")
        vars(self).update(vars(kept_encoder(home.sentences / self.digest)))

    def __getstate__(self) -> dict[str, Any]:
        """What a bundle holds."""
        return {"digest": self.digest, "width": self.width}

    def __deepcopy__(self, memo: Any) -> Self:
        return self  # nothing of it changes

    def vectors(self, texts: Sequence[str]) -> Array:
        """The vectors of texts, float32 of shape (n_texts, width); one without tokens has zeros.

        A text has the same bits alone and among others.
        """
        if self._remembered is None or not texts:
            return self._computed(texts)
        if new := [text for text in dict.fromkeys(texts) if text not in self._remembered]:
            if len(self._remembered) + len(new) > MAX_REMEMBERED:
                return self._computed(texts)
            self._remembered.update(zip(new, self._computed(new), strict=True))
        return np.stack([self._remembered[text] for text in texts])

    def knows(self, word: str) -> bool:
        """Whether a word is one token, not made of pieces."""
        found = self._tokenizer.encode(self._read(word), add_special_tokens=False)
        return len(found.ids) == 1 and found.tokens != [self._tokenizer.model.unk_token]

    def _read(self, text: str) -> str:
        """What the tokenizer gets; halves of surrogate pairs, which JSON may hold, are no text."""
        text = text.encode(errors="replace").decode()
        return text.lower() if self._lower_case else text

    def _computed(self, texts: Sequence[str]) -> Array:
        encoded = self._tokenizer.encode_batch_fast(list(map(self._read, texts)))
        ids = [np.array(one.ids, np.intp) for one in encoded]
        lengths = np.array([len(one) for one in ids], np.intp)
        vectors: Array = np.zeros((len(texts), self.width), np.float32)
        for length in np.unique(lengths[lengths > 0]).tolist():
            places = np.flatnonzero(lengths == length)
            for first in range(0, len(places), MAX_TEXTS):
                chosen = places[first : first + MAX_TEXTS]
                vectors[chosen] = _means(self._bert.states(np.stack([ids[i] for i in chosen])))
        return vectors


@lru_cache(maxsize=4)
def kept_encoder(folder: Path) -> SentenceEncoder:
    """The encoder that a home keeps in this folder, which its digest names; versions of a model share it."""
    if not folder.is_dir():
        raise SentenceModelError(
            folder.name[:12],
            f"there is no folder {folder}; copy it from the home where the model was trained, or train the model again",
        )
    found = SentenceFolder.read(folder)
    if found.digest != folder.name:
        raise SentenceModelError(folder, "a file was altered; delete the folder, and copy or train it again")
    return SentenceEncoder.of(found)


def keep(folder: Path, home: Home) -> SentenceEncoder:
    """The encoder of a folder, whose files are kept in the home under their digest."""
    found = SentenceFolder.read(folder)
    encoder = SentenceEncoder.of(found)
    try:
        found.copy_to(home.sentences / found.digest)
    except OSError as error:
        raise SentenceModelError(folder, f"cannot be kept in {home.sentences}: {error.strerror}") from error
    return encoder


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
