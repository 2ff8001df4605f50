"""Retention: periodic deletion of audit records beyond their limits, and of conversations that are over."""

from __future__ import annotations

import asyncio

import sqlalchemy as sa
from structlog.typing import FilteringBoundLogger

from models.clock import Clock
from models.errors import DatabaseError
from models.records.audit_log.retention import delete_old
from models.records.conversations import forget
from service.live.live_models import LiveModels

PAUSE_SECONDS = 300.0


async def keep_within_limits(
    live_models: LiveModels,
    engine: sa.Engine,
    log: FilteringBoundLogger,
    *,
    now: Clock,
    pause_seconds: float = PAUSE_SECONDS,
) -> None:
    """Delete records beyond the limits of age and number, and what is remembered of conversations that are over.

    Runs until cancelled; safe in several processes at once.
    """
    while True:
        try:
            await asyncio.to_thread(forget, engine, now=now())
        except DatabaseError as error:
            log.error("forgetting conversations failed", error=str(error))
        for name, served in live_models.served_models.items():
            try:
                n_deleted = await asyncio.to_thread(delete_old, engine, name, served.audit, now=now())
            except DatabaseError as error:
                log.error("deleting old predictions failed", model=name, error=str(error))
            else:
                if n_deleted:
                    log.info("old predictions deleted", model=name, n_requests=n_deleted)
        await asyncio.sleep(pause_seconds)
