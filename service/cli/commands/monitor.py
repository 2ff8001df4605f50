"""`backscore monitor`: whether the rows that are answered are still like those of the training."""
# ruff: noqa: PLC0415 - heavy libraries are imported by the command that needs them, so that --help is quick

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from service.cli import console
from service.cli.commands.audit import prediction_log
from service.cli.context import AsJson, champion_of, home_of, open_registry, read_settings
from service.cli.exits import SHIFTED

if TYPE_CHECKING:
    from models.monitoring.drift.results import ColumnDrift, Effect, Monitor

STYLES = {"alarm": "red", "watch": "yellow"}


def monitor(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the model, as in its endpoint.")],
    days: Annotated[float, typer.Option(min=0.001, max=366, help="How far back to look.")] = 7,
    as_json: AsJson = False,
) -> None:
    """Show whether the rows that were answered lately are still like those of the training, column by column.

    The exit code is 4 if a column or the score has shifted.
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
    if as_json:
        console.print_json(found.model_dump(mode="json"))
    else:
        _print(found)
    if found.state == "alarm":
        raise typer.Exit(SHIFTED)


def _print(found: Monitor) -> None:
    looked_at = "" if found.share_looked_at >= 1 else f", {found.share_looked_at:.2%} of all"
    period = f"{found.settings.days:g} days"
    console.say(f"{found.model} version {found.version}: {found.n_recent:,} rows of {period}{looked_at}.")
    headings = ("column", "state", "PSI", "low", "high", "moved", "q", "empty", "new")
    console.results.print(console.table_of(headings, [_cells(one) for one in (found.score, *found.columns)]))
    for one in (found.score, *found.columns):
        if one.state in STYLES:
            console.say(f"{one.state}: {one.sentence}", style=STYLES[one.state])
    if found.not_compared:
        told = ", ".join(f"{one.column} ({one.why})" for one in found.not_compared)
        console.remark(f"Not compared: {told}")
    console.say(f"{found.sentence[0].upper()}{found.sentence[1:]}.")


def _cells(one: ColumnDrift) -> tuple[str, ...]:
    return (
        one.column or "(score)",
        one.state.replace("_", " "),
        _value(one.psi),
        "" if one.psi is None else f"{one.psi.low:.3f}",
        "" if one.psi is None else f"{one.psi.high:.3f}",
        _value(one.wasserstein),
        "" if one.q is None else f"{one.q:.1g}",
        "" if one.missing.recent is None else f"{one.missing.recent:.1%}",
        "" if one.unseen is None else f"{one.unseen:.1%}",
    )


def _value(effect: Effect | None) -> str:
    return "" if effect is None else f"{effect.value:.3f}"
