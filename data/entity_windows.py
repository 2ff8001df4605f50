"""The usual windows of an entity as columns, described in words; a table may also declare each by itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from data.table import Column
from data.window import OF_AMOUNTS, Measure, Window


@dataclass(frozen=True, kw_only=True)
class EntityWording:
    """How the columns speak of an entity and of its rows.

    Parameters
    ----------
    entity : in the singular, "card".
    rows : in the plural, "transactions".
    of : of each column that windows are of, what its values are in the plural: {"TERMINAL_ID": "terminals"}.
    """

    entity: str
    rows: str
    of: Mapping[str, str]


def entity_windows(
    entity: str,
    words: EntityWording,
    measures: Mapping[Measure, Sequence[float]],
    *,
    amount: str,
    unit: str = "",
    distinct: str | None = None,
    label_delay_days: float = 7.0,
) -> tuple[Column, ...]:
    """A column for each measure and each number of days, named like "CUSTOMER_ID_count_7d".

    Parameters
    ----------
    entity : column with the role `entity`.
    measures : the days of each measure, such as {"count": (1, 7, 30), "risk": (7, 30)}.
    amount : column of the amounts, with its unit in words. distinct : column whose different values are counted.

    Raises TableError for a measure that lacks its column.
    """
    columns = []
    for measure, lengths in measures.items():
        of = amount if measure in OF_AMOUNTS else distinct if measure == "distinct" else None
        for days in lengths:
            window = Window(entity=entity, measure=measure, days=days, of=of, label_delay_days=label_delay_days)
            columns.append(
                Column(
                    name=f"{entity}_{measure}_{days:g}d",
                    kind="number",
                    unit=_unit(measure, unit),
                    description=_description(window, words),
                    whole=measure in ("count", "distinct", "since_last", "frauds"),
                    window=window,
                    reasons=_reasons(window, words),
                )
            )
    return tuple(columns)


def _unit(measure: Measure, unit: str) -> str:
    if measure in ("sum", "mean", "max"):
        return unit
    return {"since_last": "seconds", "risk": "share"}.get(measure, "")


def _description(window: Window, words: EntityWording) -> str:
    whose, rows, of = words.entity, words.rows, words.of.get(window.of or "", "amounts")
    within = f"in the {_days(window.days)} before"
    known = f"in the {_days(window.days)} that ended {_days(window.label_delay_days)} before"
    descriptions: dict[Measure, str] = {
        "count": f"The {whose}'s {rows} {within}",
        "sum": f"Sum of the {whose}'s {of} {within}",
        "mean": f"Mean of the {whose}'s {of} {within}; empty without any",
        "max": f"Largest of the {whose}'s {of} {within}; empty without any",
        "distinct": f"Different {of} of the {whose}'s {rows} {within}",
        "since_last": f"Since the {whose}'s previous one of the {rows}; empty if there was none {within}",
        "z_score": f"Standard deviations above the mean of the {whose}'s {of} {within}; empty below two that differ",
        "frauds": f"Confirmed frauds among the {whose}'s {rows} {known}",
        "risk": f"Share of confirmed frauds among the {whose}'s {rows} {known}; empty without any",
    }
    return descriptions[window.measure]


def _reasons(window: Window, words: EntityWording) -> dict[str, str]:
    """Sentences for the measures whose plain comparison would read badly."""
    whose, rows, days = words.entity, words.rows, _days(window.days)
    match window.measure:
        case "count":
            return {
                "above": f"There were {{value}} {rows} of the {whose} in the {days} before, usually {{reference}}",
                "below": f"There were only {{value}} {rows} of the {whose} in the {days} before, usually {{reference}}",
            }
        case "z_score":
            return {"any": f"The amount is {{value}} standard deviations above the {whose}'s mean of {days}"}
        case "risk":
            ended = f"{days} that ended {_days(window.label_delay_days)} before"
            return {"above": f"{{value}} of the {whose}'s {rows} in {ended} were confirmed fraud"}
        case _:
            return {}


def _days(days: float) -> str:
    return "day" if days == 1 else f"{days:g} days"
