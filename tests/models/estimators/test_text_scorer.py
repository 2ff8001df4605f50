"""The scorer of texts: its classes, its limit, and the shares of words."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from data.simulators import chat
from models.encoding.words import words_of
from models.estimators import text_scorer
from models.estimators.mistyped import mistyped
from models.estimators.text_scorer import TextScorer, unusualness
from models.estimators.word_shares import entry_shares, word_shares
from models.nn.sparse_network import SparseNetwork
from models.nn.sparse_rows import SparseRows
from models.presets import PRESETS
from models.registry.state import dump_state, load_state
from models.tasks.classes import class_targets


def trained(n_rows: int = 900, *, without_unknown: bool = False) -> TextScorer:
    frame = chat.simulate(n_rows, 0).frame
    if without_unknown:
        frame = frame[frame["intent"] != "unknown"].reset_index(drop=True)
    targets, third = class_targets(chat.TABLE, frame), len(frame) // 3
    scorer = TextScorer(chat.TABLE, PRESETS["fast"], 0)
    return scorer.fit(frame[third:], targets[third:], validation=(frame[:third], targets[:third]))


@pytest.fixture(scope="module")
def scorer() -> TextScorer:
    return trained()


def test_known_messages_are_told_apart_and_unknown_ones_refused(scorer: TextScorer) -> None:
    """On fresh messages, and on unknown ones that are in no training file."""
    fresh = chat.simulate(600, 5).frame
    fresh = fresh[fresh["intent"] != "unknown"]
    scores = scorer.scores(scorer.encoder.transform(fresh))
    levels = np.array(chat.TABLE.target.levels)
    right = levels[scores["probabilities"].argmax(axis=1)] == fresh["intent"].to_numpy()
    assert right.mean() > 0.9
    assert scores["refused"].mean() < 0.1

    strangers = pd.DataFrame(
        {"text": ["who invented the telescope", "my bicycle has a flat tyre", "best pasta recipe", "is mars red"]}
    )
    scores = scorer.scores(scorer.encoder.transform(strangers))
    assert scores["refused"].sum() >= 3
    assert (scores["unusual"] > 90).all()
    np.testing.assert_allclose(scores["probabilities"].sum(axis=1), 1)


def test_messages_of_no_class_are_not_learned_and_set_the_limit(scorer: TextScorer) -> None:
    """Without any, the limit is the percentile that leaves out one known message in fifty."""
    unknown = chat.TABLE.target.levels.index("unknown")
    assert unknown not in scorer.network.classes_.tolist()
    assert scorer.outside_slope > 0
    plain = trained(without_unknown=True)
    assert (plain.limit, plain.outside_slope) == (98.0, 0.0)
    assert not plain.scores(plain.encoder.transform(chat.simulate(50, 1).frame))["probabilities"][:, unknown].any()


def test_the_limit_is_where_unknown_texts_are_ten_times_as_dense_as_known_ones() -> None:
    """For normal distributions, whose ratio of densities is known: log 10 = 3 u - 4.5."""
    rng, scorer = np.random.default_rng(0), TextScorer(chat.TABLE, PRESETS["fast"], 0)
    scorer._set_limit(rng.standard_normal(200_000), 3 + rng.standard_normal(20_000))
    assert scorer.limit == pytest.approx(100 * norm.cdf((np.log(10) + 4.5) / 3), abs=0.15)
    assert (scorer.outside_slope, scorer.outside_intercept) == pytest.approx((3, -4.5 + np.log(0.1)), rel=0.02)


def test_unknown_texts_that_are_not_unusual_set_no_limit() -> None:
    """As many as they are, they may not have known messages refused."""
    rng, scorer = np.random.default_rng(0), TextScorer(chat.TABLE, PRESETS["fast"], 0)
    scorer._set_limit(rng.standard_normal(500), rng.standard_normal(500) - 1)
    assert (scorer.limit, scorer.outside_slope) == (98.0, 0.0)
    scorer._set_limit(rng.standard_normal(500), rng.standard_normal(2) + 0.5)
    assert 90 <= scorer.limit <= 99.9


def test_percentiles_are_those_of_the_held_out_known_messages(scorer: TextScorer) -> None:
    frame = chat.simulate(900, 0).frame[:300]
    held_out = frame[frame["intent"] != "unknown"]
    scores = scorer.scores(scorer.encoder.transform(held_out))
    strange = unusualness(scorer._sums(scorer.encoder.transform(held_out)))
    expected = np.array([(strange < one).mean() for one in strange]) * 100
    np.testing.assert_allclose(scores["unusual"], expected, atol=0.5)


def test_unusualness_is_entropy_less_half_the_largest_sum() -> None:
    even, sure = np.zeros((1, 4)), np.array([[100.0, 0, 0, 0]])
    np.testing.assert_allclose(unusualness(even), np.log(4))
    np.testing.assert_allclose(unusualness(sure), -50)


def test_a_stored_scorer_answers_the_same(scorer: TextScorer) -> None:
    frame = chat.simulate(40, 3).frame
    again = load_state(*dump_state(scorer, "chat").values(), "d" * 64)
    before, after = (one.scores(one.encoder.transform(frame)) for one in (scorer, again))
    assert all(before[name].tobytes() == after[name].tobytes() for name in before)


def test_shares_of_entries_add_up_and_equal_gradients_along_the_path(scorer: TextScorer) -> None:
    """The closed form against 20,000 steps of central differences' limit: the mean gradient along the path."""
    network = scorer.network.network_
    assert isinstance(network, SparseNetwork)
    row = scorer.encoder.encode_rows([{"text": "I lost my card in spain, block it please"}])
    weights = np.zeros(network.layers[-1].n_outputs)
    weights[2], weights[7] = 1, -1
    shares = entry_shares(network, row, weights)

    def output(one: SparseRows) -> float:
        return float(network.mean_sums(one).astype(np.float64)[0] @ weights)

    empty = SparseRows(np.array([0, 0]), np.empty(0, np.intp), np.empty(0, np.float32), row.n_columns)
    assert shares.sum() == pytest.approx(output(row) - output(empty), abs=1e-3)

    columns, values = row.row(0)
    touched = network.first.weights[columns].astype(np.float64)
    parts = (np.arange(20_000) + 0.5)[:, None] / 20_000
    on = (parts * (values @ touched) + network.first.biases > 0).mean(axis=0)
    of_units = (network.layers[0].weights @ weights / network.n_members).ravel()
    np.testing.assert_allclose(shares, values * (touched @ (on * of_units)), atol=1e-4)


