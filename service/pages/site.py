"""Site: the dependencies of all page routes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa
from starlette.requests import Request

from service.access.key_ring import KeyRing
from service.api.predictions import PredictionRoutes
from service.context import State
from service.metrics.recent import Recent
from service.pages.learn.trainings import Trainings
from service.pages.rendering import Pages
from service.pages.trying.forms import MAX_SHORT_BYTES, read_form


@dataclass(frozen=True)
class Site:
    """Dependencies of the page routes, made when the application starts.

    Parameters
    ----------
    asking : the prediction endpoints, which answer the pages' forms too.
    bundles : folder of the bundles.
    recent : traffic of the last hour.
    n_audit_waiting : groups of predictions waiting to be written to the audit log.
    trainings : trainings of the playground.
    protocol_endpoints : endpoints of the inference protocol as traffic names them.
    """

    state: State
    pages: Pages
    asking: PredictionRoutes
    ring: KeyRing
    bundles: Path
    recent: Recent
    n_audit_waiting: Callable[[], int]
    trainings: Trainings
    protocol_endpoints: tuple[str, ...]

    @property
    def engine(self) -> sa.Engine:
        """Engine of the database."""
        return self.state.predictions.engine

    async def form(self, request: Request) -> dict[str, str]:
        """The fields of a submitted form; raises what `read_form` does."""
        return await read_form(request, self.pages.sessions, self.state.settings.max_body_bytes)

    async def short_form(self, request: Request) -> dict[str, str]:
        """The same for a form that needs no key, so that nobody can make the service read much."""
        return await read_form(request, self.pages.sessions, MAX_SHORT_BYTES)
