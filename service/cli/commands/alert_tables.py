"""Text of `backscore policy` on alerts: simulated days."""
# ruff: noqa: PLC0415 - heavy libraries are imported by the command that needs them, so that --help is quick

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from service.cli.console import Cell, Part, comparison, listing

if TYPE_CHECKING:
    from models.backtesting.policy_simulation import PolicySimulation
    from models.contract import AlertWords
    from models.decisions.alerts.day_simulation import AlertFigures


def alerts_in_words(alerts: Mapping[str, Any], words: AlertWords) -> str:
    """A stored `models.backtesting.alert_simulation.AlertSimulation` in one line."""
    totals, days = alerts["by_policy"]["totals"], alerts["by_policy"]["days"]
    n_days, when = len(days), _when([day["day"] for day in days])
    reviewed, blocked = totals["n_reviewed"] / n_days, totals["n_blocked"] / n_days
    text = f"{reviewed:,.1f} {words.subjects} reviewed and {blocked:,.1f} blocked{when}"
    if totals["precision"] is not None:
        text += f", precision {totals['precision']:.1%}"
    if totals["value_share"] is not None:
        text += f", {totals['value_share']:.1%} of the value of {words.positives} detected"
    return text if totals["cost"] is None else f"{text}, cost{when} {totals['cost'] / n_days:,.2f}"


def alerts_text(simulation: PolicySimulation, words: AlertWords) -> Iterator[Part]:
    """Each past day, and totals compared with the active policy; empty for a domain without alerts."""
    alerts = simulation.alerts
    if alerts is None:
        return
    yield listing(alerts.by_policy.days, _BY_DAY, sparse=True)
    days = [day.day for day in alerts.by_policy.days]
    subjects = {
        "this policy": alerts.by_policy.totals,
        f"active (policy {simulation.active_policy})": alerts.by_active,
    }
    when = _when(days)
    totals = {f"{what}{when}": _per_day(field, len(days)) for what, field in _a_day(words).items()}
    yield comparison(subjects, totals | _in_all(words), corner=f"{len(days)} day(s)" if when else days[0])
    costs = "" if alerts.costs is None else f" Costs: {alerts.costs}."
    yield (
        f"Each {words.subject} is reviewed at most once a day, and found if it has a {words.positive} on that day; "
        f"from the next day on it is blocked. The value of a {words.positive} is detected if that very transaction "
        f"was reviewed or blocked.{costs}"
    )


def _per_day(field: str, n_days: int) -> Cell:
    """A total divided by the number of days."""

    def shown(figures: AlertFigures) -> str | None:
        value = getattr(figures, field)
        if value is None:
            return None
        return f"{value:,}" if isinstance(value, int) and n_days == 1 else f"{value / n_days:,.2f}"

    return shown


def _when(days: list[str]) -> str:
    """The words after a daily figure; empty for rows without days."""
    from models.decisions.alerts.transactions import ALL_ROWS

    return "" if days == [ALL_ROWS] else " a day"


_BY_DAY: Mapping[str, Cell] = {
    "day": "day",
    "rows": "n_transactions:,",
    "alerts": "n_alerts:,",
    "reviewed": "n_reviewed:,",
    "blocked": "n_blocked:,",
    "found": "n_found:,",
    "missed": "n_missed:,",
    "precision": "precision:.1%",
    "value found": "value_detected:,.2f",
    "value missed": "value_missed:,.2f",
    "good blocked": "n_good_blocked:,",
}


def _a_day(words: AlertWords) -> dict[str, str]:
    """The totals that are shown per day."""
    return {
        f"{words.subjects} reviewed": "n_reviewed",
        f"{words.subjects} blocked": "n_blocked",
        f"good {words.subjects} blocked": "n_good_blocked",
        f"{words.affected} found": "n_found",
        "cost": "cost",
        "expected cost": "expected_cost",
    }


def _in_all(words: AlertWords) -> dict[str, Cell]:
    """The totals of all days."""
    return {
        "precision": "precision:.1%",
        f"{words.affected} missed": "n_missed:,",
        f"value of {words.positives} detected": "value_share:.1%",
        "value detected": "value_detected:,.2f",
        "value missed": "value_missed:,.2f",
    }
