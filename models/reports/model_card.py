"""The model card of a version: what it is and is for, what it was made of, how it did, and whom it may fail.

In the manner of Mitchell et al. 2019, "Model cards for model reporting". A card holds numbers and short texts alone, so
that programs can read it and versions can be compared; its page shows nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from models.contract import Domain
from models.evaluation.diagnostics import Diagnostics
from models.evaluation.metric_tables import Metric
from models.reports.alert_report import AlertReport
from models.reports.pages import render_page
from models.reports.report_data import ReportData
from models.reports.sentences import protection_sentences, proxy_sentence
from models.reports.tables import DecisionRow, decision_rows


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class CardColumn(_Part):
    """A column of the training rows."""

    name: str
    description: str
    role: str = Field(description="What it is for; an ignored column is known and never used.")
    protected: bool = Field(description="Sex, age and the like: reported on.")


class CardRows(_Part):
    """The rows that the version was made of."""

    source: str
    note: str = Field(description="What one must know about them; empty if nothing.")
    split: str = Field(description="How they were divided.")
    n_rows: dict[str, int] = Field(description="Of the sets train, validation and test.")
    event: str = Field(description="What is predicted.")
    columns: tuple[CardColumn, ...] = Field(description="In the table's order.")


class ModelCard(_Part):
    """Everything that one should know before using a version."""

    name: str
    domain: str
    summary: str = Field(description="What it answers.")
    created: AwareDatetime
    origin: str = Field(description="What it went on from; empty if it was trained anew.")
    intended_use: str = Field(description="What it was made for.")
    not_for: tuple[str, ...] = Field(description="Uses that it was not made for.")
    findings: tuple[str, ...] = Field(description="The findings on the test set, in a few sentences.")
    warnings: tuple[str, ...] = Field(description="What nobody may overlook.")
    rows: CardRows
    metrics: dict[str, dict[str, float]] = Field(
        description="On the test rows: of this version first, then of usual models and of the champion before it."
    )
    verdict: str = Field(description="Why it went live, or why not.")
    policy: dict[str, Any] = Field(description="The policy of its bundle; another one may be active.")
    decisions: tuple[DecisionRow, ...] = Field(description="By that policy; none where single rows get no decision.")
    audit: Diagnostics
    alerts: AlertReport | None = Field(
        None, description="What alerts find; null for a domain without alerts, and for rows without times."
    )
    made_with: dict[str, str | int] = Field(description="Preset, seed, folds, and versions of the packages.")


def model_card(data: ReportData, domain: Domain) -> ModelCard:
    """The card of the version that a report is about: the same numbers."""
    return ModelCard(
        name=data.name,
        domain=data.domain,
        summary=domain.summary,
        created=data.created,
        origin=data.origin,
        intended_use=domain.intended_use,
        not_for=domain.not_for,
        findings=tuple(data.findings),
        warnings=tuple(data.warnings),
        rows=CardRows(
            source=data.source,
            note=data.note,
            split=data.split_description,
            n_rows=dict(data.n_rows),
            event=data.event,
            columns=tuple(
                CardColumn(
                    name=column.name, description=column.description, role=column.role, protected=column.protected
                )
                for column in data.table.columns
            ),
        ),
        metrics={name: dict(contender.metrics) for name, contender in data.contenders.items()},
        verdict=data.verdict,
        policy=dict(data.policy),
        decisions=tuple(decision_rows(data.decisions, data.labels, data.predictions)),
        audit=data.diagnostics,
        alerts=data.alerts,
        made_with={"preset": data.preset, "seed": data.seed, "folds": data.n_folds, **data.packages},
    )


def render_card(card: ModelCard, metrics: Sequence[Metric]) -> str:
    """The card as an HTML page, see `models.reports.pages`."""
    return render_page(
        "card.html.jinja",
        card=card,
        metrics=metrics,
        protection=protection_sentences(card.audit),
        stand_ins=[proxy_sentence(proxies) for proxies in card.audit.proxies],
    )
