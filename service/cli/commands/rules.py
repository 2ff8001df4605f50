"""`backscore rules`: backtest rules on past rows before a policy has them."""
# ruff: noqa: PLC0415 - heavy libraries are imported by the command that needs them, so that --help is quick

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from service.cli.console import Cell, Part, Remark, listing, print_result
from service.cli.context import (
    AsJson,
    FromEvents,
    ModelName,
    PastData,
    PastTable,
    champion_of,
    home_of,
    open_registry,
    past_rows_of,
    read_settings,
)

if TYPE_CHECKING:
    from models.backtesting.rules import RuleFigures, RulesBacktest
    from models.contract import AlertWords
    from models.decisions.rules.conditions import Rule

app = typer.Typer(help="Backtest rules on past rows, beside the live model.", no_args_is_help=True)


@app.callback()
def options() -> None:
    """Keeps `backtest` a subcommand; typer would merge an app with a single command into it."""


@app.command()
def backtest(
    name: ModelName,
    rules: Annotated[Path, typer.Option("--rules", "--rule", help="TOML file with [[rules]] entries.")],
    data: PastData = None,
    table: PastTable = None,
    from_events: FromEvents = False,
    as_json: AsJson = False,
) -> None:
    """Backtest rules on past rows: positives and value caught, good rows hit, and what they add to the model.

    Each rule is applied as if it were live and the only one, then all together; the model decides by the active
    policy without its own rules. Without --data and --table the rows are the test set of the version, if still
    available. `backscore policy simulate NAME --rules FILE` simulates a policy with the rules.
    """
    from models.decisions.rules.files import read_rules

    wanted = read_rules(rules)
    found, words = _backtest(name, wanted, data=data, table=table, from_events=from_events)
    print_result({"name": name, **found.model_dump(mode="json")}, _text(name, found, words), as_json=as_json)


def _backtest(
    name: str, rules: tuple[Rule, ...], *, data: Path | None, table: str | None, from_events: bool
) -> tuple[RulesBacktest, AlertWords]:
    """The rules on past rows of the champion, and its domain's words."""
    from models.backtesting.rules import backtest_rules
    from models.registry.live import load_answering

    settings = read_settings()
    home = home_of(settings)
    with open_registry(settings) as registry:
        version, active = champion_of(registry, name), registry.policies.active(name)
    live = load_answering(version, active, home.bundles)
    rows = past_rows_of(settings, live, version, data=data, table=table, from_events=from_events)
    return backtest_rules(live, rows, rules), live.domain.alert_words


def _text(name: str, found: RulesBacktest, words: AlertWords) -> Iterator[Part]:
    """The rows that were hit, then what that adds to the model."""
    alone = found.model_alerts_per_day
    alerts = "" if alone is None else f"; the model alone reviews or blocks {alone:,.1f} rows a day"
    amount = "" if found.amount_of_frauds is None else f" of {found.amount_of_frauds:,.0f} in all"
    positives = f"{found.n_frauds:,} {words.positives}"
    yield f"{name}, version {found.model_version}, on {found.rows}: {positives}{amount}{alerts}."
    rules = [*found.rules, found.together]
    for title, columns in (("Rows that were hit", _hit(words)), ("Beside the model alone", _beside(words))):
        yield listing(rules, {"rule": _name} | columns, title=title, sparse=True)
    yield Remark(
        "Caught anyway: hits that the model alone reviews or blocks. New: hits that it allows. Let pass: alerts of the "
        "model that a rule allows. Alerts a day: additional (+) or fewer (-) rows to review or block."
    )


def _name(figures: RuleFigures) -> str:
    from models.backtesting.rules import RuleOutcome

    if isinstance(figures, RuleOutcome):
        return f"{figures.rule} ({figures.action}{'' if figures.live else ', not live'})"
    return "all together"


def _hit(words: AlertWords) -> dict[str, Cell]:
    """Columns of the rows that were hit."""
    return {
        "rows": "n_rows",
        words.positives: "n_frauds",
        "precision": "precision:.1%",
        "recall": "recall:.1%",
        "amount": "amount_of_frauds:,.0f",
        f"good {words.subjects}": "n_good_cards",
    }


def _beside(words: AlertWords) -> dict[str, Cell]:
    """Columns of the comparison with the model alone."""
    return {
        "caught anyway": "n_caught_anyway",
        "new": "n_new",
        f"new {words.positives}": "n_new_frauds",
        "let pass": "n_released",
        f"{words.positives} let pass": "n_released_frauds",
        "alerts a day": "extra_alerts_per_day:+,.1f",
    }
