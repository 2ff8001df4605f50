"""Results of the diagnostics: plain frozen values, the same for the report and for the model card.

Every number is finite; None stands where one is not defined. A group with `too_few` rows is shown, and nothing is
concluded from it.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

FourFifths: TypeAlias = Literal["below", "may be below", "not below"]
Reading: TypeAlias = Literal["stable", "within chance", "watch", "shifted"]


class _Found(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class GroupQuality(_Found):
    """How good the probabilities of a group of test rows are."""

    group: str = Field(description="Which rows, in words.")
    n_rows: int = Field(description="Test rows in the group.")
    too_few: bool = Field(description="Fewer rows than anything may be concluded from.")
    observed_rate: float = Field(description="Share of the rows with the event.")
    observed_low: float = Field(description="Lower end of its 95 % interval (Wilson).")
    observed_high: float = Field(description="Upper end of it.")
    mean_predicted: float = Field(description="Mean probability of the event.")
    within_chance: bool = Field(description="The mean probability lies in the interval of the observed rate.")
    calibration_ratio: float | None = Field(description="Mean probability / observed rate, best is 1; None: no event.")
    calibration_error: float = Field(description="Mean gap of predicted and observed rate in ten bins, 0..1.")
    log_loss: float | None = Field(description="In nats, less is better; None where the event always or never occurs.")
    normalised_entropy: float | None = Field(
        description="Log-loss / that of always answering the group's observed rate, below 1 is better than that; None "
        "where the event always or never occurs."
    )
    auc: float | None = Field(description="Area under the ROC curve; None where the event always or never occurs.")


class Segment(_Found):
    """The test rows, divided by one column."""

    column: str = Field(description="Name of the column.")
    label: str = Field(description="What the column is, in words.")
    protected: bool = Field(description="Sex, age and the like.")
    part: str | None = Field(description="Whom an advertising column describes: person, context or ad.")
    groups: tuple[GroupQuality, ...] = Field(description="In the order of their values.")


class ImpactRatio(_Found):
    """Selection rate of a group / that of the reference group, with its 95 % interval."""

    ratio: float = Field(description="1 is equal treatment.")
    low: float = Field(description="Lower end of the 95 % interval.")
    high: float = Field(description="Upper end of the 95 % interval.")
    four_fifths: FourFifths = Field(
        description="Where the ratio lies to 0.8: below it for sure (the whole interval), maybe, or not."
    )


class GroupTreatment(_Found):
    """What the decisions do to a group of test rows. Refused means: did not get the favourable decision."""

    group: str = Field(description="Which rows, in words.")
    n_rows: int = Field(description="Test rows in the group.")
    too_few: bool = Field(description="Fewer rows than anything may be concluded from.")
    selection_rate: float = Field(description="Share of all rows that get the favourable decision.")
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
        description="Against the reference group; None for that group itself, for one with too few rows, and where "
        "nobody gets the decision."
    )


class ColumnFairness(_Found):
    """How the decisions treat the groups of one protected column."""

    column: str = Field(description="Name of the protected column.")
    label: str = Field(description="What the column is, in words.")
    reference_group: str | None = Field(
        description="The group with the highest selection rate among those with enough rows; None: none has enough."
    )
    groups: tuple[GroupTreatment, ...] = Field(description="In the order of their values.")


class Fairness(_Found):
    """How the decisions treat the groups of each protected column."""

    favourable: str = Field(description="The decision that everyone hopes for, which is what selection means here.")
    columns: tuple[ColumnFairness, ...] = Field(description="Of each protected column.")


class StandIn(_Found):
    """How well one input column alone tells a protected column."""

    column: str = Field(description="Name of the input column.")
    label: str = Field(description="What the column is, in words.")
    auc: float = Field(description="Area under the ROC curve, cross-validated; 0.5 is guessing.")


class Proxies(_Found):
    """How well the model's inputs tell a protected column that it does not read."""

    column: str = Field(description="Name of the protected column.")
    label: str = Field(description="What the column is, in words.")
    question: str = Field(description="What is told from the inputs, in words: which groups, or which side of a value.")
    n_rows: int = Field(description="Training rows that it was tried on.")
    together: float = Field(
        description="Area under the ROC curve of gradient boosting on all inputs, cross-validated; 0.5 is guessing."
    )
    strongest: tuple[StandIn, ...] = Field(description="The inputs that tell most, the strongest first.")


class Shift(_Found):
    """How far the recent rows lie from the training rows in one column, or in the score."""

    column: str = Field(description="Name of the column; empty for the predicted probability.")
    label: str = Field(description="What it is, in words.")
    psi: float = Field(description="Population stability index: sum over bins of (q - p) ln(q / p), 0 is no shift.")
    by_chance: float = Field(
        description="What rows of one and the same distribution stay below in 95 % of the cases, given their number."
    )
    reading: Reading = Field(
        description="Below 0.1 stable, to 0.25 watch, from there shifted; from 0.1 on but not above `by_chance`: "
        "within chance."
    )


class Stability(_Found):
    """How far the recent rows lie from the training rows."""

    recent: str = Field(description="Which rows are the recent ones, in words.")
    n_training_rows: int = Field(description="Training rows that were compared.")
    n_recent_rows: int = Field(description="Recent rows that were compared.")
    score: Shift = Field(description="Of the predicted probability.")
    columns: tuple[Shift, ...] = Field(description="Of each input column, the largest shift first.")
    left_out: tuple[str, ...] = Field(description="Inputs without an index: ids, and times, which always move.")


class MeanEffectCurve(_Found):
    """What becomes of the probability when one column is set to each of its usual values and all others stay."""

    column: str = Field(description="Name of the column.")
    label: str = Field(description="What the column is, in words.")
    unit: str = Field(description="Of the values, empty if there is none.")
    direction: Literal[-1, 0, 1] = Field(
        description="How the table says the probability moves with the column: 1 never falls, -1 never rises, 0 free."
    )
    values: tuple[float, ...] | tuple[str, ...] = Field(description="Rising numbers, or levels in words.")
    mean: tuple[float, ...] = Field(description="Mean probability over the rows at each value.")
    low: tuple[float, ...] = Field(description="Tenth percentile of the rows' probabilities at each value.")
    high: tuple[float, ...] = Field(description="Ninetieth percentile of the rows' probabilities at each value.")
    n_rows: int = Field(description="Test rows whose probability was followed.")
    n_steps: int | None = Field(description="Steps checked against the direction, over all rows; None without one.")
    n_violations: int | None = Field(description="Steps that went against it; None without a direction.")
    monotone: bool | None = Field(description="No step went against the direction; None without one.")


class Diagnostics(_Found):
    """What was measured on training and test rows besides the overall metrics."""

    protected: tuple[str, ...] = Field(description="Every protected column of the table.")
    protected_inputs: tuple[str, ...] = Field(
        description="Those of them that the model reads; always none where the domain forbids it."
    )
    least_rows: int = Field(description="Rows that a group needs for a conclusion.")
    segments: tuple[Segment, ...] = Field(description="Test rows by group: protected columns first, then by effect.")
    fairness: Fairness | None = Field(
        description="None where the domain takes no decision that everyone hopes for, or no column is protected."
    )
    proxies: tuple[Proxies, ...] = Field(description="Of each protected column that the model does not read.")
    stability: Stability = Field(description="Training rows against recent ones.")
    effects: dict[str, float] = Field(
        description="Mean absolute share of each input column in the log-odds of test rows, the largest first."
    )
    effect_curves: tuple[MeanEffectCurve, ...] = Field(
        description="Of the columns with the largest effects and of all with a direction, the largest effect first."
    )
