"""State: what every endpoint of one application shares."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from models.clock import Clock
from models.records.audit_log.log import PredictionLog
from models.registry.registry import Registry
from service.live.live_models import LiveModels
from service.live.served_model import Recall
from service.metrics.metrics import Metrics
from service.middleware.tracing import Tracing
from service.runtime.cached_reports import CachedReports
from service.scoring.event_worker import EventWorker
from service.scoring.row_batcher import RowBatcher
from service.settings import Settings


@dataclass(frozen=True)
class State:
    """Handed to the routes when the application starts; nothing in it is ever exchanged.

    Parameters
    ----------
    batcher : answers single rows, and records what is answered.
    events : answers, stores and records the rows of models whose tables have windows.
    predictions : what was recorded.
    findings : what takes seconds to find out from that.
    prediction_lookup : finds what recorded predictions were about.
    metrics : what this process counts.
    tracing : where the time of requests goes; None where nobody asks.
    now : tells the time at which labels and verdicts come.
    new_id : names answers.
    """

    settings: Settings
    registry: Registry
    live_models: LiveModels
    batcher: RowBatcher
    events: EventWorker
    predictions: PredictionLog
    cached_reports: CachedReports
    prediction_lookup: Recall
    metrics: Metrics
    tracing: Tracing | None
    now: Clock
    new_id: Callable[[], str]
