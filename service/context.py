"""State: the parts of the application that its endpoints share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from models.clock import Clock
from models.records.audit_log.log import PredictionLog
from models.registry.registry import Registry
from service.live.live_models import LiveModels
from service.live.served_model import Recall
from service.metrics.metrics import Metrics
from service.middleware.tracing import Tracing
from service.runtime.cached_reports import CachedReports
from service.scoring.audit_writer import AuditWriter
from service.scoring.batch_threads import BatchThreads
from service.scoring.conversing import Conversing
from service.scoring.event_worker import EventWorker
from service.scoring.row_batcher import RowBatcher
from service.scoring.shadow_worker import ShadowWorker
from service.settings import Settings


@dataclass(frozen=True)
class State:
    """The parts of a running application that its routes use; fixed for its lifetime.

    Parameters
    ----------
    bundles : folder of the bundles.
    batcher : scores and records single rows.
    threads : thread pool for requests with many rows.
    events : scores, stores and records the rows of models whose tables have windows.
    conversing : answers, remembers and records the messages of conversations.
    shadows : scores the rows of champions by shadow challengers.
    audit_writer : writes the audit log; `predictions` reads it.
    cached_reports : reports on the audit log that take seconds to compute.
    prediction_lookup : finds the rows of recorded predictions.
    metrics : of this process.
    tracing : None if it is off.
    now : the clock of labels and verdicts.
    new_id : makes prediction IDs.
    """

    settings: Settings
    database: sa.Engine
    bundles: Path
    registry: Registry
    live_models: LiveModels
    batcher: RowBatcher
    threads: BatchThreads
    events: EventWorker
    conversing: Conversing
    shadows: ShadowWorker
    audit_writer: AuditWriter
    predictions: PredictionLog
    cached_reports: CachedReports
    prediction_lookup: Recall
    metrics: Metrics
    tracing: Tracing | None
    now: Clock
    new_id: Callable[[], str]
