"""Settings: paths, addresses and limits of the service."""

from __future__ import annotations

from ipaddress import ip_address
from pathlib import Path

from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from models.home import Home
from service.logs import LogFormat

MEBIBYTE = 2**20


class Settings(BaseSettings):
    """Settings from BACKSCORE_* variables, read once at start-up by the command line or the caller of `create_app`.

    Parameters
    ----------
    home : folder of data sets, trained models and the default database; never inside the source tree.
    data_home : folder of public tables that were downloaded before.
    sentences : folder of a pretrained sentence encoder, which training of models of texts reads beside their n-grams.
    database_url : of the registry; None for the SQLite file in `home`.
    database_lock_seconds, database_statement_seconds : time that the service waits for a lock, and for a statement of
        PostgreSQL; 0 for any time.
    host, port : address of the service; any host beyond loopback needs keys, see `service.cli.commands.serve`.
    allowed_hosts : names under which the service is called besides loopback, see `service.access.hosts`.
    api_key : a key with all scopes, besides those of the database.
    max_body_bytes, max_batch_bytes, max_rows_per_batch : larger requests are refused before they are parsed.
    poll_seconds : interval at which each worker polls the registry.
    workers : number of worker processes.
    max_in_flight, max_bytes_in_flight : requests, and bytes of large bodies, that one worker holds; more get a 503.
    max_keyless_in_flight : requests on paths that need no key, such as /login, that one worker holds.
    body_seconds, request_seconds : timeouts of the body and of the answer; see `service.middleware.admission`.
    header_seconds, keep_alive_seconds, max_connections : see `service.runtime.connection_limits`.
    drain_seconds : time from SIGTERM, when readiness ends, to shutdown; see `service.runtime.draining`.
    metrics_open : whether GET /metrics needs no key.
    metrics_folder : shared by the workers for their metrics; `backscore serve` creates one.
    log_format : `json` or `console`.
    """

    model_config = SettingsConfigDict(env_prefix="BACKSCORE_", env_ignore_empty=True, frozen=True)

    home: Path = Path("var")
    data_home: Path | None = None
    sentences: Path | None = None
    database_url: str | None = None
    database_lock_seconds: NonNegativeFloat = 5.0
    database_statement_seconds: NonNegativeFloat = 30.0
    host: str = "127.0.0.1"
    port: int = Field(8000, ge=0, le=65_535)
    allowed_hosts: str = ""
    api_key: SecretStr | None = Field(None, min_length=1)
    max_body_bytes: PositiveInt = MEBIBYTE
    max_batch_bytes: PositiveInt = 64 * MEBIBYTE
    max_rows_per_batch: PositiveInt = 10_000
    poll_seconds: PositiveFloat = 1.0
    workers: PositiveInt = 1
    max_in_flight: PositiveInt = 500
    max_keyless_in_flight: PositiveInt = 50
    max_bytes_in_flight: PositiveInt = 256 * MEBIBYTE
    body_seconds: PositiveFloat = 10.0
    request_seconds: PositiveFloat = 60.0
    header_seconds: PositiveFloat = 10.0
    keep_alive_seconds: PositiveInt = (
        75  # longer than the usual load balancer, so that it closes first: no lost requests
    )
    max_connections: PositiveInt = 2_000
    drain_seconds: NonNegativeFloat = 2.0
    metrics_open: bool = False
    metrics_folder: Path | None = None
    log_format: LogFormat = "json"

    @property
    def registry_url(self) -> str:
        """The SQLAlchemy URL of the registry."""
        return self.database_url or Home(self.home).database_url


MIN_KEY_CHARACTERS, MIN_DIFFERENT = 16, 8
KEY_RULE = f"at least {MIN_KEY_CHARACTERS} characters, {MIN_DIFFERENT} of them different"


def is_weak(key: str) -> bool:
    """Whether a key breaks KEY_RULE; whoever reaches the service may try keys."""
    return len(key) < MIN_KEY_CHARACTERS or len(set(key)) < MIN_DIFFERENT


def is_loopback(host: str) -> bool:
    """Whether that host is reachable from this machine only."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
