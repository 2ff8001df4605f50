"""`backscore rules`: rules beside a model, tried on past rows before a policy has them."""
# ruff: noqa: PLC0415 - heavy libraries are imported by the command that needs them, so that --help is quick

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from service.cli import console
from service.cli.context import AsJson, FromEvents, champion_of, home_of, open_registry, past_rows_of, read_settings

if TYPE_CHECKING:
    from models.backtesting.rules import RuleFigures, RuleOutcome, RulesBacktest
    from models.decisions.rules.conditions import Rule

app = typer.Typer(help="Try rules on past rows, beside the model that answers.", no_args_is_help=True)


@app.callback()
def options() -> None:
    """Keep `backtest` a command of its own: an app with a single command would take its place."""


@app.command()
def backtest(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the model, as in its endpoint.")],
    rules: Annotated[Path, typer.Option("--rules", "--rule", help="TOML file with one [[rules]] after another.")],
    data: Annotated[Path | None, typer.Option(help="CSV or parquet file with past rows and their outcome.")] = None,
    table: Annotated[str | None, typer.Option(help="Name of a public table to take past rows from.")] = None,
    from_events: FromEvents = False,
    as_json: AsJson = False,
) -> None:
    """Show what rules would have caught on past rows: frauds, value, good customers, and what the model misses.

    Every rule is tried as though it were live and the only one, then all of them together; the model decides by the
    active policy, whose own rules are left out. Without --data and --table the rows are those that tested the version
    after its training, where they can be had again. `backscore policy simulate NAME --rules FILE` takes the rules into
    a policy.
    """
    from models.decisions.rules.files import read_rules

    wanted = read_rules(rules)
    found = _backtest(name, wanted, data=None if data is None else str(data), table=table, from_events=from_events)
    if as_json:
        console.print_json({"name": name, **found.model_dump(mode="json")})
    else:
        _print(name, found)


def _backtest(
    name: str, rules: tuple[Rule, ...], *, data: str | None, table: str | None, from_events: bool
) -> RulesBacktest:
    """The rules on the past rows of the version that answers."""
    from models.backtesting.rules import backtest_rules
    from models.registry.bundles import read_manifest
    from models.registry.live import load_answering

    settings = read_settings()
    home = home_of(settings)
    with open_registry(settings) as registry:
        version, active = champion_of(registry, name), registry.policies.active(name)
    live = load_answering(version, active, home.bundles)
    manifest = read_manifest(home.bundles, version.digest)
    rows = past_rows_of(settings, live, manifest, data=data, table=table, from_events=from_events)
    return backtest_rules(live, rows, rules)


def _print(name: str, found: RulesBacktest) -> None:
    """What was caught, then what that adds to the model."""
    alone = found.model_alerts_per_day
    alerts = "" if alone is None else f"; the model alone reviews or blocks {alone:,.1f} rows a day"
    amount = "" if found.amount_of_frauds is None else f" of {found.amount_of_frauds:,.0f} in all"
    console.say(f"{name}, version {found.model_version}, on {found.rows}: {found.n_frauds:,} frauds{amount}{alerts}.")
    figures = {_what(rule): rule for rule in found.rules} | {"all together": found.together}
    for title, columns in (("Rows that were hit", _HIT), ("Beside the model alone", _BESIDE)):
        cells = {heading: [cell(each) for each in figures.values()] for heading, cell in columns.items()}
        known = {heading: values for heading, values in cells.items() if any(value is not None for value in values)}
        rows = zip(figures, *known.values(), strict=True)
        console.results.print(console.table_of(("rule", *known), list(rows), title=title))
    console.remark(
        "Caught anyway: hits that the model alone reviews or blocks. New: hits that it allows. Let pass: alerts of the "
        "model that a rule allows. Alerts a day: more (+) or fewer (-) rows to review or block."
    )


def _what(rule: RuleOutcome) -> str:
    return f"{rule.rule} ({rule.action}{'' if rule.live else ', not live'})"


def _in_form(value: float | None, form: str) -> str | None:
    return None if value is None else format(value, form)


_Cells = dict[str, Callable[["RuleFigures"], object]]

_HIT: _Cells = {
    "rows": lambda found: found.n_rows,
    "frauds": lambda found: found.n_frauds,
    "precision": lambda found: _in_form(found.precision, ".1%"),
    "recall": lambda found: _in_form(found.recall, ".1%"),
    "amount": lambda found: _in_form(found.amount_of_frauds, ",.0f"),
    "good cards": lambda found: found.n_good_cards,
}
_BESIDE: _Cells = {
    "caught anyway": lambda found: found.n_caught_anyway,
    "new": lambda found: found.n_new,
    "new frauds": lambda found: found.n_new_frauds,
    "let pass": lambda found: found.n_released,
    "frauds let pass": lambda found: found.n_released_frauds,
    "alerts a day": lambda found: _in_form(found.extra_alerts_per_day, "+,.1f"),
}
"""The columns of the two tables; one without any value is left out."""
