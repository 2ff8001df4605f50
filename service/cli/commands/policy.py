"""`backscore policy`: cut-offs and rules that turn a probability into a decision; simulate, then activate."""
# ruff: noqa: PLC0415 - heavy libraries are imported by the command that needs them, so that --help is quick

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from service.cli.commands import policy_options as options
from service.cli.commands.policy_tables import headline, policy_fields, policy_rules, simulation_text
from service.cli.console import Line, Part, print_result, warning
from service.cli.context import (
    AsJson,
    FromEvents,
    ModelName,
    PastData,
    PastTable,
    Why,
    actor,
    champion_of,
    domain_of,
    home_of,
    loader,
    open_registry,
    past_rows_of,
    read_settings,
)
from service.cli.exits import CommandError
from service.cli.progress import TrainingProgress

if TYPE_CHECKING:
    from models.backtesting.policy_choice import PolicyRequest
    from models.backtesting.policy_simulation import PolicySimulation
    from models.contract import Domain, LiveModel
    from models.costs import AlertCosts
    from models.registry.policies import StoredPolicy

app = typer.Typer(
    help="Show, simulate and activate policies: the cut-offs and rules that decide.",
    no_args_is_help=True,
)


@app.command()
def show(name: ModelName, as_json: AsJson = False) -> None:
    """Show the active policy and all stored ones."""
    from models.registry.live import load_live, policy_note, with_policy

    settings = read_settings()
    with open_registry(settings) as registry:
        version = champion_of(registry, name)
        active, stored = registry.policies.active(name), registry.policies.stored(name)
    live = with_policy(load_live(version, home_of(settings).bundles), active)
    note = policy_note(active, version)
    result = {
        "name": name,
        "domain": live.domain.name,
        "model_version": version.number,
        "active": live.policy_version,
        "policy": live.policy.model_dump(mode="json"),
        "note": note,
        "policies": [asdict(policy) for policy in stored],
    }
    print_result(result, _text(live, stored, note), as_json=as_json)


def _text(live: LiveModel, stored: list[StoredPolicy], note: str) -> Iterator[Part]:
    of_bundle = "" if live.policy_version else f", from the bundle of version {live.version}"
    yield policy_fields(live.policy, title=f"{live.name}: policy {live.policy_version} is active{of_bundle}")
    yield from policy_rules(live.policy, live.table)
    for policy in stored:
        active = " (active)" if policy.number == live.policy_version else ""
        when = f"{policy.created:%Y-%m-%d %H:%M}"
        yield f"Policy {policy.number}{active}, stored {when} UTC by {policy.created_by}: {policy.why}"
        yield f"  {headline(policy.simulation, live.domain.alert_words)}"
    if note:
        yield warning(note)


@app.command()
def simulate(
    name: ModelName,
    data: PastData = None,
    table: PastTable = None,
    from_events: FromEvents = False,
    costs: options.Costs = None,
    approval_rate: options.ApprovalRate = None,
    bad_rate: options.BadRate = None,
    refer: options.Refer = 0.0,
    reviews_per_day: options.ReviewsPerDay = None,
    review_cost: options.ReviewCost = None,
    blocked_good_cost: options.BlockedGoodCost = None,
    missed_share: options.MissedShare = None,
    set_values: options.SetValues = None,
    rules: options.RulesFile = None,
    policy: options.StoredNumber = None,
    save: options.Save = False,
    why: options.SavedWhy = None,
    as_json: AsJson = False,
) -> None:
    """Simulate a policy on past rows: approvals, bad rate and costs, also by protected group.

    The cut-offs follow from the costs of errors, or meet an approval rate or a bad rate; all other fields are those of
    the active policy. A policy with alerts follows from the reviews a day or the costs of alerts, and past days are
    simulated: subjects alerted, positives and value detected. Without --data and --table the rows are the test set of
    the version, if still available.
    """
    from models.backtesting.policy_choice import PolicyRequest
    from models.costs import Costs

    if save and not why:
        raise CommandError("--save needs --why REASON")
    request = PolicyRequest(
        costs=None if costs is None else Costs.parsed(costs),
        approval_rate=approval_rate,
        bad_rate=bad_rate,
        refer=refer,
        reviews_per_day=reviews_per_day,
        alert_costs=_alert_costs(review_cost, blocked_good_cost, missed_share),
        values=_given_values(set_values or [], rules),
    )
    simulation, domain = _simulate(name, request, policy, data=data, table=table, from_events=from_events)
    number = _stored(name, domain, simulation, why or "") if save else None
    text = [*simulation_text(name, simulation, domain.alert_words)]
    if number is not None:
        activation = f"`backscore policy activate {name} {number} --why REASON`"
        text.append(Line(f"Stored as policy {number}, not active yet; {activation} activates it."))
    result = {"name": name, "stored_as": number, **simulation.model_dump(mode="json")}
    print_result(result, text, as_json=as_json)


