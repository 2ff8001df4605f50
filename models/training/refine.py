"""The starting point of a training job: an untrained scorer, or the live version if new rows can refine it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from data.column import Column
from data.table import Table
from models.errors import RefinementError
from models.estimators.table_scorer import TableScorer
from models.registry.bundles import Manifest, read_manifest
from models.registry.live import load_live
from models.registry.registry import Version

_ROLES = ("feature", "time", "entity", "event", "target")
"""Roles of the columns that requests, the encoder or the labels read."""
_DOCUMENTATION = frozenset(
    {"description", "unit", "example", "protected", "meanings", "reasons", "actionable", "amount"}
)
"""Descriptive fields of a column, which may differ, since they change no computation."""
_MAX_NAMED = 3


@dataclasses.dataclass(frozen=True, kw_only=True)
class Start:
    """The starting point of a training: an untrained scorer, or a live version to be refined.

    `version` is None for an untrained scorer. The scorer of a live version is loaded anew, so that the one that serves
    requests does not change. `preset` and `negative_sample_rate` are those of the first training.
    """

    version: int | None
    scorer: TableScorer
    preset: str
    negative_sample_rate: float


def load_start(
    champion: Version,
    bundles: Path,
    *,
    table: Table,
    preset: str | None,
    negative_sample_rate: float | None,
    data_digest: str,
) -> Start:
    """Load the champion to refine, with the descriptions of the new table.

    Parameters
    ----------
    table : of the new rows, with its inputs restricted by the domain.
    preset, negative_sample_rate : as requested, None for the champion's.
    data_digest : of the new rows, see `data.files.sources.frame_digest`.

    Raises
    ------
    RefinementError
        Another preset or rate was requested, the table differs in what the encoder, requests or labels read, or
        the champion was trained on these rows: its training set would overlap the test set.
    BundleError
        The champion's bundle cannot be loaded.
    """
    manifest = read_manifest(bundles, champion.digest)
    if problem := _problem(manifest, table, preset, negative_sample_rate, data_digest):
        raise RefinementError(champion.name, champion.number, problem)
    scorer = load_live(champion, bundles).scorer
    scorer.table = table  # equal where it matters; its descriptions word the reasons from now on
    return Start(
        version=champion.number,
        scorer=scorer,
        preset=manifest.preset,
        negative_sample_rate=manifest.negative_sample_rate,
    )


def _problem(
    manifest: Manifest, table: Table, preset: str | None, negative_sample_rate: float | None, data_digest: str
) -> str:
    """Why the version of this manifest cannot be refined as requested; empty if it can."""
    if preset not in (None, manifest.preset):
        return f"its preset is {manifest.preset!r}, which a refinement keeps; preset {preset!r} was requested"
    if negative_sample_rate not in (None, manifest.negative_sample_rate):
        return (
            f"its negative sample rate is {manifest.negative_sample_rate:.4g}, which a refinement keeps; "
            f"{negative_sample_rate:.4g} was requested"
        )
    if differences := table_differences(manifest.table, table):
        named, n_more = differences[:_MAX_NAMED], len(differences) - _MAX_NAMED
        return f"the new table differs: {'; '.join(named)}{f'; and {n_more} more' if n_more > 0 else ''}"
    if data_digest == manifest.data_digest:
        return "it was trained on these rows, so they cannot test it; a refinement needs new rows"
    return ""


def table_differences(old: Table, new: Table) -> list[str]:
    """Differences that matter to the encoder, requests or labels, a short text each; empty if none.

    Descriptions may differ, and so may the listed levels of a category: rows with other levels are scored anyway.
    """
    before, now = ({column.name: _read(column) for column in table.of_role(*_ROLES)} for table in (old, new))
    gone = [f"column {name!r} is no longer read" for name in before if name not in now]
    added = [f"column {name!r} was not read before" for name in now if name not in before]
    changed = [
        f"column {name!r} has {field} {now[name][field]!r} in place of {value!r}"
        for name in before
        if name in now
        for field, value in before[name].items()
        if now[name][field] != value
    ]
    return gone + added + changed


def _read(column: Column) -> Mapping[str, Any]:
    """The fields of a column that matter, by name."""
    fields = {field.name: getattr(column, field.name) for field in dataclasses.fields(column)}
    if column.kind == "category":
        fields["levels"] = ()
    return {name: value for name, value in fields.items() if name not in _DOCUMENTATION}
