"""The split of a job beside what the champion knows: its training rows never test, neither it nor its successor.

A random split leaves the champion's test rows in the test set and adds the usual share of the rows that it does not
know, so that the test set grows with the file and stays like it. A split by time or order leaves rows that the champion
was trained on out of the test set.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from data.errors import DataError
from data.splits import Rows, Split, SplitRows, described, random_split, split_rows
from models.contract import Targets
from models.training.known_rows import NEW, TESTED, TRAINED, Uses

VALIDATION_FRACTION = 0.15
_MAX_VALIDATION_FRACTION = 0.5
"""Of the rows that a version to refine does not know, so that half of them train."""


@dataclass(frozen=True, kw_only=True, eq=False)
class RowsToSplit:
    """Checked rows of a job: labels of shape (n_rows,), times if the table has them, and the seed of random splits."""

    labels: Targets
    times: npt.NDArray[np.datetime64] | None
    seed: int

    def at(self, rows: Rows) -> RowsToSplit:
        """Some of the rows alone."""
        return replace(self, labels=self.labels[rows], times=None if self.times is None else self.times[rows])

    def usual(self, split: Split) -> SplitRows:
        """The split without regard to any champion."""
        return split_rows(split, labels=self.labels, times=self.times, seed=self.seed)


def unseen_split(
    split: Split, given: RowsToSplit, usual: SplitRows, uses: Uses, *, version: int, refine: bool
) -> SplitRows:
    """A split in which no row tests that the champion was trained on; nor validates, if the champion is refined.

    It is the usual split if that is so.

    Parameters
    ----------
    usual : the split without regard to the champion.
    uses : what the champion used each row for, see `KnownRows.uses`.
    version : its number.
    refine : whether training continues from its weights, so that rows that it was trained on would flatter the
        refinement, too, in early stopping and calibration.

    Raises DataError if the unknown rows lack a class.
    """
    trained = uses == TRAINED
    if not trained[usual.test].any() and not (refine and trained[usual.validation].any()):
        return usual
    if split.kind == "random":
        return _at_random(split, given, uses, version=version, refine=refine)
    return _last_unseen(usual, trained, version=version, refine=refine)


def _at_random(split: Split, given: RowsToSplit, uses: Uses, *, version: int, refine: bool) -> SplitRows:
    labels, seed = given.labels, given.seed
    new, tested, trained = (np.flatnonzero(uses == use) for use in (NEW, TESTED, TRAINED))
    rest, of_new = _share(labels, new, split.test_fraction, seed=seed, needed=not len(tested))
    test = np.concatenate([tested, of_new])
    n_validation = VALIDATION_FRACTION * (len(rest) + len(trained))
    if refine:
        share = min(_MAX_VALIDATION_FRACTION, n_validation / max(len(rest), 1))
        train, validation = _share(labels, rest, share, seed=seed, needed=True)
        train = np.concatenate([trained, train])
    else:
        train, validation = _share(labels, np.concatenate([trained, rest]), VALIDATION_FRACTION, seed=seed, needed=True)
    return described(
        f"at random with seed {seed}; the {len(trained):,} rows that version {version} was trained on stay out of the "
        f"test set{' and the validation set' if refine else ''}, which has {len(of_new):,} rows that it does not know"
        f"{f' and {len(tested):,} of its test rows' if len(tested) else ''}",
        train,
        validation,
        test,
    )


def _share(labels: Targets, rows: Rows, fraction: float, *, seed: int, needed: bool) -> tuple[Rows, Rows]:
    """Rows cut at random; all are in the first part if they are too few and the second is not needed."""
    try:
        rest, share = random_split(labels[rows], test_fraction=fraction, seed=seed)
    except DataError:
        if needed:
            raise
        return rows, rows[:0]
    return rows[rest], rows[share]


def _last_unseen(rows: SplitRows, trained: npt.NDArray[np.bool_], *, version: int, refine: bool) -> SplitRows:
    test, validation, train = rows.test[~trained[rows.test]], rows.validation, rows.train
    if refine:
        known = trained[validation]
        train, validation = np.concatenate([validation[known], train]), validation[~known]
    said = f"; {len(rows.test) - len(test):,} of these test rows were left out: version {version} was trained on them"
    moved = len(rows.validation) - len(validation)
    if moved:
        said += f", as on {moved:,} of these validation rows, which were moved to the training rows"
    return replace(rows, train=train, validation=validation, test=test, description=f"{rows.description}{said}")
