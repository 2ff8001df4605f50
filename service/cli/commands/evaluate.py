"""`backscore evaluate`: off-policy evaluation of action selection on randomised rows."""
# ruff: noqa: PLC0415 - heavy libraries are imported by the command that needs them, so that --help is quick

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from models.domains import domain_names
from models.presets import PresetName
from service.cli.console import Cell, Line, Part, Remark, listing, print_result
from service.cli.context import AsJson, DomainName, domain_of, home_of, read_settings
from service.cli.exits import CommandError
from service.cli.progress import TrainingProgress
from service.cli.row_files import check_folder

if TYPE_CHECKING:
    from models.backtesting.off_policy_comparison import PolicyComparison
    from models.contract import Domain
    from models.evaluation.off_policy import Estimate


def evaluate(
    domain: DomainName,
    data: Annotated[
        Path | None, typer.Option(help="CSV or parquet file with rows whose actions were chosen at random.")
    ] = None,
    table: Annotated[
        str | None,
        typer.Option(
            help="Description of the columns: a TOML file, or the name of a public table, which includes its rows."
        ),
    ] = None,
    preset: Annotated[PresetName, typer.Option(help="How long to train.")] = "balanced",
    seed: Annotated[int, typer.Option(min=0, help="Random seed of split, training and bootstrap.")] = 0,
    control: Annotated[
        str | None,
        typer.Option(help="The action that is the control; uplift and Qini are measured against it."),
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", help="HTML report to write.")] = None,
    as_json: AsJson = False,
) -> None:
    """Estimate the event rate of a model's action selection off-policy, against other policies.

    An action is what the domain chooses, such as the ad to show. Those in the rows must have been chosen at random:
    with the probabilities in a column of role propensity, or in fixed shares. One half of the rows trains, the other
    evaluates: by inverse propensity, self-normalised and doubly robust estimates, each with a 95 % interval. The
    model's policy is compared with gradient boosting, a single action, and uniform choice.

    Nothing is registered: this evaluates an approach, not a version.
    """
    from models.backtesting.off_policy_comparison import compare_policies
    from models.clock import utc_now
    from models.presets import PRESETS
    from models.reports.off_policy_report import render_off_policy
    from models.training.rows import rows_to_train_on

    _check_out(out)
    settings, chosen = read_settings(), domain_of(domain)
    _check_actions(chosen)
    with TrainingProgress() as progress:
        progress.stage("Reading the rows")
        rows = rows_to_train_on(
            chosen,
            data=str(data) if data else None,
            table=table,
            home=home_of(settings),
            data_home=settings.data_home,
            seed=seed,
        )
        comparison = compare_policies(
            chosen, rows, preset=PRESETS[preset], seed=seed, control=control, stage=progress.stage
        )
    if out is not None:
        page = render_off_policy(comparison, preset=preset, seed=seed, created=utc_now())
        out.write_text(page, "utf-8", newline="\n")
    print_result(_as_json(comparison, out), _text(comparison, out), as_json=as_json)


def _check_actions(domain: Domain) -> None:
    """Checked before the rows are read."""
    if not domain.action_part:
        able = [name for name in domain_names() if domain_of(name).action_part]
        raise CommandError(f"the domain {domain.name!r} chooses no actions; domains that do: {', '.join(able)}")


def _check_out(out: Path | None) -> None:
    """Checked before anything takes time."""
    if out is None:
        return
    if out.suffix.lower() not in (".html", ".htm"):
        raise CommandError(f"{out}: the report must end in .html")
    check_folder(out)


def _as_json(comparison: PolicyComparison, out: Path | None) -> dict[str, Any]:
    return {
        "source": comparison.source,
        "n_train": comparison.n_train,
        "n_test": comparison.n_test,
        "propensity": comparison.propensity,
        "best_fixed": comparison.best_fixed,
        "values": {name: asdict(value) for name, value in comparison.values.items()},
        "chosen": dict(comparison.chosen),
        "control": comparison.control,
        "uplifts": {
            name: {"effect": asdict(uplift.effect), "qini": asdict(uplift.qini)}
            for name, uplift in comparison.uplifts.items()
        },
        "out": out,
    }


def _text(comparison: PolicyComparison, out: Path | None) -> Iterator[Part]:
    from models.backtesting.off_policy_comparison import always_taking
    from models.reports.off_policy_report import points, verdict

    best = always_taking(comparison.best_fixed)
    policies: Mapping[str, Cell] = {
        "policy": lambda one: f"{one[0]} *" if one[0] == best else one[0],
        "IPS, %": lambda one: _two_lines(one[1].ips),
        "SNIPS, %": lambda one: _two_lines(one[1].snips),
        "DR, %": lambda one: _two_lines(one[1].dr),
        "gain, points": lambda one: _two_lines(one[1].gain, "+.1f"),
        "ESS": lambda one: f"{one[1].effective_sample_size:,.0f}",
    }
    yield listing(comparison.shown.items(), policies, title=f"Event rate on {comparison.n_test:,} held-out rows")
    if comparison.uplifts:
        actions: Mapping[str, Cell] = {
            "action": lambda one: one[0],
            "effect on everyone, points": lambda one: points(one[1].effect),
            "Qini coefficient": lambda one: points(one[1].qini),
        }
        yield listing(comparison.uplifts.items(), actions, title=f"Uplift over {comparison.control}")
    yield Line(verdict(comparison), "bold")
    yield Remark(
        "* is the best single action in the training half; gains (DR) are measured against it. IPS: inverse propensity "
        "scoring; SNIPS: self-normalised IPS; DR: doubly robust; ESS: effective sample size. 95 % intervals by "
        f"bootstrap over the rows. Propensities: {comparison.propensity}."
    )
    if comparison.control is None:
        yield Remark(
            f"For uplift, name the control: the action for no treatment, e.g. --control '{comparison.actions[-1]}'."
        )
    if out is not None:
        yield f"Report: {out}"


def _two_lines(estimate: Estimate, of_ends: str = ".1f") -> str:
    """A rate in percent above its interval, so that the table fits a terminal."""
    low, high = (f"{100 * end:{of_ends}}" for end in (estimate.low, estimate.high))
    return f"{100 * estimate.value:{'+' if '+' in of_ends else ''}.2f}\n{low}..{high}"
