"""Segments: each group is judged as if it were all there is, and there are never too many."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest

from data.column import Column
from data.table import Table
from models.evaluation.diagnostics.groups import MAX_GROUPS, REST, few_groups
from models.evaluation.diagnostics.segments import MAX_SEGMENTS, segments
from models.evaluation.metrics import evaluate

CATEGORIES = tuple(Column(name=f"c{i}", kind="category") for i in range(MAX_SEGMENTS + 2))
TABLE = Table(
    name="clicks",
    columns=(
        *CATEGORIES,
        Column(name="income", kind="number", part="person"),
        Column(name="price", kind="number", part="ad"),
        Column(name="user", kind="key", part="person"),
        Column(name="sex", kind="category", protected=True, role="ignore"),
        Column(name="clicked", kind="flag", role="target"),
    ),
)


def clicks(n_rows: int = 2_000) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({column.name: rng.choice(["a", "b"], n_rows) for column in CATEGORIES})
    frame["income"], frame["price"] = rng.lognormal(size=n_rows), rng.lognormal(size=n_rows)
    frame["sex"], frame["user"] = rng.choice(["f", "m"], n_rows), [f"u{i}" for i in range(n_rows)]
    probabilities = rng.beta(1, 4, n_rows)
    return frame, (rng.random(n_rows) < probabilities).astype(np.int64), probabilities


def test_a_group_has_the_metrics_of_its_rows() -> None:
    """The result of `evaluate` on the rows of a group alone."""
    frame, labels, probabilities = clicks()
    sex = segments(TABLE, frame, labels, probabilities, {})[0]
    assert [group.group for group in sex.groups] == ["f", "m"]
    for group in sex.groups:
        rows = (frame["sex"] == group.group).to_numpy()
        metrics = evaluate(labels[rows], probabilities[rows])
        for name in ("auc", "log_loss", "normalised_entropy", "calibration_ratio", "calibration_error"):
            assert getattr(group, name) == pytest.approx(metrics[name])
        interval = binomtest(int(labels[rows].sum()), int(rows.sum())).proportion_ci(0.95, method="wilson")
        assert (group.observed_low, group.observed_high) == pytest.approx((interval.low, interval.high), abs=1e-6)
        assert group.within_chance == (interval.low <= probabilities[rows].mean() <= interval.high)
        assert (group.n_rows, group.observed_rate) == (rows.sum(), pytest.approx(metrics["positive_rate"]))


@pytest.mark.parametrize("shares", [(1 / 6, 1.0), (1.0, 1 / 3)], ids=["some without the event", "some with it"])
def test_the_interval_of_a_group_is_as_wide_as_its_rate_varies(shares: tuple[float, float]) -> None:
    """Also where rows with the event weigh other than those without it."""
    frame, _, probabilities = clicks(1_500)
    table = Table(name="clicks", columns=TABLE.columns[-4:])
    rng, rates, halves = np.random.default_rng(0), [], []
    for _ in range(200):
        labels = (rng.random(1_500) < probabilities).astype(np.int64)
        kept = rng.random(1_500) < np.array(shares)[labels]
        weights = 1 / np.array(shares)[labels]
        group = segments(table, frame[kept], labels[kept], probabilities[kept], {}, weights[kept])[0].groups[0]
        rates.append(group.observed_rate)
        halves.append((group.observed_high - group.observed_low) / 2)

    assert np.mean(halves) == pytest.approx(1.96 * np.std(rates), rel=0.2)


def test_protected_columns_come_first_then_the_person_then_what_matters() -> None:
    """Numbers of the person are banded, ids are nobody's group, and columns of little effect are left out."""
    effects = {column.name: float(i) for i, column in enumerate(CATEGORIES)}
    found = segments(TABLE, *clicks(), effects)
    strongest = [column.name for column in CATEGORIES[::-1]]
    assert [segment.column for segment in found] == ["sex", "income", *strongest[: MAX_SEGMENTS - 1]]
    assert len(found[1].groups) == 4


def test_a_group_of_one_class_has_no_ranking() -> None:
    """No event, no AUC and no ratio; small groups are marked."""
    frame, labels, probabilities = clicks(200)
    frame.loc[:9, "sex"] = "x"
    labels[:10] = 0
    few = segments(TABLE, frame, labels, probabilities, {})[0].groups[-1]
    assert (few.group, few.n_rows, few.too_few) == ("x", 10, True)
    assert (few.auc, few.log_loss, few.normalised_entropy, few.calibration_ratio) == (None,) * 4
    assert few.mean_predicted == pytest.approx(probabilities[:10].mean())


def test_the_rarest_of_many_levels_share_a_group() -> None:
    """Every row is in exactly one group, however many levels there are."""
    rng = np.random.default_rng(0)
    values = pd.Series([f"level {i}" for i in rng.geometric(0.1, 3_000)])
    groups = few_groups(Column(name="x", kind="category"), values)
    assert len(groups) == MAX_GROUPS
    assert (np.sum(list(groups.values()), axis=0) == 1).all()
    kept = [name for name in groups if name != REST]
    assert set(kept) == set(values.value_counts().index[: MAX_GROUPS - 1])
