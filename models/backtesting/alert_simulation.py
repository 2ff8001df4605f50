"""Policies with alerts: cut-offs from a review budget or from costs, and their simulation on past days."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from pydantic import BaseModel, Field

from models.backtesting.past_rows import Decisions, PastRows
from models.backtesting.policy_choice import ChosenPolicy, PolicyRequest, refuse_twice
from models.contract import AlertBudget, LiveModel
from models.costs import AlertCosts
from models.decisions.alerts.cut_offs import cut_off_for_reviews, least_cost_cut_offs
from models.decisions.alerts.day_simulation import AlertFigures, DaySimulation, simulate_days
from models.decisions.alerts.transactions import ALWAYS, NEVER, ScoredTransactions, Transactions
from models.decisions.policy_values import checked_policy, few_words
from models.decisions.rules.conditions import check_rules, rules_of
from models.errors import PolicyError


class AlertSimulation(BaseModel):
    """The days of the past rows under a policy, and their totals under the active one."""

    costs: AlertCosts | None = Field(description="Null if the table has no amount.")
    by_policy: DaySimulation
    by_active: AlertFigures


def choose_alert_policy(active: LiveModel, budget: AlertBudget, request: PolicyRequest, rows: PastRows) -> ChosenPolicy:
    """The requested policy, chosen on past rows; all other fields are those of the active one.

    From reviews a day only the lower cut-off is chosen, below the upper one; from costs both are.

    Raises
    ------
    PolicyError
        A value is not allowed, the request is for another kind of domain, or the rows have no time.
    RuleError
        Rules do not fit the version's table.
    CutOffError
        No cut-off meets the request.
    """
    domain, base = active.domain, active.policy.model_dump()
    if request.costs is not None or request.has_rate or request.refer:
        raise PolicyError(
            f"a policy for {domain.name} is chosen by reviews a day (--reviews-per-day), by the costs of alerts "
            f"(--review-cost, --blocked-good-cost, --missed-share), or by setting its fields as "
            f"FIELD=VALUE: {', '.join(domain.policy.model_fields)}"
        )
    values, words = dict(request.values), [f"{name}={few_words(value)}" for name, value in request.values.items()]
    if request.wants_cut_offs:
        by_reviews = request.reviews_per_day is not None
        refuse_twice({budget.lower} if by_reviews else {budget.lower, budget.upper}, values)
        open_to_all = replace(active, policy=checked_policy(domain.policy, {**base, **values, budget.lower: 0.0}))
        chosen, how = _chosen(open_to_all, budget, request, rows)
        values, words = values | chosen, [how, *words]
    policy = checked_policy(domain.policy, {**base, **values})
    return ChosenPolicy(policy, ", ".join(words), fitted=request.wants_cut_offs)


def simulate_alerts(
    live: LiveModel, active: LiveModel, rows: PastRows, *, now: Decisions, before: Decisions, costs: AlertCosts | None
) -> AlertSimulation | None:
    """Simulate the days of past rows; None for a domain without alerts.

    Parameters
    ----------
    now, before : decisions on the rows by the policies of `live` and of `active`.
    costs : None are the domain's own.
    """
    budget = live.domain.alert_budget
    if budget is None:
        return None
    past = Transactions.of(live.table, rows.frame, rows.labels)
    costs = None if past.amounts is None else costs or budget.costs

    def by(decisions: Decisions) -> DaySimulation:
        reviewed, blocked = decisions == budget.reviewed, decisions == budget.blocked
        return simulate_days(past, rows.probabilities, reviewed=reviewed, blocked=blocked, costs=costs)

    return AlertSimulation(costs=costs, by_policy=by(now), by_active=by(before).totals)


def _chosen(
    live: LiveModel, budget: AlertBudget, request: PolicyRequest, rows: PastRows
) -> tuple[dict[str, float], str]:
    """The cut-offs by name, and the basis of their choice; all other fields of the policy are those of `live`."""
    if request.reviews_per_day is not None and live.table.time is None:
        raise PolicyError(
            f"the table {live.table.name!r} has no time, so reviews a day are unknown; give costs, or set fields "
            "of the policy as FIELD=VALUE"
        )
    check_rules(rules_of(live.policy), live.table)  # before rules are applied
    scored = _scored(live, budget, rows)
    if request.reviews_per_day is not None:
        upper = getattr(live.policy, budget.upper)
        lower = cut_off_for_reviews(scored, request.reviews_per_day, block_from=upper)
        return {budget.lower: lower}, f"{request.reviews_per_day:g} reviews a day"
    costs = request.alert_costs or budget.costs
    cheapest = least_cost_cut_offs(scored, costs)
    return {budget.lower: cheapest.review_from, budget.upper: cheapest.block_from}, f"costs: {costs}"


def _scored(live: LiveModel, budget: AlertBudget, rows: PastRows) -> ScoredTransactions:
    """The rows with their probabilities, except where other fields of the policy decide regardless of cut-offs."""
    closed, open_to_all = (_decided_at(live, budget, cut_off, rows) for cut_off in (ALWAYS, 0.0))
    passed = ~np.isin(open_to_all, [budget.reviewed, budget.blocked])
    probabilities = np.where(passed, NEVER, rows.probabilities)
    blocked, alerted = closed == budget.blocked, np.isin(closed, [budget.reviewed, budget.blocked])
    return ScoredTransactions(
        past=Transactions.of(live.table, rows.frame, rows.labels),
        alert_scores=np.where(alerted, ALWAYS, probabilities),
        block_scores=np.where(blocked, ALWAYS, probabilities),
    )


def _decided_at(live: LiveModel, budget: AlertBudget, cut_off: float, rows: PastRows) -> Decisions:
    """The decisions with both cut-offs at one value."""
    values = {**live.policy.model_dump(), budget.lower: cut_off, budget.upper: cut_off}
    return rows.decisions(replace(live, policy=checked_policy(live.domain.policy, values)))
