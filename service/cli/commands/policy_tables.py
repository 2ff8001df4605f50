"""Text of `backscore policy`: policies and their simulations."""
# ruff: noqa: PLC0415 - heavy libraries are imported by the command that needs them, so that --help is quick

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from service.cli.commands.alert_tables import alerts_in_words, alerts_text
from service.cli.console import Cell, Listing, Part, Remark, comparison, listing, warning

if TYPE_CHECKING:
    from data.table import Table
    from models.backtesting.policy_simulation import Change, GroupFigures, PolicySimulation
    from models.contract import AlertWords, Policy
    from models.costs import Costs


def policy_fields(policy: Policy, *, title: str) -> Listing:
    """The fields of a policy and what they mean."""
    fields = type(policy).model_fields
    rows = [(name, _short(value), fields[name].description) for name, value in policy.model_dump(mode="json").items()]
    return Listing(("field", "value", "meaning"), rows, title)


def policy_rules(policy: Policy, table: Table) -> list[Listing]:
    """The rules of a policy that fits the table, in words; empty if it has none."""
    from models.decisions.rules.conditions import rules_of
    from models.decisions.rules.wording import rule_words

    columns: Mapping[str, Cell] = {
        "rule": "name",
        "action": "action",
        "live": lambda rule: "yes" if rule.live else "no",
        "when": lambda rule: rule_words(rule, table),
        "note": "note",
    }
    rules = rules_of(policy)
    return [listing(rules, columns)] if rules else []


def headline(simulation: Mapping[str, Any], words: AlertWords) -> str:
    """A stored simulation in one line."""
    rows = f"{simulation['n_rows']:,} rows with version {simulation['model_version']}"
    figures = simulation["figures"]
    if alerts := simulation.get("alerts"):
        return f"{alerts_in_words(alerts, words)}, {rows}"
    if figures is None:
        shares = [f"{found['decision']} {_percent(found['share'])}" for found in simulation["decisions"]]
        return ", ".join([*shares, rows])
    return (
        f"{_percent(figures['approval_rate'])} approved, {_percent(figures['bad_rate'])} of them bad, "
        f"cost per row {figures['expected_cost_per_row']:.4f} expected and {figures['observed_cost_per_row']:.4f} "
        f"observed, {rows}"
    )


def simulation_text(name: str, simulation: PolicySimulation, words: AlertWords) -> Iterator[Part]:
    """The text of a simulation."""
    values = ", ".join(f"{field} {_short(value)}" for field, value in simulation.policy.items())
    yield f"{name}, version {simulation.model_version}, on {simulation.rows}; {_percent(simulation.bad_rate)} bad."
    yield f"Policy by {simulation.chosen_by}: {values}"
    yield from _figures_text(simulation)
    yield from alerts_text(simulation, words)
    yield from _decisions_text(simulation)
    for column, groups in simulation.groups.items():
        yield listing(groups, {column: _group, **_GROUP})
    if simulation.groups:
        yield (
            "Cost per row: expected. Impact ratio: approval rate over the highest of a group with enough rows, with "
            "its 95 % interval; below 0.8 is taken as evidence of adverse impact."
        )
    if simulation.fitted:
        yield Remark("The cut-off was fitted to these very rows; on new ones expect slightly worse figures.")


def _figures_text(simulation: PolicySimulation) -> Iterator[Part]:
    """Approvals and costs, compared with the active policy."""
    from models.evaluation.row_groups import MIN_ROWS

    new, active = simulation.figures, simulation.active_figures
    if new is None or active is None or simulation.cheapest is None:
        return
    subjects = {"this policy": new, f"active (policy {simulation.active_policy})": active}
    yield comparison(subjects, _FIGURES, corner=f"costs {simulation.costs}")
    cheapest = simulation.cheapest
    yield (
        f"Cheapest in hindsight: one cut-off at {cheapest.cut_off:.4f}, observed cost per row {cheapest.cost:.4f}. "
        + _of_referred(simulation.costs, max(new.referral_rate, active.referral_rate))
    )
    n_accepted = round(new.approval_rate * new.n_rows)
    if 0 < n_accepted < MIN_ROWS:
        yield warning(f"only {n_accepted} row(s) are approved; the bad rate of so few is mostly chance")


def _of_referred(costs: Costs | None, highest_rate: float) -> str:
    if costs is not None and costs.referred is not None:
        return f"A referred row costs {costs.referred:g}."
    if not highest_rate:
        return ""
    return f"Referred rows cost nothing here; give their cost as a third number, such as --costs {costs}:0.6."


def _decisions_text(simulation: PolicySimulation) -> Iterator[Part]:
    """Decisions, and their changes against the active policy."""
    if not simulation.decisions:
        yield "The domain makes no decisions on rows, so there is nothing to count."
        return
    yield listing(simulation.decisions, _DECISION)
    if simulation.changes:
        against = {f"against policy {simulation.active_policy}": _change}
        yield listing(simulation.changes, against | {"rows": "n_rows", "of them bad": "n_bad"})
    else:
        yield f"Every row gets the decision of the active policy ({simulation.active_policy})."


def _change(change: Change) -> str:
    return f"{change.before} -> {change.after}"


def _group(found: GroupFigures) -> str:
    return f"{found.group} (too few)" if found.too_few else found.group


def _impact(group: GroupFigures) -> str:
    impact = group.impact
    return "" if impact is None else f"{impact.ratio:.2f} ({impact.low:.2f}..{impact.high:.2f})"


def _percent(share: float | None) -> str:
    return "none" if share is None else f"{share:.1%}"


def _short(value: object) -> str:
    from models.decisions.policy_values import few_words

    return f"{value:.6g}" if isinstance(value, float) else few_words(value)


_FIGURES: Mapping[str, Cell] = {
    "approved": "approval_rate:.1%",
    "bad of these": lambda figures: _percent(figures.bad_rate),
    "referred": "referral_rate:.1%",
    "expected cost per row": "expected_cost_per_row:.4f",
    "observed cost per row": "observed_cost_per_row:.4f",
    "expected cost": "expected_cost:,.1f",
    "observed cost": "observed_cost:,.1f",
}
_DECISION: Mapping[str, Cell] = {
    "decision": "decision",
    "rows": "n_rows",
    "share": "share:.1%",
    "bad of these": lambda found: _percent(found.bad_rate),
}
_GROUP: dict[str, Cell] = {
    "rows": "n_rows",
    "approved": "approval_rate:.1%",
    "bad of these": lambda found: _percent(found.bad_rate),
    "cost per row": "expected_cost_per_row",
    "impact ratio": _impact,
}
