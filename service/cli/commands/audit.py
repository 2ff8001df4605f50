"""`backscore audit`: recorded predictions, their replay, and how long they are kept."""
# ruff: noqa: PLC0415 - heavy libraries are imported by the command that needs them, so that --help is quick

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from service.cli.console import Cell, Listing, Part, Remark, listing, print_result, warning
from service.cli.context import (
    AsJson,
    ModelName,
    Why,
    actor,
    database_of,
    home_of,
    open_registry,
    read_settings,
    unknown_model,
)
from service.cli.exits import CommandError

if TYPE_CHECKING:
    from models.records.audit_log.log import PredictionLog
    from models.records.audit_log.record import Prediction, PredictionRecord
    from models.records.audit_log.replay import Replay
    from models.registry.audit_settings import AuditSettings
    from service.settings import Settings

app = typer.Typer(help="The audit log: recorded predictions, their replay, level and retention.", no_args_is_help=True)


@app.command()
def show(
    prediction_id: Annotated[str, typer.Argument(metavar="ID", help="The `prediction_id` of an answer.")],
    as_json: AsJson = False,
) -> None:
    """Show a recorded prediction and replay it: the stored model must give an identical answer, to the bit.

    Exit code: 1 if it does not.
    """
    from models.errors import UnknownPredictionError
    from models.records.audit_log.personal import personal_key
    from models.records.audit_log.replay import replay_if_stored

    settings = read_settings()
    with prediction_log(settings) as log, open_registry(settings) as registry:
        records = log.records(prediction_id)
        if not records:
            raise UnknownPredictionError(prediction_id)
        key = personal_key(settings.home)
        found = [(one, replay_if_stored(one, registry, home_of(settings).bundles, personal_key=key)) for one in records]
    print_result(
        {"predictions": [_as_json(record, prediction_id, again) for record, again in found]},
        (part for record, again in found for part in _text(record, prediction_id, again)),
        as_json=as_json,
    )
    if not all(again.identical for _, again in found):
        raise typer.Exit(1)


@app.command("list")
def list_predictions(
    name: ModelName,
    last: Annotated[int, typer.Option(min=1, help="Number of requests, newest first.")] = 20,
    as_json: AsJson = False,
) -> None:
    """List the newest recorded requests of a model."""
    with prediction_log(read_settings()) as log:
        records = log.newest(name, last)
    requests = [_summary(record) for record in records]
    text = [listing(requests, _REQUEST)] if requests else [Remark(f"No requests to {name!r} are recorded.")]
    print_result({"requests": requests}, text, as_json=as_json)


@app.command("settings")
def change_settings(
    name: ModelName,
    level: Annotated[
        str | None,
        typer.Option(
            help="durable: stored before the answer is sent; async: stored shortly after, or dropped and counted when "
            "the queue is full; off: not recorded."
        ),
    ] = None,
    sample: Annotated[float | None, typer.Option(help="Share of predictions to record, 0 to 1.")] = None,
    keep_days: Annotated[float | None, typer.Option(help="Days to keep records; 0 for ever.")] = None,
    keep_megabytes: Annotated[float | None, typer.Option(help="Megabytes to keep; 0 for no limit.")] = None,
    why: Why = "",
    as_json: AsJson = False,
) -> None:
    """Show or change how the predictions of a model are recorded; a running service follows within a second."""
    from models.registry.audit_settings import DEFAULT

    given: dict[str, Any] = {"level": level, "sample": sample}
    changes = {option: value for option, value in given.items() if value is not None}
    for option, limit in (("keep_days", keep_days), ("keep_megabytes", keep_megabytes)):
        if limit is not None:
            changes[option] = limit or None
    with open_registry(read_settings()) as registry:
        if name not in registry.names():
            raise unknown_model(name, registry)
        settings = registry.audit_settings().get(name, DEFAULT)
        if changes:
            settings = _changed(settings, changes)
            registry.set_audit(name, settings, actor=actor(), why=why)
    kept = [
        f"for {settings.keep_days:g} days" if settings.keep_days else "for ever",
        f"up to {settings.keep_megabytes:g} MB" if settings.keep_megabytes else "without a limit of size",
    ]
    text = f"{name}: level {settings.level}, {settings.sample:.0%} of the predictions, kept {', '.join(kept)}"
    print_result({"name": name, **settings.model_dump()}, [text], as_json=as_json)


