"""`backscore policy`: the rules that turn a probability into a decision; tested on past rows, then switched."""
# ruff: noqa: PLC0415 - heavy libraries are imported by the command that needs them, so that --help is quick

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from service.cli import console
from service.cli.commands.policy_tables import headline, print_rules, print_simulation, print_values
from service.cli.context import (
    AsJson,
    FromEvents,
    Why,
    actor,
    champion_of,
    domain_of,
    home_of,
    open_registry,
    past_rows_of,
    read_settings,
)
from service.cli.exits import CommandError
from service.cli.progress import TrainingProgress

if TYPE_CHECKING:
    from models.backtesting.policy_choice import PolicyRequest
    from models.backtesting.policy_simulation import PolicySimulation
    from models.costs import AlertCosts
    from models.registry.policies import StoredPolicy

app = typer.Typer(
    help="See, test and switch the rules that decide, without training anything anew.", no_args_is_help=True
)

ModelName = Annotated[str, typer.Argument(metavar="NAME", help="Name of the model, as in its endpoint.")]


@app.command()
def show(name: ModelName, as_json: AsJson = False) -> None:
    """Show the policy that decides, and all that are stored."""
    from models.registry.live import load_live, policy_note, with_policy

    settings = read_settings()
    with open_registry(settings) as registry:
        version = champion_of(registry, name)
        active, stored = registry.policies.active(name), registry.policies.stored(name)
    live = with_policy(load_live(version, home_of(settings).bundles), active)
    note = policy_note(active, version)
    values = live.policy.model_dump(mode="json")
    if as_json:
        policies = [_as_json(policy) for policy in stored]
        console.print_json(
            {
                "name": name,
                "domain": live.domain.name,
                "model_version": version.number,
                "active": live.policy_version,
                "policy": values,
                "note": note,
                "policies": policies,
            }
        )
        return
    of_bundle = "" if live.policy_version else f", the one of version {version.number}'s own bundle"
    print_values(live.policy, title=f"{name}: policy {live.policy_version} decides{of_bundle}")
    print_rules(live.policy, live.table)
    for policy in stored:
        decides = " (decides)" if policy.number == live.policy_version else ""
        when = f"{policy.created:%Y-%m-%d %H:%M}"
        console.say(f"Policy {policy.number}{decides}, stored {when} UTC by {policy.created_by}: {policy.why}")
        console.say(f"  {headline(policy.simulation)}")
    if note:
        console.warn(note)


