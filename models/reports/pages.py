"""HTML: the template environment of reports and pages, and self-contained report pages."""

from __future__ import annotations

from functools import cache
from typing import Any

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

from data.sentences import percent


def template_environment(*packages: str) -> Environment:
    """The one environment of all HTML: escaped, and strict about what templates name.

    Parameters
    ----------
    packages : whose `templates` folders are looked through before that of the reports.
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
    """A report page. It loads nothing from anywhere and follows the reader's light or dark colour scheme."""
    return _report_environment().get_template(template).render(**values)


@cache
def _report_environment() -> Environment:
    from plotly.offline import get_plotlyjs  # noqa: PLC0415 - slow, and pages draw without it

    environment = template_environment()
    environment.globals["plotly_js"] = get_plotlyjs  # several megabytes, for pages with charts alone
    return environment
