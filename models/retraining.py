"""The retraining job: check, split, fit or refine, evaluate, compare, store, and promote unless worse.

What is live changes only in the last step, one transaction in the registry. A killed job leaves at most a partial
folder, which the next job deletes.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from time import perf_counter

import pandas as pd

from data.files.sources import frame_digest
from data.window_events import KnownPositives
from models.clock import Clock, utc_now
from models.contract import LiveModel
from models.cores import threads_within_cores
from models.errors import BundleError, DomainMismatchError, NotTrainedError, request_change, suspicion
from models.estimators.negative_sampling import checked_share
from models.home import Home
from models.monitoring.drift.reference import reference_file
from models.monitoring.promotion.requests import RequestChanges, compare_requests
from models.names import checked_name
from models.registry.bundles import Manifest, sweep_partial, write_bundle
from models.registry.live import POLICY, load_live
from models.registry.registry import Registry, Version
from models.reports.version_documents import version_documents
from models.training.common_test import keep_common_test
from models.training.fit import fit
from models.training.job import SILENT, Progress, TrainingJob
from models.training.job_lock import job_lock
from models.training.judge import Judgement, judge
from models.training.non_inferiority import common_losses
from models.training.trained import Trained


@dataclass(frozen=True)
class TrainingResult:
    """The result of a job.

    `contenders` holds the test metrics of this version, the baselines and the champion; `suspected_leaks` holds inputs
    that are suspected to hold the target, and why, without those that the job allowed.
    """

    name: str
    version: int
    promoted: bool
    why: str
    metrics: Mapping[str, float]
    seconds: float
    digest: str
    contenders: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    suspected_leaks: Mapping[str, str] = field(default_factory=dict)


def train(
    job: TrainingJob,
    frame: pd.DataFrame,
    *,
    home: Home,
    registry: Registry,
    progress: Progress = SILENT,
    now: Clock = utc_now,
    positives: KnownPositives | None = None,
) -> TrainingResult:
    """Train, evaluate, store and register one version; make it live if it may.

    Parameters
    ----------
    frame : raw rows, unchecked.
    positives : see `data.windows.checked_history`.

    Raises
    ------
    BadRowsError
        Rows break rules of the table; the error lists all of them.
    DataError
        The rows cannot be split, for example because a class has too few rows.
    NotTrainedError, RefinementError
        There is no champion to refine, or it cannot be refined on these rows.
    SamplingError
        `negative_sample_rate` is outside (0, 1], or leaves no negative row.
    JobLockedError
        Another job of this model is running.
    """
    checked_name(job.name)
    for column in job.allowed_leaks:
        job.table[column]  # an unknown name is an error
    checked_share(1.0 if job.negative_sample_rate is None else job.negative_sample_rate)
    started = perf_counter()
    with job_lock(home.path, job.name, wait_seconds=job.wait_seconds, now=now), threads_within_cores():
        # Only under the lock: the partial folder of a running job must stay
        sweep_partial(home.bundles, job.name)
        _refuse_another_domain(job, registry)
        champion = _champion(job, registry)
        trained = fit(job, frame, champion, home, progress, positives)
        n_test = len(trained.rows.test)
        progress.stage(f"Evaluating on {n_test:,} held-out rows against simple models")
        judgement = judge(
            trained,
            champion,
            home.bundles,
            domain=job.domain,
            champions=registry.former_champions(job.name),
            allowed_leaks=job.allowed_leaks,
            seed=job.seed,
        )
        changes = _request_changes(job, trained, champion, home.bundles)
        blocked = _blocked(job, judgement, champion, changes)
        outcome = judgement.outcome(trained, promote=job.promote, blocked=blocked, note=changes.note)
        progress.stage("Running diagnostics for the report and the model card")
        manifest, policy = _manifest(job, frame, trained, judgement, created=now()), job.domain.policy()
        documents = version_documents(job, trained, judgement, outcome, policy=policy, created=manifest.created)
        known = trained.known_rows
        files = {
            POLICY: policy.model_dump_json(indent=1).encode(),
            **documents,
            **_drift_reference(trained),
            **({} if known is None else known.file()),
        }
        progress.stage("Writing the bundle")
        digest = write_bundle(home.bundles, manifest, scorer=trained.scorer, files=files)
        version = registry.register(
            name=job.name,
            domain=job.domain.name,
            digest=digest,
            metrics=manifest.metrics,
            actor=job.actor,
            why=outcome.why,
            promote=outcome.promoted,
        )
        _keep_for_comparison(job, trained, judgement, version, home)
    return TrainingResult(
        name=job.name,
        version=version.number,
        promoted=outcome.promoted,
        why=outcome.why,
        metrics=judgement.ours.metrics,
        seconds=perf_counter() - started,
        digest=digest,
        contenders={name: contender.metrics for name, contender in judgement.contenders.items()},
        suspected_leaks=dict(judgement.leaks),
    )


def _refuse_another_domain(job: TrainingJob, registry: Registry) -> None:
    if (earlier := registry.versions(job.name)) and earlier[-1].domain != job.domain.name:
        raise DomainMismatchError(job.name, registered=earlier[-1].domain, given=job.domain.name)


def _champion(job: TrainingJob, registry: Registry) -> Version | None:
    """The champion; NotTrainedError if there is none to refine."""
    champion = registry.champion(job.name)
    if champion is None and job.refine:
        raise NotTrainedError(job.name, job.domain.name)
    return champion


def _request_changes(job: TrainingJob, trained: Trained, champion: Version | None, bundles: Path) -> RequestChanges:
    """What differs between the requests of the champion and of the new version."""
    with suppress(BundleError):  # a champion that cannot be loaded answers nobody
        if champion is not None:
            new = LiveModel(
                name=job.name,
                version=champion.number + 1,
                domain=job.domain,
                scorer=trained.scorer,
                policy=job.domain.policy(),
            )
            return compare_requests(load_live(champion, bundles), new)
    return RequestChanges()


def _blocked(job: TrainingJob, judgement: Judgement, champion: Version | None, changes: RequestChanges) -> str:
    """Why the version must not go live, whatever was requested; empty if nothing keeps it from that."""
    problems = [suspicion(judgement.leaks)] if judgement.leaks else []
    if champion is not None and changes.refused and job.promote != "challenger" and not job.allow_request_change:
        problems.append(request_change(champion.number, changes.refused))
    return "; ".join(problems)


def _keep_for_comparison(
    job: TrainingJob, trained: Trained, judgement: Judgement, version: Version, home: Home
) -> None:
    """Keep the losses of this version on the common test set; a first version that can be judged begins the set."""
    common = trained.common
    if common is None and not judgement.too_few:
        test = trained.frame.iloc[trained.rows.test]
        table = trained.scorer.table
        common = keep_common_test(home, job.name, table, test, first_version=version.number, seed=job.seed)
    if common is not None:
        common.keep_losses(version.digest, common_losses(trained, common))


def _drift_reference(trained: Trained) -> Mapping[str, bytes]:
    """The file that drift is measured against: training rows, and the scores of the test set."""
    train, test = (trained.frame.iloc[rows] for rows in (trained.rows.train, trained.rows.test))
    scores = trained.task.summary.of(trained.test_predictions)
    return reference_file(trained.scorer.table, train, scores, scored=test)


def _manifest(
    job: TrainingJob, frame: pd.DataFrame, trained: Trained, judgement: Judgement, *, created: datetime
) -> Manifest:
    return Manifest(
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
        negative_sample_rate=trained.negative_sample_rate,
        suspected_leaks=dict(judgement.leaks),
    )
