"""GET /health/live and /health/ready: the liveness and readiness probes."""

from __future__ import annotations

from collections.abc import Callable

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

from service.live.live_models import LiveModels
from service.scoring.audit_writer import AuditWriter


class Liveness(BaseModel):
    """The process runs."""

    alive: bool = True


class Readiness(BaseModel):
    """Whether requests can be answered."""

    ready: bool
    reasons: list[str] = Field(description="Why the service is not ready.")
    warnings: list[str] = Field(description="What should answer and does not, although the service may be ready.")
    live: dict[str, int] = Field(description="The live version of each model.")


def health_router(
    live_models: LiveModels, reasons_not_ready: Callable[[], list[str]], audit_writer: AuditWriter
) -> APIRouter:
    """The health endpoints; they need no key."""
    router = APIRouter(prefix="/health", tags=["health"])

    @router.get("/live", summary="Liveness")
    async def live() -> Liveness:
        return Liveness()

    @router.get("/ready", summary="Readiness", responses={503: {"model": Readiness, "description": "Not ready."}})
    async def ready(response: Response) -> Readiness:
        reasons = reasons_not_ready()
        if reasons:
            response.status_code = 503
        live = {name: served.live.version for name, served in live_models.served_models.items()}
        warnings = live_models.warnings()
        if audit_writer.problem:
            warnings.append("the last predictions could not be recorded; see the log")
        return Readiness(ready=not reasons, reasons=reasons, warnings=warnings, live=live)

    return router
