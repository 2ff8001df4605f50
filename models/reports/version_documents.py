"""The documents in a version's bundle: training report and model card."""

from __future__ import annotations

from datetime import datetime

import pandas as pd

from models.arrays import Floats
from models.contract import Policy
from models.estimators.table_classifier import TableClassifier
from models.evaluation.diagnostics import Diagnostics, diagnose, diagnose_inputs
from models.registry.bundles import package_versions
from models.registry.live import CARD, CARD_PAGE, REPORT
from models.reports.alert_report import alert_report
from models.reports.model_card import model_card, render_card
from models.reports.report_data import ReportData
from models.reports.training_report import render_report
from models.training.job import TrainingJob
from models.training.judge import Judgement, PromotionDecision
from models.training.trained import Trained


def version_documents(
    job: TrainingJob,
    trained: Trained,
    judgement: Judgement,
    outcome: PromotionDecision,
    *,
    policy: Policy,
    created: datetime,
) -> dict[str, bytes]:
    """Diagnose a trained version and render its documents, by file name in the bundle.

    Parameters
    ----------
    policy : of the decisions on the test rows.
    created : when training ended.
    """
    data = _report_data(job, trained, judgement, outcome, policy, created)
    card = model_card(data, job.domain)
    return {
        REPORT: render_report(data).encode(),
        CARD: card.model_dump_json(indent=1).encode(),
        CARD_PAGE: render_card(card, job.domain).encode(),
    }


def _report_data(
    job: TrainingJob,
    trained: Trained,
    judgement: Judgement,
    outcome: PromotionDecision,
    policy: Policy,
    created: datetime,
) -> ReportData:
    rows, network = trained.rows, trained.scorer.network
    test = trained.frame.iloc[rows.test]
    decided = job.domain.decide(policy, trained.test_scores, test, trained.scorer.table)
    decisions = decided.get("decision", []) if trained.task.is_binary else []  # they are evaluated by the event rate
    budget = job.domain.alert_budget
    return ReportData(
        name=job.name,
        domain=job.domain.name,
        task=job.domain.task,
        created=created,
        source=job.source,
        note=" ".join(filter(None, [job.note, trained.sampling])),
        split_description=rows.description,
        preset=trained.preset,
        seed=job.seed,
        n_rows={"train": len(rows.train), "validation": len(rows.validation), "test": len(rows.test)},
        table=trained.scorer.table,
        training_curve=network.training_curve_,
        validation_curve=network.validation_curve_,
        best_epoch=network.best_epoch_,
        n_folds=network.n_folds_,
        origin=trained.origin,
        labels=trained.test_labels,
        predictions=trained.test_predictions,
        weights=trained.test_weights,
        contenders=judgement.contenders,
        comparison=judgement.comparison,
        why=outcome.why,
        promoted=outcome.promoted,
        decisions=decisions,
        policy=policy.model_dump(mode="json"),
        diagnostics=_diagnosed(job, trained, test, decisions),
        alerts=None if budget is None else alert_report(trained, budget, job.split, decisions),
        alert_words=job.domain.alert_words,
        training_frame=trained.frame.iloc[rows.train],
        packages=dict(package_versions()),
        leaks=judgement.leaks,
    )


def _diagnosed(job: TrainingJob, trained: Trained, test: pd.DataFrame, decisions: list[str]) -> Diagnostics:
    """The diagnostics that apply to this task."""
    scorer, training, task = trained.scorer, trained.frame.iloc[trained.rows.train], trained.task
    if not isinstance(scorer, TableClassifier):

        def number_of(frame: pd.DataFrame) -> Floats:
            return task.summary.of(scorer.frame_scores(frame)[task.prediction])

        return diagnose_inputs(scorer, training, test, number_of=number_of, number=task.summary.title, seed=job.seed)
    return diagnose(
        scorer,
        training,
        test,
        trained.test_labels,
        trained.test_probabilities,
        trained.test_weights,
        X=scorer.encoder.transform(test),
        decisions=decisions,
        favourable=job.domain.favourable,
        grades=job.domain.grades,
        seed=job.seed,
    )
