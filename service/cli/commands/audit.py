"""`backscore audit`: what was answered, whether it would be answered again, and how much of it is kept."""
# ruff: noqa: PLC0415 - heavy libraries are imported by the command that needs them, so that --help is quick

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from service.cli import console
from service.cli.context import AsJson, Why, actor, database_of, home_of, open_registry, read_settings
from service.cli.exits import CommandError

if TYPE_CHECKING:
    from models.records.audit_log.log import PredictionLog
    from models.records.audit_log.record import Prediction, PredictionRecord
    from models.records.audit_log.replay import Replay
    from models.registry.audit_settings import AuditSettings
    from service.settings import Settings

app = typer.Typer(
    help="Show recorded predictions and answer them once more; say what is recorded.", no_args_is_help=True
)

ModelName = Annotated[str, typer.Argument(metavar="NAME", help="Name of the model, as in its endpoint.")]


@app.command()
def show(
    prediction_id: Annotated[str, typer.Argument(metavar="ID", help="`prediction_id` of the answer.")],
    as_json: AsJson = False,
) -> None:
    """Show a recorded prediction, and whether the stored model gives the same answer again, to the bit.

    The exit code is 1 if it does not.
    """
    from models.errors import UnknownPredictionError
    from models.records.audit_log.personal import personal_key
    from models.records.audit_log.replay import replay

    settings = read_settings()
    with prediction_log(settings) as log, open_registry(settings) as registry:
        records = log.records(prediction_id)
        if not records:
            raise UnknownPredictionError(prediction_id)
        key = personal_key(settings.home)
        found = [(one, replay(one, registry, home_of(settings).bundles, personal_key=key)) for one in records]
    if as_json:
        console.print_json({"predictions": [_as_json(record, prediction_id, again) for record, again in found]})
    else:
        for record, again in found:
            _print(record, prediction_id, again)
    if not all(again.identical for _, again in found):
        raise typer.Exit(1)


@app.command("list")
def list_predictions(
    name: ModelName,
    last: Annotated[int, typer.Option(min=1, help="How many, the newest first.")] = 20,
    as_json: AsJson = False,
) -> None:
    """List the newest recorded requests of a model."""
    with prediction_log(read_settings()) as log:
        records = log.newest(name, last)
    if as_json:
        console.print_json({"requests": [_summary(record) for record in records]})
        return
    if not records:
        console.remark(f"Nothing is recorded of {name!r}.")
        return
    headings = ("at", "id", "version", "policy", "role", "action", "rows", "ms", "key")
    cells = [
        (
            f"{one['at']:%Y-%m-%d %H:%M:%S}",
            one["id"],
            one["version"],
            one["policy_version"],
            one["role"],
            one["action"],
            one["n_rows"],
            f"{one['latency_us'] / 1000:.2f}",
            one["key_id"],
        )
        for one in map(_summary, records)
    ]
    console.results.print(console.table_of(headings, cells))


@app.command("settings")
def change_settings(
    name: ModelName,
    level: Annotated[
        str | None,
        typer.Option(
            help="durable: in the database before the answer leaves; async: soon after it, dropped and counted if too "
            "many wait; off: nothing is recorded."
        ),
    ] = None,
    sample: Annotated[float | None, typer.Option(help="Share of the predictions that is recorded, 0 to 1.")] = None,
    keep_days: Annotated[float | None, typer.Option(help="Days that records are kept; 0 for ever.")] = None,
    keep_megabytes: Annotated[float | None, typer.Option(help="Megabytes that are kept; 0 for all.")] = None,
    why: Why = "",
    as_json: AsJson = False,
) -> None:
    """Show how the predictions of a model are recorded, or change it; a running service follows within a second."""
    from models.registry.audit_settings import DEFAULT

    given: dict[str, Any] = {"level": level, "sample": sample}
    changes = {option: value for option, value in given.items() if value is not None}
    for option, limit in (("keep_days", keep_days), ("keep_megabytes", keep_megabytes)):
        if limit is not None:
            changes[option] = limit or None
    with open_registry(read_settings()) as registry:
        if name not in registry.names():
            raise CommandError(f"there is no model {name!r}; there are {', '.join(registry.names()) or 'none yet'}")
        settings = registry.audit_settings().get(name, DEFAULT)
        if changes:
            settings = _changed(settings, changes)
            registry.set_audit(name, settings, actor=actor(), why=why)
    if as_json:
        console.print_json({"name": name, **settings.model_dump()})
        return
    kept = [
        f"for {settings.keep_days:g} days" if settings.keep_days else "for ever",
        f"up to {settings.keep_megabytes:g} MB" if settings.keep_megabytes else "all of it",
    ]
    console.say(f"{name}: level {settings.level}, {settings.sample:.0%} of the predictions, kept {', '.join(kept)}")


@app.command()
def prune(name: ModelName, as_json: AsJson = False) -> None:
    """Delete what the model's settings do not keep any longer; a running service does so by itself."""
    from models.clock import utc_now
    from models.records.audit_log.retention import delete_old
    from models.registry.audit_settings import DEFAULT

    settings = read_settings()
    with open_registry(settings) as registry, prediction_log(settings) as log:
        n_deleted = delete_old(log.engine, name, registry.audit_settings().get(name, DEFAULT), now=utc_now())
    if as_json:
        console.print_json({"name": name, "n_deleted": n_deleted})
    else:
        console.say(f"{n_deleted:,} recorded requests of {name!r} deleted")


@contextmanager
def prediction_log(settings: Settings) -> Iterator[PredictionLog]:
    """The recorded predictions, closed when the block ends."""
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
    """A record without what was asked and answered."""
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


def _print(record: PredictionRecord, prediction_id: str, again: Replay) -> None:
    one, about = _prediction(record, prediction_id), _summary(record)
    said = f"{prediction_id}: {record.model} version {record.version}, policy {record.policy_version}, as {record.role}"
    console.say(f"{said}, {about['at']:%Y-%m-%d %H:%M:%S} UTC, {record.latency / 1000:.2f} ms")
    for title, content in (("asked", one.row), ("answered", one.answer)):
        console.results.print(console.table_of((title, ""), [(name, str(value)) for name, value in content.items()]))
    for note in again.notes:
        console.remark(note)
    if again.identical:
        console.say("Answered again by the stored model and policy: the same to the bit.")
    else:
        if again.same_features is False:
            console.warn("the encoded row is not the one of then")
        for name, (was, now) in again.differences.items():
            console.warn(f"{name} was {was!r}, now {now!r}")
