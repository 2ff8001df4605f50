"""From checked rows to answers: what every way to ask a live version has in common."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic.fields import FieldInfo
from pydantic_core import to_json

from models.contract import Answer, LiveModel, ReasonsWanted, Row
from models.encoding import Features


def respond(
    live: LiveModel, rows: Sequence[Row], ids: Sequence[str], *, reasons: ReasonsWanted = "adverse"
) -> list[Answer]:
    """Answer checked rows, in their order.

    Parameters
    ----------
    rows : each a mapping from column name to value.
    ids : prediction id of each row.
    reasons : explain "adverse" decisions only, "all" or "none".

    Returns
    -------
    answers; those of a domain whose answers have `windows` tell there what the rows hold of the table's.
    """
    return respond_encoded(live, rows, live.scorer.encoder.encode_rows(rows), ids, reasons=reasons)


def respond_encoded(
    live: LiveModel, rows: Sequence[Row], X: Features, ids: Sequence[str], *, reasons: ReasonsWanted
) -> list[Answer]:
    """Answer rows whose features X, float32 of shape (n_rows, n_features), are known already; see `respond`."""
    columns = answer_columns(live, rows, X, ids, reasons=reasons)
    return [
        live.domain.answer(**dict(zip(columns, values, strict=True))) for values in zip(*columns.values(), strict=True)
    ]


def answer_columns(
    live: LiveModel, rows: Sequence[Row], X: Features, ids: Sequence[str], *, reasons: ReasonsWanted
) -> dict[str, Sequence[Any]]:
    """The answers that `respond_encoded` gives, field by field: a value for each row, in the order of the fields."""
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
    """What `answer_columns` gives as JSON, a text for each row: the bytes that answers made of them are written as.

    Making them checks once more what is right by construction, and takes longer than writing them.
    """
    rows = zip(*columns.values(), strict=True)
    return [to_json(dict(zip(columns, values, strict=True))).decode() for values in rows]


def _accounts(
    live: LiveModel, rows: Sequence[Row], X: Features, given: Mapping[str, Sequence[Any]], reasons: ReasonsWanted
) -> dict[str, list[Any]]:
    """The fields that explain answers, for those rows that are to be explained; their defaults for the others."""
    domain = live.domain
    assert domain.explain is not None  # noqa: S101 - asked for by those who looked
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
    """What a field holds if nothing is given; pydantic's own way looks at the factory's signature each time."""
    factory: Any = field.default_factory
    return field.default if factory is None else factory()


def _warnings(live: LiveModel, rows: Sequence[Row]) -> list[list[str]]:
    """The `unseen_warnings` of rows; most have none."""
    found: list[list[str]] = [[]] * len(rows)
    for i, unseen in live.scorer.encoder.unseen_in_rows(rows).items():
        found[i] = [_unseen_warning(name, rows[i]) for name in unseen]
    return found


def unseen_warnings(live: LiveModel, row: Row) -> list[str]:
    """A sentence for each category whose level training saw too seldom to know it."""
    return [_unseen_warning(name, row) for name in live.scorer.encoder.unseen_columns(row)]


def _unseen_warning(name: str, row: Row) -> str:
    return f"{name}: {row.get(name)!r} was seen too seldom in training; the model answers as for other rare values"
