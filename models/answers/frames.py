"""Vectorised scoring of a frame: check, encode, score and decide."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from data.checking import check_frame, known_labels
from data.errors import Problem
from data.windows import with_windows
from models.answers.file_warnings import FileWarnings, warnings_of
from models.contract import Answer, Domain, LiveModel
from models.encoding import Features

WARNINGS = "warnings"
"""Column with what training did not cover, see `models.answers.file_warnings`; null in most rows."""
ERROR = "error"
"""Column with the rules that a row breaks; null in scored rows."""
REASONS = "reasons"
"""Column with the reasons of adverse decisions, as JSON; of a domain without `reasons`, all that it explains."""

_ARROW_TYPES: dict[Any, pa.DataType] = {float: pa.float64(), int: pa.int64(), bool: pa.bool_()}


@dataclass(frozen=True)
class ScoredRows:
    """Answer columns for one frame: null in bad rows, whose `problems` are in `error`."""

    answers: pa.Table
    problems: list[Problem]
    warnings: FileWarnings


def score_frame(live: LiveModel, frame: pd.DataFrame, *, reasons: bool = False) -> ScoredRows:
    """Check and score the rows of a frame that has the columns of the model's table.

    Rows that break a rule of the table are not scored; `reasons` adds those of adverse decisions. Windows are computed
    over the frame's rows, and include their labels if it has the target.
    """
    checked, problems = check_frame(live.table, frame, training=False)
    first_row = frame.index.start + 1 if isinstance(frame.index, pd.RangeIndex) else 1
    good = np.ones(len(frame), np.bool_)
    good[[problem.row - first_row for problem in problems]] = False
    fit = checked if good.all() else checked[good]
    if live.table.windows:
        fit = with_windows(live.table, fit, known_labels(live.table, frame[good]))
    X = live.scorer.encoder.transform(fit)
    fields = live.decide(live.scorer.scores(X), fit)
    fields[WARNINGS], warnings = warnings_of(live.scorer.encoder, fit)
    if reasons:
        fields[REASONS] = _reasons(live, fit, X, fields)
    fields_of_rows = answer_fields(live.domain, reasons=reasons)
    columns = [_spread(_cells(fields[field.name]), field.type, good) for field in fields_of_rows if field.name != ERROR]
    columns.append(_errors(problems, first_row, len(frame)))
    return ScoredRows(pa.Table.from_arrays(columns, schema=pa.schema(fields_of_rows)), problems, warnings)


def answer_fields(domain: Domain, *, reasons: bool) -> list[pa.Field]:
    """Schema of the columns that scoring adds: the domain's answer fields, reasons on request, warnings and errors.

    A list of names becomes one text, "first; second", what else is not plain becomes JSON.
    """
    own = {
        name: _ARROW_TYPES.get(field.annotation, pa.string())
        for name, field in domain.answer.model_fields.items()
        if name not in Answer.model_fields and field.is_required()
    }
    if reasons:
        own[REASONS] = pa.string()
    return [pa.field(name, kind) for name, kind in {**own, WARNINGS: pa.string(), ERROR: pa.string()}.items()]


def _cells(values: list[Any]) -> list[Any]:
    """The values as stored in files."""
    return [_cell(value) if isinstance(value, list | dict) else value for value in values]


def _cell(value: list[Any] | dict[str, Any]) -> str | None:
    """A list of names as one text, everything else as JSON; null if empty."""
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return "; ".join(value) or None
    return _json(value)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=lambda reason: reason.model_dump(mode="json"))


def _spread(values: list[Any], kind: pa.DataType, good: npt.NDArray[np.bool_]) -> pa.Array:
    """The values of the valid rows, aligned with all rows; null elsewhere."""
    array = pa.array(values, kind)
    return array if good.all() else array.take(pa.array(np.cumsum(good) - 1, mask=~good))


def _reasons(live: LiveModel, frame: pd.DataFrame, X: Features, fields: dict[str, list[Any]]) -> list[str | None]:
    """Reasons of each row with an adverse decision; None for the others."""
    texts: list[str | None] = [None] * len(frame)
    if live.domain.explain is None:
        return texts
    adverse = [i for i, decision in enumerate(fields["decision"]) if decision in live.domain.adverse]
    explained = frame.iloc[adverse].astype(object)
    rows = explained.where(explained.notna(), None).to_dict("records")
    for i, row in zip(adverse, rows, strict=True):
        decided = {name: values[i] for name, values in fields.items()}
        explain = live.domain.explain(live, {str(name): value for name, value in row.items()}, X[i], decided)
        texts[i] = _json(explain.get(REASONS, explain))
    return texts


def _errors(problems: list[Problem], first_row: int, n_rows: int) -> pa.Array:
    """Problems of each row as text; null for valid rows."""
    texts: list[str | None] = [None] * n_rows
    for problem in problems:
        text = f"column {problem.column!r}: {problem.value!r} {problem.rule}"
        before = texts[problem.row - first_row]
        texts[problem.row - first_row] = text if before is None else f"{before}; {text}"
    return pa.array(texts, pa.string())
