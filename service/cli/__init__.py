"""The command line: `backscore COMMAND`.

Results go to standard output, everything else to standard error; with --json the result is one JSON object. Exit codes
are 0 success, 1 failure, 2 bad input, 3 for a version that was not promoted, and 4 for drift.
"""

from __future__ import annotations

from typing import Annotated

import typer

from models.domains import conversing_names
from service.cli.commands import (
    alerts,
    audit,
    data,
    doctor,
    evaluate,
    events,
    keys,
    models,
    monitor,
    outcomes,
    policy,
    quickstart,
    rollout,
    rules,
    score,
    serve,
    tables,
    talk,
    train,
)
from service.cli.context import installed_version
from service.cli.exits import CommandGroup

__all__ = ["app", "main"]

app = typer.Typer(
    cls=CommandGroup,
    no_args_is_help=True,
    rich_markup_mode="markdown",  # joins the lines of a paragraph
    add_completion=False,
    pretty_exceptions_enable=False,
    help="From a table to a typed, calibrated, explained prediction endpoint. Start with `backscore quickstart`.",
)


def _print_version(given: bool) -> None:
    if given:
        typer.echo(f"backscore {installed_version('backscore')}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Options before the command."""


app.command()(quickstart.quickstart)
app.command()(train.train)
app.command()(evaluate.evaluate)
app.command()(score.score)
for _name in conversing_names():
    app.command(_name)(talk.command_of(_name))
app.command()(serve.serve)
app.command()(alerts.alerts)
app.command()(alerts.figures)
app.command()(monitor.monitor)
app.command()(doctor.doctor)
app.add_typer(models.app, name="models")
app.add_typer(policy.app, name="policy")
app.add_typer(rollout.app, name="rollout")
app.add_typer(rules.app, name="rules")
app.add_typer(audit.app, name="audit")
app.add_typer(keys.app, name="keys")
app.add_typer(outcomes.app, name="outcomes")
app.command()(outcomes.performance)
app.add_typer(events.app, name="events")
app.add_typer(tables.app, name="table")
app.add_typer(data.app, name="data")


def main() -> None:
    """Run the command of this process's arguments."""
    app()
