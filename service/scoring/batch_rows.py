"""Rows to answers that are recorded: what every request with several rows shares, in whatever form they came."""

from __future__ import annotations

from collections.abc import Sequence

from models.answers.respond import answer_columns, answer_texts
from models.contract import ReasonsWanted, Row
from models.records.audit_log.record import BATCH, id_in_batch
from service.live.served_model import Serving
from service.requests.call import Asked
from service.scoring.event_worker import EventWriter, Results
from service.scoring.row_batcher import Answering
from service.scoring.shadow_worker import Seen


def answer_rows(
    serving: Serving,
    rows: Sequence[Row],
    places: Sequence[int],
    *,
    answering: Answering,
    events: EventWriter,
    batch_id: str,
    asked: Asked,
    reasons: ReasonsWanted,
) -> Results:
    """Answer and record checked rows; takes up to seconds of computing and waiting, so it belongs into a thread.

    Parameters
    ----------
    places : of the rows among all that came with them.
    answering, events : record the answers.
    batch_id : begins the ids of their predictions, which end with the places.

    Raises
    ------
    BusyError, DatabaseError
        The answers cannot be recorded now, or the rows are events that cannot be stored; then nothing is.
    """
    if not rows:
        return []
    ids = [id_in_batch(batch_id, place) for place in places]
    if serving.events is not None:
        return events.answer_batch(serving, rows, ids, reasons, batch_id=batch_id, asked=asked)
    X = serving.live.scorer.encoder.encode_rows(rows)
    columns = answer_columns(serving.live, rows, X, ids, reasons=reasons)
    answering.count(serving, columns[serving.live.domain.probability])
    texts = answer_texts(columns)
    if serving.audit.records(batch_id):
        record = serving.record_rows(batch_id, BATCH, rows, X, texts, asked=asked, reasons=reasons)
        stored = answering.record(serving, record)
        if stored is not None and (problem := stored.result()) is not None:
            raise problem
        if serving.shadow is not None:
            answering.shadowed(Seen(serving.shadow, rows, ids, batch_id, BATCH, asked))
    return list(texts)
