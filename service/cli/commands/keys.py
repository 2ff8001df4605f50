"""`backscore keys`: who may ask the service for what, how often, and until when."""
# ruff: noqa: PLC0415 - heavy libraries are imported by the command that needs them, so that --help is quick

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from service.cli import console
from service.cli.context import AsJson, actor, database_of, read_settings
from service.cli.exits import CommandError

if TYPE_CHECKING:
    from service.access.key_store import Key, KeyStore

app = typer.Typer(help="Make, list and revoke keys. Once there is one, every request needs one.", no_args_is_help=True)

KeyName = Annotated[str, typer.Argument(metavar="NAME", help="What the key is called in the history.")]


@app.command()
def create(
    name: KeyName,
    scopes: Annotated[
        str, typer.Option(help="Of score, outcomes and admin, with commas between; admin includes the others.")
    ] = "score",
    rate: Annotated[
        str | None, typer.Option(help="Most requests, such as 100/s, 6000/min or 500/h, that each replica answers.")
    ] = None,
    expires: Annotated[str | None, typer.Option(help="A date such as 2027-01-31, or in how long: 12h, 90d.")] = None,
    as_json: AsJson = False,
) -> None:
    """Make a key. It is shown now and never again; running services know it within half a second."""
    from models.clock import utc_now

    until = None if expires is None else expiry(expires, utc_now())
    with key_store() as store:
        given = [scope.strip() for scope in scopes.split(",") if scope.strip()]
        kept, key = store.create(name, given, rate=rate, expires=until, actor=actor())
    if as_json:
        console.print_json({"key": key, **_as_json(kept)})
        return
    console.say(key)
    console.remark("Keep it now: it cannot be shown again. Send it as `X-API-Key: KEY` or `Authorization: Bearer KEY`.")


@app.command("list")
def list_keys(as_json: AsJson = False) -> None:
    """List every key that ever was, without the keys themselves."""
    from models.clock import utc_now

    with key_store() as store:
        keys = store.all()
    if as_json:
        console.print_json({"keys": [_as_json(key) for key in keys]})
        return
    if not keys:
        console.remark("There are no keys; without one the service answers this machine alone.")
        return
    headings = ("name", "id", "scopes", "rate", "created", "by", "state")
    cells = [
        (
            key.name,
            key.id,
            ", ".join(_ordered(key)),
            _rate(key) or "any",
            f"{key.created:%Y-%m-%d %H:%M}",
            key.created_by,
            _state(key, utc_now()),
        )
        for key in keys
    ]
    console.results.print(console.table_of(headings, cells))


@app.command()
def revoke(name: KeyName, as_json: AsJson = False) -> None:
    """Let a key not be used any more; running services refuse it within half a second."""
    with key_store() as store:
        store.revoke(name, actor=actor())
        (key,) = (key for key in store.all() if key.name == name)
    if as_json:
        console.print_json(_as_json(key))
    else:
        console.say(f"key {name!r} is revoked")


def expiry(text: str, now: datetime) -> datetime:
    """The moment that is meant by "2027-01-31", an ISO time, "12h" or "90d"; CommandError if it is none to come."""
    if match := re.fullmatch(r"([1-9][0-9]{0,4})([hd])", text):
        return now + timedelta(**{"hours" if match[2] == "h" else "days": int(match[1])})
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise CommandError(f"--expires: must be a date such as 2027-01-31, or 12h or 90d, got {text!r}") from None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    if moment <= now:
        raise CommandError(f"--expires: must lie in the future, got {text!r}")
    return moment


@contextmanager
def key_store() -> Iterator[KeyStore]:
    """The keys, closed when the block ends."""
    from service.access.key_store import KeyStore

    with database_of(read_settings()) as engine:
        yield KeyStore(engine)


def _ordered(key: Key) -> list[str]:
    from service.access.key_store import SCOPES

    return [scope for scope in SCOPES if scope in key.scopes]


def _rate(key: Key) -> str | None:
    from service.access.rates import SECONDS

    if key.rate is None:
        return None
    unit = next(unit for unit, seconds in SECONDS.items() if seconds == key.rate.seconds)
    return f"{key.rate.n_requests}/{unit}"


def _state(key: Key, now: datetime) -> str:
    if key.revoked is not None:
        return f"revoked {key.revoked:%Y-%m-%d %H:%M} by {key.revoked_by}"
    if not key.is_usable(now):
        return "expired"
    return "usable" if key.expires is None else f"usable until {key.expires:%Y-%m-%d %H:%M}"


def _as_json(key: Key) -> dict[str, Any]:
    return {
        "name": key.name,
        "id": key.id,
        "scopes": _ordered(key),
        "rate": _rate(key),
        "created": key.created,
        "created_by": key.created_by,
        "expires": key.expires,
        "revoked": key.revoked,
        "revoked_by": key.revoked_by,
    }
