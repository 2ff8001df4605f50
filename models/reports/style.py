"""Shared style of report charts: layout, colours, and the format of shares and names.

Colours of text and grid come from the page's style sheet. User-supplied texts go through `shown`, because plotly
interprets tags.
"""

from __future__ import annotations

import html
import json
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go

from models.reports.colours import NEUTRAL

_LAYOUT: dict[str, Any] = {
    "template": {"data": {"scatter": [{"type": "scatter"}]}},  # "none" in plotly's words
    "margin": {"l": 10, "r": 26, "t": 12, "b": 52},
    "legend": {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom", "bgcolor": "rgba(0,0,0,0)"},
    "dragmode": False,
    "paper_bgcolor": "rgba(0,0,0,0)",
    "plot_bgcolor": "rgba(0,0,0,0)",
    "font": {"family": "system-ui, sans-serif", "size": 13, "color": NEUTRAL},
    "hovermode": "closest",
}
_AXIS: dict[str, Any] = {
    "gridcolor": "rgba(128,128,128,0.2)",
    "zeroline": False,
    "automargin": True,
    "ticks": "outside",
    "tickcolor": "rgba(0,0,0,0)",
}


@dataclass(frozen=True)
class Chart:
    """A plotly.js figure with its title and a note on how to read it."""

    title: str
    figure: dict[str, Any]
    note: str = ""


def finished(figure: go.Figure, height: int = 380) -> dict[str, Any]:
    """The figure with the shared layout, as plain JSON values."""
    # Merged as plain values: plotly would check each of them again, for every chart of a report
    figure.layout.template = None
    plain: dict[str, Any] = json.loads(figure.to_json(validate=False))
    layout = plain["layout"]
    layout |= _LAYOUT | {"height": height}
    for name in {"xaxis", "yaxis"} | {key for key in layout if key.startswith(("xaxis", "yaxis"))}:
        axis = layout.get(name, {})
        title = axis.get("title", {}) | {"standoff": 10, "font": {"size": 13}}
        layout[name] = axis | _AXIS | {"title": title}
    return plain


def dotted() -> dict[str, Any]:
    """Line style of references: perfect, random, no difference."""
    return {"color": NEUTRAL, "width": 1, "dash": "dot"}


def bar(colour: str) -> dict[str, Any]:
    """A bar without an outline."""
    return {"color": colour, "line": {"width": 0}}


def cut(name: str, max_length: int = 22) -> str:
    """A name shortened in the middle; both ends stay, as either may distinguish it."""
    return name if len(name) <= max_length else f"{name[: max_length // 2]}…{name[1 - max_length + max_length // 2 :]}"


def shown(text: str) -> str:
    """The text escaped for plotly, which interprets tags and entities."""
    return html.escape(text, quote=False)


def percent_ticks(top: float) -> str:
    """Tick format of an axis from 0 to `top`, with enough digits."""
    return ".0%" if top > 0.1 else ".1%" if top > 0.01 else ".2%"
