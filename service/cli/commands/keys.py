"""`backscore keys`: API keys with scopes, rate limits and expiry."""
# ruff: noqa: PLC0415 - heavy libraries are imported by the command that needs them, so that --help is quick

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from service.cli.console import Cell, Remark, listing, print_result
from service.cli.context import AsJson, actor, database_of, read_settings
from service.cli.exits import CommandError

if TYPE_CHECKING:
    from service.access.key_store import Key, KeyStore

app = typer.Typer(
    help="Create, list and revoke API keys. Once there is one, every request needs a key.", no_args_is_help=True
)

KeyName = Annotated[str, typer.Argument(metavar="NAME", help="Name of the key, shown in the history.")]


@app.command()
def create(
    name: KeyName,
    scopes: Annotated[
        str,
        typer.Option(
            help="Comma-separated: metrics, read, score, outcomes, admin. All but metrics include reading, admin all."
        ),
    ] = "score",
    rate: Annotated[
        str | None, typer.Option(help="Rate limit of each replica, such as 100/s, 6000/min or 500/h.")
    ] = None,
    expires: Annotated[str | None, typer.Option(help="Expiry: a date (2027-01-31) or a period (12h, 90d).")] = None,
    as_json: AsJson = False,
) -> None:
    """Create a key. It is shown only once; running services accept it within half a second."""
    from models.clock import utc_now

    until = None if expires is None else expiry(expires, utc_now())
    with key_store() as store:
        given = [scope.strip() for scope in scopes.split(",") if scope.strip()]
        kept, key = store.create(name, given, rate=rate, expires=until, actor=actor())
    hint = Remark("Store it now; it cannot be shown again. Send it as `X-API-Key: KEY` or `Authorization: Bearer KEY`.")
    print_result({"key": key, **_as_json(kept)}, [key, hint], as_json=as_json)


@app.command("list")
def list_keys(as_json: AsJson = False) -> None:
    """List all keys, also expired and revoked ones, without their secrets."""
    from models.clock import utc_now

    with key_store() as store:
        keys = store.all()
    columns: Mapping[str, Cell] = {
        "name": "name",
        "id": "id",
        "scopes": lambda key: ", ".join(_ordered(key)),
        "rate": lambda key: _rate(key) or "any",
        "created": "created:%Y-%m-%d %H:%M",
        "by": "created_by",
        "state": lambda key: _state(key, utc_now()),
    }
    none = Remark("No keys yet; without keys the service answers only this machine.")
    print_result({"keys": [_as_json(key) for key in keys]}, [listing(keys, columns) if keys else none], as_json=as_json)


@app.command()
def revoke(name: KeyName, as_json: AsJson = False) -> None:
    """Revoke a key; running services refuse it within half a second."""
    with key_store() as store:
        store.revoke(name, actor=actor())
        (key,) = (key for key in store.all() if key.name == name)
    print_result(_as_json(key), [f"key {name!r} is revoked"], as_json=as_json)


def expiry(text: str, now: datetime) -> datetime:
    """The moment meant by "2027-01-31", an ISO time, "12h" or "90d"; CommandError unless it is in the future."""
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
    """The key store, closed when the block ends."""
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
