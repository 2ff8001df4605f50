"""A scorer that reads sentence vectors beside the n-grams: trained, kept in the home, restored, explained."""

from __future__ import annotations

import copy
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from data.simulators import chat
from models.domains._discovery import load_domains
from models.encoding.sentences.encoder import SentenceEncoder, keep, kept_encoder
from models.encoding.text_encoder import GRAMS_SCALE, SENTENCE_SCALE, TextEncoder
from models.encoding.words import words_of
from models.errors import BundleError, SentenceModelError
from models.estimators.text_scorer import TextScorer
from models.estimators.word_shares import word_shares
from models.home import Home
from models.nn.sparse_rows import SparseRows
from models.presets import PRESETS
from models.registry.bundles import load_bundle
from models.registry.registry import Registry
from models.registry.state import dump_state, load_state
from models.retraining import train
from models.tasks.classes import class_targets
from models.training.job import TrainingJob
from tests.sentence_folders import SIZES, write_folder

pytest.importorskip("tokenizers", reason="tokenizers is not installed (extra: sentences)")

TEXTS = ["i lost my card", "where is the parcel?", "", "my card is lost"]


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> SentenceEncoder:
    return SentenceEncoder.read(write_folder(tmp_path_factory.mktemp("encoder")))


@pytest.fixture(scope="module")
def scorer(encoder: SentenceEncoder) -> TextScorer:
    frame = chat.simulate(700, 0).frame
    targets, third = class_targets(chat.TABLE, frame), len(frame) // 3
    scorer = TextScorer(chat.TABLE, PRESETS["fast"], 0)
    scorer.read_sentences(encoder)
    return scorer.fit(frame[third:], targets[third:], validation=(frame[:third], targets[:third]))


def test_the_vector_stands_beside_the_n_grams(encoder: SentenceEncoder) -> None:
    """Both are scaled; names and widths fit."""
    frame = pd.DataFrame({"text": TEXTS})
    alone = TextEncoder(chat.TABLE).fit(frame)
    both = TextEncoder(chat.TABLE, encoder).fit(frame)
    expected = np.hstack([alone.transform(frame).dense() * GRAMS_SCALE, encoder.vectors(TEXTS) * SENTENCE_SCALE])
    np.testing.assert_allclose(both.transform(frame).dense(), expected, rtol=1e-6)
    assert len(both.get_feature_names_out()) == expected.shape[1]
    assert both.get_feature_names_out()[-1] == f"sentence {SIZES['hidden_size'] - 1}"


def test_a_message_has_the_same_scores_alone_and_in_a_batch(scorer: TextScorer) -> None:
    """Bit for bit, from a frame and from a row."""
    together = scorer.frame_scores(pd.DataFrame({"text": TEXTS * 20}))
    for i, text in enumerate(TEXTS):
        alone = scorer.scores(scorer.encoder.encode_rows([{"text": text}]))
        for name, found in alone.items():
            np.testing.assert_array_equal(found[0], together[name][i])


def test_the_shares_of_words_add_up(scorer: TextScorer) -> None:
    """To the difference of the two largest sums, less that of a row without entries; both parts count."""
    words = words_of("i lost my card")
    x = scorer.encoder.encode_rows([{"text": "i lost my card"}])
    network = scorer.network.network_
    empty = SparseRows(np.zeros(2, np.intp), x.columns[:0], x.values[:0], x.n_columns)
    sums, none = network.mean_sums(x)[0], network.mean_sums(empty)[0]
    first, second = np.argsort(-sums)[:2]
    shares = scorer.word_shares(words, x)
    assert shares.shape == (4,)
    assert shares.sum() == pytest.approx((sums[first] - sums[second]) - (none[first] - none[second]), abs=1e-4)


def test_slips_are_corrected_for_the_vector_alone(scorer: TextScorer, encoder: SentenceEncoder) -> None:
    """Words of the training texts are put in their place; the n-grams are of the text as typed."""
    typed, meant = [{"text": "I lost my cardd"}], [{"text": "I lost my card"}]
    row, other = (scorer.encoder.encode_rows(rows).dense()[0] for rows in (typed, meant))
    np.testing.assert_array_equal(row[-encoder.width :], other[-encoder.width :])
    plain = copy.copy(scorer.encoder)
    plain.sentences = None
    np.testing.assert_allclose(row[: -encoder.width], plain.encode_rows(typed).dense()[0] * GRAMS_SCALE, rtol=1e-6)
    assert not np.array_equal(row[: -encoder.width], other[: -encoder.width])


def test_what_the_encoder_knows_is_not_corrected(encoder: SentenceEncoder) -> None:
    """A word that is one token; one of pieces or without any is not known."""
    assert [encoder.knows(word) for word in ("card", "Card", "parcel", "cards", "unheard", "")] == [
        *(True, True, True),
        *(False, False, False),
    ]
    fitted = TextEncoder(chat.TABLE, encoder).fit(pd.DataFrame({"text": ["my parcels", "my cars"]}))
    assert fitted.speller is not None
    assert fitted.speller.text("parcel parcells card cards") == "parcel parcels card cars"


def test_frequent_words_are_preferred(encoder: SentenceEncoder) -> None:
    """Of training texts, not of their order; pairs of two training texts or more decide before."""
    texts = ["a bill", "the bilk", "one bilk", "your bill now", "your bill here", "some bilk"]
    fitted = TextEncoder(chat.TABLE, encoder).fit(pd.DataFrame({"text": [*texts, "bilk"]}))
    assert fitted.speller is not None
    assert fitted.speller.text("so bilx yes") == "so bilk yes"
    assert fitted.speller.text("your bilx yes") == "your bill yes"


