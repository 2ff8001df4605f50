"""The rows that a version knows, kept in its bundle as digests: those that trained it never test what is compared."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from pydantic import Base64Bytes, BaseModel, ConfigDict

from data.splits import Rows, SplitRows
from data.table import Table
from models.errors import BundleError
from models.registry.bundles import read_file, read_manifest
from models.training.row_digests import RowDigests, row_columns, row_digests

TRAINED_ROWS = "trained_rows.json"
"""The file of a bundle. Versions of earlier releases lack it, and so do tables that may store no column."""
NEW, TRAINED, TESTED = 0, 1, 2
MAX_EQUAL = 4
"""Equal rows up to which they are recognised. More cannot be told from new ones, and no network learns one of them by
heart."""

Uses = npt.NDArray[np.int8]


class _Stored(BaseModel):
    """The file: digests and positions as little-endian 64-bit numbers, ascending, in base64."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    matched: tuple[str, ...]
    complete: bool
    trained: Base64Bytes
    tested: Base64Bytes
    test_rows: Base64Bytes


@dataclass(frozen=True, kw_only=True, eq=False)
class KnownRows:
    """The rows of a version, and of those that it was refined from.

    Parameters
    ----------
    matched : columns of the digests.
    trained : digests of training and validation rows, ascending, equal ones as often as there were such rows.
    tested : digests of the test rows, likewise.
    test_rows : positions of the test rows in the file of the job.
    complete : whether `trained` is all; not after the refinement of a version that holds no digests.
    """

    matched: tuple[str, ...]
    trained: RowDigests
    tested: RowDigests
    test_rows: Rows
    complete: bool = True

    @classmethod
    def of(cls, table: Table, checked: pd.DataFrame, rows: SplitRows) -> KnownRows | None:
        """The rows of a job; None if no column may be stored."""
        if not (matched := row_columns(table)):
            return None
        digests = row_digests(checked, matched)
        return cls(
            matched=matched,
            trained=np.sort(digests[np.concatenate([rows.train, rows.validation])]),
            tested=np.sort(digests[rows.test]),
            test_rows=np.sort(rows.test),
        )

    def with_those_of(self, refined: KnownRows | None) -> KnownRows:
        """These rows and those of the version that was refined; None if it does not hold any."""
        if refined is None or refined.matched != self.matched:
            return KnownRows(**{**vars(self), "complete": False})
        joined = {what: _joined(getattr(self, what), getattr(refined, what)) for what in ("trained", "tested")}
        return KnownRows(**{**vars(self), **joined, "complete": refined.complete})

    def uses(self, checked: pd.DataFrame) -> Uses:
        """What the version used each of these rows for: NEW (nothing), TRAINED or TESTED, shape (n_rows,).

        Of equal rows, as many count as trained as trained it, then as many as tested as tested it.
        """
        digests = pd.Series(row_digests(checked, self.matched))
        before = digests.groupby(digests).cumcount().to_numpy()
        n_trained, n_tested = (_times_in(known, digests) for known in (self.trained, self.tested))
        uses = np.full(len(digests), NEW, np.int8)
        uses[before < n_trained + n_tested] = TESTED
        uses[before < n_trained] = TRAINED
        return uses

    def file(self) -> Mapping[str, bytes]:
        """The file of the bundle, by its name."""
        stored = _Stored(
            matched=self.matched,
            complete=self.complete,
            trained=b64encode(self.trained.astype("<u8").tobytes()),
            tested=b64encode(self.tested.astype("<u8").tobytes()),
            test_rows=b64encode(self.test_rows.astype("<u8").tobytes()),
        )
        return {TRAINED_ROWS: stored.model_dump_json(indent=1).encode()}


def read_known_rows(bundles: Path, digest: str) -> KnownRows | None:
    """The rows that a version knows; None if its bundle does not say.

    Raises BundleError if the bundle is missing or altered, or the file cannot be read.
    """
    if TRAINED_ROWS not in read_manifest(bundles, digest).files:
        return None
    try:
        stored = _Stored.model_validate_json(read_file(bundles, digest, TRAINED_ROWS))
        trained, tested, test_rows = (
            np.frombuffer(content, "<u8").astype(np.uint64)
            for content in (stored.trained, stored.tested, stored.test_rows)
        )
    except ValueError as error:  # pydantic's errors are ValueErrors
        raise BundleError(digest, f"its {TRAINED_ROWS} cannot be read: {error}") from error
    return KnownRows(
        matched=stored.matched,
        trained=trained,
        tested=tested,
        test_rows=test_rows.astype(np.intp),
        complete=stored.complete,
    )


def _times_in(known: RowDigests, digests: pd.Series[Any]) -> npt.NDArray[np.float64]:
    """How often each digest is among the known ones; 0 for those that are there too often."""
    counts = pd.Series(known).value_counts()
    return np.asarray(digests.map(counts[counts <= MAX_EQUAL]).fillna(0), dtype=np.float64)


def _joined(these: RowDigests, those: RowDigests) -> RowDigests:
    """Digests of either, each as often as in that which has it more often: a grown file holds old rows again."""
    counts = pd.concat([pd.Series(one).value_counts() for one in (these, those)], axis=1).fillna(0).max(axis=1)
    return np.sort(np.repeat(counts.index.to_numpy(np.uint64), counts.to_numpy(np.int64)))
