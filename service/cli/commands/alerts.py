"""`backscore alerts` and `backscore figures`: what waits for people, and how good the answers were."""
# ruff: noqa: PLC0415 - heavy libraries are imported by the command that needs them, so that --help is quick

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from service.cli import console
from service.cli.context import AsJson, database_of, live_model, read_settings

if TYPE_CHECKING:
    import sqlalchemy as sa

    from models.contract import LiveModel
    from models.decisions.alerts.matured_labels import MaturedFigures
    from models.records.events.alert_views import Alert

Name = Annotated[str, typer.Argument(metavar="NAME", help="Name of the model, as in its endpoint.")]
Status = Literal["open", "confirmed", "cleared", "unsure"]
"""As in `models.records.events.alert_views`, which --help must not wait for; a test compares them."""


def alerts(
    name: Name,
    status: Annotated[Status, typer.Option(help="Those without a verdict, or with this one.")] = "open",
    limit: Annotated[int, typer.Option(min=1, max=500, help="How many are shown.")] = 20,
    as_json: AsJson = False,
) -> None:
    """Show the alerts on cards that wait for people, the highest expected loss first.

    Expected loss: probability times amount of the card's worst event. Verdicts are given over HTTP: POST
    /v1/NAME/alerts/ID/verdict.
    """
    from models.clock import utc_now
    from models.records.events.review_queue import ReviewQueue

    with _model_and_database(name) as (live, engine):
        found = ReviewQueue(engine, live, utc_now).alerts(status, limit)
    if as_json:
        console.print_json({"name": name, **found.model_dump(mode="json")})
        return
    headings = ("alert", "card", "expected loss", "events", "last event", "why")
    if found.alerts:
        console.results.print(console.table_of(headings, [_cells(alert) for alert in found.alerts]))
    console.say(f"{name}: {len(found.alerts):,} {status} alerts shown; {found.n_open:,} are open in all.")


def figures(
    name: Name,
    k: Annotated[int, typer.Option("--k", min=1, help="Cards a day that card precision looks at.")] = 100,
    days: Annotated[
        float | None, typer.Option(min=0, help="How far back to look; by default all that is kept.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show how good the answers to stored events were: by labels that have matured, and by all events to date."""
    from models.clock import utc_now
    from models.monitoring.performance.alert_figures import live_figures

    with _model_and_database(name) as (live, engine):
        found = live_figures(engine, live, now=utc_now(), k=k, days=days)
    if as_json:
        console.print_json(found.model_dump(mode="json"))
        return
    per_day = "" if found.alerts_per_day is None else f"; {found.alerts_per_day:,.1f} cards are alerted a day"
    console.say(f"{name}: {found.clock.naive.n_rows:,} answered events on {found.n_days:,} days{per_day}.")
    if found.n_days:
        console.results.print(_clock_table(found.clock))
    console.say(found.clock.sentence)


@contextmanager
def _model_and_database(name: str) -> Iterator[tuple[LiveModel, sa.Engine]]:
    """The model that answers, and the database with its events."""
    settings = read_settings()
    live = live_model(settings, name)
    with database_of(settings) as engine:
        yield live, engine


def _cells(alert: Alert) -> tuple[object, ...]:
    reasons = [reason["text"] for reason in alert.answer["reasons"]]
    return (
        alert.id,
        alert.card or f"event {alert.worst_event}",
        f"{alert.expected_loss:,.2f}",
        alert.n_events,
        f"{alert.last_event:%Y-%m-%d %H:%M}",
        f"{alert.answer['decision']}: {'; '.join(reasons[:2])}",
    )


def _clock_table(clock: MaturedFigures) -> object:
    rows = [
        ("events", f"{clock.matured.n_rows:,}", f"{clock.naive.n_rows:,}"),
        ("frauds known", f"{clock.matured.n_frauds:,}", f"{clock.naive.n_frauds:,}"),
    ]
    measures = {
        "auc": "AUC",
        "average_precision": "average precision",
        "card_precision": f"card precision@{clock.k}",
        "value_recall": "share of fraud's value alerted",
    }
    for field, what in measures.items():
        ripe, naive = getattr(clock.matured, field), getattr(clock.naive, field)
        rows.append((what, _three_digits(ripe), _three_digits(naive)))
    return console.table_of(("", "matured labels", "all to date"), rows)


def _three_digits(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"
