"""Results of the diagnostics: frozen plain values, shared by the report and the model card.

Every number is finite; undefined ones are None. Groups with `too_few` rows are shown, but no conclusions are drawn from
them.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

FourFifths: TypeAlias = Literal["below", "may be below", "not below"]
GradeVerdict: TypeAlias = Literal[
    "observed above predicted", "observed below predicted", "in line", "too few rows to tell", "no rows"
]
Reading: TypeAlias = Literal["stable", "within chance", "watch", "shifted"]


class _Found(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class GroupQuality(_Found):
    """Quality of the probabilities of a group of test rows."""

    group: str = Field(description="Label of the group.")
    n_rows: int = Field(description="Test rows in the group.")
    too_few: bool = Field(description="Too few rows for a conclusion.")
    observed_rate: float = Field(description="Share of the rows with the event.")
    observed_low: float = Field(description="Lower end of its 95 % interval (Wilson).")
    observed_high: float = Field(description="Upper end of it.")
    mean_predicted: float = Field(description="Mean probability of the event.")
    within_chance: bool = Field(description="The mean probability lies in the interval of the observed rate.")
    calibration_ratio: float | None = Field(description="Mean probability / observed rate, best is 1; None: no event.")
    calibration_error: float = Field(description="Expected calibration error over ten bins, 0..1.")
    log_loss: float | None = Field(description="In nats, lower is better; None if all or none have the event.")
    normalised_entropy: float | None = Field(
        description="Log-loss / that of always predicting the group's observed rate; below 1 is better than that. None "
        "if all or none have the event."
    )
    auc: float | None = Field(description="Area under the ROC curve; None if all or none have the event.")


class Segment(_Found):
    """The test rows, grouped by one column."""

    column: str = Field(description="Name of the column.")
    label: str = Field(description="Label of the column.")
    protected: bool = Field(description="Whether the column is protected, such as sex or age.")
    part: str | None = Field(
        description="What the column describes where the domain divides its table, e.g. person, context or ad."
    )
    groups: tuple[GroupQuality, ...] = Field(description="In the order of their values.")


class GradeCalibration(_Found):
    """Predicted and observed rate of a rating grade of test rows; both are None without rows."""

    grade: str = Field(description="Name of the grade; 1 is the safest.")
    low: float = Field(description="Smallest probability of the grade.")
    high: float = Field(description="Where the next grade begins; 1 for the last one, which includes it.")
    n_rows: int = Field(description="Test rows in the grade.")
    too_few: bool = Field(True, description="Too few rows for a conclusion from the lack of a difference.")
    mean_predicted: float | None = Field(None, description="Mean probability of the event.")
    observed_rate: float | None = Field(None, description="Share of the rows with the event.")
    observed_low: float | None = Field(None, description="Lower end of its 95 % interval (Clopper and Pearson 1934).")
    observed_high: float | None = Field(None, description="Upper end of it.")
    p_value: float | None = Field(
        None, description="Of the two-sided exact binomial test of the observed rate at the mean probability."
    )
    adjusted_p_value: float | None = Field(None, description="The same, adjusted for the number of grades (Holm 1979).")
    verdict: GradeVerdict = Field("no rows", description="What the adjusted p value says, at the level of 5 %.")


class ImpactRatio(_Found):
    """Selection rate of a group / that of the reference group, with its 95 % interval."""

    ratio: float = Field(description="1 is equal treatment.")
    low: float = Field(description="Lower end of the 95 % interval.")
    high: float = Field(description="Upper end of the 95 % interval.")
    four_fifths: FourFifths = Field(
        description="Whether the ratio is below 0.8: the whole interval, part of it, or none."
    )


class GroupTreatment(_Found):
    """Decisions in a group of test rows. Refused: did not get the favourable decision."""

    group: str = Field(description="Label of the group.")
    n_rows: int = Field(description="Test rows in the group.")
    too_few: bool = Field(description="Too few rows for a conclusion.")
    selection_rate: float = Field(description="Share of the group that gets the favourable decision.")
    event_refused_rate: float | None = Field(
        description="True positive rate: share of the rows WITH the event that are refused; None: there are none."
    )
    no_event_refused_rate: float | None = Field(
        description="False positive rate: share of the rows WITHOUT the event that are refused; None: there are none."
    )
    observed_rate: float = Field(description="Share of the rows with the event.")
    mean_predicted: float = Field(description="Mean probability of the event.")
    calibration_ratio: float | None = Field(description="Mean probability / observed rate, best is 1; None: no event.")
    impact: ImpactRatio | None = Field(
        description="Relative to the reference group; None for that group itself, for groups with too few rows, and if "
        "no row of the reference group gets the decision."
    )


class ColumnFairness(_Found):
    """Fairness of the decisions by the groups of one protected column."""

    column: str = Field(description="Name of the protected column.")
    label: str = Field(description="Label of the column.")
    reference_group: str | None = Field(
        description="The group with the highest selection rate among those with enough rows; None if there is none."
    )
    groups: tuple[GroupTreatment, ...] = Field(description="In the order of their values.")


class Fairness(_Found):
    """Fairness of the decisions by each protected column."""

    favourable: str = Field(description="The favourable decision; getting it is selection.")
    columns: tuple[ColumnFairness, ...] = Field(description="One for each protected column.")


class StandIn(_Found):
    """How well one input column alone predicts a protected column."""

    column: str = Field(description="Name of the input column.")
    label: str = Field(description="Label of the column.")
    auc: float = Field(description="Area under the ROC curve, cross-validated; 0.5 is guessing.")


class Proxies(_Found):
    """How well the model's inputs predict a protected column that it does not read."""

    column: str = Field(description="Name of the protected column.")
    label: str = Field(description="Label of the column.")
    question: str = Field(description="The prediction target in words: which groups, or above a value.")
    n_rows: int = Field(description="Training rows used.")
    together: float = Field(
        description="Area under the ROC curve of gradient boosting on all inputs, cross-validated; 0.5 is guessing."
    )
    strongest: tuple[StandIn, ...] = Field(description="The strongest single inputs, best first.")


