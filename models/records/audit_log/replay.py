"""Replay: answer a recorded request again with its bundle and policy, and compare bit by bit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError
from pydantic_core import from_json, to_json

from data.rows import row_adapter
from models.answers.respond import respond_encoded
from models.contract import BEFORE, LiveModel, Operation, Row
from models.errors import ReplayError
from models.records.audit_log.personal import PersonalData
from models.records.audit_log.record import BATCH, SCORE, PredictionRecord, features_digest, predictions_of
from models.registry.live import load_answering
from models.registry.registry import Registry


@dataclass(frozen=True)
class Replay:
    """The result of a replay.

    Parameters
    ----------
    same_features : whether the encoded rows are identical; None for requests without rows.
    differences : fields of the answer that differ in any bit, each with the sent and the replayed value.
    notes : explanations of differences, and limits of the comparison.
    is_possible : whether everything that the answer needs was stored; if not, the notes say what was not.
    """

    same_features: bool | None
    differences: Mapping[str, tuple[Any, Any]]
    notes: tuple[str, ...] = ()
    is_possible: bool = True

    @property
    def identical(self) -> bool:
        """Whether everything is bit-identical."""
        return self.is_possible and self.same_features is not False and not self.differences


def replay(record: PredictionRecord, registry: Registry, bundles: Path, *, personal_key: bytes) -> Replay:
    """Answer a recorded request again, with all rows of a batch.

    Parameters
    ----------
    personal_key : see `models.records.audit_log.personal`; values that are not stored are not compared.

    Raises
    ------
    ReplayError
        Columns that the answer needs were not stored in full.
    BundleError, UnknownVersionError, UnknownPolicyError, UnreadablePolicyError
        The version, its bundle or its policy is no longer available.
    """
    version = registry.version(record.model, record.version)
    live = load_answering(version, registry.policies.policy(record.model, record.policy_version), bundles)
    personal = PersonalData(live.table, personal_key)
    sent = from_json(record.answer)
    if record.action in (SCORE, BATCH):
        rows = [checked_row(live, row, personal) for row in _listed(record, from_json(record.request))]
        X = live.scorer.encoder.encode_rows(rows)
        ids = [one.id for one in predictions_of(record)]
        answers = respond_encoded(live, rows, X, ids, reasons=record.reasons)  # type: ignore[arg-type]
        fresh = [from_json(personal.answer_text(answer.model_dump_json())) for answer in answers]
        return _compared(live, _listed(record, sent), fresh, same_features=features_digest(X) == record.features_digest)
    operation = {one.name: one for one in live.domain.operations}[record.action]
    answer = operation.respond(live, _body(live, operation, from_json(record.request), personal), record.id)
    return _compared(live, [sent], [from_json(personal.answer_text(answer.model_dump_json()))], same_features=None)


def replay_if_stored(record: PredictionRecord, registry: Registry, bundles: Path, *, personal_key: bytes) -> Replay:
    """As `replay`, but what was not stored in full is a note in place of an error."""
    try:
        return replay(record, registry, bundles, personal_key=personal_key)
    except ReplayError as error:
        return Replay(None, {}, (str(error),), is_possible=False)


def _listed(record: PredictionRecord, content: Any) -> list[Any]:
    return content if record.action == BATCH else [content]


def checked_row(live: LiveModel, stored: Mapping[str, Any], personal: PersonalData) -> Row:
    """A stored row as the request's check returned it, with its windows; ReplayError if columns were not stored."""
    if personal.features:
        raise ReplayError(personal.features)
    windows = {column.name for column in live.table.windows}
    inputs = {name: value for name, value in stored.items() if name not in windows}
    checked = _checked(row_adapter(live.table), inputs, personal)
    return {**checked, **{name: stored[name] for name in windows if name in stored}}


def _body(live: LiveModel, operation: Operation, stored: Any, personal: PersonalData) -> Any:
    """A stored body, checked again; windows of a row in it are not part of requests and skip the check."""
    if personal.features:
        raise ReplayError(personal.features)
    if operation.conversation is not None and BEFORE in stored:
        sent = {name: value for name, value in stored.items() if name != BEFORE}
        return {**_body(live, operation, sent, personal), BEFORE: stored[BEFORE]}
    if not live.table.windows or operation.row_path is None:
        return _checked(TypeAdapter(operation.body(live.table)), stored, personal)
    windows = {column.name for column in live.table.windows}
    kept: dict[str, Any] = {}

    def without_windows(value: Any, place: Sequence[str]) -> Any:
        if place:
            return {**value, place[0]: without_windows(value[place[0]], place[1:])}
        kept.update({name: value[name] for name in windows if name in value})
        return {name: inner for name, inner in value.items() if name not in windows}

    def with_windows(value: Any, place: Sequence[str]) -> Any:
        if place:
            return {**value, place[0]: with_windows(value[place[0]], place[1:])}
        return {**value, **kept}

    inputs = without_windows(stored, operation.row_path)
    return with_windows(_checked(TypeAdapter(operation.body(live.table)), inputs, personal), operation.row_path)


def _checked(adapter: TypeAdapter[Any], stored: Any, personal: PersonalData) -> Any:
    try:
        return adapter.validate_json(to_json(stored))
    except ValidationError as error:
        if not personal.columns:
            raise
        raise ReplayError(personal.columns) from error


def _compared(
    live: LiveModel,
    sent: Sequence[Mapping[str, Any]],
    fresh: Sequence[Mapping[str, Any]],
    *,
    same_features: bool | None,
) -> Replay:
    differences: dict[str, tuple[Any, Any]] = {}
    notes: list[str] = []
    for was, now in zip(sent, fresh, strict=True):
        changed = {name: (was.get(name), now.get(name)) for name in {*was, *now} if was.get(name) != now.get(name)}
        if _was_passed(live, changed):
            changed = {}
            notes.append(
                f"{was['prediction_id']}: the review queue had cleared the subject, so the event was not reviewed"
            )
        prefix = f"{was['prediction_id']}." if len(sent) > 1 else ""
        differences |= {prefix + name: both for name, both in sorted(changed.items())}
    return Replay(same_features, differences, tuple(notes))


def _was_passed(live: LiveModel, changed: Mapping[str, tuple[Any, Any]]) -> bool:
    """Whether the review queue alone, see `models.records.events.alert_desk`, explains the differences."""
    queue = live.queue
    if queue is None or not changed or changed.keys() - {"decision", "warnings"}:
        return False
    return changed.get("decision") == (queue.passed, queue.reviewed)
