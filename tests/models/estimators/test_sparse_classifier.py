"""The classifier of sparse rows: what it learns, what it refuses, and how it is stored."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from data.column import Column
from data.table import Table
from models.encoding.text_encoder import TextEncoder
from models.estimators.sparse_classifier import SparseClassifier
from models.nn.sparse_rows import SparseRows
from models.registry.state import dump_state, load_state

TABLE = Table(
    name="messages",
    columns=(
        Column(name="text", kind="text"),
        Column(name="intent", kind="category", levels=("balance", "block", "hours"), role="target"),
    ),
)
PHRASES = {
    0: ("what is my balance", "how much is on my account", "show the balance please"),
    1: ("block my card", "i lost the card", "please lock this card now"),
    2: ("when do you open", "opening hours please", "are you open on sunday"),
}


def made_rows(n_rows: int, seed: int) -> tuple[pd.DataFrame, np.ndarray]:
    """Phrases with a word before and after."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 3, n_rows)
    texts = [
        f"{rng.choice(['hi', 'hello', ''])} {rng.choice(PHRASES[label])} {rng.choice(['thanks', '!', ''])}"
        for label in labels
    ]
    return pd.DataFrame({"text": texts}), labels


@pytest.fixture(scope="module")
def encoder() -> TextEncoder:
    return TextEncoder(TABLE).fit(made_rows(200, 0)[0])


@pytest.fixture(scope="module")
def fitted(encoder: TextEncoder) -> SparseClassifier:
    frame, labels = made_rows(200, 0)
    held_out, held_out_labels = made_rows(60, 1)
    network = SparseClassifier((16,), n_members=2, preset="fast", max_epochs=8, random_state=0)
    return network.fit(encoder.transform(frame), labels, validation_data=(encoder.transform(held_out), held_out_labels))


def test_it_learns_phrases_with_unseen_words_around(encoder: TextEncoder, fitted: SparseClassifier) -> None:
    texts = [{"text": f"dear bank, {phrase} kindly"} for phrases in PHRASES.values() for phrase in phrases]
    probabilities = fitted.predict_proba(encoder.encode_rows(texts))
    assert probabilities.argmax(axis=1).tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)


def test_equal_seeds_give_equal_bits(encoder: TextEncoder) -> None:
    frame, labels = made_rows(100, 0)
    fits = [
        SparseClassifier((8,), preset="fast", max_epochs=3, random_state=seed).fit(encoder.transform(frame), labels)
        for seed in (4, 4, 5)
    ]
    weights = [one.network_.first.weights.tobytes() for one in fits]
    assert weights[0] == weights[1] != weights[2]


def test_a_stored_classifier_predicts_the_same(encoder: TextEncoder, fitted: SparseClassifier) -> None:
    """To the bit, though its first weights are stored in 16 bits."""
    X = encoder.transform(made_rows(300, 2)[0])
    state, arrays = dump_state(fitted, "messages").values()
    again = load_state(state, arrays, "d" * 64)
    assert again.decision_function(X).tobytes() == fitted.decision_function(X).tobytes()

    state, arrays = dump_state(encoder, "messages").values()
    encoded = load_state(state, arrays, "d" * 64).transform(made_rows(5, 3)[0])
    expected = encoder.transform(made_rows(5, 3)[0])
    assert (encoded.columns.tobytes(), encoded.values.tobytes()) == (
        expected.columns.tobytes(),
        expected.values.tobytes(),
    )


def test_what_does_not_fit_is_refused(encoder: TextEncoder, fitted: SparseClassifier) -> None:
    X = encoder.encode_rows([{"text": "block my card"}])
    with pytest.raises(ValueError, match="features"):
        fitted.predict(SparseRows(X.starts, X.columns, X.values, X.n_columns + 1))
    diverging = SparseClassifier((8,), preset="fast", learning_rate=1e30, max_epochs=2, random_state=0)
    frame, labels = made_rows(60, 0)
    with pytest.raises(ValueError, match=r"training diverged: .* lower learning_rate"):
        diverging.fit(encoder.transform(frame), labels)