class Shift(_Found):
    """Shift of one column, or of the score, between training and recent rows."""

    column: str = Field(description="Name of the column; empty for the predicted probability.")
    label: str = Field(description="The column in words.")
    psi: float = Field(description="Population stability index: sum over bins of (q - p) ln(q / p), 0 is no shift.")
    by_chance: float = Field(description="95th percentile of the index under no shift, given the numbers of rows.")
    reading: Reading = Field(
        description="Below 0.1 stable, below 0.25 watch, otherwise shifted; within chance if from 0.1 on but not above "
        "`by_chance`."
    )


class Stability(_Found):
    """Shift between training and recent rows."""

    recent: str = Field(description="Description of the recent rows.")
    n_training_rows: int = Field(description="Training rows that were compared.")
    n_recent_rows: int = Field(description="Recent rows that were compared.")
    score: Shift = Field(description="Of the predicted probability.")
    columns: tuple[Shift, ...] = Field(description="Of each input column, largest shift first.")
    left_out: tuple[str, ...] = Field(description="Inputs without an index: IDs, and times, which always move.")


class MeanEffectCurve(_Found):
    """Effect curve: the probability as one column takes each of its usual values and all others are held fixed."""

    column: str = Field(description="Name of the column.")
    label: str = Field(description="Label of the column.")
    unit: str = Field(description="Unit of the values; empty if there is none.")
    direction: Literal[-1, 0, 1] = Field(
        description="Direction in the table: as the column rises, 1 never falls, -1 never rises, 0 unconstrained."
    )
    values: tuple[float, ...] | tuple[str, ...] = Field(description="Ascending numbers, or levels in words.")
    mean: tuple[float, ...] = Field(description="Mean probability over the rows at each value.")
    low: tuple[float, ...] = Field(description="Tenth percentile of the rows' probabilities at each value.")
    high: tuple[float, ...] = Field(description="Ninetieth percentile of the rows' probabilities at each value.")
    n_rows: int = Field(description="Test rows used.")
    n_steps: int | None = Field(description="Steps checked against the direction, over all rows; None without one.")
    n_violations: int | None = Field(description="Steps against the direction; None without one.")
    monotone: bool | None = Field(description="Whether no step went against the direction; None without one.")


class Diagnostics(_Found):
    """All diagnostics of a version, measured on training and test rows."""

    protected: tuple[str, ...] = Field(description="Every protected column of the table.")
    protected_inputs: tuple[str, ...] = Field(
        description="Those of them that the model reads; empty if the domain forbids it."
    )
    least_rows: int = Field(description="Rows that a group needs for a conclusion.")
    segments: tuple[Segment, ...] = Field(description="Test rows by group: protected columns first, then by effect.")
    grades: tuple[GradeCalibration, ...] = Field(
        (), description="Test rows by rating grade, safest first; empty if the domain has no grades."
    )
    fairness: Fairness | None = Field(
        description="None if the domain has no favourable decision, or no column is protected."
    )
    proxies: tuple[Proxies, ...] = Field(description="Of each protected column that the model does not read.")
    stability: Stability = Field(description="Shift between training and recent rows.")
    effects: dict[str, float] = Field(
        description="Mean absolute contribution of each input column to the log-odds of test rows, largest first."
    )
    effect_curves: tuple[MeanEffectCurve, ...] = Field(
        description="Columns with the largest effects and all columns with a direction, largest effect first."
    )
