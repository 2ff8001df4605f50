"""Answers to checked rows: the scoring path shared by all endpoints and commands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic.fields import FieldInfo
from pydantic_core import to_json

from models.contract import Answer, LiveModel, ReasonScope, Row
from models.encoding import Features


def respond(
    live: LiveModel, rows: Sequence[Row], ids: Sequence[str], *, reasons: ReasonScope = "adverse"
) -> list[Answer]:
    """Answer checked rows, in their order.

    Parameters
    ----------
    rows : mappings from column name to value.
    ids : prediction ID of each row.
    reasons : explain "adverse" decisions only, "all" or "none".

    Returns
    -------
    answers; if the domain's answers have `windows`, these hold the rows' window features.
    """
    return respond_encoded(live, rows, live.scorer.encoder.encode_rows(rows), ids, reasons=reasons)


def respond_encoded(
    live: LiveModel, rows: Sequence[Row], X: Features, ids: Sequence[str], *, reasons: ReasonScope
) -> list[Answer]:
    """Answer rows whose features X, float32 of shape (n_rows, n_features), are given; see `respond`."""
    columns = answer_columns(live, rows, X, ids, reasons=reasons)
    return [
        live.domain.answer(**dict(zip(columns, values, strict=True))) for values in zip(*columns.values(), strict=True)
    ]


def answer_columns(
    live: LiveModel, rows: Sequence[Row], X: Features, ids: Sequence[str], *, reasons: ReasonScope
) -> dict[str, Sequence[Any]]:
    """The answers of `respond_encoded` as columns, in field order."""
    domain, n_rows = live.domain, len(rows)
    given: dict[str, Sequence[Any]] = {
        "prediction_id": ids,
        "model": [live.name] * n_rows,
        "version": [live.version] * n_rows,
        "policy_version": [live.policy_version] * n_rows,
        "warnings": _warnings(live, rows),
        **live.decide(live.scorer.scores(X), rows),
    }
    if domain.explain and reasons != "none":
        given |= _accounts(live, rows, X, given, reasons)
    if "windows" in domain.answer.model_fields:
        names = [column.name for column in live.table.windows]
        given["windows"] = [{name: row.get(name) for name in names} for row in rows]
    return {
        name: given[name] if name in given else [_default(field)] * n_rows
        for name, field in domain.answer.model_fields.items()
    }


def answer_texts(columns: Mapping[str, Sequence[Any]]) -> list[str]:
    """The rows of `answer_columns` as JSON texts, byte for byte equal to serialised answers.

    Building answer objects would validate what is right by construction, and take longer than writing it.
    """
    rows = zip(*columns.values(), strict=True)
    return [to_json(dict(zip(columns, values, strict=True))).decode() for values in rows]


def _accounts(
    live: LiveModel, rows: Sequence[Row], X: Features, given: Mapping[str, Sequence[Any]], reasons: ReasonScope
) -> dict[str, list[Any]]:
    """The explanation fields of the rows to be explained; defaults for the others."""
    domain = live.domain
    assert domain.explain is not None  # noqa: S101 - checked by the caller
    fields = domain.answer.model_fields
    found: dict[str, list[Any]] = {}
    for i, row in enumerate(rows):
        if reasons == "adverse" and given["decision"][i] not in domain.adverse:
            continue
        own = {name: values[i] for name, values in given.items() if name not in Answer.model_fields}
        for name, value in domain.explain(live, row, X[i], own).items():
            if name not in found:
                found[name] = [_default(fields[name])] * len(rows)
            found[name][i] = value
    return found


def _default(field: FieldInfo) -> Any:
    """Default of a field; pydantic's `get_default` inspects the factory's signature on every call."""
    factory: Any = field.default_factory
    return field.default if factory is None else factory()


def _warnings(live: LiveModel, rows: Sequence[Row]) -> list[list[str]]:
    """The `unseen_warnings` of each row; most have none."""
    found: list[list[str]] = [[]] * len(rows)
    for i, unseen in live.scorer.encoder.unseen_in_rows(rows).items():
        found[i] = [_unseen_warning(name, rows[i]) for name in unseen]
    return found


def unseen_warnings(live: LiveModel, row: Row) -> list[str]:
    """A warning for each category whose level is unseen or too rare in training."""
    return [_unseen_warning(name, row) for name in live.scorer.encoder.unseen_columns(row)]


def _unseen_warning(name: str, row: Row) -> str:
    return f"{name}: {row.get(name)!r} is unseen or rare in training; scored like other rare values"
