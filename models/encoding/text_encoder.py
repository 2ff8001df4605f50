"""TextEncoder: the n-grams of a text, and the vector of a sentence encoder if there is one, as one sparse row."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pandas as pd

from data.errors import TableError
from data.table import Table
from models.encoding.sentences.encoder import SentenceEncoder
from models.encoding.spelling import Speller
from models.encoding.words import character_grams, composed, word_pairs, words_of
from models.nn.sparse_rows import SparseRows

MIN_ROWS = {"words": 1, "pairs": 2, "characters": 3}
"""Training texts that an n-gram must be in; most pairs of words are met once, and never again."""
MAX_CACHED_WORDS = 50_000
MAX_COUNT = 1_000
"""Of one n-gram in a text; more count as that many."""
GRAMS_SCALE, SENTENCE_SCALE = 0.5, 3.0
"""Of the two parts of a row, where there is a sentence vector; chosen on validation messages of CLINC150."""
_SEPARATOR = "\n"


class TextEncoder:
    """Words and pairs of words in one block, pieces of words in another; weighted by TF-IDF, each block of length 1.

    The value of an n-gram is (1 + log count) * (1 + log((1 + n) / (1 + n_with))), with n training texts of which
    n_with have it (Salton and Buckley 1988, smoothed).

    Parameters
    ----------
    table : with one text among its features.
    sentences : a pretrained encoder, whose vector of the text follows the n-grams; None for n-grams alone. It reads the
        text with slips corrected, the n-grams are of the text as it was typed.

    Attributes
    ----------
    n_words_ : n-grams of words; those of characters follow.
    idf_ : the second factor of each n-gram, float32 of shape (n_features,).
    speller : what corrects slips for the sentence encoder, derived from the n-grams; None without one.
    """

    stored_as: ClassVar[str] = "text_encoder"
    stored_fields: ClassVar[Mapping[str, str]] = {
        "table": "table",
        "n_words_": "int",
        "vocabulary_": "int8[bytes]",
        "idf_": "float32[features]",
        "sentences": "sentence_encoder?",
    }

    def __init__(self, table: Table, sentences: SentenceEncoder | None = None) -> None:
        self.table, self.sentences = table, sentences

    @property
    def column_names_(self) -> list[str]:
        """The encoded columns."""
        return [self.table.text.name]

    def fit(self, frame: pd.DataFrame) -> TextEncoder:
        """Learn the n-grams of the training texts."""
        rows_with: dict[str, Counter[str]] = {block: Counter() for block in MIN_ROWS}
        texts = self._texts(frame[self.table.text.name])
        pieces: dict[str, list[str]] = {}
        for text in texts:
            words = words_of(text)
            rows_with["words"].update(set(words))
            rows_with["pairs"].update(set(word_pairs(words)))
            found: set[str] = set()
            for word in set(words):
                if word not in pieces:
                    pieces[word] = character_grams(word)
                found.update(pieces[word])
            rows_with["characters"].update(found)
        kept = {
            block: sorted(gram for gram, n_with in counts.items() if n_with >= MIN_ROWS[block])
            for block, counts in rows_with.items()
        }
        self.n_words_ = len(kept["words"]) + len(kept["pairs"])
        grams = [gram for block in kept.values() for gram in block]
        if not grams:
            raise TableError(f"column {self.table.text.name!r}: no training text has a word")
        n_with = np.array([rows_with[block][gram] for block in kept for gram in kept[block]])
        self.idf_ = (1 + np.log((1 + len(texts)) / (1 + n_with))).astype(np.float32)
        self.vocabulary_ = np.frombuffer(_SEPARATOR.join(grams).encode(), np.int8)
        self.check_restored()
        return self

    def check_restored(self) -> None:
        """Lay the vocabulary out; ValueError unless it has a factor for each n-gram."""
        grams = self.vocabulary_.tobytes().decode().split(_SEPARATOR)
        if len(grams) != len(self.idf_) or not 0 <= self.n_words_ <= len(grams):
            raise ValueError(
                f"vocabulary_ has {len(grams)} n-grams, idf_ {len(self.idf_)}, n_words_ is {self.n_words_}"
            )
        self._words = {gram: i for i, gram in enumerate(grams[: self.n_words_])}
        self._pieces = {gram: i for i, gram in enumerate(grams[self.n_words_ :], self.n_words_)}
        self._of_word: dict[str, npt.NDArray[np.intp]] = {}
        self._log_counts = 1 + np.log(np.arange(1, MAX_COUNT + 1, dtype=np.float32))
        self.speller = None if self.sentences is None else self._speller_of(self.sentences)

    def __getstate__(self) -> dict[str, Any]:
        """The stored fields; everything else is derived."""
        return {name: getattr(self, name) for name in self.stored_fields}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Restore, and lay the vocabulary out."""
        self.__dict__.update(state)
        self.check_restored()

    def fit_transform(self, frame: pd.DataFrame) -> SparseRows:
        """Fit, and encode the training texts."""
        return self.fit(frame).transform(frame)

    def transform(self, frame: pd.DataFrame) -> SparseRows:
        """Encode the texts of a frame."""
        return self._encoded(self._texts(frame[self.table.text.name]))

    def encode_rows(self, rows: Sequence[Mapping[str, Any]]) -> SparseRows:
        """Encode the texts of rows given as mappings; the same bits as in a frame."""
        name = self.table.text.name
        return self._encoded(self._texts(row.get(name) for row in rows))

    def encode_words(self, texts: Iterable[Sequence[str]]) -> SparseRows:
        """Encode texts given as words, see `models.encoding.words`."""
        known, n_features = self._words, len(self.idf_)
        of_words: list[int] = []
        pieces: list[npt.NDArray[np.intp]] = [np.empty(0, np.intp)]
        n_of_words, n_of_pieces = [0], [0]
        for words in texts:
            of_words += [known[gram] for gram in (*words, *word_pairs(words)) if gram in known]
            found = [self._pieces_of(word) for word in words]
            pieces += found
            n_of_words.append(len(of_words))
            n_of_pieces.append(sum(map(len, found)))
        rows = np.arange(len(n_of_words) - 1)
        # One number for an n-gram of a row, so that a single sort counts all of them
        keys = np.concatenate(pieces) + np.repeat(rows, n_of_pieces[1:]) * n_features
        keys = np.concatenate([keys, np.array(of_words, np.intp) + np.repeat(rows, np.diff(n_of_words)) * n_features])
        keys.sort()
        firsts = np.flatnonzero(np.concatenate([[True], keys[1:] != keys[:-1]])) if len(keys) else keys
        counts = np.append(firsts[1:], len(keys)) - firsts
        row, columns = np.divmod(keys[firsts], n_features)
        values = self._log_counts[np.minimum(counts, MAX_COUNT) - 1] * self.idf_[columns]
        block = 2 * row + (columns >= self.n_words_)
        lengths = np.sqrt(
            np.bincount(block, np.square(values), 2 * len(rows))
        )  # adds row by row, so bits do not differ
        values /= lengths[block].astype(np.float32)
        starts = np.concatenate([[0], np.bincount(row, minlength=len(rows)).cumsum()])
        return SparseRows(starts, columns, values, n_features)

    def _encoded(self, texts: Sequence[str]) -> SparseRows:
        grams = self.encode_words(map(words_of, texts))
        if self.sentences is None or self.speller is None:
            return grams
        grams.values[...] *= np.float32(GRAMS_SCALE)
        corrected = [self.speller.text(text) for text in texts]
        return grams.beside(np.float32(SENTENCE_SCALE) * self.sentences.vectors(corrected))

    def _speller_of(self, sentences: SentenceEncoder) -> Speller:
        """Corrects to words of the training texts, which the vocabulary and its factors hold with their frequency."""
        words = [gram for gram in self._words if " " not in gram]
        return Speller(
            sorted(words, key=lambda word: (self.idf_[self._words[word]], word)), self._words, sentences.knows
        )

    def _pieces_of(self, word: str) -> npt.NDArray[np.intp]:
        """Numbers of the known pieces of a word; most words of a language come again and again."""
        numbers = self._of_word.get(word)
        if numbers is None:
            if len(self._of_word) >= MAX_CACHED_WORDS:
                self._of_word.clear()
            known = self._pieces
            numbers = np.array([known[gram] for gram in character_grams(word) if gram in known], np.intp)
            self._of_word[word] = numbers
        return numbers

    def word_number(self, gram: str) -> int:
        """The feature of a word or a pair of words, -1 if no training text had it."""
        return self._words.get(gram, -1)

    def piece_number(self, gram: str) -> int:
        """The feature of a piece of a word, -1 if too few training texts had it."""
        return self._pieces.get(gram, -1)

    @staticmethod
    def _texts(values: Iterable[Any]) -> list[str]:
        """Composed texts; a missing one is empty."""
        return [composed(value) if isinstance(value, str) else "" for value in values]

    def unseen_columns(self, row: Mapping[str, Any]) -> list[str]:
        """None: what a text has of unknown words is part of its answer."""
        return []

    def unseen_in_rows(self, rows: Sequence[Mapping[str, Any]]) -> dict[int, list[str]]:
        """As `unseen_columns`."""
        return {}

    def uncovered(self, frame: pd.DataFrame) -> Iterator[tuple[str, str, npt.NDArray[np.intp]]]:
        """As `unseen_columns`."""
        return iter(())

    def get_feature_names_out(self, input_features: Any = None) -> npt.NDArray[np.object_]:
        """The n-grams, and the numbers of the sentence vector; `input_features` is not used."""
        n_more = 0 if self.sentences is None else self.sentences.width
        return np.array([*self._words, *self._pieces, *(f"sentence {i}" for i in range(n_more))], object)
