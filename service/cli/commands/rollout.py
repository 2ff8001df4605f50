"""`backscore rollout`: a challenger as shadow or canary, promoted once it is proven better."""
# ruff: noqa: PLC0415 - heavy libraries are imported by the command that needs them, so that --help is quick

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from service.cli.console import Cell, Line, Part, Remark, listing, print_result
from service.cli.context import (
    AsJson,
    ModelName,
    Why,
    actor,
    champion_of,
    database_of,
    live_model,
    loader,
    open_registry,
    read_settings,
    unknown_model,
)
from service.cli.exits import NOT_PROMOTED

if TYPE_CHECKING:
    from models.monitoring.promotion.sequential_test import PromotionTest
    from models.registry.registry import Registry
    from models.registry.rollouts import Mode, Rollout
    from service.settings import Settings

app = typer.Typer(help="Run a challenger against the champion, as shadow or canary.", no_args_is_help=True)


@app.command()
def start(
    name: ModelName,
    version: Annotated[int, typer.Argument(metavar="VERSION", help="Number of the challenger's version.")],
    canary: Annotated[
        float | None,
        typer.Option(
            metavar="SHARE",
            help="Canary: answer this share of predictions, above 0 and below 1, chosen by their ids. Default: shadow, "
            "which scores the champion's requests; its answers are recorded and never sent.",
        ),
    ] = None,
    why: Why = "",
    as_json: AsJson = False,
) -> None:
    """Start a rollout of a version; a running service follows by itself.

    Starting again replaces the challenger and restarts the comparison. A promotion ends the rollout.
    """
    rollout = start_rollout(read_settings(), name, version, canary=canary, why=why)
    text = Line(f"Version {version} of {name!r} challenges the champion: {rollout.text}.")
    print_result(rollout, [text], as_json=as_json)


@app.command()
def stop(name: ModelName, why: Why = "", as_json: AsJson = False) -> None:
    """End the rollout; only the champion answers."""
    with open_registry(read_settings()) as registry:
        ended = registry.rollouts.stop(name, actor=actor(), why=why)
    text = Line(f"Version {ended.version} of {name!r} no longer challenges the champion.")
    print_result(ended, [text], as_json=as_json)


@app.command()
def show(name: ModelName, as_json: AsJson = False) -> None:
    """Show the challenger and the promotion test; looking often does not bias the test."""
    settings = read_settings()
    with open_registry(settings) as registry:
        rollout = _rollout(registry, name)
        champion = champion_of(registry, name).number
    test = compare(settings, rollout)
    print_result(_as_json(rollout, champion, test), _text(rollout, champion, test), as_json=as_json)


@app.command()
def decide(
    name: ModelName,
    promote_if_better: Annotated[
        bool,
        typer.Option("--promote-if-better", help="Promote the challenger if it is proven better."),
    ] = False,
    why: Why = "",
    as_json: AsJson = False,
) -> None:
    """Test whether the challenger is better, and promote it with --promote-if-better.

    However often it is run, a challenger that is not better passes with a probability of at most 2.5 %.

    Exit code: 0 better, 3 not better or undecided.
    """
    from models.monitoring.promotion.changes import promote

    settings = read_settings()
    with open_registry(settings) as registry:
        rollout = _rollout(registry, name)
        champion = champion_of(registry, name).number
        test = compare(settings, rollout)
        notes: list[str] = []
        promoted = promote_if_better and test.verdict == "better"
        if promoted:
            reasons = "; ".join(filter(None, [test.text, why]))
            promote(
                registry,
                loader(settings),
                name,
                rollout.version,
                actor=actor(),
                why=reasons,
                only_during=rollout,
                tell=notes.append,
            )
    text = [*_text(rollout, champion, test)]
    if promoted:
        text.append(Line(f"Version {rollout.version} of {name!r} is now the champion."))
        text += [Remark(f"Note: {note}.") for note in notes]
    print_result({**_as_json(rollout, champion, test), "promoted": promoted}, text, as_json=as_json)
    if test.verdict != "better":
        raise typer.Exit(NOT_PROMOTED)


def start_rollout(
    settings: Settings, name: str, version: int, *, canary: float | None = None, why: str = ""
) -> Rollout:
    """Start a rollout, as a canary with a share, else as a shadow; raises as `changes.start_rollout` does."""
    from models.monitoring.promotion import changes

    mode: Mode = "shadow" if canary is None else "canary"
    with open_registry(settings) as registry:
        return changes.start_rollout(
            registry, loader(settings), name, version, mode=mode, share=canary or 0.0, actor=actor(), why=why
        )


def compare(settings: Settings, rollout: Rollout) -> PromotionTest:
    """The promotion test of the challenger."""
    from models.clock import utc_now
    from models.monitoring.promotion.comparison import promotion_test

    live = live_model(settings, rollout.name)
    with database_of(settings) as engine:
        return promotion_test(engine, rollout, live.version, live.domain, live.table, now=utc_now())


def _rollout(registry: Registry, name: str) -> Rollout:
    from models.errors import NoChallengerError

    rollout = registry.rollouts.rollout(name)
    if rollout is None:
        if name not in registry.names():
            raise unknown_model(name, registry)
        raise NoChallengerError(name)
    return rollout


def _as_json(rollout: Rollout, champion: int, test: PromotionTest) -> dict[str, Any]:
    return {**asdict(rollout), "champion": champion, "test": test.model_dump(mode="json")}


def _text(rollout: Rollout, champion: int, test: PromotionTest) -> Iterator[Part]:
    since = f"{rollout.started:%Y-%m-%d %H:%M} UTC, by {rollout.started_by}"
    yield f"{rollout.name}: version {rollout.version} challenges version {champion} as {rollout.text}, {since}"
    if test.n_predictions:
        yield listing([test], _TEST)
    yield test.text


_TEST: Mapping[str, Cell] = {
    "": "loss",
    "champion": "champion_brier",
    "challenger": "challenger_brier",
    "improvement": "improvement",
    "at least": "low",
    "at most": "high",
}
