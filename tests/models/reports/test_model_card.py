"""The model card: each of its numbers counted again from the bundle and the test rows, and a page that shows them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from sklearn.metrics import average_precision_score, brier_score_loss, log_loss, roc_auc_score

from data.checking import checked_frame
from data.splits import split_rows
from models.domains._discovery import load_domains
from models.home import Home
from models.registry.bundles import Bundle, load_bundle, read_file
from models.registry.live import CARD, CARD_PAGE
from models.registry.registry import Registry
from models.reports.model_card import ModelCard
from models.retraining import train
from models.training.job import TrainingJob
from tests.models.reports.test_training_report import Page

CREDIT = load_domains()["credit"]
SEED = 3


@dataclass(frozen=True)
class Told:
    """What a training job stored, and the test rows found again without it."""

    bundle: Bundle
    card: ModelCard
    page: str
    training: pd.DataFrame
    test: pd.DataFrame
    labels: npt.NDArray[np.int64]

    @property
    def probabilities(self) -> npt.NDArray[np.float64]:
        probabilities: npt.NDArray[np.float64] = self.bundle.scorer.probabilities(self.test)
        return probabilities


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Told:
    """A small credit model, trained, stored and loaded."""
    home = Home(tmp_path_factory.mktemp("card") / "home")
    frame = CREDIT.simulate(4_000, SEED).frame
    job = TrainingJob(
        domain=CREDIT,
        name="lending",
        table=CREDIT.table,
        source="simulated",
        split=CREDIT.split,
        preset="fast",
        seed=SEED,
    )
    registry = Registry(home.database_url)
    result = train(job, frame, home=home, registry=registry)
    registry.close()
    checked = checked_frame(CREDIT.restrict_inputs(CREDIT.table), frame, "rows", training=True)
    labels = CREDIT.table.labels(checked)
    rows = split_rows(CREDIT.split, labels=labels, times=None, seed=SEED)
    return Told(
        bundle=load_bundle(home.bundles, result.digest),
        card=ModelCard.model_validate_json(read_file(home.bundles, result.digest, CARD)),
        page=read_file(home.bundles, result.digest, CARD_PAGE).decode(),
        training=checked.iloc[rows.train],
        test=checked.iloc[rows.test],
        labels=labels[rows.test],
    )


def test_its_metrics_are_those_of_the_stored_model_on_the_test_rows(told: Told) -> None:
    """By scikit-learn's own functions, to the last digits; the manifest says the same."""
    ours = told.card.metrics["this version"]
    expected = {
        "auc": roc_auc_score(told.labels, told.probabilities),
        "average_precision": average_precision_score(told.labels, told.probabilities),
        "log_loss": log_loss(told.labels, told.probabilities),
        "brier": brier_score_loss(told.labels, told.probabilities),
        "positive_rate": told.labels.mean(),
        "calibration_ratio": told.probabilities.mean() / told.labels.mean(),
        "n_rows": len(told.labels),
    }
    assert {name: ours[name] for name in expected} == pytest.approx(expected, rel=1e-9)
    assert ours == told.bundle.manifest.metrics
    assert {"logistic regression", "gradient boosting"} <= told.card.metrics.keys()


def test_its_decisions_are_those_of_the_bundles_policy(told: Told) -> None:
    """Counted by cutting the probabilities where the policy says."""
    below, from_there = told.card.policy["approve_below"], told.card.policy["decline_from"]
    p = told.probabilities
    expected = {"approve": p < below, "decline": p >= from_there, "refer": (p >= below) & (p < from_there)}
    assert {row.decision for row in told.card.decisions} == {name for name, rows in expected.items() if rows.any()}
    for decision in told.card.decisions:
        rows = expected[decision.decision]
        assert decision.n_rows == rows.sum()
        assert decision.share_of_rows == pytest.approx(rows.mean())
        assert decision.event_rate == pytest.approx(told.labels[rows].mean())


