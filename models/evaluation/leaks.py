"""Suspected leaks: columns that hold the target rather than predict it, most likely recorded after the event."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from data.column import Column
from data.table import Table
from models.arrays import Floats, Labels, Mask
from models.evaluation.bins import Bins, Codes, is_missing
from models.evaluation.metrics import auc_by_ranks

ALONE = 0.98
"""AUC from which on a column alone is suspected."""
TOGETHER = 0.99
"""AUC of a model from which on its strongest column is suspected."""
MIN_OF_EACH = 10
MIN_FOR_ROW_NUMBERS = 50
NEVER, OFTEN, MIN_FOR_NEVER = 0.001, 0.3, 100
"""Filled in at most the first share of the rows of one class, of at least so many, and in at least the second of the
other: the column was filled in because of the event."""
MAX_LATER = 0.01
"""Share of rows whose date may lie after the row's time."""
_N_BINS = 32


@dataclass(frozen=True)
class SuspectedLeak:
    """A column and why it is suspected, the end of a sentence that begins with its name."""

    column: str
    why: str


def suspected_leaks(table: Table, frame: pd.DataFrame, labels: Labels) -> tuple[SuspectedLeak, ...]:
    """Inputs that are suspected to hold the target, in table order; windows and protected columns may be among them.

    Parameters
    ----------
    frame : checked rows, in the order of the file.
    labels : 0 or 1, shape (n_rows,).
    """
    found = []
    for column in table.of_role("feature"):
        why = next(_reasons(table, column, frame, labels), "")
        if why:
            found.append(SuspectedLeak(column.name, why))
    return tuple(found)


def strongest_alone(table: Table, frame: pd.DataFrame, labels: Labels) -> tuple[str, float]:
    """The input that alone ranks the events best, and its AUC."""
    alone = {column.name: auc_alone(column, frame[column.name], labels) for column in table.of_role("feature")}
    name = max(alone, key=lambda one: alone[one])
    return name, alone[name]


def _reasons(table: Table, column: Column, frame: pd.DataFrame, labels: Labels) -> Iterator[str]:
    """Why the column is suspected, the plainest reason first."""
    values = frame[column.name]
    if column.window is None and _is_row_number(column, values):
        yield "numbers the rows of the file"
    if column.kind == "time" and table.time is not None:
        later = float((values > frame[table.time.name]).mean())
        if later > MAX_LATER:
            yield f"lies after the row's own time ({table.time.name!r}) in {later:.0%} of the rows"
    n_events = int(labels.sum())
    if min(n_events, len(labels) - n_events) < MIN_OF_EACH:
        return
    missing = is_missing(column, values)
    yield from _filled_by_the_event("empty", missing, labels)
    if column.kind == "number":
        yield from _filled_by_the_event("0", (values == 0).to_numpy() | missing, labels)
    alone = auc_alone(column, values, labels)
    if alone >= ALONE:
        yield f"alone ranks the events with an AUC of {alone:.4f}"


def _filled_by_the_event(word: str, blank: Mask, labels: Labels) -> Iterator[str]:
    shares = [float(blank[labels == label].mean()) for label in (0, 1)]
    n_rows = [int((labels == label).sum()) for label in (0, 1)]
    for label, other, such in ((0, 1, "without"), (1, 0, "with")):
        few, many = 1 - shares[label], 1 - shares[other]
        if n_rows[label] >= MIN_FOR_NEVER and few <= NEVER and many >= OFTEN:
            yield f"is {word} in {shares[label]:.1%} of the rows {such} the event and {shares[other]:.1%} of the others"
    if (1 + abs(shares[1] - shares[0])) / 2 >= ALONE:  # the AUC of this mask
        yield f"is {word} in {shares[1]:.1%} of the rows with the event, and in {shares[0]:.1%} of those without"


def _is_row_number(column: Column, values: pd.Series[Any]) -> bool:
    """Whether whole numbers rise, or fall, from every row of the file to the next."""
    if column.kind not in ("number", "key") or len(values) < MIN_FOR_ROW_NUMBERS:
        return False
    numbers = pd.to_numeric(values, errors="coerce").to_numpy(np.float64)
    if not np.isfinite(numbers).all() or (numbers != np.floor(numbers)).any():
        return False
    steps = np.diff(numbers)
    return bool((steps > 0).all() or (steps < 0).all())


def auc_alone(column: Column, values: pd.Series[Any], labels: Labels) -> float:
    """AUC of a column alone: of a number itself in either direction, or of its bins' event rates out of fold."""
    binned = Bins.of(column, values, n_bins=_N_BINS)
    best = _auc_of_rates(binned.codes(values), labels)
    if column.kind == "number":
        present = ~is_missing(column, values)
        of_present = labels[present]
        if 0 < of_present.sum() < len(of_present) and present.mean() > 0.5:
            ranked = auc_by_ranks(of_present, values.to_numpy(np.float64)[present])
            best = max(best, ranked, 1 - ranked)
    return best


def _auc_of_rates(codes: Codes, labels: Labels) -> float:
    """AUC of the event rate of each code, learned on the other half of the rows."""
    half = np.random.default_rng(0).random(len(labels)) < 0.5
    rates = np.full(len(labels), labels.mean())
    for learned, told in ((half, ~half), (~half, half)):
        n_codes = int(codes.max()) + 1
        n_rows = np.bincount(codes[learned], minlength=n_codes)
        n_events = np.bincount(codes[learned], labels[learned], n_codes)
        smoothed: Floats = (n_events + labels.mean()) / (n_rows + 1)
        rates[told] = smoothed[codes[told]]
    return auc_by_ranks(labels, rates)
