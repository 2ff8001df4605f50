"""`backscore monitor`: data drift of recent rows against the training set."""
# ruff: noqa: PLC0415 - heavy libraries are imported by the command that needs them, so that --help is quick

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated

import typer

from service.cli.commands.audit import prediction_log
from service.cli.console import Cell, Line, Part, Remark, listing, print_result
from service.cli.context import AsJson, ModelName, champion_of, home_of, open_registry, read_settings
from service.cli.exits import SHIFTED

if TYPE_CHECKING:
    from models.monitoring.drift.results import Monitor

STYLES = {"alarm": "red", "watch": "yellow"}


def monitor(
    name: ModelName,
    days: Annotated[float, typer.Option(min=0.001, max=366, help="Days to look back.")] = 7,
    as_json: AsJson = False,
) -> None:
    """Show data drift: recent rows against the training set, column by column, and the score.

    Exit code: 4 if a column or the score has drifted.
    """
    from models.clock import utc_now
    from models.monitoring.drift.monitor import monitor as find
    from models.monitoring.drift.reference import load_reference
    from models.registry.live import load_live

    settings = read_settings()
    with open_registry(settings) as registry:
        version = champion_of(registry, name)
    bundles = home_of(settings).bundles
    reference, live = load_reference(version, bundles), load_live(version, bundles)
    with prediction_log(settings) as log:
        found = find(live, reference, log, now=utc_now(), days=days)
    print_result(found, _text(found), as_json=as_json)
    if found.state == "alarm":
        raise typer.Exit(SHIFTED)


def _text(found: Monitor) -> Iterator[Part]:
    share = "" if found.share_looked_at >= 1 else f", {found.share_looked_at:.2%} of all"
    yield f"{found.model} version {found.version}: {found.n_recent:,} rows of {found.settings.days:g} days{share}."
    compared = (found.score, *found.columns)
    for name, n_entities in found.n_entities.items():
        yield f"They are of {n_entities:,} different {name}: rows of the same one count as fewer independent rows."
    yield listing(compared, _COLUMN)
    for one in compared:
        if one.state in STYLES:
            yield Line(f"{one.state}: {one.sentence}", STYLES[one.state])
    if found.figures:
        yield listing(found.figures, _FIGURE)
    if found.not_compared:
        reasons = ", ".join(f"{one.column} ({one.why})" for one in found.not_compared)
        yield Remark(f"Not compared: {reasons}")
    yield f"{found.sentence[0].upper()}{found.sentence[1:]}."


_FIGURE: Mapping[str, Cell] = {
    "watched": "title",
    "share": "value:.1%",
    "number": lambda one: f"{one.n:,} of {one.of:,}",
    "most frequent": lambda one: ", ".join(one.items),
}

_COLUMN: Mapping[str, Cell] = {
    "column": lambda one: one.column or "(score)",
    "state": lambda one: one.state.replace("_", " "),
    "PSI": "psi.value:.3f",
    "low": "psi.low:.3f",
    "high": "psi.high:.3f",
    "moved": "wasserstein.value:.3f",
    "q": "q:.1g",
    "missing": "missing.recent:.1%",
    "unseen": "unseen:.1%",
}
