"""Inference: a request of the protocol, answered as a batch of rows."""

from __future__ import annotations

from models.errors import EventError
from service.errors import InvalidTensorsError
from service.inference_protocol.datatypes import element
from service.inference_protocol.inputs import read_request, reason_scope, rows_of
from service.inference_protocol.messages import InferenceResponse
from service.inference_protocol.outputs import output_tensors, requested_outputs
from service.live.served_model import ServedModel
from service.requests.call import Call
from service.requests.field_errors import event_field
from service.scoring.batch_rows import answer_rows
from service.scoring.event_worker import EventWorker, Results
from service.scoring.row_batcher import RowBatcher


def infer(
    served: ServedModel,
    body: bytes,
    *,
    batcher: RowBatcher,
    events: EventWorker,
    batch_id: str,
    call: Call,
    max_rows: int,
) -> bytes:
    """Answer a request, JSON to JSON; takes up to seconds, so call it in a thread.

    Parameters as for `answer_batch`.

    Raises
    ------
    InvalidJsonError, InvalidTensorsError, BinaryTensorsError
        The request cannot be read, or values break rules of the model's table.
    TooManyRowsError
        It has more than `max_rows` rows.
    EventError
        Its only row is an event that cannot be scored.
    BusyError, DatabaseError
        The answers cannot be recorded now, or the rows are events that cannot be stored.
    """
    live = served.live
    request = read_request(body, live.table, max_rows)
    reasons, requested = reason_scope(request), requested_outputs(request, live.domain.answer)
    rows, ignored = rows_of(request, served, max_rows)
    results = answer_rows(
        served,
        rows,
        range(len(rows)),
        batcher=batcher,
        events=events,
        batch_id=batch_id,
        call=call,
        reasons=reasons,
    )
    response = InferenceResponse(
        model_name=live.name,
        model_version=str(live.version),
        id=request.id,
        outputs=output_tensors([served.warned(text, ignored) for text in _answered(results)], requested),
    )
    return response.model_dump_json(exclude_none=True).encode()


def _answered(results: Results) -> list[bytes]:
    """The answers in JSON; raises if any row has none."""
    failed = {place: result for place, result in enumerate(results) if isinstance(result, EventError)}
    if failed and len(results) == 1:
        raise failed[0]
    if failed:
        raise InvalidTensorsError(
            [
                event_field(error).model_copy(update={"path": element(error.column, place)})
                for place, error in failed.items()
            ]
        )
    return [str(result).encode() for result in results]
