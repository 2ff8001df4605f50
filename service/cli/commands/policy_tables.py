"""How `backscore policy` shows policies and what came of them."""
# ruff: noqa: PLC0415 - heavy libraries are imported by the command that needs them, so that --help is quick

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from service.cli import console
from service.cli.commands.alert_tables import alerts_in_words, print_alerts

if TYPE_CHECKING:
    from data.table import Table
    from models.backtesting.policy_simulation import Figures, GroupFigures, PolicySimulation
    from models.contract import Policy
    from models.costs import Costs


def print_values(policy: Policy, *, title: str) -> None:
    """The fields of a policy and what they mean."""
    fields = type(policy).model_fields
    rows = [(name, _short(value), fields[name].description) for name, value in policy.model_dump(mode="json").items()]
    console.results.print(console.table_of(("field", "value", "meaning"), rows, title=title))


def print_rules(policy: Policy, table: Table) -> None:
    """The rules of a policy that fits the table, in words; nothing if it has none."""
    from models.decisions.rules.conditions import rules_of
    from models.decisions.rules.wording import rule_words

    rules = [
        (rule.name, rule.action, "yes" if rule.live else "no", rule_words(rule, table), rule.note)
        for rule in rules_of(policy)
    ]
    if rules:
        console.results.print(console.table_of(("rule", "action", "live", "when", "note"), rules))


def headline(simulation: Mapping[str, Any]) -> str:
    """A stored simulation in one line."""
    rows = f"{simulation['n_rows']:,} rows with version {simulation['model_version']}"
    figures = simulation["figures"]
    if alerts := simulation.get("alerts"):
        return f"{alerts_in_words(alerts)}, {rows}"
    if figures is None:
        shares = [f"{found['decision']} {_percent(found['share'])}" for found in simulation["decisions"]]
        return ", ".join([*shares, rows])
    return (
        f"{_percent(figures['approval_rate'])} approved, {_percent(figures['bad_rate'])} of them bad, "
        f"cost per row {figures['expected_cost_per_row']:.4f} expected and {figures['observed_cost_per_row']:.4f} "
        f"observed, {rows}"
    )


def print_simulation(name: str, simulation: PolicySimulation) -> None:
    """Everything that a simulation found, in tables."""
    values = ", ".join(f"{field} {_short(value)}" for field, value in simulation.policy.items())
    console.say(
        f"{name}, version {simulation.model_version}, on {simulation.rows}; {_percent(simulation.bad_rate)} bad."
    )
    console.say(f"Policy by {simulation.chosen_by}: {values}")
    _print_figures(simulation)
    print_alerts(simulation)
    _print_decisions(simulation)
    for column, groups in simulation.groups.items():
        rows = [
            (
                f"{found.group} (too few)" if found.too_few else found.group,
                found.n_rows,
                _percent(found.approval_rate),
                _percent(found.bad_rate),
                found.expected_cost_per_row,
                _impact(found),
            )
            for found in groups
        ]
        headings = (column, "rows", "approved", "bad of these", "cost per row", "impact ratio")
        console.results.print(console.table_of(headings, rows))
    if simulation.groups:
        console.say(
            "Cost per row: expected. Impact ratio: approved, over the highest share of a group with enough rows, with "
            "its 95 % interval; below 0.8 is taken as evidence of adverse impact."
        )
    if simulation.fitted:
        console.remark("The cut-off was fitted to these very rows; on new ones it will do a little worse.")


def _print_figures(simulation: PolicySimulation) -> None:
    """Approvals and costs beside those of the active policy."""
    from models.evaluation.row_groups import MIN_ROWS

    new, active = simulation.figures, simulation.active_figures
    if new is None or active is None or simulation.cheapest is None:
        return
    lines = [(what, *(_figure(figures, field) for figures in (new, active))) for what, field in _FIGURES.items()]
    headings = (f"costs {simulation.costs}", "this policy", f"active (policy {simulation.active_policy})")
    console.results.print(console.table_of(headings, lines))
    cheapest = simulation.cheapest
    console.say(
        f"Cheapest in hindsight: one cut-off at {cheapest.cut_off:.4f}, observed cost per row {cheapest.cost:.4f}. "
        + _of_referred(simulation.costs, max(new.referral_rate, active.referral_rate))
    )
    n_accepted = round(new.approval_rate * new.n_rows)
    if 0 < n_accepted < MIN_ROWS:
        console.warn(f"only {n_accepted} row(s) are approved; the bad rate of so few is mostly chance")


def _of_referred(costs: Costs | None, most_referred: float) -> str:
    if costs is not None and costs.referred is not None:
        return f"A referred row costs {costs.referred:g}."
    if not most_referred:
        return ""
    return f"Referred rows cost nothing here; give their cost as a third number, such as --costs {costs}:0.6."


_FIGURES = {
    "approved": "approval_rate",
    "bad of these": "bad_rate",
    "referred": "referral_rate",
    "expected cost per row": "expected_cost_per_row",
    "observed cost per row": "observed_cost_per_row",
    "expected cost": "expected_cost",
    "observed cost": "observed_cost",
}


def _figure(figures: Figures, field: str) -> str:
    value = getattr(figures, field)
    if field.endswith("_rate"):
        return _percent(value)
    return f"{value:.4f}" if field.endswith("per_row") else f"{value:,.1f}"


def _print_decisions(simulation: PolicySimulation) -> None:
    """The decisions, and which rows get another one than before."""
    decisions = [
        (found.decision, found.n_rows, _percent(found.share), _percent(found.bad_rate))
        for found in simulation.decisions
    ]
    if not decisions:
        console.say("The domain takes no decision on a row, so there is nothing to count.")
        return
    console.results.print(console.table_of(("decision", "rows", "share", "bad of these"), decisions))
    changes = [(f"{change.before} -> {change.after}", change.n_rows, change.n_bad) for change in simulation.changes]
    if not changes:
        console.say(f"No row gets another decision than by the active policy ({simulation.active_policy}).")
        return
    headings = (f"against policy {simulation.active_policy}", "rows", "of them bad")
    console.results.print(console.table_of(headings, changes))


def _impact(group: GroupFigures) -> str:
    impact = group.impact
    return "" if impact is None else f"{impact.ratio:.2f} ({impact.low:.2f}..{impact.high:.2f})"


def _percent(share: float | None) -> str:
    return "none" if share is None else f"{share:.1%}"


def _short(value: object) -> str:
    from models.decisions.policy_values import few_words

    return f"{value:.6g}" if isinstance(value, float) else few_words(value)