def _stored(name: str, domain: Domain, simulation: PolicySimulation, why: str) -> int:
    """Store the simulated policy; returns its number."""
    with open_registry(read_settings()) as registry:
        stored = registry.policies.add(
            name=name,
            domain=domain.name,
            content=simulation.policy,
            model_version=simulation.model_version,
            simulation=simulation.model_dump(mode="json"),
            actor=actor(),
            why=why,
        )
    return stored.number


@app.command()
def activate(
    name: ModelName,
    number: Annotated[int, typer.Argument(metavar="N", min=0, help="Number of the policy; 0 is that of the bundle.")],
    why: Why,
    as_json: AsJson = False,
) -> None:
    """Activate a stored policy; a running service switches by itself."""
    from models.monitoring.promotion.changes import activate_policy
    from models.registry.live import policy_note

    settings = read_settings()
    with open_registry(settings) as registry:
        stored = activate_policy(registry, loader(settings), name, number, actor=actor(), why=why)
        version = registry.champion(name)
    _print_change(name, number, stored, policy_note(stored, version), as_json)


@app.command()
def rollback(name: ModelName, why: Why, as_json: AsJson = False) -> None:
    """Return to the policy before the active one, and at last to that of the bundle."""
    from models.monitoring.promotion.changes import roll_back_policy
    from models.registry.live import policy_note

    settings = read_settings()
    with open_registry(settings) as registry:
        stored = roll_back_policy(registry, loader(settings), name, actor=actor(), why=why)
        version, number = registry.champion(name), stored.number if stored else 0
    _print_change(name, number, stored, policy_note(stored, version), as_json)


def _alert_costs(review: float | None, blocked_good: float | None, missed_share: float | None) -> AlertCosts | None:
    """The given costs of alerts; None if there are none."""
    from models.costs import AlertCosts

    if review is None and blocked_good is None:
        if missed_share is not None:
            raise CommandError("--missed-share needs --review-cost and --blocked-good-cost")
        return None
    if review is None or blocked_good is None:
        raise CommandError("--review-cost and --blocked-good-cost are needed together")
    return AlertCosts(
        review=review, blocked_good=blocked_good, missed_share=1.0 if missed_share is None else missed_share
    )


def _given_values(texts: list[str], rules: Path | None) -> dict[str, Any]:
    """Values of the policy's fields, including the rules of a file."""
    from models.decisions.policy_values import written_values
    from models.decisions.rules.files import read_rules

    values = written_values(texts)
    if rules is not None:
        if "rules" in values:
            raise CommandError("--rules cannot be combined with --set rules=...")
        values["rules"] = [rule.model_dump(mode="json") for rule in read_rules(rules)]
    return values


def _simulate(
    name: str, request: PolicyRequest, number: int | None, *, data: Path | None, table: str | None, from_events: bool
) -> tuple[PolicySimulation, Domain]:
    """The simulation of a request, or of a stored policy, with the champion; and its domain."""
    from models.backtesting.policy_simulation import simulate_request
    from models.registry.live import load_live, with_policy

    settings = read_settings()
    home = home_of(settings)
    with open_registry(settings) as registry:
        version, active = champion_of(registry, name), registry.policies.active(name)
        stored = None if number is None else registry.policies.policy(name, number)
    bundled = load_live(version, home.bundles)
    base = with_policy(bundled, stored) if number is not None else None
    with TrainingProgress() as progress:
        progress.stage("Reading the past rows")
        rows = past_rows_of(settings, bundled, version, data=data, table=table, from_events=from_events)
        progress.stage(f"Deciding {len(rows.labels):,} past rows")
        simulation = simulate_request(with_policy(bundled, active), rows, request, stored=base)
    return simulation, bundled.domain


def _print_change(name: str, number: int, stored: StoredPolicy | None, note: str, as_json: bool) -> None:
    text: list[Part] = []
    if stored is None:
        text.append(Line(f"Each version of {name!r} now decides by the policy of its own bundle."))
    else:
        text += [
            Line(f"Policy {number} of {name!r} is now active."),
            f"On past rows: {headline(stored.simulation, domain_of(stored.domain).alert_words)}.",
            *([warning(note)] if note else []),
        ]
    result = {"name": name, "active": number, "note": note, "policy": stored and asdict(stored)}
    print_result(result, text, as_json=as_json)
