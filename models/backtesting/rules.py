"""Backtest of rules on past rows, each alone and all together, beside the model's own decisions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field

from models.arrays import Mask
from models.backtesting.past_rows import PastRows
from models.contract import LiveModel
from models.decisions.rules.conditions import Action, Rule, check_rules
from models.decisions.rules.hits import Hits, rule_hits, ruled
from models.errors import PolicyError


class RuleFigures(BaseModel):
    """The past rows hit by a rule; for an allowing rule, those that it would have let pass."""

    n_rows: int = Field(description="Rows hit.")
    n_frauds: int = Field(description="Positives among the rows hit.")
    precision: float | None = Field(description="Share of positives among the rows hit; null if none was hit.")
    recall: float | None = Field(description="Share of all positives that were hit; null if there was none.")
    amount_of_frauds: float | None = Field(description="Amount of the positives hit; null if the table has no amount.")
    n_good_rows: int = Field(description="Genuine rows hit.")
    n_good_cards: int | None = Field(description="Subjects with a genuine row hit; null if the table has no entity.")
    n_caught_anyway: int = Field(description="Rows hit that the model alone also reviews or blocks.")
    n_new: int = Field(description="Rows hit that the model alone allows.")
    n_new_frauds: int = Field(description="Positives among `n_new`.")
    n_released: int = Field(description="Rows that the model alone reviews or blocks, now allowed.")
    n_released_frauds: int = Field(description="Positives among `n_released`.")
    extra_alerts_per_day: float | None = Field(
        description="Additional rows reviewed or blocked a day, compared to the model alone; null without a time."
    )


class RuleOutcome(RuleFigures):
    """One rule, as if it were live and the only one."""

    rule: str
    action: Action
    live: bool = Field(description="Whether the rule is declared live.")


class RulesBacktest(BaseModel):
    """Rules on past rows; "the model alone" is the active policy without its rules."""

    model_config = ConfigDict(protected_namespaces=())

    model_version: int
    policy_version: int
    rows: str
    n_rows: int
    n_frauds: int
    amount_of_frauds: float | None
    n_days: int | None = Field(description="Days with rows; null for a table without a time.")
    model_alerts_per_day: float | None = Field(description="Rows that the model alone reviews or blocks a day.")
    rules: list[RuleOutcome]
    together: RuleFigures = Field(
        description="All rules together, as if live: the rows that a rule blocks or sends to review."
    )


def backtest_rules(live: LiveModel, rows: PastRows, rules: Sequence[Rule]) -> RulesBacktest:
    """Backtest rules on past rows as if all of them were live.

    Parameters
    ----------
    live : the version that answers, under its active policy, whose own rules are left out.
    rules : at least one.

    Raises
    ------
    PolicyError
        The domain's policies have no rules.
    RuleError
        A rule does not fit the version's table.
    """
    if "rules" not in type(live.policy).model_fields:
        raise PolicyError(f"a policy for {live.domain.name} has no rules; only domains with transactions have them")
    check_rules(rules, live.table)
    alone = replace(live, policy=live.policy.model_copy(update={"rules": ()}))
    decisions = rows.decisions(alone)
    hits = rule_hits(rules, live.table, rows.frame)
    past = _Past.of(live, rows, np.isin(decisions, list(live.domain.adverse)))
    switched_on = [rule.model_copy(update={"live": True}) for rule in rules]
    final, _ = ruled(switched_on, hits, decisions.tolist())
    return RulesBacktest(
        model_version=live.version,
        policy_version=live.policy_version,
        rows=rows.source,
        n_rows=len(rows.labels),
        n_frauds=int(past.is_positive.sum()),
        amount_of_frauds=past.amount_of(past.is_positive),
        n_days=past.n_days,
        model_alerts_per_day=past.per_day(int(past.alerted.sum())),
        rules=[_outcome(rule, hits[:, j], past) for j, rule in enumerate(rules)],
        together=RuleFigures(
            **past.figures(_caught(rules, hits), np.isin(np.array(final, object), list(live.domain.adverse)))
        ),
    )


def _outcome(rule: Rule, hit: Mask, past: _Past) -> RuleOutcome:
    alerted = past.alerted & ~hit if rule.action == "allow" else past.alerted | hit
    return RuleOutcome(rule=rule.name, action=rule.action, live=rule.live, **past.figures(hit, alerted))


def _caught(rules: Sequence[Rule], hits: Hits) -> Mask:
    """The rows that a rule blocks or sends to review."""
    return np.asarray(hits[:, [rule.action != "allow" for rule in rules]].any(axis=1), np.bool_)


@dataclass(frozen=True, eq=False)
class _Past:
    """Facts of the past rows, each of shape (n_rows,); None where the table has no such column."""

    is_positive: Mask
    alerted: Mask
    subjects: npt.NDArray[Any] | None
    amounts: npt.NDArray[np.float64] | None
    n_days: int | None

    @classmethod
    def of(cls, live: LiveModel, rows: PastRows, alerted: Mask) -> _Past:
        """The rows with the decisions of the model alone."""
        time, subject, amount = live.table.time, live.table.subject, live.table.amount
        return cls(
            is_positive=rows.labels == 1,
            alerted=alerted,
            subjects=None if subject is None else rows.frame[subject.name].to_numpy(),
            amounts=None if amount is None else rows.frame[amount.name].to_numpy(np.float64),
            n_days=None if time is None else int(rows.frame[time.name].dt.normalize().nunique()),
        )

    def figures(self, hit: Mask, alerted: Mask) -> dict[str, Any]:
        """The values of `RuleFigures`.

        Parameters
        ----------
        hit : which rows a rule hit.
        alerted : which are reviewed or blocked with it.
        """
        n_rows, n_frauds, n_all = int(hit.sum()), int((hit & self.is_positive).sum()), int(self.is_positive.sum())
        new, released, good = hit & ~self.alerted, self.alerted & ~alerted, hit & ~self.is_positive
        return {
            "n_rows": n_rows,
            "n_frauds": n_frauds,
            "precision": n_frauds / n_rows if n_rows else None,
            "recall": n_frauds / n_all if n_all else None,
            "amount_of_frauds": self.amount_of(hit & self.is_positive),
            "n_good_rows": int(good.sum()),
            "n_good_cards": None if self.subjects is None else len(set(self.subjects[good].tolist())),
            "n_caught_anyway": int((hit & self.alerted).sum()),
            "n_new": int(new.sum()),
            "n_new_frauds": int((new & self.is_positive).sum()),
            "n_released": int(released.sum()),
            "n_released_frauds": int((released & self.is_positive).sum()),
            "extra_alerts_per_day": self.per_day(int(alerted.sum()) - int(self.alerted.sum())),
        }

    def amount_of(self, part: Mask) -> float | None:
        """The amount of some rows."""
        return None if self.amounts is None else float(self.amounts[part].sum())

    def per_day(self, count: int) -> float | None:
        """A total as an average a day."""
        return None if self.n_days is None else count / self.n_days
