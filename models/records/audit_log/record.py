"""Records of answered requests, and the predictions in them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any, Literal, NamedTuple, TypeAlias

from pydantic_core import from_json

from models.encoding import EncodedRows

Role: TypeAlias = Literal["champion", "canary", "shadow"]
BATCH = "batch"
SCORE = "score"


class PredictionRecord(NamedTuple):
    """An answered request: a row of the table `predictions`.

    Parameters
    ----------
    id : of the prediction; of a batch the common part of the ids of its rows, see `id_in_batch`.
    role : champion, canary or shadow; answers of a shadow are never sent.
    action : the last part of the path: "score", "batch" or an operation.
    at : time of the request, in milliseconds since 1970, UTC.
    latency : microseconds from the request to the answer.
    key_id : of the caller; empty without authentication.
    reasons : the requested reasons.
    request : the checked row with its windows as JSON, the list of a batch's rows that were answered, or the body of an
        operation; without personal values that are not stored.
    features_digest : see `features_digest`.
    answer : as sent, but for warnings about inputs that are no part of the row; of a batch the list of its answers.
    """

    id: str
    version: int
    model: str
    policy_version: int
    role: Role
    action: str
    at: int
    latency: int
    key_id: str
    reasons: str
    n_rows: int
    request: str
    features_digest: str
    answer: str

    @property
    def n_bytes(self) -> int:
        """Approximate size in the database."""
        return len(self.request) + len(self.answer) + 200


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """One answered row, single or from a batch.

    Parameters
    ----------
    row : the scored row as in JSON: times are texts.
    answer : the fields of the sent answer.
    """

    id: str
    model: str
    version: int
    policy_version: int
    role: Role
    action: str
    at: datetime
    latency: int
    key_id: str
    row: Mapping[str, Any]
    answer: Mapping[str, Any]


def features_digest(X: EncodedRows) -> str:
    """Fingerprint of encoded rows: 128 bits of BLAKE2b over their float32 values, row by row."""
    return blake2b(X.tobytes(), digest_size=16).hexdigest()


def id_in_batch(batch_id: str, place: int) -> str:
    """The id of a row of a batch, from its position: any of these ids leads to the one record of the batch."""
    return f"{batch_id}-{place}"


def predictions_of(record: PredictionRecord) -> Iterator[Prediction]:
    """The predictions of a record, in the order of the answers."""
    rows, answers = from_json(record.request), from_json(record.answer)
    if record.action != BATCH:
        rows, answers = [rows], [answers]
    for row, answer in zip(rows, answers, strict=True):
        yield Prediction(
            id=answer["prediction_id"],
            model=record.model,
            version=record.version,
            policy_version=record.policy_version,
            role=record.role,
            action=record.action,
            at=moment(record.at),
            latency=record.latency,
            key_id=record.key_id,
            row=row,
            answer=answer,
        )


def moment(milliseconds: int) -> datetime:
    """The datetime, UTC, of milliseconds since 1970."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def milliseconds(at: datetime) -> int:
    """Milliseconds since 1970, rounded down."""
    return int(at.timestamp() * 1000)


def in_batch_of(prediction_id: str) -> Sequence[str]:
    """The ids under which a prediction may be recorded: its own, or that of its batch."""
    batch_id, dash, place = prediction_id.rpartition("-")
    return [prediction_id, batch_id] if dash and place.isdecimal() else [prediction_id]
