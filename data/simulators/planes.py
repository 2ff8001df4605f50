"""Planes: two columns of a simulator that can be looked at, for small networks that learn in public."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from data.simulators import Simulation, credit, fraud
from data.table import Table


@dataclass(frozen=True, kw_only=True, eq=False)
class Plane:
    """Two numeric columns of simulated rows, and what their two classes are called.

    Parameters
    ----------
    table, simulate : of the simulator.
    n_rows : enough to simulate for some hundred rows of the rarer class.
    columns : names of the two columns.
    classes : words for rows without and with the event.
    """

    table: Table
    simulate: Callable[[int, int], Simulation]
    n_rows: int
    columns: tuple[str, str]
    classes: tuple[str, str]


PLANES: Mapping[str, Plane] = {
    "credit": Plane(
        table=credit.TABLE,
        simulate=credit.simulate,
        n_rows=10_000,  # about 1,100 events
        columns=("utilisation", "savings_eur"),
        classes=("paid back", "defaulted"),
    ),
    "fraud": Plane(
        table=fraud.TABLE,
        simulate=fraud.simulate,
        n_rows=40_000,  # about 250 frauds
        columns=("distance_km", "amount_eur"),
        classes=("genuine", "fraud"),
    ),
}
"""By simulator."""
