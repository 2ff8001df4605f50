"""Audit settings of each model, stored in the database and changeable while the service runs."""

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
    """Settings for recording the predictions of a model."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    level: Level = Field(
        "durable",
        description="durable: stored before the answer is sent; async: stored soon after, but dropped (and counted) if "
        "too many are waiting; off: not recorded.",
    )
    sample: float = Field(1, ge=0, le=1, description="The recorded share, chosen by a hash of the ID.")
    keep_days: float | None = Field(None, gt=0, description="Retention in days; null: forever.")
    keep_megabytes: float | None = Field(
        None, gt=0, description="Maximum size, the oldest are deleted first; null: no limit."
    )

    def records(self, prediction_id: str) -> bool:
        """Whether to record the prediction of that id."""
        if self.level == "off":
            return False
        return self.sample >= 1 or share_of(prediction_id) < self.sample


DEFAULT = AuditSettings.model_validate({})


def all_audit_settings(engine: sa.Engine) -> dict[str, AuditSettings]:
    """The settings of every model without the defaults; DatabaseError if they cannot be read."""
    with reading(engine) as connection:
        rows = connection.execute(sa.select(tables.audit_settings)).mappings().all()
    return {row["model"]: AuditSettings(**{name: row[name] for name in AuditSettings.model_fields}) for row in rows}


def set_audit(engine: sa.Engine, model: str, settings: AuditSettings, *, at: datetime, actor: str, why: str) -> None:
    """Change the settings of a model and record that in the history.

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
        values = ", ".join(f"{name} {value}" for name, value in settings.model_dump().items() if value is not None)
        record(
            connection, "audit", newest, Occasion(name=model, at=at, actor=actor, why=f"{values}; {why}".rstrip("; "))
        )
