"""The model card of a version: intended use, training data, metrics, and fairness.

In the manner of Mitchell et al. 2019, "Model cards for model reporting". A card holds only numbers and short
texts, so that it is machine-readable and versions can be compared; its page shows nothing else.
"""

from __future__ import annotations

from typing import Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from models.contract import Domain
from models.evaluation.diagnostics import Diagnostics
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
    role: str = Field(description="Role of the column; ignored columns are never used.")
    protected: bool = Field(description="Whether the column is protected, such as sex or age.")


class CardRows(_Part):
    """The data of the version."""

    source: str
    note: str = Field(description="Caveats of the data; empty if there are none.")
    split: str = Field(description="How the rows were split.")
    n_rows: dict[str, int] = Field(description="Rows of the train, validation and test set.")
    event: str = Field(description="The predicted event.")
    columns: tuple[CardColumn, ...] = Field(description="In table order.")


class ModelCard(_Part):
    """Model card of a version."""

    name: str
    domain: str
    summary: str = Field(description="What the model predicts.")
    created: AwareDatetime
    origin: str = Field(description="Version it was refined from; empty if trained from scratch.")
    intended_use: str = Field(description="Intended use.")
    not_for: tuple[str, ...] = Field(description="Out-of-scope uses.")
    findings: tuple[str, ...] = Field(description="Main findings on the test set.")
    warnings: tuple[str, ...] = Field(description="Warnings.")
    rows: CardRows
    metrics: dict[str, dict[str, float]] = Field(
        description="On the test set: this version first, then baselines and the previous champion."
    )
    verdict: str = Field(description="Promotion decision and its reason.")
    policy: dict[str, Any] = Field(description="Policy of its bundle; another one may be active.")
    decisions: tuple[DecisionRow, ...] = Field(description="Decisions by that policy; empty if single rows get none.")
    audit: Diagnostics
    alerts: AlertReport | None = Field(
        None, description="Alert metrics; null for domains without alerts, and for rows without times."
    )
    made_with: dict[str, str | int] = Field(description="Preset, seed, folds, and versions of the packages.")


def model_card(data: ReportData, domain: Domain) -> ModelCard:
    """The card of the version, with the numbers of its report."""
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


def render_card(card: ModelCard, domain: Domain) -> str:
    """The card as an HTML page, see `models.reports.pages`."""
    return render_page(
        "card.html.jinja",
        card=card,
        metrics=domain.task.metrics,
        words=domain.alert_words,
        protection=protection_sentences(card.audit),
        stand_ins=[proxy_sentence(proxies) for proxies in card.audit.proxies],
    )