def test_the_shares_of_mistyped_words_stand_at_their_places(scorer: TextScorer) -> None:
    """They add up, and a slip has the sentence's share of the word that was meant."""
    words, x = words_of("i lost my cardd"), scorer.encoder.encode_rows([{"text": "i lost my cardd"}])
    entries = np.zeros(len(x.columns))
    width = SIZES["hidden_size"]
    entries[-width:] = np.random.default_rng(0).standard_normal(width)
    shares = word_shares(scorer.encoder, words, entries, x)
    meant = scorer.encoder.encode_rows([{"text": "i lost my card"}])
    entries_meant = np.concatenate([np.zeros(len(meant.columns) - width), entries[-width:]])
    np.testing.assert_allclose(shares, word_shares(scorer.encoder, words_of("i lost my card"), entries_meant, meant))
    assert shares.sum() == pytest.approx(entries.sum())


def test_a_restored_scorer_corrects_the_same(scorer: TextScorer, encoder: SentenceEncoder, tmp_path: Path) -> None:
    """What is corrected is in the bundle: a text with slips has the same bits."""
    home = Home(tmp_path)
    keep(write_folder(tmp_path / "source"), home)
    again = load_state(*dump_state(scorer, "chat").values(), "d" * 64, home)
    frame = pd.DataFrame({"text": ["I lsot my cardd", "wher is the parcle"]})
    before, after = (one.frame_scores(frame) for one in (scorer, again))
    assert all(before[name].tobytes() == after[name].tobytes() for name in before)
    assert again.encoder.speller.text("my cardd") == "my card"


def test_texts_are_computed_once_if_remembered(encoder: SentenceEncoder, tmp_path: Path) -> None:
    """The vectors are the same, and a second call computes none."""
    remembering = SentenceEncoder.read(write_folder(tmp_path)).remember()
    first = remembering.vectors(TEXTS)
    np.testing.assert_array_equal(first, encoder.vectors(TEXTS))
    remembering._bert = None  # type: ignore[assignment]
    np.testing.assert_array_equal(remembering.vectors([*TEXTS, TEXTS[0]]), [*first, first[0]])


def test_the_home_keeps_an_encoder_once_and_notices_a_change(tmp_path: Path) -> None:
    """By its digest; what was altered or deleted is not used."""
    home, source = Home(tmp_path / "home"), write_folder(tmp_path / "source")
    (source / "1_Pooling").mkdir()
    (source / "1_Pooling" / "config.json").write_text('{"pooling_mode_mean_tokens": true}')
    (source / "sentence_bert_config.json").write_text('{"max_seq_length": 5}')
    digest = keep(source, home).digest
    assert keep(source, home).digest == digest
    assert [path.name for path in home.sentences.iterdir()] == [digest]
    np.testing.assert_array_equal(
        kept_encoder(home.sentences / digest).vectors(TEXTS), SentenceEncoder.read(source).vectors(TEXTS)
    )
    kept_encoder.cache_clear()
    config = home.sentences / digest / "config.json"
    config.chmod(0o644)
    config.write_text(config.read_text() + " ")
    with pytest.raises(SentenceModelError, match="a file was altered; delete the folder"):
        kept_encoder(home.sentences / digest)
    shutil.rmtree(home.sentences)
    with pytest.raises(SentenceModelError, match="copy it from the home where the model was trained"):
        kept_encoder(home.sentences / digest)


def test_a_digest_is_no_path(encoder: SentenceEncoder, tmp_path: Path) -> None:
    """A forged bundle cannot lead out of the home's folder."""
    forged = copy.copy(encoder)
    forged.digest = "../sentences"
    with pytest.raises(SentenceModelError, match="not a digest"):
        forged.restore_from(Home(tmp_path))


def test_a_job_stores_the_digest_alone_and_a_bundle_finds_the_weights(tmp_path: Path) -> None:
    """From training to an answer; without the weights the bundle is refused, and says where they belong."""
    home, source = Home(tmp_path / "home"), write_folder(tmp_path / "source")
    domain, frame = load_domains()["chat"], chat.simulate(700, 0).frame
    job = TrainingJob(
        domain=domain,
        name="sentences",
        table=domain.table,
        source="test",
        split=domain.split,
        preset="fast",
        promote="always",
        sentences=source,
    )
    registry = Registry(home.database_url)
    result = train(job, frame, home=home, registry=registry)
    registry.close()
    shutil.rmtree(source)
    bundle = home.bundles / result.digest
    state = (bundle / "state.json").read_text()
    (digest,) = (path.name for path in home.sentences.iterdir())
    assert digest in state
    assert "word_embeddings" not in state
    kept_encoder.cache_clear()
    loaded = load_bundle(home.bundles, result.digest).scorer
    scores = loaded.scores(loaded.encoder.encode_rows([{"text": "i lost my card"}]))
    assert np.isfinite(scores["probabilities"]).all()

    kept_encoder.cache_clear()
    shutil.rmtree(home.sentences)
    with pytest.raises(BundleError, match=f"there is no folder {home.sentences / digest}; copy it from the home"):
        load_bundle(home.bundles, result.digest)
