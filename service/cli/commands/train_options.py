"""Options of `backscore train`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, TypeAlias

import typer

from models.presets import PresetName

Promotion: TypeAlias = Literal["auto", "always", "never", "challenger"]
"""As `models.training.job.Promote`, repeated here to keep --help fast."""

Name = Annotated[str | None, typer.Option(help="Name of the model and its endpoint; default: the domain's name.")]
Data = Annotated[Path | None, typer.Option(help="CSV or parquet file with the rows to train on.")]
TableName = Annotated[
    str | None,
    typer.Option(
        help="Description of the columns: a TOML file (`backscore table infer` writes one),"
        " or the name of a public table (`backscore data list`), which includes its rows."
    ),
]
FromEvents = Annotated[
    bool,
    typer.Option("--from-events", help="Train on the stored events of the champion whose labels are known."),
]
FromOutcomes = Annotated[
    bool,
    typer.Option("--from-outcomes", help="Train on the recorded rows of the champion whose outcomes are known."),
]
Refine = Annotated[
    bool,
    typer.Option("--refine", help="Continue from the champion's weights, on rows that it has not seen."),
]
WithoutProtected = Annotated[
    bool,
    typer.Option(
        "--without-protected",
        help="Exclude protected columns from the features; fairness reports still use them."
        " Required for ranking campaigns for housing, jobs or loans.",
    ),
]
Preset = Annotated[
    PresetName | None,
    typer.Option(help="How long to train. Default: balanced; with --refine that of the champion."),
]
Promoted = Annotated[
    Promotion,
    typer.Option(
        help="Promote the new version: auto (if it is not worse than the champion), always or never; challenger "
        "starts it as a shadow instead, see `backscore rollout`."
    ),
]
NegativeSampleRate = Annotated[
    float | None,
    typer.Option(
        "--negative-sample-rate",
        "--keep-negatives",
        help="For rare events: train on this share of the rows without the event, above 0 up to 1;"
        " probabilities are corrected for it. Default: all; with --refine the share of the champion.",
    ),
]
AllowedLeaks = Annotated[
    list[str] | None,
    typer.Option(
        "--allow-suspected-leak",
        metavar="COLUMN",
        help="Let this input be, although it is suspected to hold the target; may be given several times.",
    ),
]
RequestChange = Annotated[
    bool,
    typer.Option(
        "--allow-request-change",
        help="Promote the new version although it takes other requests than the champion.",
    ),
]
NewTestSet = Annotated[
    bool,
    typer.Option(
        "--new-test-set",
        help="Begin a new common test set with the test rows of this job: versions until now are no longer compared.",
    ),
]
Seed = Annotated[int, typer.Option(min=0, help="Random seed; equal seeds give equal models.")]
