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
from models.records.outcomes.known import OutcomeInOrder, outcomes_in_order
from models.records.outcomes.ledger import Value
from models.registry.database import schema as tables
from models.registry.database.engine import parts_of, reading
from models.registry.rollouts import Rollout

OUTCOMES_AT_ONCE = 5_000

_predictions = tables.predictions


@dataclass
class Answered:
    """Answers to rows by role, which of them came in batches, and which do not have the favourable decision."""

    by_role: dict[Role, dict[str, Any]] = field(default_factory=lambda: {"champion": {}, "canary": {}, "shadow": {}})
    in_batches: set[str] = field(default_factory=set)
    unfavourable: set[str] = field(default_factory=set)


def promotion_test(
    engine: sa.Engine, rollout: Rollout, champion: int, domain: Domain, table: Table, *, now: datetime
) -> PromotionTest:
    """Compare challenger and champion by the outcomes of predictions since the start of the rollout.

    Parameters
    ----------
    champion : the challenged version.
    table : of the champion.

    Notes
    -----
    Rows are in the order of their predictions, those without an outcome too, see `sequential_test`.

    A shadow is compared on all rows that both answered, single or in batches; in a domain with a favourable decision on
    those alone that get it from both, since what became of the others is known of some or of none. A canary is compared
    on single rows: the rows of a batch go to one version together, so they are not independent draws. Rows are assigned
    to versions by id, even where the champion stood in for a challenger that could not be loaded: without such rows,
    that period would count for one of the two alone.
    """
    outcomes = outcomes_in_order(engine, rollout.name, table, since=rollout.started, now=now)
    compared = _shadow if rollout.mode == "shadow" else _canary
    return compared(engine, rollout, champion, domain, table, outcomes)


def _shadow(
    engine: sa.Engine, rollout: Rollout, champion: int, domain: Domain, table: Table, outcomes: Iterable[OutcomeInOrder]
) -> PromotionTest:
    task = domain.task
    pairs: list[tuple[Any, Any, Any]] = []
    for some, answered in _with_answers(engine, rollout, champion, domain, outcomes):
        ours, theirs = answered.by_role["champion"], answered.by_role["shadow"]
        pairs += [
            (ours[one], theirs[one], _target(task, table, outcome))
            for one, outcome in some
            if one in ours and one in theirs and one not in answered.unfavourable
        ]
    note = f"Compared are rows with the decision “{domain.favourable}” from both." if domain.favourable else ""
    return judge_shadow(*(zip(*pairs, strict=True) if pairs else ((), (), ())), task=task, note=note)


def _target(task: Task, table: Table, outcome: Value | None) -> Any:
    return None if outcome is None else task.target_of(table, outcome)


def _canary(
    engine: sa.Engine, rollout: Rollout, champion: int, domain: Domain, table: Table, outcomes: Iterable[OutcomeInOrder]
) -> PromotionTest:
    task = domain.task
    rows: list[tuple[Any, bool, Any]] = []
    for some, answered in _with_answers(engine, rollout, champion, domain, outcomes):
        sent = answered.by_role["champion"] | answered.by_role["canary"]
        rows += [
            (sent[one], rollout.gives(one), _target(task, table, outcome))
            for one, outcome in some
            if one in sent and one not in answered.in_batches
        ]
    note = ""
    if domain.favourable:
        note = (
            f"If outcomes are known of rows with the decision “{domain.favourable}” alone, compare as a shadow: a "
            "canary decides on other rows than the champion."
        )
    columns = zip(*rows, strict=True) if rows else ((), (), ())
    return judge_canary(*columns, share=rollout.share, task=task, note=note)


def _with_answers(
    engine: sa.Engine, rollout: Rollout, champion: int, domain: Domain, outcomes: Iterable[OutcomeInOrder]
) -> Iterator[tuple[list[OutcomeInOrder], Answered]]:
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
                        _note(answered, role, action, text, domain, ids)
        yield some, answered


def _note(answered: Answered, role: Role, action: str, text: str, domain: Domain, ids: set[str]) -> None:
    found = from_json(text)
    for answer in found if action == BATCH else [found]:
        if (prediction_id := answer["prediction_id"]) in ids:
            answered.by_role[role][prediction_id] = domain.task.answered(answer)
            if domain.favourable and answer.get("decision") != domain.favourable:
                answered.unfavourable.add(prediction_id)
            if action == BATCH:
                answered.in_batches.add(prediction_id)
