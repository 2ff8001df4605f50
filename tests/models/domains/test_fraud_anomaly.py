"""The two models of fraud together: the anomaly as an answer, as an input, and as a reason."""

from __future__ import annotations

from dataclasses import replace
from operator import itemgetter

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import ks_2samp

from data.checking import checked_frame
from data.column import Column
from data.table import Table
from models.answers.respond import respond
from models.arrays import Floats, Labels
from models.contract import LiveModel
from models.domains._discovery import load_domains
from models.domains.fraud.anomaly import ANOMALY
from models.domains.fraud.policy import FraudPolicy
from models.domains.fraud.scorer import FraudScorer
from models.estimators.calibration import probability
from models.estimators.table_classifier import TableClassifier
from models.presets import PRESETS, Preset, PresetName

TABLE = Table(
    name="payments",
    columns=(
        *(Column(name=name, kind="number", optional=name == "usual") for name in ("amount", "usual", "pace", "hour")),
        Column(name="channel", kind="category", levels=("chip", "online")),
        Column(name="fraud", kind="flag", role="target"),
    ),
)
DIRECTED = TABLE.with_columns({"amount": {"direction": +1}})
PATIENT = replace(PRESETS["fast"], network={**PRESETS["fast"].network, "max_epochs": 120})
ROWS = st.lists(st.integers(0, 2_999), min_size=1, max_size=300)


def payments(n_rows: int, seed: int, *, known: float = 0.05, unseen: float = 0.0) -> tuple[pd.DataFrame, Floats]:
    """Payments whose numbers hang together by one hidden quantity, and which kind of fraud each is: 0 for none.

    Known frauds (1) are of a high amount. In unseen ones (2) each number is as usual, but they do not hang together.
    """
    rng = np.random.default_rng(seed)
    hidden = rng.uniform(-2, 2, n_rows)
    kind = rng.choice([0, 1, 2], n_rows, p=[1 - known - unseen, known, unseen])
    numbers = np.stack([hidden, hidden**2, np.sin(2 * hidden), hidden - hidden**2])
    numbers += 0.05 * rng.standard_normal(numbers.shape)
    numbers[:, kind == 2] = [rng.permuted(of_kind) for of_kind in numbers[:, kind == 2]]
    numbers[0, kind == 1] += 1.5
    frame = pd.DataFrame(dict(zip(("amount", "usual", "pace", "hour"), numbers, strict=True)))
    frame["channel"] = rng.choice(["chip", "online"], n_rows)
    frame["fraud"] = (kind > 0).astype(int)
    return checked_frame(TABLE, frame, "payments", training=True), kind


def trained(
    table: Table, kind: type[TableClassifier] = FraudScorer, preset: Preset = PRESETS["fast"]
) -> TableClassifier:
    """A model of 3,000 payments, a fifth of them to validate."""
    frame, _ = payments(3_000, 0)
    labels = TABLE.labels(frame)
    validation = frame.iloc[2_400:], labels[2_400:]
    return kind(table, preset, 0).fit(frame.iloc[:2_400], labels[:2_400], validation=validation)


@pytest.fixture(scope="module")
def scorer() -> FraudScorer:
    found = trained(TABLE)
    assert isinstance(found, FraudScorer)
    return found


@pytest.fixture(scope="module")
def directed() -> FraudScorer:
    found = trained(DIRECTED)
    assert isinstance(found, FraudScorer)
    return found


def encoded(scorer: FraudScorer, n_rows: int = 3_000, seed: int = 1) -> np.ndarray:
    return scorer.encoder.transform(payments(n_rows, seed)[0])


def live(scorer: FraudScorer, **changes: float) -> LiveModel:
    return LiveModel(
        name="fraud", version=1, domain=load_domains()["fraud"], scorer=scorer, policy=FraudPolicy(**changes)
    )


ABSURD = {"amount": 0.0, "usual": 4.0, "pace": -1.0, "hour": 2.0, "channel": "online"}


@pytest.fixture(scope="module")
def together(scorer: FraudScorer, directed: FraudScorer) -> list[tuple[FraudScorer, np.ndarray, list[Floats]]]:
    """Both models, 3,000 encoded rows, and what they say of all these rows at once."""
    found = []
    for model in (scorer, directed):
        X = encoded(model)
        found.append((model, X, [model.anomaly.errors(X), model.log_odds(X), model.anomaly_percentiles(X)]))
    return found


@given(chosen=ROWS)
@settings(max_examples=25)
def test_a_row_has_the_same_bits_alone_and_among_others(
    together: list[tuple[FraudScorer, np.ndarray, list[Floats]]], chosen: list[int]
) -> None:
    """Error, log-odds and percentile, whatever rows are answered together and in whatever order."""
    for model, X, of_all in together:
        for rows in (chosen, chosen[:1]):
            answers = [model.anomaly.errors(X[rows]), *itemgetter("log_odds", "anomaly")(model.scores(X[rows]))]
            for answer, expected in zip(answers, of_all, strict=True):
                np.testing.assert_array_equal(answer, expected[rows])


def test_the_error_is_the_mean_square_of_what_was_missed(scorer: FraudScorer) -> None:
    """Row by row, in units of the deviation of each feature of the rows that were learned."""
    X, network = encoded(scorer, 50), scorer.anomaly.autoencoder
    for x, error in zip(X, scorer.anomaly.errors(X), strict=True):
        scaled = (x.astype(float) - network.means_) * network.scales_
        given_back = network.network_.mean_sums(scaled[None].astype(np.float32))[0]
        assert error == pytest.approx(np.mean((given_back - scaled) ** 2), rel=1e-4)


