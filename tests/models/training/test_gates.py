"""The gates of a new version, each by rows made to fail it and no other."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit, logit

from data.column import Column
from data.gates import Gates
from data.splits import SplitRows
from data.table import Table
from models.contract import Gate
from models.evaluation.metrics import Contender, evaluate
from models.tasks.binary import binary
from models.training.gates import LINEAR, OURS, gate_problems
from models.training.trained import Trained


def problems(
    labels: Any,
    predicted: Any,
    *,
    gates: Gates | None = None,
    linear: Any = None,
    is_first: bool = True,
    auc: float = 0.55,
) -> str:
    """All problems of a version that predicts so; its training rows have the same labels as the test rows."""
    n_rows = len(labels)
    table = Table(
        name="t",
        columns=(Column(name="x", kind="number"), Column(name="y", kind="flag", role="target")),
        gates=gates or Gates(),
    )
    trained = Trained(
        task=binary("p"),
        scorer=cast("Any", SimpleNamespace(table=table)),
        preset="fast",
        refined_from=None,
        raw_frame=cast("Any", None),
        frame=pd.DataFrame(index=range(2 * n_rows)),
        labels=np.concatenate([labels, labels]),
        rows=SplitRows(
            train=np.arange(n_rows), validation=np.arange(0), test=np.arange(n_rows, 2 * n_rows), description=""
        ),
        test_scores={"probability": predicted},
        seconds=0.0,
    )
    contenders = {OURS: Contender(predicted, evaluate(labels, predicted), 0.0)}
    if linear is not None:
        contenders[LINEAR] = Contender(linear, evaluate(labels, linear), 0.0)
    domain: Any = SimpleNamespace(gates=(Gate("auc", at_least=auc),), favourable="")
    found = gate_problems(trained, contenders, domain, is_first=is_first, seed=0)
    return "; ".join(found)


def drawn(n_rows: int = 2_000, seed: int = 0) -> tuple[Any, Any]:
    rng = np.random.default_rng(seed)
    probabilities = rng.beta(1, 4, n_rows)
    return (rng.random(n_rows) < probabilities).astype(np.int64), probabilities


def test_the_truth_passes():
    labels, probabilities = drawn()

    assert problems(labels, probabilities, linear=probabilities) == ""


def test_too_few_events_or_other_rows_are_counted_and_nothing_else_is_said():
    labels, probabilities = drawn(60)
    n_events = int(labels.sum())
    few = f"its test set of 60 rows has {n_events} {{}} the event, at least {n_events + 1} are needed"

    assert problems(labels, probabilities, gates=Gates(min_events=n_events + 1)).startswith(few.format("with"))
    assert few.format("without") in problems(1 - labels, 1 - probabilities, gates=Gates(min_events=n_events + 1))
    assert "are needed" not in problems(labels, probabilities, gates=Gates(min_events=n_events))


def test_the_base_rate_must_be_beaten_beyond_chance():
    """Good ranks do not help where the probabilities are worse than none."""
    labels, probabilities = drawn()

    found = problems(labels, expit(4 * logit(probabilities.clip(1e-4, 1 - 1e-4))))

    assert "not better than the same prediction for every row (the base rate) beyond chance" in found
    assert "may be chance" not in found


def test_an_auc_that_may_be_chance_does_not_pass():
    """Of 60 rows, an AUC of .56 is nothing; of 6,000 it is something."""
    rng = np.random.default_rng(7)
    for n_rows, passes in ((60, False), (6_000, True)):
        labels = np.arange(n_rows) % 2
        predicted = expit(0.1 * (labels - 0.5) + 0.5 * rng.normal(size=n_rows))
        assert ("may be chance" not in problems(labels, predicted, auc=0)) == passes


@pytest.mark.parametrize("change", [lambda z: 3 * z, lambda z: z + 1], ids=["log-odds x 3", "odds x 2.7"])
def test_a_first_version_must_be_calibrated(change):
    labels, probabilities = drawn()
    wrong = expit(change(logit(probabilities.clip(1e-4, 1 - 1e-4))))

    assert "its probabilities are not calibrated" in problems(labels, wrong)
    assert "not calibrated" not in problems(labels, wrong, gates=Gates(calibration_tolerance=10))
    assert "not calibrated" not in problems(labels, wrong, is_first=False)  # the champion is what it is compared with


def test_a_first_version_must_not_be_worse_than_logistic_regression():
    labels, probabilities = drawn()
    ours = expit(0.6 * logit(probabilities.clip(1e-4, 1 - 1e-4)) + 0.2)

    assert "worse than logistic regression beyond chance" in problems(labels, ours, linear=probabilities)
    assert "logistic" not in problems(labels, probabilities, linear=ours)
    assert "logistic" not in problems(labels, ours, linear=probabilities, is_first=False)


def test_the_domain_s_gate_and_the_table_s_hold_both():
    labels, probabilities = drawn()
    auc = evaluate(labels, probabilities)["auc"]

    assert f"auc {auc:.4f} is below the gate of 0.95" in problems(labels, probabilities, auc=0.95)
    assert f"auc {auc:.4f} is below the gate of 0.9" in problems(labels, probabilities, gates=Gates(min_auc=0.9))
