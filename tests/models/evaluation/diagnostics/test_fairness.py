"""Fairness: rates by a plain count, and the coverage of the interval."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats.contingency import relative_risk

from data.column import Column
from data.table import Table
from models.evaluation.diagnostics import ColumnFairness
from models.evaluation.diagnostics.fairness import fairness, impact_ratio

TABLE = Table(
    name="people",
    columns=(
        Column(name="sex", kind="category", levels=("f", "m"), protected=True, role="ignore"),
        Column(name="age", kind="number", unit="years", protected=True, role="ignore"),
        Column(name="income", kind="number"),
        Column(name="defaulted", kind="flag", role="target"),
    ),
)


def people(n_rows: int, seed: int) -> tuple[pd.DataFrame, np.ndarray, np.ndarray, list[str]]:
    """Rows, labels, probabilities and decisions; the men are refused more often."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({"sex": rng.choice(["f", "m"], n_rows), "age": rng.integers(20, 60, n_rows).astype(float)})
    probabilities = rng.beta(2, 5, n_rows)
    labels = (rng.random(n_rows) < probabilities).astype(np.int64)
    limit = np.where(frame["sex"] == "m", 0.2, 0.35)
    return frame, labels, probabilities, np.where(probabilities < limit, "approve", "decline").tolist()


def measured(
    frame: pd.DataFrame, labels: np.ndarray, probabilities: np.ndarray, decisions: list[str]
) -> list[ColumnFairness]:
    found = fairness(TABLE, frame, labels, probabilities, decisions=decisions, favourable="approve")
    assert found is not None
    return list(found.columns)


def test_rates_are_what_counting_row_by_row_gives() -> None:
    """Every rate of every group, by a plain loop over the rows."""
    frame, labels, probabilities, decisions = people(300, 0)
    for column in measured(frame, labels, probabilities, decisions):
        assert sum(group.n_rows for group in column.groups) == 300
        for group in column.groups:
            rows = [i for i, value in enumerate(frame[column.column]) if in_words(value) == group.group]
            refused = {label: [decisions[i] != "approve" for i in rows if labels[i] == label] for label in (0, 1)}
            predicted = sum(probabilities[i] for i in rows) / len(rows)
            observed = len(refused[1]) / len(rows)
            assert group.n_rows == len(rows)
            assert group.selection_rate == pytest.approx(1 - sum(refused[0] + refused[1]) / len(rows))
            assert group.event_refused_rate == pytest.approx(sum(refused[1]) / len(refused[1]))
            assert group.no_event_refused_rate == pytest.approx(sum(refused[0]) / len(refused[0]))
            assert (group.observed_rate, group.mean_predicted) == pytest.approx((observed, predicted))
            assert group.calibration_ratio == pytest.approx(predicted / observed)


def in_words(value: str | float) -> str:
    return value if isinstance(value, str) else f"{value // 10 * 10:.0f}-{value // 10 * 10 + 9:.0f}"


def test_rates_are_those_of_fairlearn() -> None:
    """Selection rate, true and false positive rate of each sex agree with the field's own library, if it is there."""
    metrics = pytest.importorskip("fairlearn.metrics")
    frame, labels, probabilities, decisions = people(2_000, 1)
    refused = np.array(decisions) != "approve"
    rates = metrics.MetricFrame(
        metrics={
            "refused": metrics.selection_rate,
            "event": metrics.true_positive_rate,
            "no event": metrics.false_positive_rate,
        },
        y_true=labels,
        y_pred=refused,
        sensitive_features=frame["sex"],
    ).by_group
    sex, _ = measured(frame, labels, probabilities, decisions)
    for group in sex.groups:
        theirs = rates.loc[group.group]
        assert group.selection_rate == pytest.approx(1 - theirs["refused"])
        assert group.event_refused_rate == pytest.approx(theirs["event"])
        assert group.no_event_refused_rate == pytest.approx(theirs["no event"])


def test_groups_are_compared_with_the_one_that_is_selected_most() -> None:
    """Women are approved more often here, so they are the reference and men have the ratio."""
    sex, age = measured(*people(3_000, 2))
    women, men = sex.groups
    assert sex.reference_group == "f"
    assert women.impact is None
    assert men.impact is not None
    assert men.impact.ratio == pytest.approx(men.selection_rate / women.selection_rate)
    assert men.impact.four_fifths == "below"
    assert age.reference_group == max(age.groups, key=lambda group: group.selection_rate).group


def test_a_small_group_is_neither_reference_nor_judged() -> None:
    """Three people of seventy, all approved, are shown and have no say."""
    frame, labels, probabilities, decisions = people(1_000, 3)
    frame.loc[:2, "age"] = 71.0
    decisions[:3] = ["approve"] * 3
    _, age = measured(frame, labels, probabilities, decisions)
    oldest = age.groups[-1]
    assert (oldest.group, oldest.n_rows, oldest.selection_rate) == ("70-79", 3, 1.0)
    assert oldest.too_few
    assert oldest.impact is None
    assert age.reference_group != "70-79"


def test_without_a_selected_row_there_is_no_ratio() -> None:
    """No row is approved: no division by zero, and no ratio."""
    frame, labels, probabilities, decisions = people(200, 4)
    for column in measured(frame, labels, probabilities, ["decline"] * len(decisions)):
        assert all(group.impact is None for group in column.groups)


def test_a_table_without_protected_columns_has_no_fairness() -> None:
    """There is nothing to measure, which is not the same as fair."""
    frame, labels, probabilities, decisions = people(50, 5)
    plain = TABLE.with_columns({"sex": {"protected": False}, "age": {"protected": False}})
    assert fairness(plain, frame, labels, probabilities, decisions=decisions, favourable="approve") is None


@pytest.mark.parametrize("counts", [(12, 40, 30, 60), (1, 500, 3, 400), (399, 400, 300, 400)], ids=str)
def test_the_interval_is_that_of_the_relative_risk(counts: tuple[int, int, int, int]) -> None:
    """Scipy's interval of a relative risk by Katz is the same one."""
    impact = impact_ratio(*counts)
    theirs = relative_risk(*counts)
    interval = theirs.confidence_interval(0.95)
    assert impact is not None
    assert (impact.ratio, impact.low, impact.high) == pytest.approx((theirs.relative_risk, interval.low, interval.high))


def test_the_interval_holds_the_true_ratio_in_95_of_100_cases() -> None:
    """Of 4,000 pairs of samples with rates 0.45 and 0.6, about 95 % give an interval around 0.75."""
    rng = np.random.default_rng(0)
    pairs = np.stack([rng.binomial(150, 0.45, 4_000), rng.binomial(200, 0.6, 4_000)], axis=1)
    impacts = [impact_ratio(group, 150, reference, 200) for group, reference in pairs.tolist()]
    covered = np.mean([impact is not None and impact.low <= 0.75 <= impact.high for impact in impacts])
    assert 0.94 < covered < 0.96


@given(n=st.integers(1, 500), m=st.integers(1, 500), shares=st.tuples(st.floats(0, 1), st.floats(0, 1)))
def test_every_ratio_lies_in_its_own_interval(n: int, m: int, shares: tuple[float, float]) -> None:
    """Also if all or no rows are selected; the verdict follows from the interval."""
    impact = impact_ratio(int(shares[0] * n), n, max(int(shares[1] * m), 1), m)
    assert impact is not None
    assert 0 <= impact.low <= impact.ratio <= impact.high < np.inf
    assert impact.low < impact.high
    expected = "below" if impact.high < 0.8 else "not below" if impact.low >= 0.8 else "may be below"
    assert impact.four_fifths == expected
