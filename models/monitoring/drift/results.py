"""What a monitor found: plain frozen values for a page, a program and a test.

Every number is finite; None stands where one is not known. Shares are from 0 to 1.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

State: TypeAlias = Literal["ok", "watch", "alarm", "too_few"]


class _Found(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, protected_namespaces=())


class Effect(_Found):
    """An effect size, with the band that holds the true one in 9 of 10 cases."""

    value: float = Field(description="0 is no difference.")
    low: float = Field(description="Lower end of the band.")
    high: float = Field(description="Upper end of it.")


class Before(_Found):
    """A figure of the training rows and of the recent ones."""

    reference: float | None = Field(description="Of the training rows.")
    recent: float | None = Field(description="Of the recent rows.")


class Bin(_Found):
    """A bar of both histograms."""

    name: str = Field(description="Which values, in words.")
    low: float | None = Field(description="Of a number: the values are above this; null: no limit.")
    high: float | None = Field(description="Of a number: and at most this; null: no limit.")
    n_reference: int = Field(description="Training rows in it.")
    n_recent: int = Field(description="Recent rows in it.")


class Period(_Found):
    """A day or a week of the period."""

    begins: date = Field(description="Its first day, UTC.")
    n_rows: int = Field(description="Rows of it that were looked at.")
    psi: float | None = Field(description="As `psi`, of these rows alone; null: too few.")


class ColumnDrift(_Found):
    """How recent rows compare with training rows in one column, or in the score."""

    column: str = Field(description="Name of the column; empty for the score.")
    label: str = Field(description="What it is, in words.")
    unit: str = Field(description="Of its values, empty if there is none.")
    kind: str = Field(description="number, category or flag.")
    state: State = Field(
        description="alarm: the difference is significant, PSI is at least `alarm_from`, and the lower end of its band "
        "at least `watch_from`; watch: it is significant, and PSI at least `watch_from` or the lower end of the "
        "Wasserstein distance's band at least `wasserstein_watch_from`; too_few: nothing is concluded; else ok."
    )
    sentence: str = Field(description="The finding in words.")
    n_reference: int = Field(description="Training rows; of the score: rows that were held out of the training.")
    n_recent: int = Field(description="Recent rows that were looked at.")
    psi: Effect | None = Field(
        description="Population stability index over `bins`, less what chance alone adds on average; null: too few."
    )
    wasserstein: Effect | None = Field(
        description="Of a number: mean way from a training value to its place now, in interquartile ranges of the "
        "training values (standard deviations where that is 0); null: no number, or too few."
    )
    p: float | None = Field(
        description="Probability of such a difference if nothing has moved: Pearson's test of the bins, of numbers "
        "together with Kolmogorov and Smirnov's (the smaller one, twice); null: too few."
    )
    q: float | None = Field(
        description="Least false discovery rate at which it is significant, given all the columns (Benjamini and "
        "Hochberg); null: too few."
    )
    significant: bool = Field(description="`q` is at most `false_discovery_rate`.")
    missing: Before = Field(description="Share of the rows without a value.")
    unseen: float | None = Field(
        description="Share of the recent rows whose level training never saw; null: not known, or a number."
    )
    median: Before | None = Field(description="Of a number's values that are there; null: no number.")
    bins: tuple[Bin, ...] = Field(description="Both histograms: tenths of the training rows, or levels.")
    series: tuple[Period, ...] = Field(description="The days of the period, or its weeks if it is longer than a month.")


class NotCompared(_Found):
    """An input without a finding."""

    column: str
    label: str = Field(description="What it is, in words.")
    why: str = Field(description="Why it cannot be compared, in words.")


class MonitorSettings(_Found):
    """How findings are made."""

    days: float = Field(description="How far the period reaches back.")
    least_rows: int = Field(description="Rows that both sides need for a conclusion.")
    most_rows: int = Field(description="Of more recent rows, about so many are looked at, drawn evenly.")
    watch_from: float = Field(description="PSI from which a significant difference is watched.")
    alarm_from: float = Field(description="PSI from which a significant difference is an alarm.")
    wasserstein_watch_from: float = Field(description="Lower end of the Wasserstein distance's band, likewise.")
    false_discovery_rate: float = Field(
        description="Share of the significant columns that, on average, has not moved at all."
    )
    band: float = Field(description="Share of the cases in which a band holds the true effect.")
    n_resamples: int = Field(description="Bootstrap samples behind each band.")
    seed: int = Field(description="Of them.")


class Monitor(_Found):
    """Whether the rows that a version answers are like those that it was trained on."""

    model: str
    version: int = Field(description="The version that answers; only rows that it answered are looked at.")
    computed: datetime = Field(description="When this was found.")
    since: datetime = Field(description="Where the period begins; it ends with `computed`.")
    state: State = Field(description="The gravest of all columns and the score; too_few if there are too few rows.")
    sentence: str = Field(description="The finding in words.")
    n_recent: int = Field(description="Rows that were looked at.")
    share_looked_at: float = Field(description="About which share they are of the recorded rows in the period.")
    score: ColumnDrift = Field(description="Of the predicted probability.")
    columns: tuple[ColumnDrift, ...] = Field(description="Of each input, the gravest first.")
    not_compared: tuple[NotCompared, ...] = Field(description="Inputs without a finding.")
    settings: MonitorSettings
