"""Charts of the diagnostics show their numbers, and their titles count right."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np

from models.evaluation.diagnostics import (
    ColumnFairness,
    Fairness,
    GroupQuality,
    GroupTreatment,
    MeanEffectCurve,
    Segment,
    Shift,
    Stability,
)
from models.evaluation.diagnostics.fairness import impact_ratio
from models.evaluation.intervals import wilson_interval
from models.reports.diagnostic_charts import MAX_GROUPS_SHOWN, curve_charts, groups_chart, impact_chart, shift_chart


def values(array: Any) -> list[Any]:
    """Numbers of a figure, which plotly writes as a list or as base64 of a typed array."""
    if isinstance(array, dict):
        return list(np.frombuffer(base64.b64decode(array["bdata"]), array["dtype"]))
    return list(array)


def column(name: str, counts: dict[str, tuple[int, int]], reference: str) -> ColumnFairness:
    groups = [
        GroupTreatment(
            group=group,
            n_rows=n_rows,
            too_few=False,
            selection_rate=n_selected / n_rows,
            event_refused_rate=None,
            no_event_refused_rate=None,
            observed_rate=0.1,
            mean_predicted=0.1,
            calibration_ratio=1.0,
            impact=None if group == reference else impact_ratio(n_selected, n_rows, *counts[reference]),
        )
        for group, (n_selected, n_rows) in counts.items()
    ]
    return ColumnFairness(column=name, label=name, reference_group=reference, groups=tuple(groups))


def quality(group: str, n_rows: int, observed: float, predicted: float) -> GroupQuality:
    (low,), (high,) = wilson_interval(np.array([observed]), np.array([n_rows]))
    return GroupQuality(
        group=group,
        n_rows=n_rows,
        too_few=n_rows < 30,
        observed_rate=observed,
        observed_low=low,
        observed_high=high,
        mean_predicted=predicted,
        within_chance=low <= predicted <= high,
        calibration_ratio=predicted / observed,
        calibration_error=0.01,
        log_loss=0.3,
        normalised_entropy=0.8,
        auc=0.7,
    )


def test_each_ratio_stands_beside_its_group_with_its_interval() -> None:
    """The two ends of the bar are those of the interval; reference groups and headings have no point."""
    sex = column("sex", {"f": (400, 500), "m": (200, 500)}, "f")
    age = column("age", {"young": (50, 100), "old": (55, 100)}, "old")
    chart = impact_chart(Fairness(favourable="approve", columns=(sex, age)))
    assert chart is not None
    (points,) = chart.figure["data"]
    names = [chart.figure["layout"]["yaxis"]["ticktext"][place] for place in values(points["y"])]
    assert names == ["m", "young"]
    for i, impact in enumerate([sex.groups[1].impact, age.groups[0].impact]):
        assert impact is not None
        ratio = values(points["x"])[i]
        ends = ratio - values(points["error_x"]["arrayminus"])[i], ratio + values(points["error_x"]["array"])[i]
        np.testing.assert_allclose((ratio, *ends), (impact.ratio, impact.low, impact.high))
    assert "1 of 2 groups below, 1 possibly below" in chart.title


def test_without_a_ratio_there_is_no_chart() -> None:
    """A single group has no comparison."""
    alone = column("sex", {"f": (400, 500)}, "f")
    assert impact_chart(Fairness(favourable="approve", columns=(alone,))) is None


def test_groups_are_counted_as_right_by_their_interval() -> None:
    """Predictions inside and outside of the Wilson interval of the observed rate; small groups are not drawn."""
    groups = (quality("a", 400, 0.2, 0.22), quality("b", 400, 0.2, 0.3), quality("c", 5, 0.2, 0.9))
    chart = groups_chart([Segment(column="x", label="X", protected=False, part=None, groups=groups)])
    assert chart is not None
    observed, predicted = chart.figure["data"]
    low, high = wilson_interval(np.array([0.2]), np.array([400]))
    np.testing.assert_allclose(values(observed["error_x"]["array"]), [high[0] - 0.2] * 2)
    np.testing.assert_allclose(values(observed["error_x"]["arrayminus"]), [0.2 - low[0]] * 2)
    assert values(predicted["x"]) == [0.22, 0.3]
    assert chart.title.startswith("1 of 2 groups")


def test_the_chart_of_groups_stays_readable() -> None:
    """However many columns there are, only the first are drawn; the table has the rest."""
    groups = tuple(quality(f"g{i}", 100, 0.2, 0.2) for i in range(7))
    segments = [Segment(column=f"x{i}", label=f"X{i}", protected=False, part=None, groups=groups) for i in range(20)]
    chart = groups_chart(segments)
    assert chart is not None
    assert len(values(chart.figure["data"][0]["x"])) == MAX_GROUPS_SHOWN // 7 * 7


def test_the_title_of_shifts_names_what_moved_most() -> None:
    """Chance is not counted as a move."""
    score = Shift(column="", label="Predicted probability", psi=0.02, by_chance=0.01, reading="stable")
    few = Shift(column="a", label="A", psi=0.12, by_chance=0.2, reading="within chance")
    moved = Shift(column="b", label="B", psi=0.4, by_chance=0.2, reading="shifted")
    base = {"recent": "the test rows", "n_training_rows": 9, "n_recent_rows": 9, "score": score, "left_out": ()}
    assert shift_chart(Stability(columns=(few,), **base)).title == "No shift: the largest PSI is 0.120"
    chart = shift_chart(Stability(columns=(moved, few), **base))
    assert chart.title == "1 of 3 distributions shifted, most B (PSI 0.40)"
    assert values(chart.figure["data"][0]["x"]) == [0.02, 0.4, 0.12]
    colours = chart.figure["data"][0]["marker"]["color"]
    assert colours[0] == colours[2] != colours[1]


def test_curves_share_a_scale_and_say_whether_they_keep_to_their_direction() -> None:
    """A kept and a broken promise, and a column without one."""
    base: dict[str, Any] = {"column": "x", "label": "X", "unit": "EUR", "mean": (0.1, 0.2), "low": (0.0, 0.1)}
    base |= {"values": (1.0, 2.0), "n_rows": 300}
    kept = MeanEffectCurve(**base, high=(0.2, 0.3), direction=1, n_steps=300, n_violations=0, monotone=True)
    broken = MeanEffectCurve(**base, high=(0.2, 0.6), direction=-1, n_steps=300, n_violations=7, monotone=False)
    free = MeanEffectCurve(**base, high=(0.2, 0.2), direction=0, n_steps=None, n_violations=None, monotone=None)
    charts = curve_charts([kept, broken, free])
    assert [chart.note for chart in charts] == [
        "↑ Checked: never falls, in 300 steps of 300 rows.",
        "↓ Violated: the table says that it never rises; in 7 of 300 steps it does.",
        "",
    ]
    assert len({tuple(chart.figure["layout"]["yaxis"]["range"]) for chart in charts}) == 1
    assert values(charts[0].figure["data"][-1]["y"]) == [0.1, 0.2]
