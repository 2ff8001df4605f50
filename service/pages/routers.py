"""The routes of all pages."""

from __future__ import annotations

from fastapi import APIRouter

from service.pages.change_routes import change_router
from service.pages.guide import guide_router
from service.pages.inbox_routes import inbox_router
from service.pages.learn.pages import learn_page_router
from service.pages.learn.routes import learning_router
from service.pages.login_routes import login_router
from service.pages.model_routes import model_page_router
from service.pages.monitor_routes import monitor_page_router
from service.pages.overview_routes import overview_router
from service.pages.site import Site
from service.pages.trace_pages import trace_page_router


def page_routers(site: Site) -> list[APIRouter]:
    """Every router of the pages."""
    return [
        login_router(site),
        overview_router(site),
        model_page_router(site),
        change_router(site),
        monitor_page_router(site),
        inbox_router(site),
        trace_page_router(site),
        learning_router(site.trainings),
        learn_page_router(site),
        guide_router(site),
    ]
