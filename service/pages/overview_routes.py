"""GET /: the overview of all models."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from models.domains._discovery import load_domains
from models.evaluation.metric_tables import metrics_of
from models.monitoring.drift.results import Monitor
from models.registry.audit_settings import AuditSettings
from models.registry.registry import Version
from service.api.drift import last_monitor
from service.api.model_views import ModelState, model_list
from service.live.served_model import LABELS, ServedModel
from service.metrics.recent import Traffic
from service.pages.site import Site


@dataclass(frozen=True)
class Headline:
    """A metric of a version on its test set."""

    title: str
    meaning: str
    text: str


@dataclass(frozen=True)
class Glance:
    """One model of the overview.

    Parameters
    ----------
    version : the live version; None if there is none.
    challenger : its number and rollout mode; empty for none.
    traffic : of the last hour; None without requests.
    audit : settings of the audit log; None without a live version.
    monitor : the last drift report; None if there is no recent one.
    """

    state: ModelState
    version: Version | None
    headlines: list[Headline]
    challenger: str
    traffic: Traffic | None
    audit: AuditSettings | None
    monitor: Monitor | None

    @property
    def created(self) -> datetime | None:
        """Registration time of the live version."""
        return self.version.created if self.version else None


def overview_router(site: Site) -> APIRouter:
    """The route of the overview."""
    router = APIRouter(include_in_schema=False)

    @router.get("/")
    async def page_overview(request: Request) -> Response:
        glances = await asyncio.to_thread(_glances, site)
        return await site.pages.page(
            request,
            "overview.html.jinja",
            glances=glances,
            domains=sorted(load_domains()),
            n_audit_waiting=site.n_audit_waiting(),
            database_answers=site.state.live_models.database_answers,
        )

    return router


def _glances(site: Site) -> list[Glance]:
    state = site.state
    served_models = state.live_models.served_models
    counted = {
        (name, endpoint)
        for name, served in served_models.items()
        for endpoint in (*served.actions, *site.protocol_endpoints)
        if endpoint != LABELS
    }
    traffic = site.recent.traffic(counted)
    return [_glance(site, one, served_models.get(one.name), traffic.get(one.name)) for one in model_list(state).models]


def _glance(site: Site, one: ModelState, served: ServedModel | None, traffic: Traffic | None) -> Glance:
    version = site.state.registry.version(one.name, served.live.version) if served else None
    challenged = served is not None and served.challenger is not None and served.rollout is not None
    return Glance(
        state=one,
        version=version,
        headlines=headlines(version) if version else [],
        challenger=f"v{served.rollout.version} ({served.rollout.mode})" if challenged else "",  # type: ignore[union-attr]
        traffic=traffic if traffic and traffic.n_requests else None,
        audit=served.audit if served else None,
        monitor=last_monitor(site.state, served) if served else None,
    )


def headlines(version: Version) -> list[Headline]:
    """The headline metrics, as far as the version has them."""
    return [
        Headline(metric.title, metric.meaning, f"{version.metrics[metric.key]:.4f}")
        for metric in metrics_of([version.metrics], headline=True)
        if isinstance(version.metrics.get(metric.key), int | float)
    ]
