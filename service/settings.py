"""Settings: where things live and how much the service accepts."""

from __future__ import annotations

from ipaddress import ip_address
from pathlib import Path

from pydantic import Field, PositiveFloat, PositiveInt, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from models.home import Home
from service.errors import UnsafeAddressError

MEBIBYTE = 2**20


class Settings(BaseSettings):
    """Read from BACKSCORE_* once, at start-up, by the command line or by whoever calls `create_app`.

    Parameters
    ----------
    home : data sets, trained models and the default database; never inside the source tree.
    data_home : folder of public tables that are already there.
    database_url : of the registry; None for the SQLite file in the home.
    host, port : where the service listens; another host than this machine itself needs an `api_key`.
    api_key : what every request below /v1 must then carry.
    max_body_bytes, max_batch_bytes, max_rows_per_batch : larger requests are refused before they are parsed.
    max_bytes_at_once : of the bodies of batches that a process holds at a time; more are refused for the moment.
    poll_seconds : how often each worker looks for a new champion.
    workers : processes that answer.
    """

    model_config = SettingsConfigDict(env_prefix="BACKSCORE_", env_ignore_empty=True, frozen=True)

    home: Path = Path("var")
    data_home: Path | None = None
    database_url: str | None = None
    host: str = "127.0.0.1"
    port: int = Field(8000, ge=0, le=65_535)
    api_key: SecretStr | None = Field(None, min_length=1)
    max_body_bytes: PositiveInt = MEBIBYTE
    max_batch_bytes: PositiveInt = 64 * MEBIBYTE
    max_rows_per_batch: PositiveInt = 10_000
    max_bytes_at_once: PositiveInt = 256 * MEBIBYTE
    poll_seconds: PositiveFloat = 1.0
    workers: PositiveInt = 1

    @model_validator(mode="after")
    def _other_machines_need_a_key(self) -> Settings:
        if self.api_key is None and not is_loopback(self.host):
            raise UnsafeAddressError(self.host)
        return self

    @property
    def registry_url(self) -> str:
        """The SQLAlchemy URL of the registry."""
        return self.database_url or Home(self.home).database_url


def is_loopback(host: str) -> bool:
    """Whether only this machine itself can reach that host."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