def test_its_treatment_of_groups_is_what_the_rows_say(told: Told) -> None:
    """Selection rates, true and false positives by gender, counted row by row."""
    approved = told.probabilities < told.card.policy["approve_below"]
    assert told.card.audit.fairness is not None
    gender = next(column for column in told.card.audit.fairness.columns if column.column == "gender")
    assert {group.group for group in gender.groups} == set(told.test["gender"])
    for group in gender.groups:
        rows = (told.test["gender"] == group.group).to_numpy()
        assert group.n_rows == rows.sum()
        assert group.selection_rate == pytest.approx(approved[rows].mean())
        for refused_rate, label in ((group.event_refused_rate, 1), (group.no_event_refused_rate, 0)):
            refused = ~approved[rows & (told.labels == label)]
            assert refused_rate == (pytest.approx(refused.mean()) if len(refused) else None)
        assert group.mean_predicted == pytest.approx(told.probabilities[rows].mean())


def test_its_rating_grades_are_those_of_the_domain(told: Told) -> None:
    """Each row in its grade, counted row by row; the adjusted p value is never below that of the one test."""
    grades = told.card.audit.grades
    assert [grade.high for grade in grades] == [*CREDIT.grades, 1.0]
    assert sum(grade.n_rows for grade in grades) == len(told.labels)
    for grade in grades:
        rows = (told.probabilities >= grade.low) & (told.probabilities < grade.high)
        assert grade.n_rows == rows.sum()
        if rows.any():
            assert grade.observed_rate == pytest.approx(told.labels[rows].mean())
            assert grade.mean_predicted == pytest.approx(told.probabilities[rows].mean())
            assert grade.adjusted_p_value is not None
            assert grade.p_value is not None
            assert grade.adjusted_p_value >= grade.p_value


def test_its_rows_and_effects_are_those_of_the_bundle(told: Told) -> None:
    """How many rows there were of each set, which columns, and how far they move the answer."""
    card, scorer = told.card, told.bundle.scorer
    assert (card.rows.n_rows["train"], card.rows.n_rows["test"]) == (len(told.training), len(told.test))
    assert sum(card.rows.n_rows.values()) == told.bundle.manifest.n_rows
    assert [column.name for column in card.rows.columns] == [column.name for column in scorer.table.columns]
    assert {column.name for column in card.rows.columns if column.protected} == {"age", "gender"}
    assert not {"age", "gender"} & card.audit.effects.keys()
    assert card.audit.effects.keys() == set(scorer.column_names)
    first = scorer.encoder.transform(told.test.iloc[:200])
    shares = np.mean([np.abs(scorer.shares(x)) for x in first], axis=0)
    assert card.audit.effects == pytest.approx(dict(zip(scorer.column_names, shares, strict=True)), rel=1e-6)
    assert (card.name, card.domain, card.made_with["seed"]) == ("lending", "credit", SEED)


def test_its_page_shows_its_numbers_and_needs_nothing_else(told: Told) -> None:
    """Every metric and selection rate stands on the page; nothing is loaded, and no script runs."""
    page = Page(told.page)
    for value in ("auc", "log_loss", "brier"):
        assert f"{told.card.metrics['this version'][value]:.4f}" in page.text
    for sentence in (*told.card.findings, *told.card.not_for, told.card.intended_use, told.card.verdict):
        assert " ".join(sentence.replace("\N{NO-BREAK SPACE}", " ").split()) in page.text
    assert page.scripts == []
    assert not [tag for tag, attributes in page.tags if {"src", "href"} & attributes.keys()]
    assert len(told.page) < 200_000


def test_a_card_is_plain_json(told: Told) -> None:
    """Without NaN, and the same after a round trip; every field says what it is."""
    text = told.card.model_dump_json()
    assert ModelCard.model_validate_json(text) == told.card
    json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
    properties: dict[str, Any] = ModelCard.model_json_schema()["properties"]
    self_explaining = {"name", "domain", "created", "rows", "audit"}
    assert {name for name, field in properties.items() if "description" not in field} <= self_explaining


@pytest.mark.parametrize("name", load_domains())
def test_every_domain_says_what_its_models_are_for(name: str) -> None:
    """In sentences."""
    domain = load_domains()[name]
    assert domain.intended_use.endswith(".")
    assert domain.not_for
    assert all(use.endswith(".") for use in domain.not_for)
