"""What the champion knows of the rows of a job, as far as its bundle says."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from data.checking import check_frame
from data.splits import Rows
from models.errors import BundleError
from models.registry.bundles import read_manifest
from models.registry.registry import Version
from models.training.known_rows import NEW, TRAINED, KnownRows, Uses, read_known_rows


@dataclass(frozen=True, kw_only=True, eq=False)
class ChampionRows:
    """What the champion knows of the rows of a job.

    Parameters
    ----------
    version : its number.
    known : the rows that it was trained on or tested with; None if its bundle does not say.
    uses : what it used each row of the job for; None if that cannot be told.
    problem : why rows that it was trained on may go unnoticed; empty if they cannot.
    """

    version: int
    known: KnownRows | None = None
    uses: Uses | None = None
    problem: str = ""

    def n_trained(self, rows: Rows | None = None) -> int:
        """How many of these rows, by default of all, it is known to have been trained on."""
        if self.uses is None:
            return 0
        return int(((self.uses if rows is None else self.uses[rows]) == TRAINED).sum())

    @property
    def text(self) -> str:
        """What is known, a sentence without its stop; empty if none of the rows is known, and none can be."""
        if self.problem:
            return self.problem
        n_new = 0 if self.uses is None else int((self.uses == NEW).sum())
        if self.uses is None or n_new == len(self.uses):
            return ""
        return (
            f"version {self.version} was trained on {self.n_trained():,} of the {len(self.uses):,} rows, so these do "
            f"not test; it does not know {n_new:,} of them"
        )


def champion_rows(champion: Version, bundles: Path, *, checked: pd.DataFrame, raw_frame: pd.DataFrame) -> ChampionRows:
    """What the champion knows of the rows of a job.

    Parameters
    ----------
    checked, raw_frame : the rows, of which the champion may read other columns than the job.
    """
    number = champion.number
    try:
        known = read_known_rows(bundles, champion.digest)
        table = read_manifest(bundles, champion.digest).table
    except BundleError as error:
        return ChampionRows(version=number, problem=f"version {number} cannot be loaded ({error})")
    if known is None:
        return ChampionRows(version=number, problem=_untold(number, "its bundle holds no digests of them"))
    if not set(known.matched) <= set(checked.columns):
        checked, problems = check_frame(table, raw_frame, training=False)
        if problems:
            return ChampionRows(version=number, known=known, problem=_untold(number, str(problems[0])))
    problem = "" if known.complete else _untold(number, "it was refined from a version without digests of them")
    return ChampionRows(version=number, known=known, uses=known.uses(checked), problem=problem)


def _untold(version: int, why: str) -> str:
    return (
        f"which rows version {version} was trained on cannot be told ({why}), so some of them may stand in the test "
        "set: give rows that it has not seen"
    )
