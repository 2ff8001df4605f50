"""Slips are corrected to a word of the training texts, and nothing else is touched."""

from __future__ import annotations

import numpy as np
import pytest

from models.encoding import spelling
from models.encoding.spelling import Speller

WORDS = ("my", "card", "lost", "cart", "what's", "Ärger".lower(), "where")


def speller(*pairs: str, known: tuple[str, ...] = ()) -> Speller:
    return Speller(WORDS, frozenset(pairs), known.__contains__)


def distance(a: str, b: str) -> int:
    """Damerau's distance by dynamic programming: letters put in, left out, replaced, and neighbours swapped."""
    d = np.zeros((len(a) + 1, len(b) + 1), int)
    d[:, 0], d[0, :] = range(len(a) + 1), range(len(b) + 1)
    for i in range(1, len(a) + 1):
        for j in range(1, len(b) + 1):
            d[i, j] = min(d[i - 1, j] + 1, d[i, j - 1] + 1, d[i - 1, j - 1] + (a[i - 1] != b[j - 1]))
            if i > 1 and j > 1 and a[i - 1] == b[j - 2] and a[i - 2] == b[j - 1]:
                d[i, j] = min(d[i, j], d[i - 2, j - 2] + 1)
    return int(d[len(a), len(b)])


def test_the_nearest_is_the_most_frequent_word_at_distance_one() -> None:
    """For a thousand words of three letters, against all distances."""
    rng = np.random.default_rng(0)
    made = ["".join(rng.choice(list("abc"), rng.integers(3, 7))) for _ in range(1_000)]
    words, typed = list(dict.fromkeys(made[:60])), made[60:]
    found = Speller(words, (), frozenset().__contains__).words(typed)
    expected = [next((w for w in words if distance(w, t) == 1), t) if t not in words else t for t in typed]
    assert found == expected
    assert 100 < sum(a != b for a, b in zip(found, typed, strict=True)) < 900


@pytest.mark.parametrize(
    ("typed", "corrected"),
    [
        ("Where is my CRAD, please?", "Where is my card, please?"),
        ("lsot  lst loost lest", "lost  lost lost lost"),
        ("what’ss ärgr", "what's ärger"),
        ("whre 🙂 12345 _", "where 🙂 12345 _"),
        ("", ""),
    ],
)
def test_a_text_keeps_everything_but_the_slips(typed: str, corrected: str) -> None:
    """Blanks, marks, numbers and capitals of other words."""
    assert speller().text(typed) == corrected


def test_what_is_not_corrected() -> None:
    """Known words, short and long ones, those two slips away, and those of scripts without capitals."""
    assert speller(known=("care",)).text("care") == "care"
    assert speller().text("care") == "card"
    assert speller().text("mi") == "mi"
    assert speller().text("crads") == "crads"
    long = "a" * spelling.LENGTHS[-1]
    assert Speller([long], (), frozenset().__contains__).text(f"{long}a {long[1:]}") == f"{long}a {long}"
    assert Speller(["我要退款"], (), frozenset().__contains__).text("我不退款") == "我不退款"


def test_neighbours_decide_between_words() -> None:
    """Before frequency; a neighbour counts as corrected, the first has ^ before it and the last $ after it."""
    assert speller().text("my carz") == "my card"
    assert speller("my cart").text("my carz") == "my cart"
    assert speller("lost cart").text("lsot carz") == "lost cart"
    assert speller("^ cart").text("carz") == "cart"
    assert speller("cart $").text("carz") == "cart"
    assert speller("my card", "my cart", "cart where").text("my carz where") == "my cart where"


def test_a_word_is_remembered_and_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """Many words do not fill the memory, and change no answer."""
    monkeypatch.setattr(spelling, "MAX_CACHED_WORDS", 2)
    one = speller()
    for _ in range(3):
        assert one.text("crad lsot whre lst crad") == "card lost where lost card"
        assert len(one._cached) <= 2
