"""Off-policy report: a page with charts, and texts shared with the terminal."""

from __future__ import annotations

from datetime import datetime
from functools import partial

import plotly.graph_objects as go

from data.sentences import percent
from models.backtesting.off_policy_comparison import LEARNED, PolicyComparison, always_taking
from models.evaluation.off_policy import Estimate
from models.reports.charts import lines_of, thinned
from models.reports.colours import NEUTRAL, OURS
from models.reports.pages import render_page
from models.reports.style import Chart, dotted, finished, shown

_ESTIMATORS = (
    ("dr", "doubly robust", OURS, 10),
    ("snips", "self-normalised", NEUTRAL, 7),
    ("ips", "IPS", NEUTRAL, 7),
)


def render_off_policy(comparison: PolicyComparison, *, preset: str, seed: int, created: datetime) -> str:
    """The whole page as HTML, see `pages`."""
    charts = {"values": value_chart(comparison)}
    if comparison.uplifts:
        charts["qini"] = qini_chart(comparison)
    return render_page(
        "off_policy.html.jinja",
        charts=charts,
        comparison=comparison,
        described=partial(described, comparison),
        verdict=verdict(comparison),
        interval=interval,
        points=points,
        preset=preset,
        seed=seed,
        created=created,
    )


def verdict(comparison: PolicyComparison) -> str:
    """Whether the learned policy beats the best fixed action, in a sentence."""
    learned = comparison.values[LEARNED]
    if learned.gain.low > 0:
        outcome = "significantly higher"
    elif learned.gain.high < 0:
        outcome = "significantly lower"
    else:
        outcome = "no significant difference"
    return (
        f"The learned policy has a rate of {interval(learned.dr)}. That is {points(learned.gain)} points against "
        f"always taking “{comparison.best_fixed}”, the best action in the training half: {outcome}."
    )


def described(comparison: PolicyComparison, policy: str) -> str:
    """The name of a policy, with the baseline marked."""
    return f"{policy} (best in training)" if policy == always_taking(comparison.best_fixed) else policy


def interval(estimate: Estimate) -> str:
    """A rate with its interval."""
    return f"{100 * estimate.value:.2f} % ({100 * estimate.low:.2f} to {100 * estimate.high:.2f})"


def points(difference: Estimate) -> str:
    """A difference of rates in percentage points, with its interval."""
    return f"{100 * difference.value:+.2f} ({100 * difference.low:+.2f} to {100 * difference.high:+.2f})"


def value_chart(comparison: PolicyComparison) -> Chart:
    """Chart of each policy's value with its interval, by estimator."""
    policies = comparison.shown
    figure = go.Figure()
    places = list(range(len(policies)))
    for offset, (field, name, colour, size) in zip((-0.2, 0.0, 0.2), _ESTIMATORS, strict=True):
        estimates = [getattr(value, field) for value in policies.values()]
        figure.add_scatter(
            x=[estimate.value for estimate in estimates],
            y=[place + offset for place in places],
            error_x={
                "array": [estimate.high - estimate.value for estimate in estimates],
                "arrayminus": [estimate.value - estimate.low for estimate in estimates],
                "thickness": 1.5,
                "width": 3,
            },
            name=name,
            mode="markers",
            marker={"color": colour, "size": size},
            hovertemplate=f"{name} %{{x:.2%}}<extra></extra>",
        )
    best = comparison.values[always_taking(comparison.best_fixed)].dr.value
    figure.add_vline(x=best, line=dotted())
    names = [shown(described(comparison, name)) for name in policies]
    figure.update_yaxes(tickvals=places, ticktext=names, autorange="reversed")
    figure.update_xaxes(title="Rate of the event under the policy", tickformat=".1%")
    learned = comparison.values[LEARNED]
    return Chart(
        f"Chosen by the model, {percent(learned.dr.value)} of the rows have the event; "
        f"with the best single action {percent(best)}",
        finished(figure, height=130 + 46 * len(policies)),
        "Points with 95 % bootstrap intervals; the dotted line is always taking the action that was best in the "
        "training half. Intervals of two policies may overlap although their difference is significant: see the table.",
    )


def qini_chart(comparison: PolicyComparison) -> Chart:
    """Qini curves by predicted uplift."""
    figure = go.Figure()
    lines = lines_of(len(comparison.uplifts))
    for (name, found), line in zip(comparison.uplifts.items(), lines, strict=True):
        x, y = thinned(found.shares, found.gains)
        figure.add_scatter(x=x.tolist(), y=y.tolist(), name=shown(name), mode="lines", line=line)
        ends = {"x": [0, 1], "y": [0, found.effect.value]}
        figure.add_scatter(**ends, mode="lines", line=dotted(), showlegend=False, hoverinfo="skip")
    figure.update_xaxes(title="Share of the rows that get the action, highest predicted uplift first", tickformat=".0%")
    figure.update_yaxes(title="Additional events per row", tickformat=".1%")
    first, found = next(iter(comparison.uplifts.items()))
    return Chart(
        f"“{first}” in every row brings {points(found.effect)} over “{comparison.control}”",
        finished(figure, height=420),
        "Qini curves on the test half; the dotted lines are random targeting. "
        "The further a curve lies above its line, the better the model ranks rows by the effect of the action.",
    )
