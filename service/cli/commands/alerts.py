"""`backscore alerts` and `backscore figures`: the review queue, and the performance of scored events."""
# ruff: noqa: PLC0415 - heavy libraries are imported by the command that needs them, so that --help is quick

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from service.cli.console import Cell, Part, comparison, listing, print_result
from service.cli.context import AsJson, ModelName, database_of, live_model, read_settings

if TYPE_CHECKING:
    import sqlalchemy as sa

    from models.contract import AlertWords, LiveModel
    from models.monitoring.performance.alert_figures import LiveFigures
    from models.records.events.alert_views import Alert
    from models.records.events.review_queue import Alerts

Status = Literal["open", "confirmed", "cleared", "unsure"]
"""As in `models.records.events.alert_views`, repeated here to keep --help fast; a test compares them."""


def alerts(
    name: ModelName,
    status: Annotated[Status, typer.Option(help="open: without a verdict; else those with this verdict.")] = "open",
    limit: Annotated[int, typer.Option(min=1, max=500, help="Number of alerts to show.")] = 20,
    as_json: AsJson = False,
) -> None:
    """Show the review queue, highest expected loss first.

    Expected loss: probability times amount of the alert's worst event. Verdicts go to POST /v1/NAME/alerts/ID/verdict.
    """
    from models.clock import utc_now
    from models.records.events.review_queue import ReviewQueue

    with _model_and_database(name) as (live, engine):
        found = ReviewQueue(engine, live, utc_now).alerts(status, limit)
    text = _alerts_text(live, status, found)
    print_result({"name": name, **found.model_dump(mode="json")}, text, as_json=as_json)


def figures(
    name: ModelName,
    k: Annotated[
        int, typer.Option("--k", min=1, help="The k of precision@k: subjects, such as cards, reviewed a day.")
    ] = 100,
    days: Annotated[float | None, typer.Option(min=0, help="Days to look back; default: all stored events.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show the performance of scored events: by matured labels only, and by all labels to date."""
    from models.clock import utc_now
    from models.monitoring.performance.alert_figures import live_figures

    with _model_and_database(name) as (live, engine):
        found = live_figures(engine, live, now=utc_now(), k=k, days=days)
    print_result(found, _figures_text(live, found), as_json=as_json)


@contextmanager
def _model_and_database(name: str) -> Iterator[tuple[LiveModel, sa.Engine]]:
    """The live model, and the database with its events."""
    settings = read_settings()
    live = live_model(settings, name)
    with database_of(settings) as engine:
        yield live, engine


def _alerts_text(live: LiveModel, status: Status, found: Alerts) -> Iterator[Part]:
    if found.alerts:
        yield listing(found.alerts, _alert_columns(live.domain.alert_words))
    yield f"{live.name}: {len(found.alerts):,} {status} alerts shown; {found.n_open:,} are open in all."


def _reasons(alert: Alert) -> str:
    reasons = [reason["text"] for reason in alert.answer["reasons"]]
    return f"{alert.answer['decision']}: {'; '.join(reasons[:2])}"


def _alert_columns(words: AlertWords) -> Mapping[str, Cell]:
    return {
        "alert": "id",
        words.subject: lambda alert: alert.card or f"event {alert.worst_event}",
        "expected loss": "expected_loss:,.2f",
        "events": "n_events",
        "last event": "last_event:%Y-%m-%d %H:%M",
        "reasons": _reasons,
    }


def _figures_text(live: LiveModel, found: LiveFigures) -> Iterator[Part]:
    clock, words = found.clock, live.domain.alert_words
    alerted = f"{words.subjects} are alerted a day"
    per_day = "" if found.alerts_per_day is None else f"; {found.alerts_per_day:,.1f} {alerted}"
    yield f"{live.name}: {clock.naive.n_rows:,} answered events on {found.n_days:,} days{per_day}."
    if found.n_days:
        figures = {
            "events": "n_rows:,",
            f"{words.positives} known": "n_frauds:,",
            "AUC": "auc:.3f",
            "average precision": "average_precision:.3f",
            f"{words.subject} precision@{clock.k}": "card_precision:.3f",
            f"value of {words.positives} alerted": "value_recall:.3f",
        }
        yield comparison({"matured labels": clock.matured, "all to date": clock.naive}, figures)
    yield clock.sentence
