"""The words and n-grams of texts; their weights against scikit-learn's."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer

from data.column import Column
from data.errors import TableError
from data.table import Table
from models.encoding.text_encoder import TextEncoder
from models.encoding.words import character_grams, composed, word_pairs, words_of, words_with_places

TABLE = Table(
    name="messages",
    columns=(
        Column(name="text", kind="text"),
        Column(name="intent", kind="category", levels=("a", "b", "c"), role="target"),
    ),
)
TEXTS = [
    "Where is my card?",
    "where's MY card",
    "my card my card is gone",
    "block the card now",
    "send 12,500.00 to the bank now",
    "is the bank open now",
    "",
]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Don’t BLOCK it!", ["don't", "block", "it", "!"]),
        ("pay 12,500.00 or 40 by 2026-11-30", ["pay", "<num>", "or", "40", "by", "<num>"]),
        ("a 401k plan", ["a", "401", "k", "plan"]),
        ("ﬁne ＨＥＬＬＯ", ["fine", "hello"]),
        ("caf\u0065\u0301 naïve", ["café", "naïve"]),
        ("👍👍 ok_then", ["👍", "👍", "ok", "_", "then"]),
        ("привет 世界", ["привет", "世界"]),
        ("\x00\x07 tab\tline\n", ["\x00", "\x07", "tab", "line"]),
        ("", []),
    ],
)
def test_words(text: str, words: list[str]) -> None:
    """Letters in one form, apostrophes within words, long numbers alike, marks and emoji one by one."""
    assert words_of(composed(text)) == words


def test_places_are_those_in_the_composed_text() -> None:
    text = composed("Cafe\u0301 “Don’t” 12345")
    assert [text[start:stop] for _, start, stop in words_with_places(text)] == ["Café", "“", "Don’t", "”", "12345"]


def test_n_grams_of_words_and_characters() -> None:
    assert word_pairs(["is", "it"]) == ["^ is", "is it", "it $"]
    assert word_pairs([]) == ["^ $"]
    assert character_grams("ab") == [" a", "ab", "b ", " ab", "ab ", " ab "]


def test_values_are_the_tf_idf_of_scikit_learn() -> None:
    """Each block against a TfidfVectorizer with the same n-grams, of which pairs of words are in two texts at least."""
    frame = pd.DataFrame({"text": TEXTS})
    encoder = TextEncoder(TABLE)
    encoded = encoder.fit_transform(frame).dense()

    def pieces(text: str) -> list[str]:
        return [gram for word in words_of(text) for gram in character_grams(word)]

    def words_and_pairs(text: str) -> list[str]:
        return [*words_of(text), *word_pairs(words_of(text))]

    met = [set(word_pairs(words_of(text))) for text in TEXTS]
    often = {pair for pairs in met for pair in pairs if sum(pair in others for others in met) >= 2}
    vocabulary = [*sorted({word for text in TEXTS for word in words_of(text)}), *sorted(often)]
    assert {"my card", "^ where"} & often == {"my card"}
    words = TfidfVectorizer(analyzer=words_and_pairs, sublinear_tf=True, vocabulary=vocabulary)
    characters = TfidfVectorizer(analyzer=pieces, sublinear_tf=True, min_df=3)
    expected = np.hstack([one.fit_transform(TEXTS).toarray() for one in (words, characters)])
    names = [*words.get_feature_names_out(), *characters.get_feature_names_out()]
    assert encoder.get_feature_names_out().tolist() == names
    np.testing.assert_allclose(encoded, expected, rtol=1e-5, atol=1e-7)


def test_a_row_has_the_same_bits_as_in_a_frame() -> None:
    encoder = TextEncoder(TABLE).fit(pd.DataFrame({"text": TEXTS}))
    new = [*TEXTS, "unheard words 🤷", None]
    of_frame = encoder.transform(pd.DataFrame({"text": new}))
    for i, text in enumerate(new):
        columns, values = encoder.encode_rows([{"text": text}]).row(0)
        assert (columns.tobytes(), values.tobytes()) == tuple(part.tobytes() for part in of_frame.row(i))
    assert len(of_frame.row(len(new) - 1)[0]) == len(of_frame.row(6)[0]) == 0


def test_the_least_number_of_texts_is_counted_in_texts() -> None:
    """A piece of three characters in two texts is left out, however often it is in them."""
    encoder = TextEncoder(TABLE).fit(pd.DataFrame({"text": ["xyz xyz xyz", "xyz", "abc", "abc", "abc"]}))
    names = set(encoder.get_feature_names_out()[encoder.n_words_ :])
    assert "abc" in names
    assert "xyz" not in names


def test_a_table_has_one_text_to_read() -> None:
    plain = Table(name="t", columns=(*TABLE.columns, Column(name="subject", kind="text")))
    with pytest.raises(TableError, match="needs one text as a feature, it has 2"):
        TextEncoder(plain).fit(pd.DataFrame({"text": TEXTS}))


def test_a_forged_vocabulary_is_refused() -> None:
    encoder = TextEncoder(TABLE).fit(pd.DataFrame({"text": TEXTS}))
    state = {**encoder.__getstate__(), "idf_": encoder.idf_[1:]}
    with pytest.raises(ValueError, match=r"vocabulary_ has \d+ n-grams, idf_"):
        TextEncoder.__new__(TextEncoder).__setstate__(state)
