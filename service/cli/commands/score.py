"""`backscore score`: a file of rows in, the same rows with their answers out."""
# ruff: noqa: PLC0415 - heavy libraries are imported by the command that needs them, so that --help is quick

from __future__ import annotations

from pathlib import Path
from time import perf_counter
from typing import Annotated

import typer

from service.cli import console
from service.cli.context import AsJson, live_model, read_settings
from service.cli.exits import CommandError
from service.cli.progress import RowsProgress
from service.cli.row_files import warn_of_formulas


def score(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="CSV (.csv, .csv.gz) or parquet file with rows to score.")
    ],
    name: Annotated[str, typer.Option("--name", help="Name of the model that shall answer.")],
    out: Annotated[Path, typer.Option("--out", help="File to write, .csv, .csv.gz or .parquet.")],
    workers: Annotated[int, typer.Option(min=1, help="Processes that score.")] = 1,
    rows_per_chunk: Annotated[int, typer.Option(min=1, help="Rows held in memory at a time, by each worker.")] = 50_000,
    reasons: Annotated[
        bool, typer.Option("--reasons", help="Add the reasons of adverse decisions, as JSON; this takes longer.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Score the rows of a file of any size with a trained model.

    The result has all columns of FILE, in the same order of rows, and beside them what the model answers: for example
    probability_of_default, points and decision. A row that breaks a rule of the model's table is kept but not scored;
    its column "error" says what is wrong with it.
    """
    from models.answers.files import n_rows_of, score_file

    live = live_model(read_settings(), name)
    if reasons and live.domain.explain is None:
        raise CommandError(f"{name!r} is a model for {live.domain.name}, which gives no reasons; leave --reasons out")
    started = perf_counter()
    with RowsProgress(n_rows_of(file)) as progress:
        scored = score_file(
            live, file, out, reasons=reasons, n_workers=workers, rows_per_chunk=rows_per_chunk, watcher=progress
        )
    seconds = perf_counter() - started
    if scored.unknown_columns:
        console.warn(f"column(s) that {name!r} does not know were not used: {', '.join(scored.unknown_columns)}")
    if scored.n_bad_rows:
        shown = "\n".join(f"  {problem}" for problem in scored.problems[:5])
        console.warn(f"{scored.n_bad_rows:,} row(s) were not scored, see their column 'error'; the first are\n{shown}")
    warn_of_formulas(scored.n_formulas, out)
    if as_json:
        console.print_json(
            {
                "name": live.name,
                "version": live.version,
                "policy_version": live.policy_version,
                "out": out,
                "n_rows": scored.n_rows,
                "n_bad_rows": scored.n_bad_rows,
                "n_formulas": scored.n_formulas,
                "unknown_columns": scored.unknown_columns,
                "seconds": round(seconds, 3),
            }
        )
    else:
        n_scored = scored.n_rows - scored.n_bad_rows
        by = f"{name!r} version {live.version}, policy {live.policy_version}"
        console.say(f"{n_scored:,} of {scored.n_rows:,} rows scored by {by} into {out}")
