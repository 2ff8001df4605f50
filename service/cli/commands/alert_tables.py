"""How `backscore policy` shows what alerts would have made of past days."""
# ruff: noqa: PLC0415 - heavy libraries are imported by the command that needs them, so that --help is quick

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from service.cli import console

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


def print_alerts(simulation: PolicySimulation) -> None:
    """Each past day, and the totals beside those of the active policy; nothing for a domain without alerts."""
    alerts = simulation.alerts
    if alerts is None:
        return
    days, totals = alerts.by_policy.days, alerts.by_policy.totals
    shown = {what: field for what, field in _BY_DAY.items() if getattr(totals, field) is not None}
    lines = [(day.day, *(_text(day, field) for field in shown.values())) for day in days]
    console.results.print(console.table_of(("day", *shown), lines))
    _print_totals(totals, alerts.by_active, [day.day for day in days], simulation.active_policy)
    costs = "" if alerts.costs is None else f" Costs: {alerts.costs}."
    console.say(
        "A card is looked at once a day and counts as found if it has a fraud on that day; from the next day on it is "
        f"stopped. A fraud's value is detected if its own transaction was reviewed or blocked.{costs}"
    )


def _print_totals(new: AlertFigures, active: AlertFigures, days: list[str], active_policy: int) -> None:
    """What a policy does on an average day and in all, beside the active one."""
    by_day = [(f"{what}{_when(days)}", field, len(days)) for what, field in _A_DAY.items()]
    in_all = [(what, field, 1) for what, field in _IN_ALL.items()]
    lines = [
        (what, *(_text(figures, field, n_days) for figures in (new, active)))
        for what, field, n_days in [*by_day, *in_all]
        if getattr(new, field) is not None or getattr(active, field) is not None
    ]
    period = f"{len(days)} day(s)" if _when(days) else days[0]
    headings = (period, "this policy", f"active (policy {active_policy})")
    console.results.print(console.table_of(headings, lines))


_BY_DAY = {
    "rows": "n_transactions",
    "alerts": "n_alerts",
    "reviewed": "n_reviewed",
    "blocked": "n_blocked",
    "found": "n_found",
    "missed": "n_missed",
    "precision": "precision",
    "value found": "value_detected",
    "value missed": "value_missed",
    "good blocked": "n_good_blocked",
}
_A_DAY = {
    "cards reviewed": "n_reviewed",
    "cards blocked": "n_blocked",
    "good customers blocked": "n_good_blocked",
    "cards with fraud found": "n_found",
    "cost": "cost",
    "expected cost": "expected_cost",
}
_IN_ALL = {
    "precision": "precision",
    "cards with fraud missed": "n_missed",
    "value of frauds detected": "value_share",
    "value detected": "value_detected",
    "value missed": "value_missed",
}


def _when(days: list[str]) -> str:
    """What follows a figure by day; nothing for rows that do not tell their days."""
    from models.decisions.alerts.transactions import ALL_ROWS

    return "" if days == [ALL_ROWS] else " a day"


def _text(figures: AlertFigures, field: str, n_days: int = 1) -> str:
    """A figure for people, by day if there are several; empty for none."""
    value = getattr(figures, field)
    if value is None:
        return ""
    if field in ("precision", "value_share"):
        return f"{value:.1%}"
    if isinstance(value, int) and n_days == 1:
        return f"{value:,}"
    return f"{value / n_days:,.2f}"
