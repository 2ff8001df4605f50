"""Results of the drift monitor, as frozen values.

Every number is finite, or None if it is unknown. Shares are from 0 to 1.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

from models.contract import Figure

State: TypeAlias = Literal["ok", "watch", "alarm", "too_few"]


class _Found(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, protected_namespaces=())


class Effect(_Found):
    """An effect size with its 90 % bootstrap band."""

    value: float = Field(description="0: no difference.")
    low: float = Field(description="Lower end of the band.")
    high: float = Field(description="Upper end of the band.")


class Before(_Found):
    """A figure on the training rows and on the recent rows."""

    reference: float | None = Field(description="On the training rows.")
    recent: float | None = Field(description="On the recent rows.")


class Bin(_Found):
    """A bar of both histograms."""

    name: str = Field(description="The values, in words.")
    low: float | None = Field(description="For numbers, lower limit (exclusive); null: no limit.")
    high: float | None = Field(description="For numbers, upper limit (inclusive); null: no limit.")
    n_reference: int = Field(description="Training rows in the bin.")
    n_recent: int = Field(description="Recent rows in the bin.")


class Period(_Found):
    """A day or a week of the period."""

    begins: date = Field(description="First day, UTC.")
    n_rows: int = Field(description="Compared rows.")
    psi: float | None = Field(description="PSI of these rows alone; null: too few rows.")


class Outside(_Found):
    """Recent rows of a kind that training hardly had."""

    kind: Literal["above", "below", "unseen", "missing"] = Field(
        description="above, below: values beyond `limit`; unseen: levels that training never saw; missing: no value."
    )
    limit: float | None = Field(
        default=None,
        description="above: values greater than this; below: values less than this, or at most this if it is not the "
        "lowest in training.",
    )
    is_extreme: bool = Field(default=False, description="The limit is the highest or lowest value in training.")
    share: Before = Field(
        description="Share of the numbers, or of the rows. For unseen, of training rows: share whose level no other "
        "row, or no other entity, has."
    )
    typical: float | None = Field(default=None, description="Median of the values beyond the limit.")
    levels: tuple[str, ...] = Field(default=(), description="The most frequent unseen levels, in words.")
    p: float = Field(description="p-value under no drift: Fisher's exact test, one-sided; not corrected for others.")
    significant: bool = Field(default=False, description="Beside all other tests of all columns.")
    state: State = Field(
        default="ok",
        description="watch: `significant`, and the share at least `outside_watch_from` and "
        "`outside_least_ratio` times that in training; alarm: also at least `outside_alarm_from`; else ok.",
    )


class ColumnDrift(_Found):
    """Drift of one column, or of the score, between training rows and recent rows."""

    column: str = Field(description="Name of the column; empty for the score.")
    label: str = Field(description="What it is, in words.")
    unit: str = Field(description="Unit of the values; empty if there is none.")
    kind: str = Field(description="number, category or flag.")
    state: State = Field(
        description="alarm: the difference is significant, PSI is at least `alarm_from`, and the lower end of its band "
        "at least `watch_from`; watch: it is significant, and PSI at least `watch_from` or the lower end of the "
        "Wasserstein distance's band at least `wasserstein_watch_from`; also the most severe in `outside`; too_few: "
        "nothing is concluded; else ok."
    )
    sentence: str = Field(description="The finding in words.")
    n_reference: int = Field(description="Training rows; for the score, held-out rows.")
    n_recent: int = Field(description="Compared recent rows.")
    design_effect: float = Field(
        default=1.0,
        description="Recent rows that tell as much as one independent row, since rows of the same entity are alike.",
    )
    psi: Effect | None = Field(
        description="Population stability index over `bins`, less its expected value without drift; null: too few rows."
    )
    wasserstein: Effect | None = Field(
        description="For numbers, Wasserstein distance between training and recent values, in interquartile ranges "
        "of the training values (standard deviations where that is 0); null: not a number, or too few rows."
    )
    p: float | None = Field(
        description="p-value under no drift: Pearson's chi-squared test of the bins, for numbers combined with the "
        "Kolmogorov-Smirnov test, and with the tests of `outside`, corrected for their number (Bonferroni, half of the "
        "error for those); null: too few rows."
    )
    q: float | None = Field(
        description="q-value: least false discovery rate over all columns at which it is significant (Benjamini and "
        "Hochberg); null: too few rows."
    )
    significant: bool = Field(description="`q` is at most `false_discovery_rate`.")
    missing: Before = Field(description="Share of the rows without a value.")
    unseen: float | None = Field(
        description="Share of the recent rows with a level that training never saw; null: unknown, or a number."
    )
    median: Before | None = Field(description="Median of the present values; null: not a number.")
    outside: tuple[Outside, ...] = Field(default=(), description="Rows of kinds that training hardly had.")
    bins: tuple[Bin, ...] = Field(description="Both histograms: deciles of the training rows, or levels.")
    series: tuple[Period, ...] = Field(description="By day, or by week if the period is longer than a month.")


class NotCompared(_Found):
    """An input that is not compared."""

    column: str
    label: str = Field(description="What it is, in words.")
    why: str = Field(description="Why it cannot be compared.")


class MonitorSettings(_Found):
    """Settings of the drift monitor."""

    days: float = Field(description="Length of the period.")
    least_rows: int = Field(description="Rows that both sides need for a conclusion.")
    least_independent: int = Field(
        description="Independent rows that both sides must be worth: rows divided by their design effect."
    )
    most_rows: int = Field(description="Of more recent rows, a uniform sample of about this size is compared.")
    watch_from: float = Field(description="PSI from which a significant difference is moderate drift (watch).")
    alarm_from: float = Field(description="PSI from which a significant difference is drift (alarm).")
    wasserstein_watch_from: float = Field(description="Lower end of the Wasserstein distance's band for watch.")
    outside_watch_from: float = Field(description="Least share of rows in `outside` for watch.")
    outside_alarm_from: float = Field(description="Least share of rows in `outside` for alarm.")
    outside_least_ratio: float = Field(description="Least multiple of the share of training rows for watch and alarm.")
    false_discovery_rate: float = Field(
        description="Expected share of columns without drift among the significant ones."
    )
    band: float = Field(description="Confidence level of the bands.")
    n_resamples: int = Field(description="Bootstrap samples behind each band.")
    seed: int = Field(description="Seed of the bootstrap.")


class Monitor(_Found):
    """Drift between the training rows of a version and the rows that it answered recently."""

    model: str
    version: int = Field(description="The live version; only rows that it answered are compared.")
    computed: datetime = Field(description="When this was computed.")
    since: datetime = Field(description="Start of the period, which ends at `computed`.")
    state: State = Field(description="The most severe of all columns and the score; too_few if there are too few rows.")
    sentence: str = Field(description="The finding in words.")
    n_recent: int = Field(description="Compared rows.")
    n_entities: dict[str, int] = Field(
        default={}, description="Number of different entities in these rows, by column, of those that repeat."
    )
    share_looked_at: float = Field(description="Approximate share of the recorded rows in the period.")
    score: ColumnDrift = Field(description="Drift of the predicted probability.")
    columns: tuple[ColumnDrift, ...] = Field(description="Drift of each input, the most severe first.")
    not_compared: tuple[NotCompared, ...] = Field(description="Inputs that are not compared.")
    figures: tuple[Figure, ...] = Field(default=(), description="Figures of the domain's own.")
    settings: MonitorSettings
