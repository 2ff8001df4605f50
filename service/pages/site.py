"""Site: what the routes of all pages share."""

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
from service.pages.trying.forms import read_form


@dataclass(frozen=True)
class Site:
    """Handed to the routes when the application starts.

    Parameters
    ----------
    asking : answers what is tried out, as it answers the API.
    bundles : folder of the bundles.
    recent : how models were asked lately.
    n_audit_waiting : groups of predictions that wait to be recorded.
    trainings : networks that learn while somebody watches.
    protocol_endpoints : names under which the inference protocol counts its traffic.
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
        """Of the database."""
        return self.state.predictions.engine

    async def form(self, request: Request) -> dict[str, str]:
        """The fields of a form of ours; see `read_form` for what it raises."""
        return await read_form(request, self.pages.sessions, self.state.settings.max_body_bytes)
