"""`backscore rollout`: try a version beside the champion, and promote it once it has proved to be better."""
# ruff: noqa: PLC0415 - heavy libraries are imported by the command that needs them, so that --help is quick

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from service.cli import console
from service.cli.context import (
    AsJson,
    Why,
    actor,
    champion_of,
    database_of,
    home_of,
    live_model,
    open_registry,
    read_settings,
)
from service.cli.exits import NOT_PROMOTED, CommandError

if TYPE_CHECKING:
    from models.monitoring.promotion.sequential_test import PromotionTest
    from models.registry.registry import Registry
    from models.registry.rollouts import Mode, Rollout
    from service.settings import Settings

app = typer.Typer(
    help="Try a version beside the champion, in its shadow or on a share of the predictions.", no_args_is_help=True
)

ModelName = Annotated[str, typer.Argument(metavar="NAME", help="Name of the model, as in its endpoint.")]


@app.command()
def start(
    name: ModelName,
    version: Annotated[int, typer.Argument(metavar="VERSION", help="Number of the version to try.")],
    canary: Annotated[
        float | None,
        typer.Option(
            metavar="SHARE",
            help="Let it answer this share of the predictions, above 0 and below 1, chosen by their ids. If left out "
            "it looks on in the champion's shadow: it answers the same rows, recorded and never sent.",
        ),
    ] = None,
    why: Why = "",
    as_json: AsJson = False,
) -> None:
    """Try a version beside the champion; a running service begins by itself.

    Starting again replaces the challenger and begins the comparison anew. A promotion ends it.
    """
    rollout = start_rollout(read_settings(), name, version, canary=canary, why=why)
    if as_json:
        console.print_json(asdict(rollout))
    else:
        console.say(f"Version {version} of {name!r} challenges the champion: {rollout.text}.", style="green")


@app.command()
def stop(name: ModelName, why: Why = "", as_json: AsJson = False) -> None:
    """Let the champion answer alone again."""
    with open_registry(read_settings()) as registry:
        ended = registry.rollouts.stop(name, actor=actor(), why=why)
    if as_json:
        console.print_json(asdict(ended))
    else:
        console.say(f"Version {ended.version} of {name!r} no longer challenges the champion.", style="green")


@app.command()
def show(name: ModelName, as_json: AsJson = False) -> None:
    """Show the challenger, and whether it has proved to be better; look as often as you like."""
    settings = read_settings()
    with open_registry(settings) as registry:
        rollout = _rollout(registry, name)
        champion = champion_of(registry, name).number
    test = compare(settings, rollout)
    if as_json:
        console.print_json(_as_json(rollout, champion, test))
        return
    _print(rollout, champion, test)


@app.command()
def decide(
    name: ModelName,
    promote_if_better: Annotated[
        bool,
        typer.Option(
            "--promote-if-better", help="Let the challenger answer from now on if it has proved to be better."
        ),
    ] = False,
    why: Why = "",
    as_json: AsJson = False,
) -> None:
    """Ask whether the challenger has proved to be better, and promote it if so and if that is wanted.

    However often this is asked, the chance that a challenger which is not better ever passes is at most 2.5 %.

    Exit code: 0 it is better, 3 it is not, or this cannot be said yet.
    """
    from models.registry.live import load_answering

    settings = read_settings()
    with open_registry(settings) as registry:
        rollout = _rollout(registry, name)
        champion = champion_of(registry, name).number
        test = compare(settings, rollout)
        promoted = promote_if_better and test.verdict == "better"
        if promoted:
            version, policy = registry.version(name, rollout.version), registry.policies.active(name)
            load_answering(version, policy, home_of(settings).bundles)
            told = "; ".join(filter(None, [test.text, why]))
            registry.promote(name, rollout.version, actor=actor(), why=told, only_during=rollout)
    if as_json:
        console.print_json({**_as_json(rollout, champion, test), "promoted": promoted})
    else:
        _print(rollout, champion, test)
        if promoted:
            console.say(f"Version {rollout.version} of {name!r} answers from now on.", style="green")
    if test.verdict != "better":
        raise typer.Exit(NOT_PROMOTED)


def start_rollout(
    settings: Settings, name: str, version: int, *, canary: float | None = None, why: str = ""
) -> Rollout:
    """Let a version challenge the champion, as a canary of that share or else as a shadow.

    Raises
    ------
    BundleError, ChallengerError, NotTrainedError, UnknownVersionError, UnreadablePolicyError
        It is not there, cannot answer, or does not fit: every service would refuse it.
    """
    from models.monitoring.promotion.compatibility import check_challenger
    from models.registry.audit_settings import DEFAULT
    from models.registry.live import load_answering
    from models.registry.rollouts import check_share

    mode: Mode = "shadow" if canary is None else "canary"
    check_share(name, version, mode, canary or 0.0)
    with open_registry(settings) as registry:
        policy, bundles = registry.policies.active(name), home_of(settings).bundles
        challenger = load_answering(registry.version(name, version), policy, bundles)
        champion = load_answering(champion_of(registry, name), policy, bundles)
        check_challenger(champion, challenger, mode, registry.audit_settings().get(name, DEFAULT))
        return registry.rollouts.start(name, version, mode=mode, share=canary or 0.0, actor=actor(), why=why)


def compare(settings: Settings, rollout: Rollout) -> PromotionTest:
    """What is known about the challenger."""
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
            raise CommandError(f"there is no model {name!r}; there are {', '.join(registry.names()) or 'none yet'}")
        raise NoChallengerError(name)
    return rollout


def _as_json(rollout: Rollout, champion: int, test: PromotionTest) -> dict[str, Any]:
    return {**asdict(rollout), "champion": champion, "test": test.model_dump(mode="json")}


def _print(rollout: Rollout, champion: int, test: PromotionTest) -> None:
    since = f"{rollout.started:%Y-%m-%d %H:%M} UTC, by {rollout.started_by}"
    console.say(f"{rollout.name}: version {rollout.version} challenges version {champion} as {rollout.text}, {since}")
    if test.n_predictions:
        cells = [
            (test.loss, test.champion_brier, test.challenger_brier, test.improvement, test.low, test.high),
        ]
        headings = ("", "champion", "challenger", "improvement", "at least", "at most")
        console.results.print(console.table_of(headings, cells))
    console.say(test.text)
