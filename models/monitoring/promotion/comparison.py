"""The promotion test of a rollout, from recorded answers of both versions and their outcomes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Any

import sqlalchemy as sa
from pydantic_core import from_json

from data.table import Table
from models.contract import Domain, Task
from models.monitoring.promotion.sequential_test import PromotionTest, judge_canary, judge_shadow
from models.records.audit_log.record import BATCH, SCORE, Role, in_batch_of, milliseconds
from models.records.outcomes.known import KnownOutcome, known_outcomes
from models.registry.database import schema as tables
from models.registry.database.engine import parts_of, reading
from models.registry.rollouts import Rollout

OUTCOMES_AT_ONCE = 5_000

_predictions = tables.predictions


@dataclass
class Answered:
    """Answers to rows with a known outcome, by role, and which of them came in batches."""

    by_role: dict[Role, dict[str, Any]] = field(default_factory=lambda: {"champion": {}, "canary": {}, "shadow": {}})
    in_batches: set[str] = field(default_factory=set)


def promotion_test(
    engine: sa.Engine, rollout: Rollout, champion: int, domain: Domain, table: Table, *, now: datetime
) -> PromotionTest:
    """Compare challenger and champion by predictions with known outcomes since the start of the rollout.

    Parameters
    ----------
    champion : the challenged version.
    table : of the champion.

    Notes
    -----
    A shadow is compared on all rows that both answered, single or in batches. A canary is compared on single rows: the
    rows of a batch go to one version together, so they are not independent draws. Rows are assigned to versions by id,
    even where the champion stood in for a challenger that could not be loaded: without such rows, that period would
    count for one of the two alone.
    """
    outcomes = known_outcomes(engine, rollout.name, table, since=rollout.started, now=now)
    compared = _shadow if rollout.mode == "shadow" else _canary
    return compared(engine, rollout, champion, domain.task, table, outcomes)


def _shadow(
    engine: sa.Engine, rollout: Rollout, champion: int, task: Task, table: Table, outcomes: Iterable[KnownOutcome]
) -> PromotionTest:
    pairs: list[tuple[Any, Any, float]] = []
    for some, answered in _with_answers(engine, rollout, champion, task, outcomes):
        ours, theirs = answered.by_role["champion"], answered.by_role["shadow"]
        pairs += [
            (ours[one], theirs[one], task.target_of(table, outcome))
            for one, outcome in some
            if one in ours and one in theirs
        ]
    return judge_shadow(*(zip(*pairs, strict=True) if pairs else ((), (), ())), task=task)


def _canary(
    engine: sa.Engine, rollout: Rollout, champion: int, task: Task, table: Table, outcomes: Iterable[KnownOutcome]
) -> PromotionTest:
    rows: list[tuple[Any, bool, float]] = []
    for some, answered in _with_answers(engine, rollout, champion, task, outcomes):
        sent = answered.by_role["champion"] | answered.by_role["canary"]
        rows += [
            (sent[one], rollout.gives(one), task.target_of(table, outcome))
            for one, outcome in some
            if one in sent and one not in answered.in_batches
        ]
    return judge_canary(*(zip(*rows, strict=True) if rows else ((), (), ())), share=rollout.share, task=task)


def _with_answers(
    engine: sa.Engine, rollout: Rollout, champion: int, task: Task, outcomes: Iterable[KnownOutcome]
) -> Iterator[tuple[list[KnownOutcome], Answered]]:
    """Outcomes in chunks, with the answers of both versions to their rows."""
    outcomes = iter(outcomes)
    # by the primary key (id and version) alone: given model and time too, SQLite would scan all predictions since then
    # for each chunk
    columns = [_predictions.c[name] for name in ("role", "action", "answer", "model", "at")]
    versions, started = [champion, rollout.version], milliseconds(rollout.started)
    while some := list(islice(outcomes, OUTCOMES_AT_ONCE)):
        ids = {one for one, _ in some}
        recorded_as = {record_id for one in ids for record_id in in_batch_of(one)}
        answered = Answered()
        with reading(engine) as connection:
            for part in parts_of(list(recorded_as)):
                query = sa.select(*columns).where(_predictions.c.id.in_(part), _predictions.c.version.in_(versions))
                for role, action, text, model, at in connection.execute(query):
                    if model == rollout.name and at >= started and action in (SCORE, BATCH):
                        _note(answered, role, action, text, task, ids)
        yield some, answered


def _note(answered: Answered, role: Role, action: str, text: str, task: Task, ids: set[str]) -> None:
    found = from_json(text)
    for answer in found if action == BATCH else [found]:
        if (prediction_id := answer["prediction_id"]) in ids:
            answered.by_role[role][prediction_id] = task.answered(answer)
            if action == BATCH:
                answered.in_batches.add(prediction_id)
