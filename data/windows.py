"""Computation of windows, for a whole history at once or for new events from stored ones.

`window_values` is used for both, so that training, backtests and serving cannot differ.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from data.arrays import Integers
from data.checking import checked_frame
from data.table import Table
from data.window import OF_AMOUNTS
from data.window_events import FOREVER, Events, KnownPositives, Positives, whole_amounts
from data.window_measures import window_values


def checked_history(
    table: Table,
    frame: pd.DataFrame,
    source: str,
    positives: KnownPositives | None = None,
    *,
    targets: Callable[[Table, pd.DataFrame], npt.NDArray[Any]] = Table.labels,
) -> tuple[pd.DataFrame, npt.NDArray[Any]]:
    """Checked rows with outcomes and windows, and their targets of shape (n_rows,).

    Parameters
    ----------
    positives : the times at which rows became known as positive; None if every label was known after the windows'
        delay.
    targets : function that reads targets from checked rows; 0/1 labels by default.

    Raises BadRowsError that names every bad value of `source`.
    """
    checked = checked_frame(table, frame, source, training=True)
    labels = targets(table, checked)
    return with_windows(table, checked, labels if positives is None else positives), labels


def with_windows(
    table: Table, frame: pd.DataFrame, labels: npt.NDArray[np.int64] | KnownPositives | None = None
) -> pd.DataFrame:
    """A checked frame with the table's windows, computed from the frame's own rows.

    Parameters
    ----------
    frame : as `data.checking.checked_frame` gives it, in any order.
    labels : 1 where a row was confirmed as positive, shape (n_rows,), known after the window's delay; or the times at
        which rows became known as positive; None if labels are unknown.

    Returns
    -------
    the frame itself if the table has no windows.
    """
    if not table.windows:
        return frame
    seconds = frame[_time_name(table)].to_numpy("datetime64[s]").astype(np.int64)
    positives = _as_known(labels, seconds) if isinstance(labels, np.ndarray) else labels
    events = {column.name: _events(table, column.name, frame, seconds, positives) for column in table.of_role("entity")}
    values = window_values(table, events, events)
    return frame.assign(**{column.name: values[column.name] for column in table.windows})


def _as_known(labels: npt.NDArray[np.int64], seconds: Integers) -> KnownPositives:
    """Labels known at the time of the row, so that only the windows' delay matters."""
    rows = np.flatnonzero(labels == 1)
    return KnownPositives(rows, seconds[rows], np.full(len(rows), FOREVER))


def _time_name(table: Table) -> str:
    assert table.time is not None  # noqa: S101 - a table with windows has a time
    return table.time.name


def _events(table: Table, entity: str, frame: pd.DataFrame, seconds: Integers, known: KnownPositives | None) -> Events:
    owner = pd.factorize(frame[entity])[0].astype(np.int64)
    windows = [column.window for column in table.windows if column.window and column.window.entity == entity]
    amounts = {w.of: whole_amounts(table[w.of], frame[w.of]) for w in windows if w.of and w.measure in OF_AMOUNTS}
    others = {w.of: pd.factorize(frame[w.of])[0].astype(np.int64) for w in windows if w.of and w.measure == "distinct"}
    positives = None
    if known is not None:
        positives = Positives(owner[known.row], seconds[known.row], known.since, known.until)
    return Events(owner, seconds, amounts, others, positives)
