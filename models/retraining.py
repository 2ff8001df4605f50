"""The retraining job: check, split, fit or refine, evaluate, compare, store, and promote what is not worse.

Nothing that is live changes before the last step, which is one transaction in the registry. A job that is killed leaves
at worst a folder that the next job sweeps away.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from time import perf_counter
from typing import Literal, Protocol, TypeAlias

import numpy as np
import pandas as pd

from data.checking import checked_frame
from data.sources import frame_digest
from data.splits import Split, split_rows
from data.table import Table
from models.audit import Audit, audit
from models.bundles import Manifest, package_versions, sweep_partial, write_bundle
from models.clock import Clock, utc_now
from models.contract import Domain, Policy
from models.errors import DomainMismatchError, NotTrainedError
from models.home import Home
from models.job_lock import job_lock
from models.judging import Judgement, Trained, judge
from models.live import POLICY
from models.names import checked_name
from models.nn.training import Epoch
from models.presets import PRESETS, PresetName
from models.reasons import refer_to_accepted
from models.refining import Start, load_start
from models.registry import Registry, Version
from models.report_data import ReportData
from models.sampling import checked_share
from models.version_documents import version_documents

Promote: TypeAlias = Literal["auto", "always", "never"]


@dataclass(frozen=True, kw_only=True)
class TrainingJob:
    """What to train, on which rows, and when the result may go live.

    Parameters
    ----------
    name : of the model; the endpoint is /v1/{name}/score.
    table, source, split, note : see `TrainingRows`.
    refine : go on from the weights of the champion of this name, with rows that it has not seen, instead of anew.
    preset : None is "balanced", or that of the champion to refine, which allows no other.
    keep_negatives : learn from this share of the rows without the event, in (0, 1], see `sampling`; None is 1, or the
        share of the champion to refine, which allows no other.
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
    refine: bool = False
    preset: PresetName | None = None
    seed: int = 0
    keep_negatives: float | None = None
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
    NotTrainedError, RefinementError
        There is no champion to refine, or it cannot be refined on these rows.
    SamplingError
        `keep_negatives` is no share, or leaves no row without the event.
    JobLockedError
        Another job of this name is running.
    """
    checked_name(job.name)
    checked_share(1.0 if job.keep_negatives is None else job.keep_negatives)
    started = perf_counter()
    with job_lock(home.path, job.name, wait_seconds=job.wait_seconds, now=now):
        sweep_partial(home.bundles, job.name)
        if (earlier := registry.versions(job.name)) and earlier[-1].domain != job.domain.name:
            raise DomainMismatchError(job.name, registered=earlier[-1].domain, given=job.domain.name)
        champion = registry.champion(job.name) if job.refine else None
        if job.refine and champion is None:
            raise NotTrainedError(job.name, job.domain.name)
        trained = _fit(job, frame, champion, home, progress)
        n_test = len(trained.rows.test)
        progress.stage(f"Evaluating on {n_test:,} untouched rows beside logistic regression and gradient boosting")
        judgement = judge(trained, registry.champion(job.name), home.bundles, seed=job.seed)
        if job.promote == "auto":
            may_go_live, why = judgement.verdict(job.domain.gates)
        else:
            may_go_live, why = job.promote == "always", f"promotion was asked for: {job.promote}"
        why = "; ".join(filter(None, [trained.origin, why]))
        policy = job.domain.policy()
        progress.stage("Auditing groups, stand-ins, stability and effects")
        decisions, findings = _audited(job, trained, policy)
        progress.stage("Writing report, model card and bundle")
        created = now()
        manifest = Manifest(
            name=job.name,
            domain=job.domain.name,
            created=created,
            table=trained.scorer.table,
            metrics=dict(judgement.ours.metrics),
            source=", ".join(filter(None, [job.source, trained.origin])),
            n_rows=len(frame),
            data_digest=frame_digest(frame),
            seed=job.seed,
            preset=trained.preset,
            keep_negatives=trained.keep_negatives,
        )
        data = _report_data(job, trained, judgement, findings, decisions, policy, may_go_live, why, manifest)
        files = {POLICY: policy.model_dump_json(indent=1).encode(), **version_documents(data, job.domain)}
        digest = write_bundle(home.bundles, manifest, scorer=trained.scorer, files=files)
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
        metrics=judgement.ours.metrics,
        seconds=perf_counter() - started,
        digest=digest,
        contenders={name: contender.metrics for name, contender in judgement.contenders.items()},
    )


def _fit(job: TrainingJob, frame: pd.DataFrame, to_refine: Version | None, home: Home, progress: Progress) -> Trained:
    """Check, divide, and train: anew, or a version that is to be refined."""
    progress.stage(f"Checking {len(frame):,} rows of {job.source}")
    table = job.domain.prepare(job.table)
    checked = checked_frame(table, frame, job.source, training=True)
    labels = table.labels(checked)
    times = None if table.time is None else checked[table.time.name].to_numpy()
    rows = split_rows(job.split, labels=labels, times=times, seed=job.seed)
    train_frame = checked.iloc[rows.train]
    start = _start(job, table, frame, to_refine, home)
    refined = start.version is not None
    what = f"Refining version {start.version}" if refined else "Training"
    progress.stage(f"{what} on {len(rows.train):,} rows, preset {start.preset}")
    started, scorer = perf_counter(), start.scorer
    learn = partial(scorer.refine, seed=job.seed) if refined else scorer.fit
    learn(
        train_frame,
        labels[rows.train],
        weights=None if table.weight is None else train_frame[table.weight.name].to_numpy(np.float64),
        validation=(checked.iloc[rows.validation], labels[rows.validation]),
        keep_negatives=start.keep_negatives,
        callbacks=[progress.epoch],
    )
    refer_to_accepted(job.domain, scorer, job.domain.policy(), train_frame)
    return Trained(
        scorer=scorer,
        preset=start.preset,
        keep_negatives=start.keep_negatives,
        refined_from=start.version,
        raw_frame=frame,
        frame=checked,
        labels=labels,
        rows=rows,
        test_probabilities=scorer.probabilities(checked.iloc[rows.test]),
        seconds=perf_counter() - started,
    )


def _start(job: TrainingJob, table: Table, frame: pd.DataFrame, to_refine: Version | None, home: Home) -> Start:
    """An untrained scorer, or the one that is to be refined."""
    if to_refine is None:
        preset = PRESETS[job.preset or "balanced"]
        scorer, share = job.domain.build(table, preset, job.seed), job.keep_negatives or 1.0
        return Start(version=None, scorer=scorer, preset=preset.name, keep_negatives=share)
    return load_start(
        to_refine,
        home.bundles,
        table=table,
        preset=job.preset,
        keep_negatives=job.keep_negatives,
        data_digest=frame_digest(frame),
    )


def _audited(job: TrainingJob, trained: Trained, policy: Policy) -> tuple[list[str], Audit]:
    """The decisions on the test rows, none where the domain takes none, and what the audit found."""
    X = trained.scorer.encoder.transform(trained.frame.iloc[trained.rows.test])
    decisions: list[str] = job.domain.decide(trained.scorer, policy, X).get("decision", [])
    return decisions, audit(trained, job.domain, X, decisions, seed=job.seed)


def _report_data(
    job: TrainingJob,
    trained: Trained,
    judgement: Judgement,
    findings: Audit,
    decisions: Sequence[str],
    policy: Policy,
    promoted: bool,
    why: str,
    manifest: Manifest,
) -> ReportData:
    """What report and card show."""
    rows, network = trained.rows, trained.scorer.network
    return ReportData(
        name=job.name,
        domain=job.domain.name,
        created=manifest.created,
        source=job.source,
        note=" ".join(filter(None, [job.note, trained.sampling])),
        split_description=rows.description,
        preset=trained.preset,
        seed=job.seed,
        n_rows={"train": len(rows.train), "validation": len(rows.validation), "test": len(rows.test)},
        table=trained.scorer.table,
        training_curve=network.training_curve_,
        validation_curve=network.validation_curve_,
        best_epoch=network.best_epoch_,
        n_folds=network.n_folds_,
        origin=trained.origin,
        labels=trained.test_labels,
        probabilities=trained.test_probabilities,
        contenders=judgement.contenders,
        comparison=judgement.comparison,
        why=why,
        promoted=promoted,
        decisions=decisions,
        policy=policy.model_dump(),
        audit=findings,
        training_frame=trained.frame.iloc[rows.train],
        packages=dict(package_versions()),
    )