def test_training_rows_are_not_flattered(scorer: FraudScorer) -> None:
    """Genuine rows that the autoencoder learned from have errors like those of others."""
    learned, others = (
        encoded(scorer, 2_400, 0)[TABLE.labels(payments(2_400, 0)[0]) == 0],
        encoded(scorer, 6_000, 7)[TABLE.labels(payments(6_000, 7)[0]) == 0],
    )
    assert ks_2samp(scorer.anomaly.errors(learned), scorer.anomaly.errors(others)).statistic < 0.06


@pytest.mark.parametrize("preset", ["fast", "balanced"])
def test_the_shares_add_up_with_that_of_the_anomaly(preset: PresetName) -> None:
    """One share for each column, the anomaly's last, and a network of folds reads it as well."""
    model = trained(TABLE, preset=replace(PRESETS[preset], network={**PRESETS[preset].network, "max_epochs": 4}))
    assert [column.name for column in model.columns] == [*model.column_names, ANOMALY.name]
    for x in encoded(model, 20):  # type: ignore[arg-type]
        explained = model.explain(x)
        assert len(explained.shares) == len(model.columns)
        assert explained.shares.sum() == pytest.approx(explained.log_odds - explained.base, abs=1e-9)
        assert explained.log_odds == model.log_odds(x[None])[0]
    assert model.network.network_.layers[0].n_inputs == len(model.input_owners)


def test_another_value_of_a_column_brings_its_own_anomaly(scorer: FraudScorer) -> None:
    """A curve has the probability of the changed row, including its anomaly score."""
    row = {"amount": 0.5, "usual": 0.25, "pace": 0.8, "hour": 0.25, "channel": "chip"}
    values = [-2.0, 0.0, 3.0]
    x = scorer.encoder.encode_rows([row])
    curve = scorer.probabilities_with(x, "amount", values)[:, 0]
    changed = scorer.encoder.encode_rows([{**row, "amount": value} for value in values])
    np.testing.assert_array_equal(curve, probability(scorer.log_odds(changed)))


def test_the_anomaly_that_is_read_does_not_move_with_directed_columns(directed: FraudScorer) -> None:
    """So the probability moves with them as promised, while the answer's own anomaly takes them into account."""
    row = {"amount": 0.5, "usual": 0.25, "pace": 0.8, "hour": 0.25, "channel": "chip"}
    X = directed.encoder.encode_rows([{**row, "amount": value} for value in np.linspace(-3, 6, 200).tolist()])
    assert len(np.unique(directed.anomaly.errors_to_read(X))) == 1
    assert len(np.unique(directed.anomaly.errors(X))) > 100
    assert (np.diff(directed.log_odds(X)) >= 0).all()


def test_a_review_for_the_anomaly_says_so(scorer: FraudScorer) -> None:
    """A row that no genuine one resembles is reviewed, and the first reason or one of the strongest is why."""
    model = live(scorer, review_anomaly_from=99.0, review_from=1.0, block_from=1.0)
    (answer,) = respond(model, [ABSURD], ["id"])
    (found,) = (given for given in answer.reasons if given.column == ANOMALY.name)  # type: ignore[attr-defined]
    assert answer.decision == "review"  # type: ignore[attr-defined]
    assert found.value == answer.anomaly_score >= 99  # type: ignore[attr-defined]
    assert found.text.startswith("The transaction is unlike genuine ones (more unusual than ")
    assert found.typical < 99


def test_refining_keeps_the_autoencoder_and_measures_what_is_usual(scorer: FraudScorer) -> None:
    """The network's inputs keep their meaning; percentiles are those of the new genuine rows."""
    model = trained(TABLE)
    assert isinstance(model, FraudScorer)
    frame, _ = payments(2_000, 5)
    frame = frame.assign(usual=frame["usual"] + 0.5)
    labels, parameters = TABLE.labels(frame), model.anomaly.autoencoder.network_.parameters.copy()
    held_out = frame.iloc[1_000:][labels[1_000:] == 0]
    before = model.anomaly_percentiles(model.encoder.transform(held_out))
    model.refine(frame.iloc[:1_000], labels[:1_000], validation=(frame.iloc[1_000:], labels[1_000:]), seed=1)
    after = model.anomaly_percentiles(model.encoder.transform(held_out))
    np.testing.assert_array_equal(model.anomaly.autoencoder.network_.parameters, parameters)
    assert np.median(before) > 70
    assert np.median(after) == pytest.approx(50, abs=1)


def recall_at(budget: float, scores: Floats, wanted: Labels) -> float:
    """Share of the wanted rows among the rows with the highest scores, as many as the budget allows."""
    alerted = np.argsort(-scores, kind="stable")[: round(budget * len(scores))]
    return float(wanted[alerted].sum() / wanted.sum())


def test_an_unseen_kind_of_fraud_is_found_by_the_anomaly() -> None:
    """At the same budget, the anomaly score, alone or alternating with the network, finds unlabelled kinds of fraud."""
    both, alone = trained(TABLE, preset=PATIENT), trained(TABLE, TableClassifier, PATIENT)
    assert isinstance(both, FraudScorer)
    frame, kind = payments(6_000, 3, known=0.01, unseen=0.02)
    X = both.encoder.transform(frame)
    by_network, anomaly = both.log_odds(X), both.anomaly.errors(X)
    places = np.stack([np.argsort(np.argsort(-scores, kind="stable")) for scores in (by_network, anomaly)])
    unseen = kind == 2
    without = recall_at(0.05, alone.log_odds(alone.encoder.transform(frame)), unseen)
    assert recall_at(0.05, anomaly, unseen) > without + 0.3
    assert recall_at(0.05, -places.min(axis=0).astype(float), unseen) > without + 0.2
