"""The split of a job, with regard to the champion where its rows are known."""

from __future__ import annotations

from dataclasses import replace
from math import ceil

import numpy as np
import numpy.typing as npt

from data.errors import DataError
from data.splits import Rows, SplitRows
from data.table import Table
from models.contract import Targets
from models.errors import RefinementError
from models.training.champion_rows import ChampionRows
from models.training.job import TrainingJob
from models.training.test_size import too_few_to_judge
from models.training.unseen_split import VALIDATION_FRACTION, RowsToSplit, unseen_split

MIN_CLASSES = 2
"""Levels that must be left for rows of rarer ones to be trained on alone."""


def job_split(job: TrainingJob, table: Table, given: RowsToSplit, champion: ChampionRows | None) -> SplitRows:
    """The split of a job, see `_split`, of the rows that can be on any side of it; the others are trained on alone.

    These are its last `n_train_only` rows, and those of levels too rare to be on every side of a random split.
    """
    n_rows = len(given.labels)
    added = np.arange(n_rows) >= n_rows - job.n_train_only
    alone = added | _too_rare(job, given.labels, ~added)
    if not alone.any():
        return _split(job, table, given, champion)
    kept = np.flatnonzero(~alone)
    known = champion if champion is None or champion.uses is None else replace(champion, uses=champion.uses[kept])
    rows = _split(job, table, given.at(kept), known)
    n_alone = int(alone.sum())
    return replace(
        rows,
        train=np.concatenate([kept[rows.train], np.flatnonzero(alone)]),
        validation=kept[rows.validation],
        test=kept[rows.test],
        description=f"{rows.description}; {n_alone:,} more {'row is' if n_alone == 1 else 'rows are'} trained on alone",
    )


def _too_rare(job: TrainingJob, labels: Targets, among: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """The rows of levels that a random split could not have on every side; of two classes both are needed."""
    none = np.zeros(len(labels), bool)
    if job.split.kind != "random" or job.domain.task.is_binary or labels.dtype.kind == "f":
        return none
    classes, counts = np.unique(labels[among], return_counts=True)
    least = ceil(ceil(1 / VALIDATION_FRACTION) / (1 - job.split.test_fraction))
    rare = classes[counts < least]
    return np.isin(labels, rare) & among if len(classes) - len(rare) >= MIN_CLASSES else none


def _split(job: TrainingJob, table: Table, given: RowsToSplit, champion: ChampionRows | None) -> SplitRows:
    """The split in which no row tests that the champion was trained on.

    If that leaves too few, a job from scratch has the usual split; it is then not compared on its test rows.

    Raises
    ------
    DataError
        The rows cannot be split.
    RefinementError
        Too few rows are left to test or to calibrate a refinement.
    """
    usual = given.usual(job.split)
    if champion is None or champion.uses is None:
        return usual
    try:
        rows = unseen_split(job.split, given, usual, champion.uses, version=champion.version, refine=job.refine)
        problem = "" if rows is usual else _too_few(job, table, given, rows)
    except DataError as error:
        rows, problem = usual, str(error)
    if not problem or not job.refine:
        return usual if problem else rows
    raise RefinementError(
        job.name,
        champion.version,
        f"it was trained on {champion.n_trained():,} of the {len(given.labels):,} rows, and too few are left to test "
        f"and calibrate the refinement ({problem}); give more rows that it has not seen",
    )


def with_validation(rows: SplitRows, labels: Targets, *, before: Rows) -> SplitRows:
    """A split whose validation set is cut anew where the common test set has taken most of it, or a class.

    In a file that has grown by time, the champion's test rows are the newest of those to train on: all that the
    validation set has. The last part of the training rows takes their place.

    Parameters
    ----------
    before : validation rows before the rows of the common test set were left out.

    Raises DataError if the rest is too few.
    """
    rest = np.concatenate([rows.train, rows.validation])
    n_classes = 0 if labels.dtype.kind == "f" else len(np.unique(labels[before]))
    if 2 * len(rows.validation) >= max(len(before), 1) and len(np.unique(labels[rows.validation])) >= n_classes:
        return rows
    train, validation = np.split(rest, [int((1 - VALIDATION_FRACTION) * len(rest))])
    if any(len(part) == 0 or len(np.unique(labels[part])) < n_classes for part in (train, validation)):
        raise DataError(
            f"{len(rest):,} of {len(labels):,} rows are left to train on, too few or of one class: the rows of the "
            "model's common test set and the new test rows stay out; give more rows, or write --new-test-set"
        )
    said = f"{rows.description} The last {len(validation):,} training rows became the validation set in their place."
    return replace(rows, train=train, validation=validation, description=said)


def _too_few(job: TrainingJob, table: Table, given: RowsToSplit, rows: SplitRows) -> str:
    """Why too few rows are left; empty if they are enough."""
    is_binary, least = job.domain.task.is_binary, table.gates.min_events
    if problem := too_few_to_judge(given.labels[rows.test], is_binary=is_binary, least=least):
        return f"the test set {problem}"
    if problem := too_few_to_judge(given.labels[rows.validation], is_binary=is_binary, least=1):
        return f"the validation set {problem}"
    return ""
