"""Audit records of what a version answered."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from models.contract import ReasonScope, Row
from models.encoding import EncodedRows
from models.records.audit_log.record import BATCH, PredictionRecord, features_digest
from service.requests.call import Call

if TYPE_CHECKING:
    from service.live.served_model import ServedModel


def request_record(
    served: ServedModel,
    prediction_id: str,
    action: str,
    request: Any,
    answer: str,
    *,
    call: Call,
    reasons: str = "",
    digest: str = "",
    n_rows: int = 1,
) -> PredictionRecord:
    """The audit record of an answered request, see `PredictionRecord`."""
    live = served.live
    return PredictionRecord(
        prediction_id,
        live.version,
        live.name,
        live.policy_version,
        served.role,
        action,
        call.at,
        call.latency,
        call.key_id,
        reasons,
        n_rows,
        served.personal.text(request),
        "" if served.personal.features else digest,  # of few possible values it would tell which
        served.personal.answer_text(answer, request),
    )


def rows_record(
    served: ServedModel,
    record_id: str,
    action: str,
    rows: Sequence[Row],
    X: EncodedRows,
    answers: Sequence[str],
    *,
    call: Call,
    reasons: ReasonScope,
) -> PredictionRecord:
    """The audit record of a single row or a batch, with its features X and its answers as JSON."""
    single = action != BATCH
    return request_record(
        served,
        record_id,
        action,
        rows[0] if single else list(rows),
        answers[0] if single else f"[{','.join(answers)}]",
        call=call,
        reasons=reasons,
        digest=features_digest(X),
        n_rows=len(rows),
    )