@app.command()
def prune(name: ModelName, as_json: AsJson = False) -> None:
    """Delete records past the model's retention; a running service does so by itself."""
    from models.clock import utc_now
    from models.records.audit_log.retention import delete_old
    from models.registry.audit_settings import DEFAULT

    settings = read_settings()
    with open_registry(settings) as registry, prediction_log(settings) as log:
        n_deleted = delete_old(log.engine, name, registry.audit_settings().get(name, DEFAULT), now=utc_now())
    text = f"{n_deleted:,} recorded requests of {name!r} deleted"
    print_result({"name": name, "n_deleted": n_deleted}, [text], as_json=as_json)


@contextmanager
def prediction_log(settings: Settings) -> Iterator[PredictionLog]:
    """The audit log, closed when the block ends."""
    from models.records.audit_log.log import PredictionLog

    with database_of(settings) as engine:
        yield PredictionLog(engine)


def _changed(settings: AuditSettings, changes: dict[str, Any]) -> AuditSettings:
    from pydantic import ValidationError

    try:
        return type(settings).model_validate(settings.model_dump() | changes)
    except ValidationError as error:
        problem = error.errors()[0]
        option = str(problem["loc"][0]).replace("_", "-")
        raise CommandError(f"--{option}: {problem['msg']}, got {problem['input']!r}") from error


def _summary(record: PredictionRecord) -> dict[str, Any]:
    """A record without request and answer."""
    from models.records.audit_log.record import moment

    kept = record._asdict()
    for name in ("request", "answer", "features_digest"):
        del kept[name]
    return kept | {"at": moment(kept["at"]), "latency_us": kept.pop("latency")}


def _prediction(record: PredictionRecord, prediction_id: str) -> Prediction:
    from models.records.audit_log.record import predictions_of

    return next(one for one in predictions_of(record) if one.id == prediction_id)


def _as_json(record: PredictionRecord, prediction_id: str, again: Replay) -> dict[str, Any]:
    one = _prediction(record, prediction_id)
    return {
        **_summary(record),
        "prediction_id": prediction_id,
        "request": one.row,
        "answer": one.answer,
        "features_digest": record.features_digest,
        "replay": {
            "identical": again.identical,
            "same_features": again.same_features,
            "differences": {name: {"sent": was, "now": now} for name, (was, now) in again.differences.items()},
            "notes": again.notes,
        },
    }


def _text(record: PredictionRecord, prediction_id: str, again: Replay) -> Iterator[Part]:
    one, about = _prediction(record, prediction_id), _summary(record)
    yield (
        f"{prediction_id}: {record.model} version {record.version}, policy {record.policy_version}, "
        f"as {record.role}, {about['at']:%Y-%m-%d %H:%M:%S} UTC, {record.latency / 1000:.2f} ms"
    )
    for title, content in (("request", one.row), ("answer", one.answer)):
        yield Listing((title, ""), [(name, str(value)) for name, value in content.items()])
    yield from map(Remark, again.notes)
    if again.identical:
        yield "Replayed with the stored model and policy: identical to the bit."
        return
    if again.same_features is False:
        yield warning("the encoded row differs from the recorded one")
    for name, (was, now) in again.differences.items():
        yield warning(f"{name} was {was!r}, now {now!r}")


_REQUEST: Mapping[str, Cell] = {
    "at (UTC)": "at:%m-%d %H:%M:%S",
    "id": "id",
    "action": "action",
    "version": lambda request: f"{request['version']} {request['role']}",
}
"""Columns that fit 80 characters beside a whole id; --json has the rest."""
