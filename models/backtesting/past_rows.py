"""Past rows with known outcomes for backtests, never the training rows of the model."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from data.errors import SourceError
from data.files.sources import frame_digest
from data.splits import Rows, Split, split_rows
from data.table import Table
from data.tables._catalogue import public_tables
from data.windows import checked_history
from models.arrays import Floats, Labels, Scores
from models.contract import Domain, LiveModel
from models.home import Home
from models.records.events.event_log import EventLog
from models.records.events.history import check_features, checked_rows, source_of, stored_rows
from models.registry.bundles import Manifest
from models.training.known_rows import TRAINED, KnownRows
from models.training.rows import TrainingRows, rows_to_train_on, split_for

Decisions: TypeAlias = npt.NDArray[np.object_]


@dataclass(frozen=True, eq=False)
class PastRows:
    """Checked rows with labels, source in words, and the version's scores."""

    frame: pd.DataFrame
    labels: Labels
    source: str
    scores: Scores

    @classmethod
    def scored(cls, live: LiveModel, frame: pd.DataFrame, labels: Labels, source: str) -> PastRows:
        """Rows with their scores: the network runs here, once for all policies tried on them."""
        return cls(frame, labels, source, live.scorer.frame_scores(frame))

    @property
    def probabilities(self) -> Floats:
        """Calibrated probabilities of the event, shape (n_rows,)."""
        return self.scores["probability"]

    def decisions(self, live: LiveModel) -> Decisions:
        """The decision on each row by the live policy; empty if the domain makes none on single rows."""
        return np.array(live.decide(self.scores, self.frame).get("decision", []), dtype=object)


def past_rows(
    live: LiveModel,
    manifest: Manifest,
    known: KnownRows | None,
    *,
    data: str | None,
    table: str | None,
    home: Home,
    data_home: Path | None,
) -> PastRows:
    """The rows of a file or of a public table, or else the test set of the version.

    Of the source that the version was trained on, only the test set is used; of others, the rows that it was not
    trained on.

    Parameters
    ----------
    manifest : of the version's bundle.
    known : the rows that the version knows, None if its bundle does not say.
    data : a CSV or parquet file with the columns of the model's table and the outcome.
    table : name of a public table; only one of the two may be given.

    Raises
    ------
    SourceError
        Both were named, the source is missing, or none was named and the version's training data are not available.
    BadRowsError
        Rows are invalid for the model's table; all of them are named.
    """
    found = named_rows(live, manifest, data=data, table=table, home=home, data_home=data_home)
    checked, labels = checked_history(
        _any_protected_level(live.table), found.frame, found.source, targets=live.domain.task.targets
    )
    if frame_digest(found.frame) == manifest.data_digest:
        rows = _test_rows(live, manifest, known, checked, labels)
        which = f"the {len(rows):,} test rows of version {live.version}"
    else:
        rows, which = _rows_not_trained_on(live, known, checked, found.source)
    return PastRows.scored(live, checked.iloc[rows], labels[rows], f"{found.source}, {which}")


def _rows_not_trained_on(
    live: LiveModel, known: KnownRows | None, checked: pd.DataFrame, source: str
) -> tuple[Rows, str]:
    """Positions of the rows that the version was not trained on, and these rows in words."""
    n_rows = len(checked)
    new = np.ones(n_rows, bool) if known is None else known.uses(checked) != TRAINED
    if new.all():
        return np.arange(n_rows), f"all {n_rows:,} rows"
    if not new.any():
        raise SourceError(f"version {live.version} was trained on every row of {source}; name rows that are new to it")
    return np.flatnonzero(new), f"the {new.sum():,} of {n_rows:,} rows that version {live.version} was not trained on"


def _test_rows(
    live: LiveModel, manifest: Manifest, known: KnownRows | None, checked: pd.DataFrame, labels: Labels
) -> Rows:
    """The test rows of the version in the rows of its training."""
    if known is not None:
        return known.test_rows
    times = None if live.table.time is None else checked[live.table.time.name].to_numpy()
    return split_rows(_split_of(live.table, live.domain), labels=labels, times=times, seed=manifest.seed).test


def answered_rows(live: LiveModel, manifest: Manifest, log: EventLog, now: datetime) -> PastRows:
    """Stored events of the model that were scored since the version was trained and whose labels are known.

    Parameters
    ----------
    log : of the model, with the version's table.

    Raises SourceError if there are none.
    """
    check_features(log)
    rows = stored_rows(log, now)
    checked, labels = checked_rows(log, rows), rows.labels
    later = (rows.answered > pd.Timestamp(manifest.created)).to_numpy()
    if not later.any():
        raise SourceError(
            f"no stored event of {log.model!r} was scored after version {live.version} was trained "
            f"({manifest.created:%Y-%m-%d %H:%M} UTC) and has a label yet"
        )
    n_later = int(later.sum())
    source = f"{source_of(log.model)}, the {n_later:,} scored since version {live.version} was trained"
    return PastRows.scored(live, checked[later], labels[later], source)


def named_rows(
    live: LiveModel, manifest: Manifest, *, data: str | None, table: str | None, home: Home, data_home: Path | None
) -> TrainingRows:
    """The raw rows of the named source, or the version's own data; see `past_rows`."""
    if data is not None and table is not None:
        raise SourceError("past rows come from a file or from a public table; name only one of them")
    named = data is not None or table is not None
    if not named:
        if live.table.name in public_tables():
            table = live.table.name
        elif live.table.name != live.domain.table.name:
            raise _not_again(live, manifest)
    rows = rows_to_train_on(live.domain, data=data, table=table, home=home, data_home=data_home, seed=manifest.seed)
    if not named and frame_digest(rows.frame) != manifest.data_digest:
        raise _not_again(live, manifest)
    return rows


def _not_again(live: LiveModel, manifest: Manifest) -> SourceError:
    return SourceError(
        f"version {live.version} of {live.name!r} was trained on rows that are not available here ({manifest.source}); "
        "name past rows with their outcome: --data FILE or --table NAME"
    )


def _split_of(table: Table, domain: Domain) -> Split:
    """The split of a training job on this table."""
    public = public_tables().get(table.name)
    return split_for(table, domain) if public is None else public.split


def _any_protected_level(table: Table) -> Table:
    """The table, with any level allowed in protected columns that are not features, as a group of its own."""
    unread = [column for column in table.of_role("ignore") if column.protected and column.kind == "category"]
    return table.with_columns({column.name: {"levels": ()} for column in unread})
