"""`backscore score`: a file of rows in, the same rows with their answers out."""
# ruff: noqa: PLC0415 - heavy libraries are imported by the command that needs them, so that --help is quick

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from time import perf_counter
from typing import Annotated

import typer

from service.cli import console
from service.cli.console import print_result
from service.cli.context import AsJson, live_model, read_settings
from service.cli.exits import CommandError
from service.cli.progress import RowsProgress
from service.cli.row_files import warn_of_formulas


def score(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="CSV (.csv, .csv.gz) or parquet file with rows to score.")
    ],
    name: Annotated[str, typer.Option("--name", help="Name of the model.")],
    out: Annotated[Path, typer.Option("--out", help="File to write, .csv, .csv.gz or .parquet.")],
    workers: Annotated[int, typer.Option(min=1, help="Number of processes.")] = 1,
    rows_per_chunk: Annotated[int, typer.Option(min=1, help="Rows in memory at a time, per worker.")] = 50_000,
    reasons: Annotated[
        bool, typer.Option("--reasons", help="Add the reasons of adverse decisions, as JSON; slower.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Score the rows of a file of any size with a trained model.

    The result has the rows and columns of FILE in their order, and the model's answers in further columns, such as
    probability_of_default, points and decision. An invalid row is kept but not scored; its column "error" says why. The
    column "warnings" names levels that training never saw and numbers beyond its range.
    """
    from models.answers.files import n_rows_of, score_file

    live = live_model(read_settings(), name)
    if reasons and live.domain.explain is None:
        raise CommandError(f"--reasons: {name!r} is a {live.domain.name} model, which gives no reasons")
    started = perf_counter()
    with RowsProgress(n_rows_of(file)) as progress:
        scored = score_file(
            live, file, out, reasons=reasons, n_workers=workers, rows_per_chunk=rows_per_chunk, watcher=progress
        )
    seconds = perf_counter() - started
    if scored.unknown_columns:
        console.warn(f"ignored column(s) unknown to {name!r}: {', '.join(scored.unknown_columns)}")
    if scored.warnings.n_rows:
        shown = "\n".join(f"  {warning}" for warning in scored.warnings.by_column())
        n_rows = f"{scored.warnings.n_rows:,} row(s)"
        console.warn(f"{n_rows} hold values that training did not cover, see column 'warnings':\n{shown}")
    if scored.n_bad_rows:
        shown = "\n".join(f"  {problem}" for problem in scored.problems[:5])
        console.warn(f"{scored.n_bad_rows:,} row(s) were not scored, see column 'error'; the first are\n{shown}")
    warn_of_formulas(scored.n_formulas, out)
    n_scored = scored.n_rows - scored.n_bad_rows
    by = f"{name!r} version {live.version}, policy {live.policy_version}"
    result = {
        "name": live.name,
        "version": live.version,
        "policy_version": live.policy_version,
        "out": out,
        "n_rows": scored.n_rows,
        "n_bad_rows": scored.n_bad_rows,
        "n_rows_with_warnings": scored.warnings.n_rows,
        "warnings": [asdict(warning) for warning in scored.warnings.by_column()],
        "n_formulas": scored.n_formulas,
        "unknown_columns": scored.unknown_columns,
        "seconds": round(seconds, 3),
    }
    text = f"{n_scored:,} of {scored.n_rows:,} rows scored by {by} into {out}"
    print_result(result, [text], as_json=as_json)
