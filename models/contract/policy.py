"""Policies, and the fields of a policy that can be chosen from costs, rates and budgets."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict

from models.costs import AlertCosts, Costs


class Policy(BaseModel):
    """Thresholds and scales that turn a probability into a decision; versioned apart from the model."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


@dataclass(frozen=True, kw_only=True)
class CutOffs:
    """Two cut-offs of the probability in a domain's policy.

    Parameters
    ----------
    lower, upper : fields of the policy. Rows below the lower get the domain's favourable decision, rows from the upper
        on are rejected, and those between are referred to a person.
    rejected : the decision for rows from the upper on.
    costs : default costs of the two errors.
    """

    lower: str
    upper: str
    rejected: str
    costs: Costs


@dataclass(frozen=True, kw_only=True)
class AlertBudget:
    """Two cut-offs of the probability that determine a policy's review workload.

    Parameters
    ----------
    lower, upper : fields of the policy. Rows from the lower on are reviewed, from the upper on blocked.
    reviewed, blocked : those two decisions.
    costs : default costs of alerting.
    """

    lower: str
    upper: str
    reviewed: str
    blocked: str
    costs: AlertCosts


@dataclass(frozen=True, kw_only=True)
class AlertWords:
    """The domain's nouns in texts about alerts.

    Parameters
    ----------
    subject, subjects : the entity whose events share an alert, such as "card".
    positive, positives : an event of a confirmed alert, such as "fraud".
    negative : an event of a cleared alert, such as "genuine".
    affected : subjects with such an event, such as "cards with fraud".
    """

    subject: str = "subject"
    subjects: str = "subjects"
    positive: str = "positive"
    positives: str = "positives"
    negative: str = "negative"
    affected: str = "subjects with a positive event"


@dataclass(frozen=True, kw_only=True)
class Queue:
    """The review queue of a domain's answers; see `models.records.events.alert_desk`.

    The answers have a `decision` and `reasons`.

    Parameters
    ----------
    reviewed, blocked : decisions that open an alert, or join the subject's open one.
    passed : the decision in place of `reviewed` while a cleared subject is snoozed.
    snooze_hours : the policy field with the length of that snooze.
    probability : the answer field with the probability of the positive outcome.
    words : its nouns, in texts, files and requests.
    """

    reviewed: str
    blocked: str
    passed: str
    snooze_hours: str
    probability: str
    words: AlertWords = AlertWords()
