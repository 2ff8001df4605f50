"""The first half of a training job: check, split and train."""

from __future__ import annotations

from functools import partial
from time import perf_counter

import pandas as pd

from data.checking import with_time_formats
from data.files.sources import frame_digest
from data.splits import SplitRows, with_whole_windows
from data.table import Table
from data.window_events import KnownPositives
from data.windows import checked_history
from models.answers.reasons import refer_to_accepted
from models.contract import Targets
from models.encoding.sentences.encoder import keep
from models.home import Home
from models.presets import PRESETS
from models.registry.registry import Version
from models.training.champion_rows import ChampionRows, champion_rows
from models.training.common_test import load_common_test
from models.training.job import Progress, TrainingJob
from models.training.job_split import job_split, with_validation
from models.training.refine import Start, load_start
from models.training.trained import Trained
from models.training.unseen_split import RowsToSplit


def fit(
    job: TrainingJob,
    frame: pd.DataFrame,
    champion: Version | None,
    home: Home,
    progress: Progress,
    positives: KnownPositives | None = None,
) -> Trained:
    """Check, split, and train, from scratch or from the champion.

    Parameters
    ----------
    champion : the live version, whose training rows do not test; needed by a job that refines it.
    positives : see `data.windows.checked_history`.

    Raises BadRowsError for rows that break rules of the table, DataError for rows that cannot be split, and
    RefinementError and SamplingError as `models.retraining.train` does.
    """
    progress.stage(f"Checking {len(frame):,} rows: {job.source}")
    table = _as_served(job.domain.restrict_inputs(job.table), frame)
    checked, labels = checked_history(table, frame, job.source, positives, targets=job.domain.task.targets)
    start = _start(job, table, frame, champion, home)
    known = None if champion is None else champion_rows(champion, home.bundles, checked=checked, raw_frame=frame)
    if known is not None and known.text:
        progress.stage(known.text[0].upper() + known.text[1:])
    rows = _split(job, table, checked, labels, known)
    common = None if job.new_test_set else load_common_test(home, job.name, table)
    if common is not None:
        rows = with_validation(common.without(rows, checked), labels, before=rows.validation)
    train_frame = checked.iloc[rows.train]
    refined = start.version is not None
    what = f"Refining version {start.version}" if refined else "Training"
    progress.stage(f"{what} on {len(rows.train):,} rows, preset {start.preset}")
    started, scorer = perf_counter(), start.scorer
    learn = partial(scorer.refine, seed=job.seed) if refined else scorer.fit
    learn(
        train_frame,
        labels[rows.train],
        validation=(checked.iloc[rows.validation], labels[rows.validation]),
        negative_sample_rate=start.negative_sample_rate,
        callbacks=[progress.epoch],
    )
    refer_to_accepted(job.domain, scorer, job.domain.policy(), train_frame)
    return Trained(
        task=job.domain.task,
        scorer=scorer,
        preset=start.preset,
        negative_sample_rate=start.negative_sample_rate,
        refined_from=start.version,
        raw_frame=frame,
        frame=checked,
        labels=labels,
        rows=rows,
        test_scores=scorer.frame_scores(checked.iloc[rows.test]),
        seconds=perf_counter() - started,
        positives=positives,
        common=common,
        champion_rows=known,
    )


def _split(
    job: TrainingJob, table: Table, checked: pd.DataFrame, labels: Targets, champion: ChampionRows | None
) -> SplitRows:
    """Training, validation and test rows; training rows whose windows would be incomplete are left out."""
    times = None if table.time is None else checked[table.time.name].to_numpy()
    rows = job_split(job, table, RowsToSplit(labels=labels, times=times, seed=job.seed), champion)
    return rows if times is None else with_whole_windows(rows, times, labels, reach_seconds=table.reach_seconds)


def _as_served(table: Table, frame: pd.DataFrame) -> Table:
    """The table with the time formats of the training file; requests need no row time that nothing reads."""
    table = with_time_formats(table, frame)
    if table.time is None or table.time.time_input or table.windows:
        return table
    return table.with_columns({table.time.name: {"optional": True}})


def _start(job: TrainingJob, table: Table, frame: pd.DataFrame, champion: Version | None, home: Home) -> Start:
    """An untrained scorer, or the champion to refine."""
    if champion is None or not job.refine:
        preset = PRESETS[job.preset or "balanced"]
        scorer, share = job.domain.build(table, preset, job.seed), job.negative_sample_rate or 1.0
        if job.sentences is not None and scorer.reads_texts:
            scorer.read_sentences(keep(job.sentences, home).remember())
        return Start(version=None, scorer=scorer, preset=preset.name, negative_sample_rate=share)
    return load_start(
        champion,
        home.bundles,
        table=table,
        preset=job.preset,
        negative_sample_rate=job.negative_sample_rate,
        data_digest=frame_digest(frame),
    )
