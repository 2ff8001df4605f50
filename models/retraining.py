"""The retraining job: check, split, fit, evaluate, compare, store, and promote what is not worse.

Nothing that is live changes before the last step, which is one transaction in the registry. A job that is killed leaves
at worst a folder that the next job sweeps away.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any, Literal, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from data.checking import checked_frame
from data.sources import frame_digest
from data.splits import Split, SplitRows, split_rows
from data.table import Table
from models.bundles import Manifest, package_versions, sweep_partial, write_bundle
from models.clock import Clock, utc_now
from models.contract import Domain, Live, Policy
from models.errors import BundleError
from models.evaluation import Comparison, Contender, baselines, compare, evaluate
from models.home import Home
from models.job_lock import job_lock
from models.live import POLICY, REPORT, load_live
from models.names import checked_name
from models.nn.training import Epoch
from models.presets import PRESETS, PresetName
from models.registry import Registry, Version
from models.report import ReportData, render_report
from models.scoring import Floats, Labels, TableClassifier

Promote: TypeAlias = Literal["auto", "always", "never"]

OURS = "this version"
_ROWS_FOR_EFFECTS = 200


@dataclass(frozen=True, kw_only=True)
class TrainingJob:
    """What to train, on which rows, and when the result may go live.

    Parameters
    ----------
    name : of the model; the endpoint is /v1/{name}/score.
    table, source, split, note : see `TrainingRows`.
    promote : "auto" if it passes the gates and is not worse than the champion, "always", or "never".
    actor : who asked, for the history.
    wait_seconds : how long to wait for another job of the same name.
    """

    domain: Domain
    name: str
    table: Table
    source: str
    split: Split
    note: str = ""
    preset: PresetName = "balanced"
    seed: int = 0
    promote: Promote = "auto"
    actor: str = "command line"
    wait_seconds: float = 0.0


class Progress(Protocol):
    """Who watches a job."""

    def stage(self, text: str) -> None:
        """A new part of the job begins."""

    def epoch(self, epoch: Epoch) -> None:
        """The network has seen every training row once more."""


class _Silent:
    def stage(self, text: str) -> None:
        """Nobody listens."""

    def epoch(self, epoch: Epoch) -> None:
        """Nobody listens."""


SILENT: Progress = _Silent()


@dataclass(frozen=True)
class TrainingResult:
    """What a job did. `contenders` holds the test metrics of this version, of the baselines and of the champion."""

    name: str
    version: int
    promoted: bool
    why: str
    metrics: Mapping[str, float]
    seconds: float
    digest: str
    contenders: Mapping[str, Mapping[str, float]] = field(default_factory=dict)


@dataclass(frozen=True)
class _Fitted:
    """A trained model beside everything it is measured by."""

    scorer: TableClassifier
    policy: Policy
    frame: pd.DataFrame
    labels: Labels
    rows: SplitRows
    contenders: dict[str, Contender]
    comparison: Comparison | None
    champion_problem: str

    @property
    def test_labels(self) -> Labels:
        return self.labels[self.rows.test]

    @property
    def ours(self) -> Contender:
        return self.contenders[OURS]


def train(
    job: TrainingJob,
    frame: pd.DataFrame,
    *,
    home: Home,
    registry: Registry,
    progress: Progress = SILENT,
    now: Clock = utc_now,
) -> TrainingResult:
    """Train, evaluate, store and register one version; make it live if it may.

    Parameters
    ----------
    frame : rows as they came from their source, unchecked.

    Raises
    ------
    BadRowsError
        Rows break rules of the table; all of them are named.
    DataError
        The rows cannot be divided, for example because a class has too few of them.
    JobLockedError
        Another job of this name is running.
    """
    checked_name(job.name)
    started = perf_counter()
    with job_lock(home.path, job.name, wait_seconds=job.wait_seconds, now=now):
        sweep_partial(home.bundles, job.name)
        fitted = _fit(job, frame, home, registry, progress)
        may_go_live, why = _verdict(job, fitted, registry.champion(job.name))
        progress.stage("Writing report and bundle")
        created = now()
        manifest = Manifest(
            name=job.name,
            domain=job.domain.name,
            created=created,
            table=fitted.scorer.table,
            metrics=dict(fitted.ours.metrics),
            source=job.source,
            n_rows=len(frame),
            data_digest=frame_digest(frame),
            seed=job.seed,
            preset=job.preset,
        )
        report = render_report(_report_data(job, fitted, may_go_live, why, manifest))
        files = {POLICY: fitted.policy.model_dump_json(indent=1).encode(), REPORT: report.encode()}
        digest = write_bundle(home.bundles, manifest, scorer=fitted.scorer, files=files)
        version = registry.register(
            name=job.name,
            domain=job.domain.name,
            digest=digest,
            metrics=manifest.metrics,
            actor=job.actor,
            why=why,
            promote=may_go_live,
        )
    return TrainingResult(
        name=job.name,
        version=version.number,
        promoted=may_go_live,
        why=why,
        metrics=fitted.ours.metrics,
        seconds=perf_counter() - started,
        digest=digest,
        contenders={name: contender.metrics for name, contender in fitted.contenders.items()},
    )


def _fit(job: TrainingJob, frame: pd.DataFrame, home: Home, registry: Registry, progress: Progress) -> _Fitted:
    """Everything up to the numbers that decide."""
    progress.stage(f"Checking {len(frame):,} rows of {job.source}")
    table = job.domain.prepare(job.table)
    checked = checked_frame(table, frame, job.source, training=True)
    labels = table.labels(checked)
    times = None if table.time is None else checked[table.time.name].to_numpy()
    rows = split_rows(job.split, labels=labels, times=times, seed=job.seed)
    train_frame, test_frame = checked.iloc[rows.train], checked.iloc[rows.test]
    weights = None if table.weight is None else train_frame[table.weight.name].to_numpy(np.float64)
    progress.stage(f"Training on {len(rows.train):,} rows, preset {job.preset}")
    started = perf_counter()
    scorer = job.domain.build(table, PRESETS[job.preset], job.seed)
    scorer.fit(
        train_frame,
        labels[rows.train],
        weights=weights,
        validation=(checked.iloc[rows.validation], labels[rows.validation]),
        callbacks=[progress.epoch],
    )
    ours = scorer.probabilities(test_frame)
    seconds = perf_counter() - started
    progress.stage(f"Evaluating on {len(rows.test):,} untouched rows beside logistic regression and gradient boosting")
    test_labels = labels[rows.test]
    contenders = {OURS: Contender(ours, evaluate(test_labels, ours), seconds)}
    contenders |= baselines(train_frame, labels[rows.train], test_frame, test_labels, table=table, seed=job.seed)
    comparison, problem = None, ""
    if champion := registry.champion(job.name):
        try:
            theirs = _champion_probabilities(load_live(champion, home.bundles), job, frame, rows.test)
        except BundleError as error:
            problem = f"the champion, version {champion.number}, cannot be loaded ({error})"
        except LookupError as error:
            problem = f"the champion, version {champion.number}, reads columns that these rows lack ({error})"
        else:
            contenders[f"champion (version {champion.number})"] = Contender(
                theirs, evaluate(test_labels, theirs), seconds=0.0
            )
            comparison = compare(test_labels, ours, theirs, seed=job.seed)
    return _Fitted(scorer, job.domain.policy(), checked, labels, rows, contenders, comparison, problem)


def _champion_probabilities(
    champion: Live, job: TrainingJob, frame: pd.DataFrame, test: npt.NDArray[np.intp]
) -> Floats:
    """What the champion says to the test rows. LookupError names input columns that the rows lack."""
    inputs = [column.name for column in champion.table.of_role("feature", "time")]
    if absent := [name for name in inputs if name not in frame.columns]:
        raise LookupError(", ".join(absent))
    return champion.scorer.probabilities(checked_frame(champion.table, frame.iloc[test], job.source, training=False))


def _verdict(job: TrainingJob, fitted: _Fitted, champion: Version | None) -> tuple[bool, str]:
    """Whether the new version may go live, and the sentence that says why."""
    if job.promote != "auto":
        return job.promote == "always", f"promotion was asked for: {job.promote}"
    metrics = fitted.ours.metrics
    for metric, least in job.domain.gates.items():
        if not metrics[metric] >= least:
            return False, f"{metric} {metrics[metric]:.4f} is below the gate of {least:g}"
    if champion is None:
        return True, "it passes the gates and there was no champion"
    comparison = fitted.comparison
    if comparison is None:
        return False, f"{fitted.champion_problem}, so the two cannot be compared; --promote always overrides this"
    interval = (
        f"log-loss {comparison.difference:+.5f} against the champion, version {champion.number} "
        f"(90 % interval {comparison.low:+.5f} to {comparison.high:+.5f}, less is better)"
    )
    return (False, f"it is worse: {interval}") if comparison.worse else (True, f"it is not worse: {interval}")


def _report_data(job: TrainingJob, fitted: _Fitted, promoted: bool, why: str, manifest: Manifest) -> ReportData:
    """What the report shows."""
    rows, network = fitted.rows, fitted.scorer.network
    X = fitted.scorer.encoder.transform(fitted.frame.iloc[rows.test])
    fields: dict[str, Any] = job.domain.decide(fitted.scorer, fitted.policy, X)
    shares = [np.abs(fitted.scorer.shares(x)) for x in X[:_ROWS_FOR_EFFECTS]]
    return ReportData(
        name=job.name,
        domain=job.domain.name,
        created=manifest.created,
        source=job.source,
        note=job.note,
        split_description=rows.description,
        preset=job.preset,
        seed=job.seed,
        n_rows={"train": len(rows.train), "validation": len(rows.validation), "test": len(rows.test)},
        table=fitted.scorer.table,
        training_curve=network.training_curve_,
        validation_curve=network.validation_curve_,
        best_epoch=network.best_epoch_,
        labels=fitted.test_labels,
        probabilities=fitted.ours.probabilities,
        contenders=fitted.contenders,
        comparison=fitted.comparison,
        why=why,
        promoted=promoted,
        decisions=fields.get("decision", []),
        policy=fitted.policy.model_dump(),
        effects=dict(zip(fitted.scorer.column_names, np.mean(shares, axis=0).tolist(), strict=True)),
        training_frame=fitted.frame.iloc[rows.train],
        packages=dict(package_versions()),
    )
