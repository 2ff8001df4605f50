"""All diagnostics at once: every domain has them, they are plain data, and credit never reads what it must not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from data.splits import split_rows
from data.windows import checked_history
from models.contract import Domain
from models.domains._discovery import load_domains
from models.evaluation.diagnostics import Diagnostics, diagnose
from models.presets import PRESETS
from models.training.trained import Trained

DOMAINS = load_domains()


def trained(domain: Domain, n_rows: int) -> Trained:
    table = domain.restrict_inputs(domain.table)
    frame = domain.simulate(n_rows, 0).frame
    checked, labels = checked_history(table, frame, "simulated rows")
    times = None if table.time is None else checked[table.time.name].to_numpy()
    rows = split_rows(domain.split, labels=labels, times=times, seed=0)
    scorer = domain.build(table, PRESETS["fast"], 0)
    scorer.fit(
        checked.iloc[rows.train],
        labels[rows.train],
        validation=(checked.iloc[rows.validation], labels[rows.validation]),
    )
    return Trained(
        scorer=scorer,
        preset="fast",
        refined_from=None,
        raw_frame=frame,
        frame=checked,
        labels=labels,
        rows=rows,
        task=domain.task,
        test_scores=scorer.frame_scores(checked.iloc[rows.test]),
        seconds=0.0,
    )


def audited(domain: Domain, made: Trained) -> Diagnostics:
    rows = made.frame.iloc[made.rows.test]
    X = made.scorer.encoder.transform(rows)
    decisions = domain.decide(domain.policy(), made.test_scores, rows, made.scorer.table).get("decision", [])
    return diagnose(
        made.scorer,
        made.frame.iloc[made.rows.train],
        made.frame.iloc[made.rows.test],
        made.test_labels,
        made.test_probabilities,
        X=X,
        decisions=decisions,
        favourable=domain.favourable,
        seed=0,
    )


@pytest.fixture(scope="module")
def credit() -> Trained:
    return trained(DOMAINS["credit"], 2_000)


@pytest.mark.parametrize(
    "domain", [one for one in DOMAINS.values() if one.task.is_binary], ids=lambda domain: domain.name
)
def test_every_domain_can_be_audited(domain: Domain) -> None:
    """The result goes to JSON and back without a change, so nothing in it is infinite or NaN."""
    made = trained(domain, 3_000)
    found = audited(domain, made)
    assert Diagnostics.model_validate_json(found.model_dump_json()) == found
    assert (found.fairness is not None) == bool(domain.favourable)
    assert set(found.effects) == {column.name for column in made.scorer.columns}
    assert all(curve.monotone is not False for curve in found.effect_curves)
    directed = {column.name for column in made.scorer.table.inputs if column.direction}
    assert {curve.column for curve in found.effect_curves if curve.direction} == directed


def test_credit_reads_no_protected_column(credit: Trained) -> None:
    """None is among the inputs, each has its fairness and its stand-ins."""
    found = audited(DOMAINS["credit"], credit)
    protected = {column.name for column in DOMAINS["credit"].table.columns if column.protected}
    assert protected
    assert set(found.protected) == protected
    assert found.protected_inputs == ()
    assert not protected & set(credit.scorer.column_names)
    assert found.fairness is not None
    assert {column.column for column in found.fairness.columns} == protected
    assert {told.column for told in found.proxies} == protected


def test_changing_a_protected_value_changes_no_score(credit: Trained) -> None:
    """All applicants made old or of another sex get, bit for bit, the probabilities that they had."""
    test = credit.frame.iloc[credit.rows.test]
    for column in credit.scorer.table.columns:
        if column.protected:
            values: Any = test[column.name].sample(frac=1, random_state=0).to_numpy()
            changed: pd.DataFrame = test.assign(**{column.name: values})
            assert not changed[column.name].equals(test[column.name])
            np.testing.assert_array_equal(credit.scorer.probabilities(changed), credit.test_probabilities)


def test_ads_may_read_who_someone_is_and_says_so() -> None:
    """Protected inputs are named; there are no proxies for columns that the model reads."""
    domain = DOMAINS["ads"]
    found = audited(domain, trained(domain, 2_000))
    assert found.protected_inputs == found.protected != ()
    assert found.proxies == ()
    assert [segment.column for segment in found.segments[: len(found.protected)]] == list(found.protected)


def test_few_rows_are_audited_too() -> None:
    """With 120 applicants most groups are too small; they are marked, and nothing breaks."""
    domain = DOMAINS["credit"]
    found = audited(domain, trained(domain, 120))
    assert found.fairness is not None
    groups = [group for column in found.fairness.columns for group in column.groups]
    assert any(group.too_few for group in groups)
    assert all(group.impact is None for group in groups if group.too_few)
