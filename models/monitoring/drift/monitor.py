"""The drift monitor: comparison of all columns and the score, and the conclusions from them together."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pandas as pd

from data.column import Column
from data.sentences import label
from models.contract import LiveModel
from models.evaluation.psi import BAND, SHIFTED_FROM, WATCH_FROM
from models.monitoring.drift.comparison import MIN_INDEPENDENT, MIN_ROWS, N_RESAMPLES, Comparison, compare
from models.monitoring.drift.distributions import ColumnReference
from models.monitoring.drift.entities import Groups, groups_in, n_entities
from models.monitoring.drift.outside import (
    OUTSIDE_ALARM_FROM,
    OUTSIDE_LEAST_RATIO,
    OUTSIDE_WATCH_FROM,
    outside_concluded,
)
from models.monitoring.drift.recent_rows import MAX_ROWS, RecentRows, recent_rows
from models.monitoring.drift.reference import Reference, compared_columns, score_column, why_not_compared
from models.monitoring.drift.results import ColumnDrift, Effect, Monitor, MonitorSettings, NotCompared, State
from models.monitoring.drift.sentences import drift_sentence, monitor_sentence, too_alike_sentence, too_few_sentence
from models.monitoring.drift.significance import q_values, shared
from models.monitoring.figures import own_figures
from models.records.audit_log.log import PredictionLog

FALSE_DISCOVERY_RATE = 0.05
WASSERSTEIN_WATCH_FROM = 0.25
"""In interquartile ranges: about the shift of a normal distribution whose PSI is WATCH_FROM."""
DEFAULT_DAYS = 7.0
GRAVEST_FIRST: tuple[State, ...] = ("alarm", "watch", "ok", "too_few")


def monitor(
    live: LiveModel,
    reference: Reference,
    log: PredictionLog,
    *,
    now: datetime,
    days: float = DEFAULT_DAYS,
    seed: int = 0,
) -> Monitor:
    """Compare the rows that a version answered in the last days with its training rows.

    Parameters
    ----------
    seed : of the bootstrap; the same rows give the same findings.
    """
    since = now - timedelta(days=days)
    until = now + timedelta(milliseconds=1)  # includes requests of this millisecond
    rows = recent_rows(log, live, since=since, until=until)
    entities = groups_in(live.table, rows.keys)
    score, columns = found_in(live, reference, rows, list(entities.values()), seed=seed)
    not_compared = _not_compared(live)
    state = min((one.state for one in (score, *columns)), key=GRAVEST_FIRST.index)
    return Monitor(
        model=live.name,
        version=live.version,
        computed=now,
        since=since,
        state=state,
        sentence=monitor_sentence(state, (score, *columns), not_compared),
        n_recent=len(rows.scores),
        n_entities={name: n_entities(groups) for name, groups in entities.items()},
        share_looked_at=rows.share,
        score=score,
        columns=columns,
        not_compared=not_compared,
        figures=tuple(own_figures(log.engine, live, since=since, until=until)),
        settings=_settings(days, seed),
    )


def _not_compared(live: LiveModel) -> tuple[NotCompared, ...]:
    """The columns that are left out, and why."""
    columns = live.table.features
    return tuple(
        NotCompared(column=column.name, label=label(column), why=why)
        for column in columns
        if (why := why_not_compared(column))
    )


def _settings(days: float, seed: int) -> MonitorSettings:
    """All that the findings depend on besides the rows."""
    return MonitorSettings(
        days=days,
        least_rows=MIN_ROWS,
        least_independent=MIN_INDEPENDENT,
        most_rows=MAX_ROWS,
        watch_from=WATCH_FROM,
        alarm_from=SHIFTED_FROM,
        wasserstein_watch_from=WASSERSTEIN_WATCH_FROM,
        outside_watch_from=OUTSIDE_WATCH_FROM,
        outside_alarm_from=OUTSIDE_ALARM_FROM,
        outside_least_ratio=OUTSIDE_LEAST_RATIO,
        false_discovery_rate=FALSE_DISCOVERY_RATE,
        band=BAND,
        n_resamples=N_RESAMPLES,
        seed=seed,
    )


def found_in(
    live: LiveModel, reference: Reference, rows: RecentRows, entities: Sequence[Groups], *, seed: int
) -> tuple[ColumnDrift, tuple[ColumnDrift, ...]]:
    """The findings for the score, and for each column, the most severe first."""
    compared: list[tuple[Column, ColumnReference, pd.Series[Any]]] = [
        (score_column(live.domain.task.summary), reference.score, pd.Series(rows.scores)),
        *((one, reference.columns[one.name], rows.frame[one.name]) for one in compared_columns(live.table)),
    ]
    comparisons = [
        compare(*one, rows.times, entities=entities, seed=seed + place) for place, one in enumerate(compared)
    ]
    score, *columns = concluded(comparisons)
    columns.sort(key=lambda one: (GRAVEST_FIRST.index(one.state), -one.psi.value if one.psi else 0.0))
    return score, tuple(columns)


def concluded(comparisons: Sequence[Comparison]) -> list[ColumnDrift]:
    """Conclusions from comparisons made together, each from its q-value and effect sizes."""
    q_of = q_values([one.measured.p for one in comparisons if one.measured.p is not None])
    least_p = FALSE_DISCOVERY_RATE * sum(q <= FALSE_DISCOVERY_RATE for q in q_of) / max(len(q_of), 1)
    left = iter(q_of)
    return [_concluded(one, None if one.measured.p is None else next(left), least_p) for one in comparisons]


def _concluded(one: Comparison, q: float | None, least_p: float) -> ColumnDrift:
    """The conclusion for a column; tests within it are significant up to `least_p`, as the column itself is."""
    significant = q is not None and q <= FALSE_DISCOVERY_RATE
    measured = one.measured
    corrected = shared([part.p for part in measured.outside])
    outside = tuple(outside_concluded(*both, least_p) for both in zip(measured.outside, corrected, strict=True))
    of_bins = state_of(measured.psi, None, significant=significant)
    of_whole = state_of(measured.psi, measured.wasserstein, significant=significant)
    state = min((of_whole, *(part.state for part in outside)), key=GRAVEST_FIRST.index)
    bins = one.bins.described(one.recent_counts)
    if state == "too_few":
        sentence = _too_few(one)
    else:
        sentence = drift_sentence(
            one.column,
            one.label,
            state,
            bins=bins,
            missing=one.missing,
            outside=outside,
            median=one.median,
            has_moved=of_bins != "ok" or all(part.state == "ok" for part in outside),
        )
    return ColumnDrift(
        column=one.column.name,
        label=one.label,
        unit=one.column.unit,
        kind=one.column.kind,
        state=state,
        sentence=sentence,
        n_reference=one.n_reference,
        n_recent=one.n_recent,
        design_effect=one.design_effect,
        psi=measured.psi,
        wasserstein=measured.wasserstein,
        p=measured.p,
        q=q,
        significant=significant,
        missing=one.missing,
        unseen=one.unseen,
        median=one.median,
        outside=outside,
        bins=bins,
        series=one.series,
    )


def _too_few(one: Comparison) -> str:
    """The sentence for a column without a conclusion."""
    if min(one.n_reference, one.n_recent) < MIN_ROWS:
        return too_few_sentence(one.label, one.n_reference, one.n_recent, MIN_ROWS)
    return too_alike_sentence(
        one.label,
        (one.n_reference, one.reference_effect),
        (one.n_recent, one.design_effect),
        least_independent=MIN_INDEPENDENT,
    )


def state_of(psi: Effect | None, wasserstein: Effect | None, *, significant: bool) -> State:
    """The drift state, see `ColumnDrift.state`."""
    if psi is None:
        return "too_few"
    if not significant:
        return "ok"
    if psi.value >= SHIFTED_FROM and psi.low >= WATCH_FROM:
        return "alarm"
    gone_far = wasserstein is not None and wasserstein.low >= WASSERSTEIN_WATCH_FROM
    return "watch" if psi.value >= WATCH_FROM or gone_far else "ok"
