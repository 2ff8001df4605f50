"""Events of the past, taken in as history: windows see them, and nobody asked about them."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd

from data.windows import Integers
from models.events.event_log import EventLog
from models.events.labels import Label

ROWS_AT_ONCE = 5_000


def load_past(
    log: EventLog,
    frame: pd.DataFrame,
    labels: Integers,
    *,
    label_delay_days: float,
    watcher: Callable[[int], object] | None = None,
) -> int:
    """Store rows of the past that windows can still reach, each once however often they are loaded.

    Parameters
    ----------
    frame : as `data.checking.checked_frame` gives it. labels : 1 for fraud, shape (n_rows,).
    label_delay_days : how long after its event a label is known.
    watcher : is told of each part that is done, in rows.

    Returns
    -------
    how many of the rows were new.
    """
    seconds = frame[log.time_name].to_numpy("datetime64[s]").astype("int64")
    kept = seconds >= log.keep_up_to(int(seconds.max()))
    frame, labels, known = frame[kept], labels[kept], seconds[kept] + round(label_delay_days * 86_400)
    rows = frame[[column.name for column in log.table.inputs]].astype(object)
    rows = rows.where(rows.notna(), None)
    n_new = 0
    for start in range(0, len(rows), ROWS_AT_ONCE):
        part = slice(start, start + ROWS_AT_ONCE)
        records = [{str(name): value for name, value in row.items()} for row in rows.iloc[part].to_dict("records")]
        known_frauds = [
            Label(event_id=str(row[log.event_name]), fraud=True, known=since, source="history")
            for row, fraud, since in zip(records, labels[part].tolist(), known[part].tolist(), strict=True)
            if fraud
        ]
        n_new += log.load(records, known_frauds)
        if watcher is not None:
            watcher(len(records))
    return n_new
