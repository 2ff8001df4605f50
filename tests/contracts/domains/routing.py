"""Routing: a domain of three classes, which team a request belongs to."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd
from pydantic import Field

from data.column import Column
from data.simulators import Simulation
from data.splits import Split
from data.table import Table
from models.arrays import Scores
from models.contract import Answer, Columns, Domain, Gate, Policy, Rows
from models.estimators.class_scorer import ClassScorer
from models.tasks.classes import classes

TEAMS = ("billing", "sales", "support")
CHANNELS, PRODUCTS = ("chat", "mail", "phone"), ("app", "router", "tv")
TABLE = Table(
    name="routing",
    columns=(
        Column(name="channel", kind="category", levels=CHANNELS, description="How it came", example="chat"),
        Column(name="product", kind="category", levels=PRODUCTS, description="What it is about", example="router"),
        Column(name="open_invoice", kind="flag", description="There is an open invoice", example=True),
        Column(name="team", kind="category", levels=TEAMS, role="target", description="The team that answered it"),
    ),
)


class RoutingPolicy(Policy):
    """Who reads what is not sure."""

    sure_from: float = Field(0.5, ge=0, le=1, description="A person sorts what is less probable than this.")


class RoutingAnswer(Answer):
    """The answer to one request."""

    team: Literal["billing", "sales", "support"]
    probability: float = Field(ge=0, le=1, description="That it is this team; calibrated.")
    probabilities: dict[str, float]
    decision: Literal["send", "sort"]


def simulate(n_rows: int, seed: int) -> Simulation:
    """Open invoices go to billing, phone calls to sales, routers to support."""
    rng = np.random.default_rng(seed)
    channel, product = rng.choice(CHANNELS, n_rows), rng.choice(PRODUCTS, n_rows)
    invoice = rng.random(n_rows) < 0.4
    sums = np.stack([2.5 * invoice, 1.5 * (channel == "phone"), 2.0 * (product == "router")], axis=1)
    shares = np.exp(sums) / np.exp(sums).sum(axis=1, keepdims=True)
    team = np.array(TEAMS)[(rng.random(n_rows)[:, None] > shares.cumsum(axis=1)).sum(axis=1).clip(0, 2)]
    frame = pd.DataFrame({"channel": channel, "product": product, "open_invoice": invoice, "team": team})
    return Simulation(frame=frame, probability=shares.max(axis=1))


def decide(policy: RoutingPolicy, scores: Scores, rows: Rows, table: Table) -> Columns:
    """The most probable team, how sure that is, and whether a person sorts."""
    probabilities = scores["probabilities"]
    best = probabilities.max(axis=1).tolist()
    return {
        "team": [TEAMS[place] for place in probabilities.argmax(axis=1).tolist()],
        "probability": best,
        "probabilities": [dict(zip(TEAMS, row, strict=True)) for row in probabilities.tolist()],
        "decision": ["send" if p >= policy.sure_from else "sort" for p in best],
    }


DOMAIN = Domain(
    name="routing",
    summary="The team that a request belongs to.",
    intended_use="To sort requests.",
    not_for=("Judging teams.",),
    table=TABLE,
    simulate=simulate,
    n_simulated_rows=3_000,
    split=Split(kind="random"),
    policy=RoutingPolicy,
    answer=RoutingAnswer,
    task=classes(probabilities="probabilities", probability="probability"),
    restrict_inputs=lambda table: table,
    build=ClassScorer,
    decide=decide,
    gates=(Gate("accuracy", at_least=0.45), Gate("log_loss", at_most=1.05)),
)
