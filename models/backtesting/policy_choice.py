"""Choice of a policy: values as given, or cut-offs chosen from costs, an approval rate or a bad rate."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from models.arrays import Floats, Labels
from models.contract import CutOffs, Domain, Policy
from models.costs import AlertCosts, Costs
from models.decisions.cut_offs import (
    band_around,
    cut_off_for_acceptance_rate,
    cut_off_for_bad_rate,
    least_cost_band,
    least_cost_cut_off,
)
from models.decisions.policy_values import checked_policy, few_words
from models.errors import PolicyError


@dataclass(frozen=True, kw_only=True)
class PolicyRequest:
    """Requirements of a policy; without any, its cut-offs follow from the domain's own costs.

    Parameters
    ----------
    costs : of the two errors, and of referring. The cut-offs follow from them, unless a rate is given: then the costs
        are only reported.
    approval_rate, bad_rate : targets on past rows; at most one of them.
    refer : share of the rows around the cut-off to refer to a person.
    reviews_per_day, alert_costs : for a domain with alerts: subjects to review a day, and the costs of alerts.
        The cut-offs follow from the costs, unless the reviews are given: then the costs are only reported.
    values : of fields of the policy, as given.

    Raises PolicyError for contradictory requirements.
    """

    costs: Costs | None = None
    approval_rate: float | None = None
    bad_rate: float | None = None
    refer: float = 0.0
    reviews_per_day: float | None = None
    alert_costs: AlertCosts | None = None
    values: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse contradictory requirements."""
        if self.approval_rate is not None and self.bad_rate is not None:
            raise PolicyError("an approval rate and a bad rate cannot both be met; give one of them")
        if self.refer and not self.has_rate and self.costs is not None and self.costs.referred is not None:
            raise PolicyError(
                f"referred rows follow from the cost of a referral ({self.costs}) or from a share to refer; give one "
                "of them"
            )

    @property
    def has_rate(self) -> bool:
        """Whether the cut-off is chosen on the past rows themselves."""
        return self.approval_rate is not None or self.bad_rate is not None

    @property
    def wants_cut_offs(self) -> bool:
        """Whether cut-offs are to be chosen, not only values set."""
        by_alerts = self.reviews_per_day is not None or self.alert_costs is not None
        return self.has_rate or self.costs is not None or self.refer != 0 or by_alerts or not self.values


@dataclass(frozen=True)
class ChosenPolicy:
    """A policy, the basis of its choice in words, and whether its cut-offs were fitted to the past rows."""

    policy: Policy
    chosen_by: str
    fitted: bool


def choose_policy(
    domain: Domain, base: Policy, request: PolicyRequest, probabilities: Floats, labels: Labels
) -> ChosenPolicy:
    """The requested policy; all other fields are those of `base`.

    Parameters
    ----------
    probabilities, labels : of past rows, shape (n_rows,); only used for rates and for a share to refer.

    Raises
    ------
    PolicyError
        A value is not allowed, or the domain has no cut-offs to choose.
    CutOffError
        No cut-off meets the request.
    """
    if request.reviews_per_day is not None or request.alert_costs is not None:
        raise PolicyError(
            f"a policy for {domain.name} makes no alerts, so reviews a day and costs of alerts do not apply"
        )
    values, words = dict(request.values), [f"{name}={few_words(value)}" for name, value in request.values.items()]
    if request.wants_cut_offs:
        cut_offs = _cut_offs_of(domain, request)
        (lower, upper), how = _band(cut_offs, request, probabilities, labels)
        values |= {cut_offs.lower: lower, cut_offs.upper: upper}
        words = [how, *([f"{request.refer:.4g} around it referred"] if request.refer else []), *words]
    policy = checked_policy(domain.policy, {**base.model_dump(), **values})
    return ChosenPolicy(policy, ", ".join(words), fitted=request.has_rate)


def _cut_offs_of(domain: Domain, request: PolicyRequest) -> CutOffs:
    cut_offs = domain.cut_offs
    if cut_offs is None:
        raise PolicyError(
            f"a policy for {domain.name} has no cut-offs to choose from costs or rates; set its fields as "
            f"FIELD=VALUE: {', '.join(domain.policy.model_fields)}"
        )
    refuse_twice({cut_offs.lower, cut_offs.upper}, request.values)
    return cut_offs


def refuse_twice(chosen: set[str], given: Collection[str]) -> None:
    """PolicyError for fields that are both chosen and given."""
    if twice := sorted(chosen & set(given)):
        raise PolicyError(f"{' and '.join(twice)}: both chosen and given; leave out one")


def _band(
    cut_offs: CutOffs, request: PolicyRequest, probabilities: Floats, labels: Labels
) -> tuple[tuple[float, float], str]:
    """The lower and the upper cut-off, and the basis of their choice."""
    costs = request.costs or cut_offs.costs
    if request.has_rate or request.refer:
        cut_off, how = least_cost_cut_off(costs), f"costs {costs}"
        if request.approval_rate is not None:
            cut_off = cut_off_for_acceptance_rate(probabilities, request.approval_rate)
            how = f"approval rate {request.approval_rate:g}"
        elif request.bad_rate is not None:
            cut_off, how = (
                cut_off_for_bad_rate(probabilities, labels, request.bad_rate),
                f"bad rate {request.bad_rate:g}",
            )
        return band_around(probabilities, cut_off, request.refer), how
    return least_cost_band(costs), f"costs {costs}"
