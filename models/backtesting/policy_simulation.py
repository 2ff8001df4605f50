"""Simulation of a policy on past rows: decisions, bad rate, costs, groups, and changes against the active one."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import pandas as pd
from pydantic import BaseModel, ConfigDict, Field

from models.arrays import Floats, Labels, Mask
from models.backtesting.alert_simulation import AlertSimulation, choose_alert_policy, simulate_alerts
from models.backtesting.past_rows import Decisions, PastRows
from models.backtesting.policy_choice import ChosenPolicy, PolicyRequest, choose_policy
from models.contract import LiveModel
from models.costs import AlertCosts, Costs
from models.decisions.cut_offs import CheapestCutOff, cheapest_cut_off
from models.decisions.rules.conditions import check_rules, rules_of
from models.errors import PolicyError
from models.evaluation.diagnostics import ImpactRatio
from models.evaluation.diagnostics.fairness import impact_ratio
from models.evaluation.row_groups import MIN_ROWS, groups_of


class Figures(BaseModel):
    """Results of decisions on some rows; for the cost of a referred row see `Costs`."""

    n_rows: int
    n_approved: int = Field(description="Rows that are accepted.")
    approval_rate: float = Field(description="Share of the rows that are accepted.")
    referral_rate: float = Field(description="Share of the rows that are neither accepted nor rejected.")
    bad_rate: float | None = Field(description="Share of bad rows among the accepted ones; null if none is accepted.")
    expected_cost_per_row: float = Field(description="By the probabilities; equals the observed one if calibrated.")
    observed_cost_per_row: float = Field(description="By the outcomes.")
    expected_cost: float = Field(description="Of all rows.")
    observed_cost: float = Field(description="Of all rows.")


class GroupFigures(Figures):
    """Results on one group of rows."""

    group: str
    impact: ImpactRatio | None = Field(
        description="Relative to the group with the highest approval rate among those with enough rows; null for that "
        "group itself, and if nobody in it is accepted."
    )
    too_few: bool = Field(description=f"Fewer than {MIN_ROWS} rows: too few for a conclusion.")


class DecisionFigures(BaseModel):
    """The rows with one decision."""

    decision: str
    n_rows: int
    share: float
    bad_rate: float | None


class Change(BaseModel):
    """The rows whose decision differs from the active policy."""

    before: str
    after: str
    n_rows: int
    n_bad: int


class PolicySimulation(BaseModel):
    """A policy on past rows; figures of accepted and rejected rows are null or empty for domains without them."""

    model_config = ConfigDict(protected_namespaces=())

    policy: dict[str, Any]
    chosen_by: str
    fitted: bool = Field(description="The cut-off was fitted to these rows; expect slightly worse figures on new ones.")
    model_version: int
    rows: str
    n_rows: int
    bad_rate: float = Field(description="Share of bad outcomes among all rows.")
    decisions: list[DecisionFigures] = Field(description="The most frequent first.")
    active_policy: int = Field(description="The active policy, for comparison.")
    changes: list[Change] = Field(description="The most rows first.")
    costs: Costs | None = None
    figures: Figures | None = None
    active_figures: Figures | None = None
    cheapest: CheapestCutOff | None = Field(None, description="The single cut-off that was cheapest on these rows.")
    groups: dict[str, list[GroupFigures]] = Field(default_factory=dict, description="By protected column.")
    alerts: AlertSimulation | None = Field(None, description="Day by day, for a domain that makes alerts.")


def simulate_request(
    active: LiveModel, rows: PastRows, request: PolicyRequest, *, stored: LiveModel | None = None
) -> PolicySimulation:
    """Choose the requested policy and simulate it beside the active one.

    Parameters
    ----------
    active : the live version under its active policy, which supplies the fields that are not requested.
    stored : the same version under a stored policy to simulate unchanged; `request` may then only hold costs.

    Raises PolicyError and CutOffError as `models.backtesting.policy_choice.choose_policy` does, and RuleError for
    rules that do not fit the version's table.
    """
    if not active.domain.task.is_binary:
        raise PolicyError(
            f"only policies of binary models can be simulated; {active.domain.name!r} predicts "
            f"{active.domain.task.name}"
        )
    if stored is not None:
        if request.has_rate or request.refer or request.values or request.reviews_per_day is not None:
            raise PolicyError("a stored policy is simulated unchanged: only costs can be given with it")
        chosen_by = f"policy {stored.policy_version}, unchanged"
        chosen = ChosenPolicy(stored.policy, chosen_by, fitted=False)
    else:
        chosen = _chosen(active, rows, request)
        check_rules(rules_of(chosen.policy), active.table)
    return simulate_policy(
        replace(active, policy=chosen.policy),
        active,
        rows,
        costs=request.costs,
        alert_costs=request.alert_costs,
        chosen_by=chosen.chosen_by,
        fitted=chosen.fitted,
    )


def _chosen(active: LiveModel, rows: PastRows, request: PolicyRequest) -> ChosenPolicy:
    """The requested policy, chosen by cut-offs or by alerts, depending on the domain."""
    domain = active.domain
    if domain.alert_budget is not None:
        return choose_alert_policy(active, domain.alert_budget, request, rows)
    return choose_policy(domain, active.policy, request, rows.probabilities, rows.labels)


def simulate_policy(
    candidate: LiveModel,
    active: LiveModel,
    rows: PastRows,
    *,
    costs: Costs | None,
    alert_costs: AlertCosts | None = None,
    chosen_by: str,
    fitted: bool,
) -> PolicySimulation:
    """Decide past rows by a policy and by the active one; every row counts once, regardless of its training weight.

    Parameters
    ----------
    candidate, active : the same version under the two policies.
    costs, alert_costs : of the two errors, and of alerting; None are the domain's own.
    chosen_by, fitted : see `models.backtesting.policy_choice.ChosenPolicy`.
    """
    now, before = rows.decisions(candidate), rows.decisions(active)
    return PolicySimulation(
        policy=candidate.policy.model_dump(mode="json"),
        chosen_by=chosen_by,
        fitted=fitted,
        model_version=candidate.version,
        rows=rows.source,
        n_rows=len(rows.labels),
        bad_rate=float(rows.labels.mean()),
        decisions=_by_decision(now, rows.labels),
        active_policy=active.policy_version,
        changes=_changes(before, now, rows.labels),
        alerts=simulate_alerts(candidate, active, rows, now=now, before=before, costs=alert_costs),
        **_judged(candidate, now, before, rows, costs),
    )


def _judged(live: LiveModel, now: Decisions, before: Decisions, rows: PastRows, costs: Costs | None) -> dict[str, Any]:
    """The fields that depend on acceptance and rejection; none for a domain without cut-offs."""
    cut_offs = live.domain.cut_offs
    if cut_offs is None:
        return {}
    costs = costs or cut_offs.costs

    def decided_as(decisions: Decisions) -> _Decided:
        accepted, rejected = decisions == live.domain.favourable, decisions == cut_offs.rejected
        return _Decided(accepted, rejected, rows.probabilities, rows.labels, costs)

    decided = decided_as(now)
    return {
        "costs": costs,
        "figures": Figures(**decided.figures()),
        "active_figures": Figures(**decided_as(before).figures()),
        "cheapest": cheapest_cut_off(rows.probabilities, rows.labels, costs),
        "groups": {name: _by_group(decided, groups) for name, groups in groups_of(live.table, rows.frame).items()},
    }


class _Decided:
    """Decided rows with their costs, for figures on any subset."""

    def __init__(self, accepted: Mask, rejected: Mask, probabilities: Floats, labels: Labels, costs: Costs) -> None:
        self._accepted, self._rejected, self._labels = accepted, rejected, labels
        self._expected = costs.of_rows(probabilities, accepted=accepted, rejected=rejected)
        self._observed = costs.of_rows(labels, accepted=accepted, rejected=rejected)

    def figures(self, part: Mask | slice = slice(None)) -> dict[str, Any]:
        """The values of `Figures` for at least one row."""
        accepted, expected, observed = self._accepted[part], self._expected[part], self._observed[part]
        return {
            "n_rows": len(accepted),
            "n_approved": int(accepted.sum()),
            "approval_rate": float(accepted.mean()),
            "referral_rate": float((~accepted & ~self._rejected[part]).mean()),
            "bad_rate": _mean(self._labels[part][accepted]),
            "expected_cost_per_row": float(expected.mean()),
            "observed_cost_per_row": float(observed.mean()),
            "expected_cost": float(expected.sum()),
            "observed_cost": float(observed.sum()),
        }


def _by_group(decided: _Decided, groups: pd.Series[Any]) -> list[GroupFigures]:
    """Each group in its order, its approval rate relative to the highest one."""
    found = {group: decided.figures((groups == group).to_numpy()) for group in groups.cat.categories}
    enough = [figures for figures in found.values() if figures["n_rows"] >= MIN_ROWS]
    reference = max(enough, key=lambda figures: float(figures["approval_rate"]), default=None)
    return [
        GroupFigures(**figures, group=group, impact=_impact(figures, reference), too_few=figures["n_rows"] < MIN_ROWS)
        for group, figures in found.items()
    ]


def _impact(figures: dict[str, Any], reference: dict[str, Any] | None) -> ImpactRatio | None:
    if reference is None or figures is reference:
        return None
    return impact_ratio(*(of[count] for of in (figures, reference) for count in ("n_approved", "n_rows")))


def _by_decision(decisions: Decisions, labels: Labels) -> list[DecisionFigures]:
    """The decisions, most frequent first."""
    return [
        DecisionFigures(
            decision=decision, n_rows=n_rows, share=n_rows / len(labels), bad_rate=_mean(labels[decisions == decision])
        )
        for decision, n_rows in Counter(decisions.tolist()).most_common()
    ]


def _changes(before: Decisions, after: Decisions, labels: Labels) -> list[Change]:
    moves = zip(before.tolist(), after.tolist(), strict=True)
    counted = Counter((old, new) for old, new in moves if old != new)
    return [
        Change(before=old, after=new, n_rows=n_rows, n_bad=int(labels[(before == old) & (after == new)].sum()))
        for (old, new), n_rows in counted.most_common()
    ]


def _mean(labels: Labels) -> float | None:
    return float(labels.mean()) if len(labels) else None
