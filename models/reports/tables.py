"""The tables of a report: contenders, decisions, and a summary of the training data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from data.column import Column, level_text
from data.sentences import percent
from data.table import Table
from models.arrays import Floats, Labels
from models.evaluation.metric_tables import Metric
from models.evaluation.metrics import Comparison, Contender


@dataclass(frozen=True)
class ContenderRow:
    """One model: each metric as text, and whether it is the best."""

    name: str
    notes: str
    cells: list[tuple[str, bool]]
    seconds: str


def contender_rows(metrics: Sequence[Metric], contenders: Mapping[str, Contender]) -> list[ContenderRow]:
    """The models side by side; equal texts are ties."""
    texts = {name: [f"{c.metrics[metric.key]:.4f}" for metric in metrics] for name, c in contenders.items()}
    gaps = {
        name: [abs(float(text) - metric.perfect) for text, metric in zip(row, metrics, strict=True)]
        for name, row in texts.items()
    }
    least_gaps = [min(column) for column in zip(*gaps.values(), strict=True)]
    return [
        ContenderRow(
            name=name,
            notes=contender.notes,
            cells=[(text, gap == least) for text, gap, least in zip(texts[name], gaps[name], least_gaps, strict=True)],
            seconds=f"{contender.seconds:,.1f}" if contender.seconds else "–",
        )
        for name, contender in contenders.items()
    ]


def in_words(comparison: Comparison, loss: str) -> str:
    """The result of a comparison, in words."""
    verdict = "not significantly different"
    if comparison.better or comparison.worse:
        verdict = "significantly better" if comparison.better else "significantly worse"
    difference, low, high = (
        f"{value:+.4f}".replace("-", "−") for value in (comparison.difference, comparison.low, comparison.high)
    )
    return f"{verdict} ({loss} {difference}, 90 % interval {low} to {high})"


@dataclass(frozen=True)
class DecisionRow:
    """Outcomes of the test rows with one decision; shares of all rows, of all events, and of its own rows."""

    decision: str
    n_rows: int
    share_of_rows: float
    n_events: int
    share_of_events: float
    n_others: int
    event_rate: float


def decision_rows(decisions: Sequence[str], labels: Labels, probabilities: Floats) -> list[DecisionRow]:
    """Outcomes by decision of a policy, ordered by mean probability, lowest first.

    Parameters
    ----------
    decisions, labels, probabilities : of the test rows; empty without decisions.
    """
    if not decisions:
        return []
    frame = pd.DataFrame({"decision": list(decisions), "label": labels, "probability": probabilities})
    rows = []
    for decision, group in frame.groupby("decision"):
        n_rows, n_events = len(group), int(group["label"].sum())
        shares = n_rows / len(frame), n_events / max(int(labels.sum()), 1), n_events / n_rows
        row = DecisionRow(str(decision), n_rows, shares[0], n_events, shares[1], n_rows - n_events, shares[2])
        rows.append((float(group["probability"].mean()), row))
    return [row for _, row in sorted(rows, key=lambda pair: pair[0])]


@dataclass(frozen=True)
class ColumnRow:
    """Summary of a column of the training rows."""

    column: Column
    missing_share: float
    typical: str
    span: str


def column_rows(table: Table, frame: pd.DataFrame) -> list[ColumnRow]:
    """Summaries of the columns that the rows have, in table order.

    Parameters
    ----------
    frame : as returned by `data.checking.checked_frame`.
    """
    return [column_row(column, frame[column.name]) for column in table.columns if column.name in frame.columns]


def column_row(column: Column, values: pd.Series[Any]) -> ColumnRow:
    """Missing share; mean and standard deviation, or the most frequent levels; minimum and maximum."""
    codes = {level_text(code) for code in column.missing}
    missing = values.isna()
    if codes:
        missing |= values.map({value: level_text(value) in codes for value in values.dropna().unique()}).eq(True)
    present = values[~missing]
    describe = {"number": _number_words, "time": _time_words}.get(column.kind, _level_words)
    typical, span = describe(column, present) if len(present) else ("no value", "")
    return ColumnRow(column, float(missing.mean()), typical, span)


def _number_words(column: Column, present: pd.Series[Any]) -> tuple[str, str]:
    numbers = present.to_numpy(np.float64)
    unit = f" {column.unit}" if column.unit else ""
    typical = f"mean {_number(numbers.mean())}, standard deviation {_number(numbers.std())}"
    return typical + unit, f"{_number(numbers.min())} to {_number(numbers.max())}{unit}"


def _time_words(column: Column, present: pd.Series[Any]) -> tuple[str, str]:
    days = (present.max() - present.min()).days
    return f"within {days:,} days", f"{present.min():%Y-%m-%d %H:%M} to {present.max():%Y-%m-%d %H:%M}"


def _level_words(column: Column, present: pd.Series[Any]) -> tuple[str, str]:
    counts = present.value_counts()
    if column.kind == "key":  # the most frequent ID is of no use, and may be personal
        return f"{len(present) / len(counts):,.1f} rows each on average", f"{len(counts):,} ids"
    shares = [f"{_short(level)} {percent(count / len(present))}" for level, count in counts.iloc[:3].items()]
    return ", ".join(shares), f"{len(counts):,} level{'s' if len(counts) > 1 else ''}"


def _short(level: object, max_length: int = 30) -> str:
    text = level_text(level)
    return text if len(text) <= max_length else text[: max_length - 1] + "…"


def _number(value: float) -> str:
    """Four significant digits, without an exponent for ordinary sizes."""
    return f"{value:,.0f}" if 1000 <= abs(value) < 1e15 else f"{value:.4g}"
