"""EventLog: the events of one model, each answered from the earlier ones, and stored with its answer.

Guarantees
----------
* An event is stored in the transaction that reads its windows: every answered event is stored, and one that was not
  stored can be sent again.
* Events are identified by id: one sent again gets the same answer and counts once; with other contents it is refused.
* An event sees the stored events of earlier seconds, by event time. A late event is answered from the events before
  its own time, counts for all events that arrive later, and changes no earlier answer.
* The machine's clock only limits the future: an event later than a day from now is refused, because the newest event
  determines what is old.
* Events that the longest window of the newest event cannot reach are kept for another `late_days`, then deleted. An
  event whose windows would need deleted events is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol, TypeAlias

import sqlalchemy as sa

from data.column import level_text
from data.table import Table
from data.window_events import whole_seconds
from models.clock import Clock, utc_now
from models.contract import Answer, Row
from models.errors import ConflictingEventError, EventError
from models.records.audit_log.log import add_records
from models.records.audit_log.personal import PersonalData
from models.records.audit_log.record import PredictionRecord
from models.records.events.entity_series import EntitySeries, entity_value, register, series_of_model
from models.records.events.event_json import EventSerializer, dumped, moment, row_of
from models.records.events.retention import roll_out
from models.records.events.window_reader import NewEvent, WindowReader
from models.records.outcomes.events import add_labels
from models.records.outcomes.ledger import Outcome
from models.registry.database import schema as tables
from models.registry.database.engine import lock_key, parts_of, reading, recording, writing

FUTURE_SECONDS = 86_400
LATE_DAYS = 7.0

Respond: TypeAlias = Callable[[Sequence[Row], Sequence[int]], Sequence[Answer]]
"""(rows with their windows, their positions in the request) -> answers."""
Recorded: TypeAlias = Callable[[Sequence[Row], Sequence[int], Sequence[str]], Sequence[PredictionRecord]]
"""(rows with their windows, their positions, their answers as JSON) -> records for the audit log."""


@dataclass(frozen=True, eq=False)
class Arrival:
    """A new event.

    Parameters
    ----------
    seconds : its time, in whole seconds.
    row : with the windows.
    subject : as alerts have it; hashed if it is personal.
    plain_subject : as it came, and as alerts of earlier releases have it; never stored where it is personal.
    """

    event_id: str
    seconds: int
    row: Row
    subject: str | None
    plain_subject: str | None
    answer: Answer


class EventListener(Protocol):
    """A listener for new events, called in the transaction that stores them."""

    def on_stored(self, connection: sa.Connection, arrivals: Sequence[Arrival]) -> Sequence[Answer]:
        """Process new events; returns the answers to send."""


class EventLog:
    """The events of one model.

    Parameters
    ----------
    engine : see `models.registry.database.engine.open_database`.
    model : whose events these are.
    table : of the live version, with its windows, an event id and a time.
    personal : what is stored of personal columns; needed if the table has such columns.
    listener : called with new events, or None.
    late_days : how long events are kept beyond the reach of the windows.
    now : clock for the arrival of events.

    Attributes
    ----------
    time_name, event_name : the columns with the time and the id of an event.

    Raises DatabaseError from any method if the database fails; nothing is half-written then.
    """

    def __init__(
        self,
        engine: sa.Engine,
        model: str,
        table: Table,
        *,
        personal: PersonalData | None = None,
        listener: EventListener | None = None,
        late_days: float = LATE_DAYS,
        now: Clock = utc_now,
    ) -> None:
        assert table.time is not None and table.event is not None  # noqa: S101, PT018 - see Table
        self.engine, self.model, self.table = engine, model, table
        self.time_name, self.event_name = table.time.name, table.event.name
        self._listener, self._now, self._serialize = listener, now, EventSerializer(table)
        self.personal = personal or PersonalData(table, b"")
        self._reach = table.reach_seconds
        self._keep_seconds = self._reach + round(late_days * 86_400)
        entities = dict.fromkeys(column.window.entity for column in table.windows if column.window)
        self._locked = list(dict.fromkeys([*entities, *([table.subject.name] if table.subject else [])]))
        self._own_series = [EntitySeries.of(table, entity) for entity in entities]
        self._series = register(engine, model, self._own_series, self.personal)
        self._looking_back = WindowReader(table, model, self._series, self.personal)

    def answer(self, rows: Sequence[Row], respond: Respond, recorded: Recorded | None = None) -> list[str | EventError]:
        """Answer and store events, in one transaction.

        Parameters
        ----------
        rows : checked rows of the table's inputs, in any order.
        respond : answers new events.
        recorded : makes the audit records of new events; None for no records.

        Returns
        -------
        for each row its answer as JSON, or the error.
        """
        checked = [self._read(row) for row in rows]
        new: dict[str, int] = {}
        results: list[str | EventError | None] = [None] * len(rows)
        with recording(self.engine, self._keys(checked)) as connection:
            kept_from, stored = self._stored(connection, [one.event_id for one in checked])
            for place, one in enumerate(checked):
                if one.event_id in stored:
                    results[place] = self._answer_again(one, *stored[one.event_id])
                elif problem := self._problem(one, kept_from):
                    results[place] = problem
                else:
                    new.setdefault(one.event_id, place)
            places = list(new.values())
            answers = self._add(connection, [checked[place] for place in places], places, respond, recorded)
            for place, answer in zip(places, answers, strict=True):
                results[place] = answer
            for place, one in enumerate(checked):  # the same id twice among the new ones
                if results[place] is None:
                    first = new[one.event_id]
                    results[place] = self._answer_again(one, checked[first].contents, str(results[first]))
            if places:
                newest = max(checked[place].seconds for place in places)
                roll_out(connection, self.model, kept_from, newest - self._keep_seconds)
        return [result for result in results if result is not None]

    def look(self, rows: Sequence[Row]) -> list[Row | EventError]:
        """Compute windows of events without storing them: none of them sees another.

        Parameters
        ----------
        rows : as for `answer`; stored events also see late events that arrived after them.

        Returns
        -------
        each row with its windows, or the error.
        """
        found: list[Row | EventError] = []
        with reading(self.engine) as connection:
            kept_from, _ = self._stored(connection, [])
            for one in map(self._read, rows):
                found.append(self._problem(one, kept_from) or self._with_windows(connection, [one])[0])
        return found

    def load(self, rows: Sequence[Row], labels: Sequence[Outcome]) -> int:
        """Store past events without answers, each once, with their labels; in one transaction.

        Parameters
        ----------
        rows : as for `answer`. Rows with a stored id, and rows too old to be kept, are left out.
        labels : of these rows or of stored events.

        Returns
        -------
        the number of new events.
        """
        checked = [self._read(row) for row in rows]
        with writing(self.engine) as connection:
            kept_from, stored = self._stored(connection, [one.event_id for one in checked])
            new = {one.event_id: one for one in checked if one.event_id not in stored and one.seconds >= kept_from}
            if new:
                self._store(connection, list(new.values()), [None] * len(new))
            add_labels(connection, self.model, labels, now=self._now())
        return len(new)

    def keep_up_to(self, newest: int) -> int:
        """Delete events too old beside an event of that time; returns the time from which on events are kept."""
        with writing(self.engine) as connection:
            kept_from, _ = self._stored(connection, [])
            return roll_out(connection, self.model, kept_from, newest - self._keep_seconds)

    def _add(
        self,
        connection: sa.Connection,
        new: Sequence[_Read],
        places: Sequence[int],
        respond: Respond,
        recorded: Recorded | None,
    ) -> list[str]:
        """Compute windows, answer, store; returns the answers as JSON."""
        if not new:
            return []
        rows = self._with_windows(connection, new)
        answers = respond(rows, places)
        if self._listener is not None:
            arrivals = [
                Arrival(one.event_id, one.seconds, row, self._subject(one.keys), self._subject(one.row), answer)
                for one, row, answer in zip(new, rows, answers, strict=True)
            ]
            answers = self._listener.on_stored(connection, arrivals)
        texts = [answer.model_dump_json() for answer in answers]
        kept = [self.personal.answer_text(text, one.row) for text, one in zip(texts, new, strict=True)]
        self._store(connection, new, kept)
        if recorded is not None and (records := recorded(rows, places, texts)):
            add_records(connection, records)
        return texts

    def _with_windows(self, connection: sa.Connection, new: Sequence[_Read]) -> list[Row]:
        """The rows with the values of their windows."""
        columns = self._looking_back.values(connection, [NewEvent(one.seconds, one.row, one.keys) for one in new])
        listed = {
            name: [None if value != value else value for value in values.tolist()]  # noqa: PLR0124 - NaN alone
            for name, values in columns.items()
        }
        return [{**one.row, **{name: values[i] for name, values in listed.items()}} for i, one in enumerate(new)]

    def _store(self, connection: sa.Connection, new: Sequence[_Read], answers: Sequence[str | None]) -> None:
        received = self._now()
        connection.execute(
            tables.events.insert(),
            [
                {
                    "model": self.model,
                    "event_id": one.event_id,
                    "time": one.seconds,
                    "row": one.contents,
                    "answer": answer,
                    "received": received,
                }
                for one, answer in zip(new, answers, strict=True)
            ],
        )
        entities = [
            entity
            for one in new
            for series, number in self._series.items()
            if (entity := series.stored(number, one.event_id, one.seconds, one.keys))
        ]
        if entities:
            connection.execute(tables.event_entities.insert(), entities)

    def _read(self, row: Row) -> _Read:
        event_id = level_text(row[self.event_name])
        contents = dumped(self.personal.row(self._serialize.values(row)))
        return _Read(event_id, whole_seconds(row[self.time_name]), row, self.personal.keys_of(row), contents)

    def _subject(self, row: Row) -> str | None:
        return None if self.table.subject is None else entity_value(row, self.table.subject.name)

    def _keys(self, checked: Sequence[_Read]) -> set[int]:
        """Lock keys of events and entities, so that events of one entity are answered one after the other."""
        keys = {lock_key(self.model, one.event_id) for one in checked}
        for entity in self._locked:
            # stored keys of earlier releases are not hashed
            values = {entity_value(row, entity) for one in checked for row in (one.row, one.keys)} - {None}
            keys |= {lock_key(self.model, entity, str(value)) for value in values}
        return keys

    def _stored(self, connection: sa.Connection, ids: Sequence[str]) -> tuple[int, dict[str, tuple[str, str | None]]]:
        """The time from which on events are kept, and contents and answers of stored events.

        Also picks up series that another version of the model has begun meanwhile, so that they stay complete.
        """
        if len(ids) == 1:
            rows = connection.execute(_STREAM_AND_EVENT, {"model": self.model, "id": ids[0]}).all()
            stream, found = rows[0], [row for row in rows if row.event_id is not None]
        else:
            stream = connection.execute(_STREAM, {"model": self.model}).one()
            found = []
            for some in parts_of(list(ids)):
                found += connection.execute(_STORED, {"model": self.model, "ids": some})
        if stream.n_series > len(self._series):
            self._series = series_of_model(connection, self.model)
        return stream.kept_from, {row.event_id: (row.row, row.answer) for row in found}

    def _answer_again(self, one: _Read, earlier: str, answer: str | None) -> str | EventError:
        """The stored answer, or an error if the contents differ."""
        name = self.event_name
        if one.contents != earlier:
            # another version may have other columns, an earlier release has hashed nothing
            was, now = self.personal.row(row_of(earlier), is_stored=True), row_of(one.contents)
            if changed := [f"{key} was {was[key]!r}" for key in now if key in was and now[key] != was[key]]:
                return ConflictingEventError(name, one.event_id, f"is the id of another event: {', '.join(changed)}")
        if answer is None:
            return ConflictingEventError(name, one.event_id, "is the id of an event that was loaded as history")
        return answer

    def _problem(self, one: _Read, kept_from: int) -> EventError | None:
        """The reason not to answer a new event, if there is one."""
        name = self.time_name
        latest = self._now() + timedelta(seconds=FUTURE_SECONDS)
        if one.seconds > latest.timestamp():
            return EventError(
                name, moment(one.seconds), f"must not lie after {latest:%Y-%m-%d %H:%M} (UTC), a day from now"
            )
        if one.seconds - self._reach < kept_from:
            earliest = moment(kept_from + self._reach)
            return EventError(
                name,
                moment(one.seconds),
                f"must not lie before {earliest}: the events that its windows need are no longer kept",
            )
        return None


@dataclass(frozen=True, eq=False)
class _Read:
    """An event as it came: its id, its time in whole seconds, its row, its keys, and its stored contents as JSON."""

    event_id: str
    seconds: int
    row: Row
    keys: Row
    contents: str


_events, _streams = tables.events, tables.event_streams
_STREAM = sa.select(_streams.c.kept_from, _streams.c.n_series).where(_streams.c.model == sa.bindparam("model"))
_STORED = sa.select(_events.c.event_id, _events.c.row, _events.c.answer).where(
    _events.c.model == sa.bindparam("model"), _events.c.event_id.in_(sa.bindparam("ids", expanding=True))
)
# one statement for the usual request: the stream, with the stored event if there is one
_STREAM_AND_EVENT = _STREAM.add_columns(_events.c.event_id, _events.c.row, _events.c.answer).join_from(
    _streams,
    _events,
    sa.and_(_events.c.model == _streams.c.model, _events.c.event_id == sa.bindparam("id")),
    isouter=True,
)
