"""Records, and how to write them into audit logs."""

import json
from datetime import UTC, datetime, timedelta

from models.records.audit_log.log import add_records
from models.records.audit_log.record import BATCH, SCORE, PredictionRecord, id_in_batch, milliseconds
from models.registry.database.engine import appending

START = datetime(2024, 5, 31, 12, tzinfo=UTC)


def store(log, records):
    """Store records at once, however many there are."""
    with appending(log.engine) as connection:
        add_records(connection, records)


def record(name, minute=0, *, model="credit", rows=({"x": 1},), action=SCORE, **changes):
    """A record of a minute after the start; of several rows it is a batch."""
    if len(rows) > 1:
        action = BATCH
    ids = [name] if action != BATCH else [id_in_batch(name, 2 * place) for place in range(len(rows))]
    answers = [{"prediction_id": one, "p": row["x"] / 10} for one, row in zip(ids, rows, strict=True)]
    batch = action == BATCH
    values = {
        "id": name,
        "version": 1,
        "model": model,
        "policy_version": 0,
        "role": "champion",
        "action": action,
        "at": milliseconds(START + timedelta(minutes=minute)),
        "latency": 70,
        "key_id": "",
        "reasons": "none",
        "n_rows": len(rows),
        "request": json.dumps(list(rows) if batch else rows[0]),
        "features_digest": "",
        "answer": json.dumps(answers if batch else answers[0]),
    }
    return PredictionRecord(**values | changes)
