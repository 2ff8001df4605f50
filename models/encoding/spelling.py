"""Speller: words that nobody knows, corrected to a word of the training texts that is one slip away."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Sequence
from functools import partial
from itertools import pairwise

from models.encoding.words import words_with_places

LENGTHS = range(3, 31)
"""Characters of a word that is corrected: a shorter one is near too many, a longer one is no word."""
MAX_WORDS = 50_000
"""The most frequent words that others are corrected to."""
MAX_CACHED_WORDS = 50_000


class Speller:
    """Corrects unknown words to one that is a letter more, less or other, or two swapped neighbours, away.

    These slips are those of Damerau 1964. Two words that are one slip apart share a form with at most one letter left
    out, so an index by such forms finds all of them (Garbe 2012, "Symmetric Delete spelling correction").

    Of several, it is the one that stands beside its neighbours in the most known pairs, then the most frequent.

    Parameters
    ----------
    words : of the training texts, the most frequent first.
    pairs : of words that training texts have, see `models.encoding.words.word_pairs`.
    is_known : whether another word needs no correction.
    """

    def __init__(self, words: Sequence[str], pairs: Container[str], is_known: Callable[[str], bool]) -> None:
        self._ranks = {word: rank for rank, word in enumerate(words)}
        self._pairs, self._is_known = pairs, is_known
        self._by_form: dict[str, list[str]] = {}
        self._cached: dict[str, frozenset[str]] = {}
        for word in words[:MAX_WORDS]:
            if _is_spelled(word):
                for form in _forms(word):
                    self._by_form.setdefault(form, []).append(word)

    def text(self, text: str) -> str:
        """A composed text with the words that are corrected in place of those that were typed."""
        parts, end, found = list[str](), 0, words_with_places(text)
        for (word, first, last), corrected in zip(found, self.words([word for word, _, _ in found]), strict=True):
            if corrected != word:
                parts += text[end:first], corrected
                end = last
        return "".join([*parts, text[end:]])

    def words(self, words: Sequence[str]) -> list[str]:
        """The words of a text, each as it is or corrected."""
        found: list[str] = []
        for word, after in zip(words, [*words[1:], "$"], strict=False):
            near, before = self._near(word), found[-1] if found else "^"
            found.append(min(near, key=partial(self._order, before, after)) if near else word)
        return found

    def _order(self, before: str, after: str, word: str) -> tuple[int, int]:
        n_pairs = (f"{before} {word}" in self._pairs) + (f"{word} {after}" in self._pairs)
        return -n_pairs, self._ranks[word]

    def _near(self, word: str) -> frozenset[str]:
        """What a word may stand for; nothing for a known one."""
        found = self._cached.get(word)
        if found is None:
            if len(self._cached) >= MAX_CACHED_WORDS:
                self._cached.clear()
            found = self._cached[word] = self._looked_up(word)
        return found

    def _looked_up(self, word: str) -> frozenset[str]:
        if word in self._ranks or not _is_spelled(word) or self._is_known(word):
            return frozenset()
        return frozenset(
            other for form in _forms(word) for other in self._by_form.get(form, ()) if _one_slip(word, other)
        )


def _is_spelled(word: str) -> bool:
    """Whether a letter may be a slip; in scripts without capitals one often is a word or a syllable."""
    letters = word.replace("'", "")
    return len(word) in LENGTHS and letters.isalpha() and all(letter.upper() != letter for letter in letters)


def _forms(word: str) -> Iterator[str]:
    """The word, and the word without each of its letters; none twice."""
    yield word
    yield from {word[:i] + word[i + 1 :] for i in range(len(word))}


def _one_slip(word: str, other: str) -> bool:
    """Whether two different words are one slip apart; they share a form."""
    short, long = sorted((word, other), key=len)
    if len(short) < len(long):
        return len(long) == len(short) + 1 and any(form == short for form in _forms(long))
    differ = [i for i in range(len(word)) if word[i] != other[i]]
    if len(differ) == 1:
        return True
    swapped = any(i + 1 == j and word[i] == other[j] and word[j] == other[i] for i, j in pairwise(differ))
    return len(differ) == 2 and swapped
