"""PredictionLookup: the row and the version of a recorded prediction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from models.contract import LiveModel, Row
from models.errors import ReplayError
from models.records.audit_log.log import PredictionLog
from models.records.audit_log.personal import PersonalData
from models.records.audit_log.record import BATCH, SCORE, Prediction
from models.records.audit_log.replay import checked_row
from models.registry.live import load_answering
from models.registry.registry import Registry
from service.errors import FieldError, InvalidRequestError
from service.live.served_model import ServedModel
from service.requests.field_errors import json_pointer, shown


@dataclass(frozen=True)
class PredictionLookup:
    """Finds the row of a recorded prediction and the version that made it; blocks, so call it in a thread.

    Parameters
    ----------
    predictions : the audit log.
    registry, bundles : the source of versions that are no longer live.
    personal_key : see `models.records.audit_log.personal`.
    """

    predictions: PredictionLog
    registry: Registry
    bundles: Path
    personal_key: bytes

    def __call__(self, served: ServedModel, field: str, prediction_id: str) -> tuple[LiveModel, Row]:
        """The version that made a prediction of this model, and its row.

        Raises
        ------
        InvalidRequestError
            No recorded prediction of a row has this ID, or the row was not stored in full.
        DatabaseError, BundleError
            The version cannot be loaded.
        """
        found = self.predictions.prediction(prediction_id) if "\0" not in prediction_id else None
        stored = None if found is None or found.model != served.live.name else _row_of(served, found)
        if found is None or stored is None:
            raise _refused(field, prediction_id, f"no recorded row of {served.live.name!r} has this id")
        live = served.live
        if found.version != live.version:
            policy = self.registry.policies.policy(found.model, found.policy_version)
            live = load_answering(self.registry.version(found.model, found.version), policy, self.bundles)
        try:
            return live, checked_row(live, stored, PersonalData(live.table, self.personal_key))
        except ReplayError as error:
            raise _refused(field, prediction_id, str(error)) from None


def _row_of(served: ServedModel, found: Prediction) -> Mapping[str, Any] | None:
    """The row of a prediction, also of an operation; None if it had none."""
    if found.action in (SCORE, BATCH):
        return found.row
    operation = {one.name: one for one in served.live.domain.operations}.get(found.action)
    if operation is None or operation.row_path is None:
        return None
    row: Any = found.row
    for name in operation.row_path:
        row = row[name]
    stored: Mapping[str, Any] = row
    return stored


def _refused(field: str, prediction_id: str, message: str) -> InvalidRequestError:
    return InvalidRequestError([FieldError(path=json_pointer([field]), message=message, value=shown(prediction_id))])
