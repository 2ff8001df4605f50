"""A table with a window of every measure over two entities, short ones, and what windows are in plain words."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
from hypothesis import strategies as st

from data.column import Column
from data.table import Table
from data.window import OF_AMOUNTS, OF_LABELS, Measure, Window
from data.window_events import FOREVER, Events, Positives, whole_amounts

DELAY_SECONDS = 15
LENGTHS_SECONDS = (20, 60)
MEASURES: tuple[Measure, ...] = (
    "count",
    "sum",
    "mean",
    "max",
    "distinct",
    "since_last",
    "z_score",
    "positives",
    "positive_rate",
)


def window_columns(entity: str, *, amount: str = "amount", distinct: str = "shop") -> tuple[Column, ...]:
    """A column for each measure and length, named like "card_count_20s"."""
    return tuple(
        Column(
            name=f"{entity}_{measure}_{seconds}s",
            kind="number",
            window=Window(
                entity=entity,
                measure=measure,
                days=seconds / 86_400,
                of=amount if measure in OF_AMOUNTS else distinct if measure == "distinct" else None,
                label_delay_days=DELAY_SECONDS / 86_400,
            ),
        )
        for measure in MEASURES
        for seconds in LENGTHS_SECONDS
    )


INPUTS = (
    Column(name="id", kind="key", role="event", example=1),
    Column(name="at", kind="time", role="time", example="2024-03-01T00:00:00"),
    Column(name="card", kind="key", role="entity", optional=True),
    Column(name="shop", kind="category", role="entity", example="s"),
    Column(name="amount", kind="number", minimum=-1_000, maximum=100_000, amount=True, example=12.5),
    Column(name="fraud", kind="flag", role="target"),
)
TABLE = Table(name="payments", columns=(*INPUTS, *window_columns("card"), *window_columns("shop")))
WINDOWS = [column.name for column in TABLE.windows]


@dataclass(frozen=True)
class Payment:
    """An event, and the times in which it was known to be fraud: pairs of since and until, in seconds."""

    id: int
    at: datetime
    card: str | None
    shop: str
    amount: float
    known: Sequence[tuple[float, float]] = field(default=())

    @property
    def second(self) -> int:
        """Its time as windows count: whole seconds, rounded down."""
        return math.floor((self.at - datetime(1970, 1, 1)) / timedelta(seconds=1))

    @property
    def row(self) -> dict[str, Any]:
        """As a request."""
        return {"id": self.id, "at": self.at, "card": self.card, "shop": self.shop, "amount": self.amount}


def frame_of(payments: Sequence[Payment]) -> pd.DataFrame:
    """The payments as a checked frame."""
    frame = pd.DataFrame([payment.row for payment in payments], columns=["id", "at", "card", "shop", "amount"])
    frame = frame.astype({"id": object, "card": object, "shop": object, "amount": "float64"})
    return frame.assign(at=frame["at"].astype("datetime64[us]"), card=frame["card"].where(frame["card"].notna(), None))


def naive_values(asked: Payment, past: Sequence[Payment]) -> dict[str, float]:
    """Every window of the table by a plain loop over the events before."""
    return {
        column.name: naive_value(column.window, asked, past) for column in TABLE.windows if column.window is not None
    }


def naive_value(window: Window, asked: Payment, past: Sequence[Payment]) -> float:
    """What `Window` says, word for word."""
    entity = getattr(asked, window.entity)
    if entity is None:
        return math.nan
    end = asked.second - (DELAY_SECONDS if window.measure in OF_LABELS else 0)
    begin = end - round(window.days * 86_400)
    seen = [one for one in past if getattr(one, window.entity) == entity and begin <= one.second < end]
    amounts = [round(one.amount, 3) for one in seen]
    measured: Mapping[str, Any] = {
        "count": lambda: len(seen),
        "sum": lambda: math.fsum(amounts),
        "mean": lambda: math.fsum(amounts) / len(seen) if seen else math.nan,
        "max": lambda: max(amounts, default=math.nan),
        "distinct": lambda: len({one.shop for one in seen}),
        "since_last": lambda: asked.second - max(one.second for one in seen) if seen else math.nan,
        "z_score": lambda: _z_score(asked.amount, amounts),
        "positives": lambda: _n_frauds(asked, seen),
        "positive_rate": lambda: _n_frauds(asked, seen) / len(seen) if seen else math.nan,
    }
    return float(measured[window.measure]())


def _n_frauds(asked: Payment, seen: Sequence[Payment]) -> int:
    return sum(any(since < asked.second <= until for since, until in one.known) for one in seen)


def _z_score(amount: float, amounts: Sequence[float]) -> float:
    if len(set(amounts)) < 2:
        return math.nan
    mean = math.fsum(amounts) / len(amounts)
    deviation = math.sqrt(math.fsum((one - mean) ** 2 for one in amounts) / (len(amounts) - 1))
    return (amount - mean) / deviation


STARTS = (datetime(2024, 3, 1), datetime(1969, 12, 31, 23, 59), datetime(2261, 5, 5))


@st.composite
def payments(draw: st.DrawFn, *, max_size: int = 25, start: datetime | None = None) -> list[Payment]:
    """Events in any order, several in one second, some without a card."""
    start = draw(st.sampled_from(STARTS)) if start is None else start
    moments = st.tuples(st.integers(0, 150), st.sampled_from([0, 1, 250_000, 999_999]))
    drawn = draw(
        st.lists(
            st.tuples(
                moments,
                st.sampled_from(["a", "b", "c", None]),
                st.sampled_from(["s", "t", "u"]),
                st.sampled_from([-3.5, 0.0, 0.01, 9.99, 10.0, 123.45, 100_000.0]),
            ),
            max_size=max_size,
        )
    )
    return [
        Payment(i, start + timedelta(seconds=moment[0], microseconds=moment[1]), card, shop, amount)
        for i, (moment, card, shop, amount) in enumerate(drawn)
    ]


def as_events(rows: list[Payment], entity: str) -> Events:
    """Payments as one entity column sees them, built one by one."""
    owners, shops = {"a": 0, "b": 1, "c": 2, "s": 0, "t": 1, "u": 2, None: -1}, "stu"
    owner = [owners[getattr(row, entity)] for row in rows]
    positives = [
        (owners[getattr(row, entity)], row.second, since, until)
        for row in rows
        for since, until in row.known
        if getattr(row, entity) is not None
    ]
    return Events(
        np.array(owner, np.int64),
        np.array([row.second for row in rows], np.int64),
        {"amount": whole_amounts(TABLE["amount"], [row.amount for row in rows])},
        {"shop": np.array([shops.index(row.shop) for row in rows], np.int64)},
        Positives(*np.array(positives, np.int64).reshape(-1, 4).T),
    )


@st.composite
def labelled(draw: st.DrawFn, *, max_size: int = 25) -> list[Payment]:
    """Payments whose labels came in early, in time, late, or were revised."""
    rows = []
    for row in draw(payments(max_size=max_size)):
        changes = sorted(draw(st.lists(st.integers(0, 160), max_size=3)))
        moments = [row.second + change for change in changes]
        pairs = [tuple(moments[i : i + 2]) for i in range(0, len(moments), 2)]
        rows.append(replace(row, known=[(*pair, FOREVER)[:2] for pair in pairs]))
    return rows
