"""Churn: a binary domain, whether a customer leaves within three months."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd
from pydantic import Field

from data.simulators import Simulation
from data.splits import Split
from data.table import Column, Table
from models.arrays import Scores
from models.contract import Answer, Columns, Domain, Gate, Policy, Rows
from models.estimators.table_classifier import TableClassifier
from models.tasks.binary import binary

TABLE = Table(
    name="churn",
    columns=(
        Column(name="months", kind="number", unit="months", description="Months since the contract began", example=14),
        Column(name="plan", kind="category", levels=("basic", "plus", "pro"), description="The plan", example="plus"),
        Column(name="tickets", kind="number", description="Tickets of the last quarter", example=2, missing=(-1,)),
        Column(name="left", kind="flag", role="target", description="Left within three months"),
    ),
)


class ChurnPolicy(Policy):
    """From which probability on a customer is called."""

    call_from: float = Field(0.4, ge=0, le=1, description="Call from this probability on.")


class ChurnAnswer(Answer):
    """The answer to one customer."""

    churn_probability: float = Field(ge=0, le=1, description="Calibrated.")
    decision: Literal["wait", "call"]


def simulate(n_rows: int, seed: int) -> Simulation:
    """Customers with many tickets and a young contract leave more often."""
    rng = np.random.default_rng(seed)
    months, tickets = rng.integers(0, 60, n_rows), rng.poisson(1.5, n_rows)
    plan = rng.choice(["basic", "plus", "pro"], n_rows)
    probability = 1 / (1 + np.exp(1.2 + 0.04 * months - 0.8 * tickets + (plan == "pro")))
    left = rng.random(n_rows) < probability
    return Simulation(
        frame=pd.DataFrame({"months": months, "plan": plan, "tickets": tickets, "left": left}), probability=probability
    )


def decide(policy: ChurnPolicy, scores: Scores, rows: Rows, table: Table) -> Columns:
    """Probability and decision of customers."""
    probabilities = scores["probability"].tolist()
    decisions = ["call" if p >= policy.call_from else "wait" for p in probabilities]
    return {"churn_probability": probabilities, "decision": decisions}


DOMAIN = Domain(
    name="churn",
    summary="Probability that a customer leaves within three months.",
    intended_use="To call customers before they leave.",
    not_for=("Prices for single customers.",),
    table=TABLE,
    simulate=simulate,
    n_simulated_rows=3_000,
    split=Split(kind="random"),
    policy=ChurnPolicy,
    answer=ChurnAnswer,
    task=binary("churn_probability"),
    restrict_inputs=lambda table: table,
    build=TableClassifier,
    decide=decide,
    gates=(Gate("auc", at_least=0.6),),
)
