"""Scoring and recording of the rows of a batch, whatever its format."""

from __future__ import annotations

from collections.abc import Sequence

from models.answers.respond import answer_columns, answer_texts
from models.contract import ReasonScope, Row
from models.records.audit_log.record import BATCH, id_in_batch
from service.live.prediction_records import rows_record
from service.live.served_model import ServedModel
from service.requests.call import Call
from service.scoring.event_worker import EventWorker, Results
from service.scoring.row_batcher import RowBatcher
from service.scoring.shadow_worker import Seen


def answer_rows(
    served: ServedModel,
    rows: Sequence[Row],
    places: Sequence[int],
    *,
    batcher: RowBatcher,
    events: EventWorker,
    batch_id: str,
    call: Call,
    reasons: ReasonScope,
) -> Results:
    """Score and record validated rows; takes up to seconds, so call it in a thread.

    Parameters
    ----------
    places : positions of the rows in the request.
    batcher, events : record the answers.
    batch_id : prefix of the prediction IDs; the position is the suffix.

    Raises
    ------
    BusyError, DatabaseError
        The answers cannot be recorded now, or the rows are events that cannot be stored; nothing is stored then.
    """
    if not rows:
        return []
    ids = [id_in_batch(batch_id, place) for place in places]
    if served.events is not None:
        return events.answer_batch(served, rows, ids, reasons, batch_id=batch_id, call=call)
    X = served.live.scorer.encoder.encode_rows(rows)
    columns = answer_columns(served.live, rows, X, ids, reasons=reasons)
    batcher.count(served, columns)
    texts = answer_texts(columns)
    if served.audit.records(batch_id):
        record = rows_record(served, batch_id, BATCH, rows, X, texts, call=call, reasons=reasons)
        stored = batcher.record(served, record)
        if stored is not None and (problem := stored.result()) is not None:
            raise problem
        if served.shadow is not None:
            batcher.shadowed(Seen(served.shadow, rows, ids, batch_id, BATCH, call))
    return list(texts)
