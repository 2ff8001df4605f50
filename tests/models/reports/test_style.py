"""The shared layout of charts."""

from __future__ import annotations

import plotly.graph_objects as go

from models.reports.style import finished


def test_a_finished_figure_is_what_plotly_makes_of_the_same_layout() -> None:
    """Plotly, which checks every value, knows each of them, and an axis keeps what its chart says."""
    figure = go.Figure().add_scatter(x=[1, 2], y=[0.1, None]).add_vline(x=1, line={"dash": "dot"})
    figure.update_xaxes(title="Reviews", type="log").update_yaxes(range=[0, 1], tickformat=".0%")
    chart = finished(figure, height=240)

    checked = go.Figure(chart).to_plotly_json()["layout"]
    assert {name: checked[name] for name in chart["layout"] if name not in ("template", "shapes")} == {
        name: value for name, value in chart["layout"].items() if name not in ("template", "shapes")
    }
    by_plotly = go.Figure(figure).update_layout(template="none")
    by_plotly.update_xaxes(title_standoff=10, title_font_size=13).update_yaxes(title_standoff=10, title_font_size=13)
    layout = chart["layout"]
    assert layout["xaxis"]["title"] == by_plotly.to_plotly_json()["layout"]["xaxis"]["title"]
    assert layout["yaxis"]["title"] == by_plotly.to_plotly_json()["layout"]["yaxis"]["title"]
    assert layout["template"] == by_plotly.layout.template.to_plotly_json()
    assert (layout["height"], layout["xaxis"]["type"], layout["yaxis"]["tickformat"]) == (240, "log", ".0%")
    assert len(layout["shapes"]) == 1
    assert layout["xaxis"].keys() >= {"gridcolor", "zeroline", "automargin", "ticks", "tickcolor"}
