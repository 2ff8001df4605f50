"""Forecasts of the simulated market, as rows."""

from __future__ import annotations

import numpy as np

from data.checking import checked_frame
from data.series.forecast_rows import history_table, training_rows
from data.series.histories import History, histories
from data.simulators import Simulation
from data.simulators import forecast as simulator

SOURCE = "simulated series"
N_DAYS = 200
"""Days of each series before the first origin."""
EXAMPLE = "shop 01"


def _market(n_days: int, seed: int) -> list[History]:
    table = simulator.TABLE
    drawn = simulator.simulate(simulator.N_SERIES * n_days, seed, n_paths=1).frame
    return histories(checked_frame(table, drawn, SOURCE, training=True), table, SOURCE)


TABLE = history_table(simulator.TABLE, next(one for one in _market(60, 0) if one.key == EXAMPLE))


def simulate(n_rows: int, seed: int) -> Simulation:
    """`n_rows` forecasts from the newest origins of the market's series, the newest last. What came is known."""
    n_origins = -(-n_rows // (simulator.N_SERIES - 1))
    found = training_rows(_market(N_DAYS + n_origins * simulator.HORIZON, seed), TABLE, n_origins=n_origins)
    frame = found.iloc[-n_rows:].reset_index(drop=True)
    return Simulation(frame=frame, probability=np.ones(len(frame)))
