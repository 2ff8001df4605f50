"""What all charts of a report share: their form, colours, and the words of shares and names.

The colours of text and grid come from the page's style sheet. Every text
that a user can choose goes through `shown`, because plotly reads tags in texts.
"""

from __future__ import annotations

import html
import json
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go

from models.reports.colours import NEUTRAL


@dataclass(frozen=True)
class Chart:
    """A figure as plotly.js takes it, the statement it supports, and how to read it."""

    title: str
    figure: dict[str, Any]
    note: str = ""


def finished(figure: go.Figure, height: int = 380) -> dict[str, Any]:
    """The figure with what all charts share, as plain JSON values."""
    legend = {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom", "bgcolor": "rgba(0,0,0,0)"}
    figure.update_layout(
        template="none", height=height, margin={"l": 10, "r": 26, "t": 12, "b": 52}, legend=legend, dragmode=False,
        paper_bgcolor="rgba(0,0,0,0)", plot_bgcolor="rgba(0,0,0,0)",
        font={"family": "system-ui, sans-serif", "size": 13, "color": NEUTRAL}, hovermode="closest",
    )  # fmt: skip
    axis = {
        "gridcolor": "rgba(128,128,128,0.2)", "zeroline": False, "automargin": True, "title_standoff": 10,
        "title_font_size": 13, "ticks": "outside", "tickcolor": "rgba(0,0,0,0)",
    }  # fmt: skip
    figure.update_xaxes(**axis).update_yaxes(**axis)
    plain: dict[str, Any] = json.loads(figure.to_json())
    return plain


def dotted() -> dict[str, Any]:
    """The line of a reference: perfect, guessing, no difference."""
    return {"color": NEUTRAL, "width": 1, "dash": "dot"}


def bar(colour: str) -> dict[str, Any]:
    """A bar without an outline."""
    return {"color": colour, "line": {"width": 0}}


def cut(name: str, most: int = 22) -> str:
    """A name that leaves room for the chart; both its ends stay, for either may be what tells it from others."""
    return name if len(name) <= most else f"{name[: most // 2]}…{name[1 - most + most // 2 :]}"


def shown(text: str) -> str:
    """A text that plotly shows as it stands; it would read tags and entities otherwise."""
    return html.escape(text, quote=False)


def percent_ticks(top: float) -> str:
    """Format of the ticks of an axis from 0 to `top`, as many digits as it takes."""
    return ".0%" if top > 0.1 else ".1%" if top > 0.01 else ".2%"