def test_shares_of_words_are_those_of_their_pieces(scorer: TextScorer) -> None:
    """They add up to the entries' sum, and a pair of words counts half for each."""
    words = words_of("lost my card, lost it")
    row = scorer.encoder.encode_words([words])
    entries = np.random.default_rng(0).standard_normal(len(row.columns))
    shares = word_shares(scorer.encoder, words, entries, row)
    assert shares.sum() == pytest.approx(entries.sum())
    assert shares[0] != pytest.approx(0)

    alone = np.where(row.columns == scorer.encoder.word_number("lost my"), 3.0, 0.0)
    assert scorer.encoder.word_number("lost my") >= 0
    np.testing.assert_allclose(word_shares(scorer.encoder, words, alone, row), [1.5, 1.5, 0, 0, 0, 0])
    twice = np.where(row.columns == scorer.encoder.word_number("lost"), 3.0, 0.0)
    np.testing.assert_allclose(word_shares(scorer.encoder, words, twice, row), [1.5, 0, 0, 0, 1.5, 0])


def test_no_prediction_is_surer_than_the_validation_rows_allow(scorer: TextScorer) -> None:
    """All of them are right, which does not make an error impossible."""
    frame = chat.simulate(900, 0).frame[:300]
    held_out = frame[frame["intent"] != "unknown"]
    shares = scorer.scores(scorer.encoder.transform(held_out))["probabilities"]
    right = shares.argmax(axis=1) == class_targets(chat.TABLE, held_out)
    assert right.mean() > 0.97
    assert shares.max() < 1 - 1e-5
    assert shares.max(axis=1)[right].mean() > 0.9


def test_mistyped_copies_are_learned_and_make_no_n_grams(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fresh messages with a slip are read better than by a scorer that learned none; the vocabulary is the same."""
    scorer = trained(300)
    monkeypatch.setattr(text_scorer, "N_COPIES", 0)
    plain = trained(300)
    assert plain.encoder.vocabulary_.tobytes() == scorer.encoder.vocabulary_.tobytes()
    fresh = chat.simulate(1_500, 5).frame
    fresh = fresh[fresh["intent"] != "unknown"]
    fresh = fresh.assign(text=mistyped(fresh["text"].tolist(), np.random.default_rng(9)))
    right = [
        (one.scores(one.encoder.transform(fresh))["probabilities"].argmax(axis=1) == class_targets(chat.TABLE, fresh))
        for one in (plain, scorer)
    ]
    assert right[1].mean() > right[0].mean() + 0.01
