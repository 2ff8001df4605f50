"""Charts of predicted paths, step by step."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import plotly.graph_objects as go

from data.sentences import percent
from models.arrays import Floats
from models.contract import Targets
from models.evaluation.metrics import Contender
from models.reports.colours import OURS
from models.reports.style import Chart, dotted, finished, shown
from models.series.paths import SCALE, aligned
from models.series.settings import INTERVALS, LEVELS, MEDIAN


def path_errors_chart(targets: Targets, contenders: Mapping[str, Contender]) -> Chart:
    """Mean absolute error of the median at each step, of every contender."""
    figure = go.Figure()
    for number, (name, contender) in enumerate(contenders.items()):
        y, paths = aligned(targets, contender.predictions)
        errors = np.nanmean(np.abs(y - paths[:, :, MEDIAN]) / paths[:, :, SCALE], axis=0)
        line = {"color": OURS, "width": 3} if not number else dotted()
        figure.add_scatter(x=_steps(y), y=errors, name=shown(name), mode="lines+markers", line=line)
    figure.update_xaxes(title="Step")
    figure.update_yaxes(title="Mean absolute error in usual steps", rangemode="tozero")
    ours = next(iter(contenders.values())).metrics["mase"]
    return Chart(f"MASE {ours:.3f} over all steps", finished(figure), "A usual step is the mean change of a series.")


def path_coverage_chart(targets: Targets, contenders: Mapping[str, Contender]) -> Chart:
    """Share of values inside each interval, step by step, beside the share that it promises."""
    y, paths = aligned(targets, next(iter(contenders.values())).predictions)
    known = ~np.isnan(y)
    figure = go.Figure()
    for share, (low, high) in sorted(INTERVALS.items(), reverse=True):
        inside = (paths[:, :, low] <= y) & (y <= paths[:, :, high])
        shares = (inside & known).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
        figure.add_scatter(x=_steps(y), y=shares, name=f"{share} %", mode="lines+markers")
        figure.add_hline(y=LEVELS[high] - LEVELS[low], line=dotted())
    figure.update_xaxes(title="Step")
    figure.update_yaxes(title="Share of values inside", tickformat=".0%", range=[0, 1.02])
    low, high = INTERVALS[95]
    inside = ((paths[:, :, low] <= y) & (y <= paths[:, :, high]))[known].mean()
    return Chart(
        f"The 95 % interval covers {percent(float(inside))}", finished(figure), "Dotted is what each interval promises."
    )


def _steps(y: Floats) -> list[int]:
    return list(range(1, y.shape[1] + 1))
