"""HTML rendering: the template environment of reports and pages, and self-contained report pages."""

from __future__ import annotations

from functools import cache
from typing import Any

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

from data.sentences import percent


def template_environment(*packages: str) -> Environment:
    """The shared template environment: autoescaping, and strict about undefined names.

    Parameters
    ----------
    packages : whose `templates` folders take precedence over that of the reports.
    """
    environment = Environment(
        loader=ChoiceLoader([PackageLoader(package) for package in (*packages, "models.reports")]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["percent"] = percent
    return environment


def render_page(template: str, **values: Any) -> str:
    """Render a self-contained report page that follows the reader's light or dark colour scheme."""
    return _report_environment().get_template(template).render(**values)


@cache
def _report_environment() -> Environment:
    from plotly.offline import get_plotlyjs  # noqa: PLC0415 - slow, and pages draw without it

    environment = template_environment()
    environment.globals["plotly_js"] = get_plotlyjs  # several megabytes, only for pages with charts
    return environment
