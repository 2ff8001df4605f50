"""Refining through the job: which tables fit a live version, and what a refined model of folds says of itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from data.column import Column
from data.table import Table
from models.domains._discovery import load_domains
from models.home import Home
from models.registry.live import REPORT, load_live
from models.registry.registry import Registry
from models.retraining import train
from models.training.job import TrainingJob
from models.training.refine import table_differences
from tests.models.reports.test_training_report import Page

COLUMNS = {
    "income": Column(name="income", kind="number", minimum=0, missing=(-1,), description="per month", unit="EUR"),
    "purpose": Column(name="purpose", kind="category", levels=("car", "house"), example="car"),
    "owner": Column(name="owner", kind="flag", levels=("no", "yes")),
    "card": Column(name="card", kind="key", role="entity"),
    "weight": Column(name="weight", kind="number", role="weight"),
    "remark": Column(name="remark", kind="text", role="ignore"),
    "outcome": Column(name="outcome", kind="category", role="target", levels=("good", "bad"), positive="bad"),
}
TABLE = Table(name="loans", columns=tuple(COLUMNS.values()))


@pytest.mark.parametrize(
    "changes",
    [
        {"income": {"description": "per year", "unit": "USD", "example": 3.0, "protected": True}},
        {"purpose": {"levels": ("boat", "car", "house")}},
        {"weight": {"minimum": 0}},
        {"remark": {"kind": "category"}},
        {},
    ],
)
def test_words_for_people_and_further_levels_make_no_other_table(changes: Any) -> None:
    """Neither the encoder nor a request reads them."""
    assert table_differences(TABLE, TABLE.with_columns(changes)) == []


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"income": {"role": "ignore"}}, "column 'income' is no longer read"),
        ({"remark": {"kind": "category", "role": "feature"}}, "column 'remark' was not read before"),
        ({"income": {"minimum": -5}}, "column 'income' has minimum -5.0 in place of 0.0"),
        ({"income": {"missing": (-9,)}}, "column 'income' has missing (-9,) in place of (-1,)"),
        ({"income": {"direction": -1}}, "column 'income' has direction -1 in place of 0"),
        ({"owner": {"levels": ("yes", "no")}}, "column 'owner' has levels ('yes', 'no') in place of ('no', 'yes')"),
        ({"card": {"role": "feature"}}, "column 'card' has role 'feature' in place of 'entity'"),
        ({"outcome": {"positive": "good"}}, "column 'outcome' has positive 'good' in place of 'bad'"),
    ],
)
def test_what_is_read_differently_is_named(changes: Any, said: str) -> None:
    """One text for each difference, with the column and both values."""
    assert table_differences(TABLE, TABLE.with_columns(changes)) == [said]


def test_a_refined_ensemble_of_folds_claims_no_folds(tmp_path: Path) -> None:
    """All networks go on together on one split; curves, report and calibration are those of the refinement."""
    domain, home = load_domains()["credit"], Home(tmp_path)
    registry = Registry(home.database_url)
    reports, scorers = [], []
    for refine in (False, True):
        job = TrainingJob(
            domain=domain,
            name="credit",
            table=domain.table,
            source="simulated",
            split=domain.split,
            refine=refine,
            promote="always",
        )
        result = train(job, domain.simulate(1500, int(refine)).frame, home=home, registry=registry)
        scorers.append(load_live(registry.champion("credit"), home.bundles).scorer)
        reports.append(Page((home.bundles / result.digest / REPORT).read_text()).text)
    registry.close()

    assert "neural networks for 5 folds" in reports[0]
    assert "refined from version 1" in reports[1]
    assert "fold" not in reports[1]
    assert [scorer.network.n_folds_ for scorer in scorers] == [5, 1]
    assert scorers[1].network.network_.n_members == scorers[0].network.network_.n_members == 5
    assert len(scorers[1].network.training_curve_) <= 20
    assert not hasattr(scorers[1].network, "held_out_sums_")
    assert scorers[1].network.settings == scorers[0].network.settings
    assert not scorers[1].network.warm_start
    assert scorers[1].calibrator.slope != scorers[0].calibrator.slope
