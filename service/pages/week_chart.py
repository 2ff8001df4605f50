"""Weekly performance as a plotly.js figure: observed over expected."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from models.evaluation.measures import Measure
from models.monitoring.performance.weekly import Period
from models.reports.colours import NEUTRAL, OURS

MIN_WEEKS = 2
GRID = "rgba(128,128,128,0.25)"


def week_chart(weeks: Sequence[Period], key: str, title: str) -> dict[str, Any] | None:
    """One measure by week with its intervals; None with fewer than MIN_WEEKS weeks.

    Parameters
    ----------
    weeks : oldest first.
    key : of `Measures` and of `Expected`. title : of the axis.
    """
    expected: list[tuple[str, Measure]] = [(week.since.isoformat(), getattr(week.expected, key)) for week in weeks]
    realised = [(week.since.isoformat(), getattr(week.realised, key)) for week in weeks if week.realised is not None]
    traces = [
        _trace("expected", expected, NEUTRAL, "dot"),
        _trace("observed", realised, OURS, "solid"),
    ]
    if len(traces[0]["x"]) < MIN_WEEKS:
        return None
    axis = {"gridcolor": GRID, "zeroline": False, "automargin": True}
    return {
        "data": traces,
        "layout": {
            "height": 300,
            "margin": {"l": 10, "r": 16, "t": 10, "b": 30},
            "paper_bgcolor": "rgba(0,0,0,0)",
            "plot_bgcolor": "rgba(0,0,0,0)",
            "font": {"family": "system-ui, sans-serif", "size": 13, "color": NEUTRAL},
            "legend": {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"},
            "xaxis": {**axis, "type": "date"},
            "yaxis": {**axis, "title": {"text": title}},
        },
    }


def _trace(name: str, measures: Sequence[tuple[str, Measure]], colour: str, dash: str) -> dict[str, Any]:
    """A line with error bars through the weeks with enough rows."""
    known = [
        (week, one.value, one.low, one.high)
        for week, one in measures
        if one.value is not None and one.low is not None and one.high is not None
    ]
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "name": name,
        "x": [week for week, _, _, _ in known],
        "y": [value for _, value, _, _ in known],
        "error_y": {
            "type": "data",
            "symmetric": False,
            "array": [high - value for _, value, _, high in known],
            "arrayminus": [value - low for _, value, low, _ in known],
            "thickness": 1.2,
        },
        "line": {"color": colour, "dash": dash, "width": 2},
    }
