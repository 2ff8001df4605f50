"""How the predictions of each model are recorded: set for a model while the service runs, kept in the database."""

from __future__ import annotations

from datetime import datetime
from typing import Literal, TypeAlias

import sqlalchemy as sa
from pydantic import BaseModel, ConfigDict, Field

from models.errors import UnknownVersionError
from models.registry.database import schema as registry_tables
from models.registry.database import schema as tables
from models.registry.database.engine import reading, writing
from models.registry.history import Occasion, record
from models.registry.id_hash import share_of

Level: TypeAlias = Literal["durable", "async", "off"]


class AuditSettings(BaseModel):
    """How the predictions of a model are recorded."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    level: Level = Field(
        "durable",
        description="durable: in the database before the answer leaves; async: soon after it, and dropped and counted "
        "if too many wait; off: not at all.",
    )
    sample: float = Field(1, ge=0, le=1, description="The share that is recorded, chosen by a hash of the id.")
    keep_days: float | None = Field(None, gt=0, description="How long; null for ever.")
    keep_megabytes: float | None = Field(None, gt=0, description="How much, the oldest go first; null for all.")

    def records(self, prediction_id: str) -> bool:
        """Whether the prediction of that id is recorded."""
        if self.level == "off":
            return False
        return self.sample >= 1 or share_of(prediction_id) < self.sample


DEFAULT = AuditSettings.model_validate({})


def all_audit_settings(engine: sa.Engine) -> dict[str, AuditSettings]:
    """The settings of every model that has others than the defaults; DatabaseError if they cannot be read."""
    with reading(engine) as connection:
        rows = connection.execute(sa.select(tables.audit_settings)).mappings().all()
    return {row["model"]: AuditSettings(**{name: row[name] for name in AuditSettings.model_fields}) for row in rows}


def set_audit(engine: sa.Engine, model: str, settings: AuditSettings, *, at: datetime, actor: str, why: str) -> None:
    """Record a model's predictions like this from now on; the history tells of it.

    Raises
    ------
    UnknownVersionError
        There is no such model.
    """
    with writing(engine) as connection:
        versions = registry_tables.versions
        newest = connection.scalar(sa.select(sa.func.max(versions.c.version)).where(versions.c.name == model))
        if newest is None:
            raise UnknownVersionError(model, 1, [])
        connection.execute(tables.audit_settings.delete().where(tables.audit_settings.c.model == model))
        connection.execute(tables.audit_settings.insert().values(model=model, **settings.model_dump()))
        said = ", ".join(f"{name} {value}" for name, value in settings.model_dump().items() if value is not None)
        record(connection, "audit", newest, Occasion(name=model, at=at, actor=actor, why=f"{said}; {why}".rstrip("; ")))
