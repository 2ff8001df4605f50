"""Delivery: a domain that answers a number with an interval, the hours until a parcel arrives."""

from __future__ import annotations

import numpy as np
import pandas as pd
from pydantic import Field

from data.column import Column
from data.simulators import Simulation
from data.splits import Split
from data.table import Table
from models.arrays import Scores
from models.contract import Answer, Columns, Domain, Gate, Policy, Rows
from models.estimators.quantile_scorer import QuantileScorer
from models.tasks.quantiles import quantiles

LEVELS = {"early": 0.1, "hours": 0.5, "late": 0.9}
CARRIERS = ("road", "rail", "air")
TABLE = Table(
    name="delivery",
    columns=(
        Column(name="distance", kind="number", unit="km", description="Distance", example=350),
        Column(name="carrier", kind="category", levels=CARRIERS, description="How it travels", example="road"),
        Column(name="weight", kind="number", unit="kg", description="Weight", example=4.5, missing=(-1,)),
        Column(name="took", kind="number", role="target", unit="h", description="Hours until it arrived"),
    ),
)


class DeliveryPolicy(Policy):
    """What is promised."""

    reserve_hours: float = Field(0.0, ge=0, le=1_000, description="Hours added to what is promised.")


class DeliveryAnswer(Answer):
    """The answer to one parcel."""

    hours: float = Field(description="As many parcels arrive sooner as later.")
    early: float = Field(description="One parcel in ten arrives sooner.")
    late: float = Field(description="One parcel in ten arrives later.")
    promised: float = Field(description="What the customer is told.")


def simulate(n_rows: int, seed: int) -> Simulation:
    """Far and heavy parcels take longer, and how long is less certain."""
    rng = np.random.default_rng(seed)
    distance, weight = rng.uniform(10, 1_000, n_rows).round(), rng.uniform(0.1, 30, n_rows).round(1)
    carrier = rng.choice(CARRIERS, n_rows)
    mean = 5 + distance / np.select([carrier == "air", carrier == "rail"], [80, 25], 40) + weight / 10
    took = np.maximum(mean + rng.normal(0, 0.15 * mean), 0.5).round(2)
    return Simulation(
        frame=pd.DataFrame({"distance": distance, "carrier": carrier, "weight": weight, "took": took}), probability=mean
    )


def decide(policy: DeliveryPolicy, scores: Scores, rows: Rows, table: Table) -> Columns:
    """The quantiles, and the late one with a reserve as the promise."""
    early, hours, late = scores["quantiles"].T
    return {
        "hours": hours.tolist(),
        "early": early.tolist(),
        "late": late.tolist(),
        "promised": (late + policy.reserve_hours).tolist(),
    }


DOMAIN = Domain(
    name="delivery",
    summary="Hours until a parcel arrives.",
    intended_use="To promise a time of arrival.",
    not_for=("Parcels that wait at a customs office.",),
    table=TABLE,
    simulate=simulate,
    n_simulated_rows=3_000,
    split=Split(kind="random"),
    policy=DeliveryPolicy,
    answer=DeliveryAnswer,
    task=quantiles(LEVELS, title="Predicted hours", unit="h", bounds=(5, 10, 15, 20, 25, 30, 40, 50, 75)),
    restrict_inputs=lambda table: table,
    build=QuantileScorer.at(*LEVELS.values()),
    decide=decide,
    gates=(Gate("coverage", at_least=0.7), Gate("pinball", at_most=2.0)),
)
