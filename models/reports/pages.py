"""HTML pages that need nothing else, not even a network: one look, and where there are charts, all that draws them."""

from __future__ import annotations

from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from plotly.offline import get_plotlyjs

from data.sentences import percent


def render_page(template: str, **values: Any) -> str:
    """A page of the templates here. It loads nothing and follows the light or dark colours of its reader's browser."""
    environment = Environment(
        loader=PackageLoader("models.reports"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["percent"] = percent
    environment.globals["plotly_js"] = get_plotlyjs  # several megabytes, for pages with charts alone
    return environment.get_template(template).render(**values)