@app.command()
def simulate(
    name: ModelName,
    data: Annotated[
        Path | None,
        typer.Option(help="CSV or parquet file with past rows, their outcome and protected columns included."),
    ] = None,
    table: Annotated[str | None, typer.Option(help="Name of a public table to take past rows from.")] = None,
    from_events: FromEvents = False,
    costs: Annotated[
        str | None,
        typer.Option(
            metavar="BAD:GOOD[:REFERRED]",
            help="What accepting a bad row and rejecting a good one cost, and leaving one to a person; the cut-offs"
            " follow, for credit from 5:1 if nothing is said. Beside a rate they only measure.",
        ),
    ] = None,
    approval_rate: Annotated[
        float | None, typer.Option(help="Take the largest cut-off that accepts at most this share of the rows.")
    ] = None,
    bad_rate: Annotated[
        float | None,
        typer.Option(help="Take the largest cut-off with at most this share of bad rows among those it accepts."),
    ] = None,
    refer: Annotated[
        float,
        typer.Option(help="Share of the rows that goes to a person: half just below the cut-off, half from it on."),
    ] = 0.0,
    reviews_per_day: Annotated[
        float | None,
        typer.Option(help="Where cards are alerted: review as many as a day has room for, on average over past days."),
    ] = None,
    review_cost: Annotated[
        float | None,
        typer.Option(
            help="Where cards are alerted: what a person's look at a card costs. Review and block so that the past "
            "days would have cost least; beside a number of reviews it only measures."
        ),
    ] = None,
    blocked_good_cost: Annotated[
        float | None, typer.Option(help="What it costs to block the card of a good customer for a day.")
    ] = None,
    missed_share: Annotated[
        float | None, typer.Option(help="Share of its amount that a missed fraud costs; 1 if nothing is said.")
    ] = None,
    set_values: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="FIELD=VALUE", help="Give a field of the policy a value; may be repeated."),
    ] = None,
    rules: Annotated[
        Path | None,
        typer.Option(help="TOML file whose [[rules]] the policy is to have beside the model, in place of others."),
    ] = None,
    policy: Annotated[
        int | None, typer.Option("--policy", min=0, help="Test this stored policy again; 0 is that of the bundle.")
    ] = None,
    save: Annotated[bool, typer.Option("--save", help="Store it as the next policy; it does not decide yet.")] = False,
    why: Annotated[str | None, typer.Option("--why", help="The reason, kept with the policy.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show what a policy would have done on past rows: approvals, bad rate, costs, also by protected group.

    The cut-offs follow from the costs of errors, or reach an approval rate or a bad rate; fields that nothing is said
    about stay as they are in the active policy. A fraud policy is chosen by the reviews that a day has room for, or by
    what alerting costs, and past days are replayed: cards alerted, frauds and value detected. Without --data and
    --table the rows are those that tested the version after its training, where they can be had again.
    """
    from models.backtesting.policy_choice import PolicyRequest
    from models.costs import Costs

    if save and not why:
        raise CommandError("--save keeps the reason with the policy: say it with --why")
    wish = PolicyRequest(
        costs=None if costs is None else Costs.parsed(costs),
        approval_rate=approval_rate,
        bad_rate=bad_rate,
        refer=refer,
        reviews_per_day=reviews_per_day,
        alert_costs=_alert_costs(review_cost, blocked_good_cost, missed_share),
        values=_given_values(set_values or [], rules),
    )
    simulation, domain = _simulate(
        name, wish, policy, data=None if data is None else str(data), table=table, from_events=from_events
    )
    stored = None
    if save:
        with open_registry(read_settings()) as registry:
            stored = registry.policies.add(
                name=name,
                domain=domain,
                content=simulation.policy,
                model_version=simulation.model_version,
                simulation=simulation.model_dump(mode="json"),
                actor=actor(),
                why=why or "",
            )
    if as_json:
        console.print_json({"name": name, "stored_as": stored and stored.number, **simulation.model_dump(mode="json")})
        return
    print_simulation(name, simulation)
    if stored:
        console.say(
            f"Stored as policy {stored.number}. It does not decide yet: "
            f"`backscore policy activate {name} {stored.number} --why REASON` lets it.",
            style="green",
        )


@app.command()
def activate(
    name: ModelName,
    number: Annotated[int, typer.Argument(metavar="N", min=0, help="Number of the policy; 0 is that of the bundle.")],
    why: Why,
    as_json: AsJson = False,
) -> None:
    """Let a stored policy decide from now on; a running service changes over by itself."""
    from models.registry.bundles import read_manifest
    from models.registry.live import policy_note, read_policy

    settings = read_settings()
    with open_registry(settings) as registry:
        version, stored = registry.champion(name), registry.policies.policy(name, number)
        if stored is not None:  # one that could not decide would be refused by every service
            answering = version or registry.version(name, stored.model_version)
            table = read_manifest(home_of(settings).bundles, answering.digest).table
            read_policy(domain_of(stored.domain), stored, table)
        registry.policies.activate(name, number, actor=actor(), why=why)
    _print_change(name, number, stored, policy_note(stored, version), as_json)


@app.command()
def rollback(name: ModelName, why: Why, as_json: AsJson = False) -> None:
    """Let the policy before the active one decide again, in the end that of the bundle."""
    from models.registry.live import policy_note

    with open_registry(read_settings()) as registry:
        number = registry.policies.rollback(name, actor=actor(), why=why)
        version, stored = registry.champion(name), registry.policies.policy(name, number)
    _print_change(name, number, stored, policy_note(stored, version), as_json)


def _alert_costs(review: float | None, blocked_good: float | None, missed_share: float | None) -> AlertCosts | None:
    """Costs of alerting as they were given; None if none were."""
    from models.costs import AlertCosts

    if review is None and blocked_good is None:
        if missed_share is not None:
            raise CommandError("--missed-share weighs frauds against looks: say --review-cost and --blocked-good-cost")
        return None
    if review is None or blocked_good is None:
        raise CommandError("looks and blocks are weighed together: say both --review-cost and --blocked-good-cost")
    return AlertCosts(
        review=review, blocked_good=blocked_good, missed_share=1.0 if missed_share is None else missed_share
    )


def _given_values(texts: list[str], rules: Path | None) -> dict[str, Any]:
    """Values of the policy's fields, the rules of a file among them."""
    from models.decisions.policy_values import written_values
    from models.decisions.rules.files import read_rules

    values = written_values(texts)
    if rules is not None:
        if "rules" in values:
            raise CommandError("the rules come from --rules or from --set rules=..., not both; leave one of them out")
        values["rules"] = [rule.model_dump(mode="json") for rule in read_rules(rules)]
    return values


def _simulate(
    name: str, wish: PolicyRequest, number: int | None, *, data: str | None, table: str | None, from_events: bool
) -> tuple[PolicySimulation, str]:
    """The simulation of a wish, or of a stored policy, with the version that answers; and the domain."""
    from models.backtesting.policy_simulation import simulate_request
    from models.registry.bundles import read_manifest
    from models.registry.live import load_live, with_policy

    settings = read_settings()
    home = home_of(settings)
    with open_registry(settings) as registry:
        version, active = champion_of(registry, name), registry.policies.active(name)
        stored = None if number is None else registry.policies.policy(name, number)
    bundled = load_live(version, home.bundles)
    manifest = read_manifest(home.bundles, version.digest)
    base = with_policy(bundled, stored) if number is not None else None
    with TrainingProgress() as progress:
        progress.stage("Reading the past rows")
        rows = past_rows_of(settings, bundled, manifest, data=data, table=table, from_events=from_events)
        progress.stage(f"Deciding {len(rows.labels):,} past rows")
        simulation = simulate_request(with_policy(bundled, active), rows, wish, stored=base)
    return simulation, bundled.domain.name


def _print_change(name: str, number: int, stored: StoredPolicy | None, note: str, as_json: bool) -> None:
    if as_json:
        console.print_json({"name": name, "active": number, "note": note, "policy": stored and _as_json(stored)})
        return
    if stored is None:
        console.say(f"Each version of {name!r} decides by the policy of its own bundle from now on.", style="green")
        return
    console.say(f"Policy {number} of {name!r} decides from now on.", style="green")
    console.say(f"On past rows: {headline(stored.simulation)}.")
    if note:
        console.warn(note)


def _as_json(stored: StoredPolicy) -> dict[str, Any]:
    return asdict(stored)
