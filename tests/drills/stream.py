"""Streams of transactions for a service to score: training, history, and the expected answers."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import sqlalchemy as sa

from data.checking import checked_frame
from data.simulators import fraud
from data.table import Table
from data.window_events import whole_seconds
from data.windows import checked_history, with_windows
from models.contract import LiveModel
from models.domains._discovery import load_domains
from models.presets import PRESETS
from models.records.events.backfill import load_past
from models.records.events.event_log import EventLog
from models.registry.database import schema as tables
from models.registry.database.engine import open_database, reading
from tests.drills.load import post
from tests.drills.stage import Stage

NAME = "fraud"
LABEL_DELAY_DAYS = 7
_EVENT_IDS = itertools.count(10**9)


@dataclass(frozen=True)
class Stream:
    """Events of one model in time order, and what their answers must hold.

    Parameters
    ----------
    rows : the requests, in time order.
    expected : of each what its answer must hold: its windows and the domain's own fields, computed in bulk.
    """

    stage: Stage
    table: Table
    rows: list[dict[str, Any]]
    expected: list[dict[str, Any]]

    @property
    def entities(self) -> list[str]:
        """The columns that connect events."""
        return [column.name for column in self.table.of_role("entity")]

    def differences(self, answers: Sequence[bytes]) -> list[str]:
        """The fields of an answer that differ from the expected ones."""
        found = []
        for place, (body, expected) in enumerate(zip(answers, self.expected, strict=True)):
            answer = json.loads(body)
            found += [
                f"event {place}: {name} is {answer[name]}, must be {value}"
                for name, value in expected.items()
                if answer[name] != value
            ]
        return found

    def lost(self) -> set[str]:
        """Ids of the events that are not in the store, though they have not rolled out of it."""
        asked = tables.events.c.answer.is_not(None)
        engine = open_database(self.stage.database_url)
        with reading(engine) as connection:
            stored = set(connection.execute(sa.select(tables.events.c.event_id).where(asked)).scalars())
            kept_from: int = connection.execute(sa.select(tables.event_streams.c.kept_from)).scalar_one()
        engine.dispose()
        (event,), (time_,) = self.table.of_role("event"), self.table.of_role("time")
        seconds = (whole_seconds(datetime.fromisoformat(row[time_.name])) for row in self.rows)
        kept = {str(row[event.name]) for row, at in zip(self.rows, seconds, strict=True) if at >= kept_from}
        return kept - stored

    def problems(self, answers: Sequence[bytes]) -> list[str]:
        """What is wrong at the end of a stream: events that are lost, and answers that are not what they must be.

        One that counted twice would show in the windows of those after it.
        """
        return [*(f"event {lost} is not stored" for lost in self.lost()), *self.differences(answers)]


def prepare(
    stage: Stage,
    table: Table,
    frame: pd.DataFrame,
    *,
    n_stream: int,
    training: npt.NDArray[np.bool_],
) -> Stream:
    """Train on some of the rows, load those before the stream into the store, and compute what the stream must get.

    Parameters
    ----------
    frame : raw rows with their outcomes, in time order; the last `n_stream` are the stream, whose outcomes are not
        known yet.
    training : the rows to train on, shape (n_rows,), before the stream.
    """
    domain = load_domains()[NAME]
    checked, labels = checked_history(table, frame, table.name)
    n_history = len(frame) - n_stream
    labels[n_history:] = 0
    seen = with_windows(table, checked_frame(table, frame, table.name, training=False), labels)
    rows, n_training = np.flatnonzero(training), int(training.sum() * 0.8)
    held_out = rows[n_training:]
    scorer = domain.build(table, PRESETS["fast"], 0).fit(
        seen.iloc[rows[:n_training]], labels[rows[:n_training]], validation=(seen.iloc[held_out], labels[held_out])
    )
    live = LiveModel(name=NAME, version=1, domain=domain, scorer=scorer, policy=domain.policy())
    store = stage.store()
    store.add(domain, scorer, promote=True)
    store.registry.close()
    engine = open_database(stage.database_url)
    load_past(
        EventLog(engine, NAME, table), checked.iloc[:n_history], labels[:n_history], label_delay_days=LABEL_DELAY_DAYS
    )
    engine.dispose()
    stream = seen.iloc[n_history:]
    fields = live.decide(scorer.frame_scores(stream), stream)
    expected = [
        {"windows": windows, **{name: values[place] for name, values in fields.items()}}
        for place, windows in enumerate(windows_of(table, stream))
    ]
    return Stream(stage, table, requests_of(table, frame.iloc[n_history:]), expected)


def simulated(stage: Stage, *, n_stream: int, n_history: int = 5_000) -> Stream:
    """A stream of simulated transactions, after a training on the history before it."""
    frame = fraud.simulate(n_history + n_stream, 0).frame
    training = np.arange(len(frame)) < n_history
    return prepare(stage, fraud.TABLE, frame, n_stream=n_stream, training=training)


def requests_of(table: Table, frame: pd.DataFrame) -> list[dict[str, Any]]:
    """The inputs of raw rows, as JSON takes them."""
    inputs = frame[[column.name for column in table.inputs]].astype(object)
    rows = inputs.where(inputs.notna(), None).to_dict("records")
    return [
        {str(name): value.isoformat() if isinstance(value, pd.Timestamp) else value for name, value in row.items()}
        for row in rows
    ]


def example_requests(path: str, table: Table) -> Callable[[], bytes]:
    """Makes the next request with the table's example: of a table with windows another event each time.

    An event that is sent again would get the stored answer, and nothing would be scored.
    """
    row, event = table.example(), table.event
    if event is None or not table.windows:
        request = post(path, json.dumps(row).encode())
        return lambda: request
    return lambda: post(path, json.dumps({**row, event.name: next(_EVENT_IDS)}).encode())


def windows_of(table: Table, frame: pd.DataFrame) -> list[dict[str, float | None]]:
    """The windows of rows that have them, as answers tell them."""
    rows = frame[[column.name for column in table.windows]].to_dict("records")
    return [{str(name): None if np.isnan(value) else value for name, value in row.items()} for row in rows]


def digest_of(answers: Sequence[bytes]) -> str:
    """A digest of the answers without their ids: equal for two runs that answered alike."""
    told = [{name: value for name, value in json.loads(body).items() if name != "prediction_id"} for body in answers]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()[:16]
