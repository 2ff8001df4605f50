"""Policy of forecasts: which interval has to clear the last value, and at which step, to speak of a rise or a fall."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd
from pydantic import Field

from data.series.frequencies import future_times
from data.table import Table
from models.arrays import Floats, Scores
from models.contract import Columns, Policy, Rows
from models.domains.forecast.answer import QUANTILES, Decision
from models.series.paths import NAIVE, SCALE
from models.series.settings import INTERVALS, MEDIAN


class ForecastPolicy(Policy):
    """When a path counts as a rise or a fall."""

    interval: Literal[50, 80, 95] = Field(80, description="A rise or fall is one where this interval leaves no doubt.")
    step: int | None = Field(None, ge=1, le=1_000, description="The step that counts; null for the last one.")


def decide(policy: ForecastPolicy, scores: Scores, rows: Rows, table: Table) -> Columns:
    """Decision, path and what it is worth, of each row."""
    paths = scores["paths"]
    origins = _origins(rows, table)
    last = paths[:, -1]
    return {
        "decision": [_decision(policy, path) for path in paths],
        "change": ((last[:, MEDIAN] - last[:, NAIVE]) / last[:, SCALE]).tolist(),
        "origin": [None if one is None else _text(one) for one in origins],
        "method": scores["method"].tolist(),
        "why": scores["why"].tolist(),
        "naive": last[:, NAIVE].tolist(),
        "scale": last[:, SCALE].tolist(),
        "skill": [
            None if method == "naive" else {"value": value, "low": low, "high": high, "n_rows": int(n)}
            for (value, low, high, n), method in zip(scores["skill"].tolist(), scores["method"], strict=True)
        ],
        "steps": [_steps(path, origin, table) for path, origin in zip(paths, origins, strict=True)],
        "notes": [[note] if note else [] for note in scores["note"].tolist()],
    }


def _decision(policy: ForecastPolicy, path: Floats) -> Decision:
    step = path[min(policy.step or len(path), len(path)) - 1]
    low, high = INTERVALS[policy.interval]
    return "rise" if step[low] > step[NAIVE] else "fall" if step[high] < step[NAIVE] else "open"


def _steps(path: Floats, origin: np.datetime64 | None, table: Table) -> list[dict[str, Any]]:
    times = None
    if origin is not None and table.series is not None:
        times = future_times(origin, table.series.frequency, len(path))
    texts = [None] * len(path) if times is None else [_text(one) for one in times]
    order = ("median", "lo50", "hi50", "lo80", "hi80", "lo95", "hi95")
    found = []
    for h, (values, time) in enumerate(zip(path.tolist(), texts, strict=True), 1):
        named = dict(zip(QUANTILES, values, strict=False))
        found.append({"h": h, "time": time, **{name: named[name] for name in order}})
    return found


def _origins(rows: Rows, table: Table) -> Sequence[np.datetime64 | None]:
    """The time of the last value of each row, in UTC; None where it was not sent."""
    if table.time is None:
        return [None] * len(rows)
    name = table.time.name
    times = rows[name] if isinstance(rows, pd.DataFrame) else [row.get(name) for row in rows]
    moments = pd.to_datetime(pd.Series(times, dtype=object), utc=True).dt.tz_localize(None)
    return [None if pd.isna(one) else one.to_datetime64() for one in moments]


def _text(moment: np.datetime64) -> str:
    """As ISO 8601, without the time of day at midnight."""
    return str(moment.astype("datetime64[s]")).removesuffix("T00:00:00")
