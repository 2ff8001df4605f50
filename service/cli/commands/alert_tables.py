"""Text of `backscore policy` on alerts: simulated days."""
# ruff: noqa: PLC0415 - heavy libraries are imported by the command that needs them, so that --help is quick

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from service.cli.console import Cell, Part, comparison, listing

if TYPE_CHECKING:
    from models.backtesting.policy_simulation import PolicySimulation
    from models.decisions.alerts.day_simulation import AlertFigures


def alerts_in_words(alerts: Mapping[str, Any]) -> str:
    """A stored `models.backtesting.alert_simulation.AlertSimulation` in one line."""
    totals, days = alerts["by_policy"]["totals"], alerts["by_policy"]["days"]
    n_days, when = len(days), _when([day["day"] for day in days])
    words = f"{totals['n_reviewed'] / n_days:,.1f} cards reviewed and {totals['n_blocked'] / n_days:,.1f} blocked{when}"
    if totals["precision"] is not None:
        words += f", {totals['precision']:.1%} of them with fraud"
    if totals["value_share"] is not None:
        words += f", {totals['value_share']:.1%} of the value of frauds detected"
    return words if totals["cost"] is None else f"{words}, cost{when} {totals['cost'] / n_days:,.2f}"


def alerts_text(simulation: PolicySimulation) -> Iterator[Part]:
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
    totals = {f"{what}{when}": _per_day(field, len(days)) for what, field in _A_DAY.items()} | _IN_ALL
    yield comparison(subjects, totals, corner=f"{len(days)} day(s)" if when else days[0])
    costs = "" if alerts.costs is None else f" Costs: {alerts.costs}."
    yield (
        "A card is reviewed at most once a day and counts as found if it has a fraud on that day; from the next day on "
        f"it is blocked. A fraud's value is detected if its own transaction was reviewed or blocked.{costs}"
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
_A_DAY = {
    "cards reviewed": "n_reviewed",
    "cards blocked": "n_blocked",
    "good customers blocked": "n_good_blocked",
    "cards with fraud found": "n_found",
    "cost": "cost",
    "expected cost": "expected_cost",
}
_IN_ALL: dict[str, Cell] = {
    "precision": "precision:.1%",
    "cards with fraud missed": "n_missed:,",
    "value of frauds detected": "value_share:.1%",
    "value detected": "value_detected:,.2f",
    "value missed": "value_missed:,.2f",
}
