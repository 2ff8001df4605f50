"""`backscore evaluate`: what a model's choices are worth, found out on rows in which chance chose."""
# ruff: noqa: PLC0415 - heavy libraries are imported by the command that needs them, so that --help is quick

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from models.presets import PresetName
from service.cli import console
from service.cli.context import AsJson, DomainName, domain_of, home_of, read_settings
from service.cli.exits import CommandError
from service.cli.progress import TrainingProgress

if TYPE_CHECKING:
    from models.backtesting.ad_value import PolicyComparison
    from models.evaluation.off_policy import Estimate


def evaluate(
    domain: DomainName,
    data: Annotated[
        Path | None, typer.Option(help="CSV or parquet file with rows whose ads were chosen at random.")
    ] = None,
    table: Annotated[
        str | None,
        typer.Option(
            help="What the columns mean: a TOML file, or the name of a public table, which brings its own rows."
        ),
    ] = None,
    preset: Annotated[PresetName, typer.Option(help="How much time to spend on the model.")] = "balanced",
    seed: Annotated[int, typer.Option(min=0, help="Of the halves, the trainings and the intervals.")] = 0,
    control: Annotated[
        str | None,
        typer.Option(help="The ad that stands for no treatment; uplift and Qini are measured from it."),
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", help="Page to write, .html.")] = None,
    as_json: AsJson = False,
) -> None:
    """Estimate what rate of clicks a model's choice of ads would bring, beside other ways to choose.

    For this the ads in the rows must have been chosen by chance: with the probabilities in a column of the role
    propensity, or in fixed shares. One half of the rows trains, the other half values: by inverse propensity,
    self-normalised and doubly robust estimates, each with a 95 % interval. Compared are the model's choice, that of
    gradient boosting, always the same ad, and chance.

    Nothing is registered: this is about what a model can be worth, not about a version.
    """
    from models.backtesting.ad_value import compare_policies
    from models.clock import utc_now
    from models.presets import PRESETS
    from models.reports.ad_value_report import render_ad_value
    from models.training.rows import rows_to_train_on

    _check_out(out)
    settings, chosen = read_settings(), domain_of(domain)
    with TrainingProgress() as progress:
        progress.stage("Reading the rows")
        rows = rows_to_train_on(
            chosen,
            data=None if data is None else str(data),
            table=table,
            home=home_of(settings),
            data_home=settings.data_home,
            seed=seed,
        )
        comparison = compare_policies(
            chosen, rows, preset=PRESETS[preset], seed=seed, control=control, stage=progress.stage
        )
    if out is not None:
        page = render_ad_value(comparison, preset=preset, seed=seed, created=utc_now())
        out.write_text(page, "utf-8", newline="\n")
    if as_json:
        console.print_json(_as_json(comparison, out))
    else:
        _print_comparison(comparison, out)


def _check_out(out: Path | None) -> None:
    """Before anything takes time."""
    if out is None:
        return
    if out.suffix.lower() not in (".html", ".htm"):
        raise CommandError(f"{out}: a page must end in .html")
    if not out.parent.is_dir():
        raise CommandError(f"{out}: there is no folder {out.parent}")


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


def _print_comparison(comparison: PolicyComparison, out: Path | None) -> None:
    from models.backtesting.ad_value import always_showing
    from models.reports.ad_value_report import points, verdict

    best = always_showing(comparison.best_fixed)
    rows = [
        (
            f"{name} *" if name == best else name,
            *(_two_lines(estimate) for estimate in (value.ips, value.snips, value.dr)),
            _two_lines(value.gain, "+.1f"),
            f"{value.effective_sample_size:,.0f}",
        )
        for name, value in comparison.shown.items()
    ]
    headings = ("policy", "IPS, %", "SNIPS, %", "DR, %", "gain, points", "ESS")
    title = f"Rate of the event on {comparison.n_test:,} rows that no model has seen"
    console.results.print(console.table_of(headings, rows, title=title))
    if comparison.uplifts:
        rows = [(name, points(uplift.effect), points(uplift.qini)) for name, uplift in comparison.uplifts.items()]
        title = f"Uplift over {comparison.control}"
        console.results.print(
            console.table_of(("ad", "effect on everyone, points", "Qini coefficient"), rows, title=title)
        )
    console.say(verdict(comparison), style="bold")
    console.remark(
        f"* is the best ad in the training half, from which gains (of DR) are measured. IPS, SNIPS and DR: inverse "
        f"propensity, self-normalised, doubly robust; ESS: effective sample size. Intervals are 95 %, by bootstrap over"
        f" the rows. Propensities: {comparison.propensity}."
    )
    if comparison.control is None:
        console.remark(f"For uplift, name the ad that stands for no treatment, e.g. --control '{comparison.ads[-1]}'.")
    if out is not None:
        console.say(f"Page: {out}")


def _two_lines(estimate: Estimate, of_ends: str = ".1f") -> str:
    """A rate in percent above its interval, whose ends are written so, that the table fits a terminal."""
    low, high = (f"{100 * end:{of_ends}}" for end in (estimate.low, estimate.high))
    return f"{100 * estimate.value:{'+' if '+' in of_ends else ''}.2f}\n{low}..{high}"
