"""The diagnostics in sentences: each states the finding first, then its numbers."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from data.gates import Gates
from data.sentences import percent
from models.arrays import Floats, Labels
from models.contract import Predictions, Targets, Task
from models.evaluation.calibration_test import calibration_test, in_words
from models.evaluation.diagnostics import (
    ColumnFairness,
    Diagnostics,
    Fairness,
    GroupQuality,
    GroupTreatment,
    Proxies,
    Segment,
    Stability,
)

MAX_FINDINGS = 6


def findings(
    task: Task, diagnostics: Diagnostics, labels: Targets, predictions: Predictions, weights: Floats | None = None
) -> list[str]:
    """The main findings, at most MAX_FINDINGS sentences.

    Parameters
    ----------
    labels, predictions, weights : of the test rows.
    """
    found = [
        *task.findings(labels, predictions),
        *([_calibration(labels, predictions, weights)] if task.is_binary else []),
        *_worst_group(diagnostics.segments),
        *(_worst_treatment(diagnostics.fairness) if diagnostics.fairness else []),
        *_clearest_proxy(diagnostics.proxies),
        _stability(diagnostics.stability),
        *_directions(diagnostics),
    ]
    return found[:MAX_FINDINGS]


def protection_sentences(diagnostics: Diagnostics) -> list[str]:
    """Which columns are protected, and whether the model reads them."""
    if not diagnostics.protected:
        return ["The table marks no column as protected, so there are no groups to compare."]
    hidden = [name for name in diagnostics.protected if name not in diagnostics.protected_inputs]
    sentences = []
    if hidden:
        sentences.append(f"The model does not read {_listed(hidden)}.")
    if diagnostics.protected_inputs:
        sentences.append(f"The model reads {_listed(diagnostics.protected_inputs)}, as this domain allows.")
    if diagnostics.fairness is None:
        sentences.append(
            "This domain has no favourable decision, so selection rates are not compared; see performance by group "
            "instead."
        )
    return sentences


def column_sentence(fairness: Fairness, column: ColumnFairness) -> str:
    """The group with the lowest selection rate, against the reference group, and the four-fifths counts."""
    if column.reference_group is None:
        return f"{column.label}: no group has enough rows for a comparison."
    compared = [(column, group) for group in column.groups if group.impact is not None]
    if not compared:
        return f"{column.label}: no second group has enough rows, or no row gets “{fairness.favourable}”."
    return _lowest(compared, fairness.favourable)


def _lowest(compared: list[tuple[ColumnFairness, GroupTreatment]], favourable: str) -> str:
    impacts = [group.impact for _, group in compared if group.impact is not None]
    place = int(np.argmin([impact.ratio for impact in impacts]))
    (column, group), impact = compared[place], impacts[place]
    n_sure, n_maybe = (sum(i.four_fifths == verdict for i in impacts) for verdict in ("below", "may be below"))
    return (
        f"{column.label}: “{group.group}” gets “{favourable}” {impact.ratio:.2f} times as often as "
        f"“{column.reference_group}”, 95 % interval {impact.low:.2f} to {impact.high:.2f}. Below four "
        f"fifths: {n_sure} of {len(impacts)} group{'' if len(impacts) == 1 else 's'} for sure, {n_maybe} maybe."
    )


def proxy_sentence(proxies: Proxies) -> str:
    """How well the inputs predict a protected column, and the strongest of them."""
    strongest = ", ".join(f"{stand_in.column} ({stand_in.auc:.2f})" for stand_in in proxies.strongest[:3])
    return (
        f"{proxies.label} ({proxies.question}) {told_words(proxies.together)} from the inputs (AUC "
        f"{proxies.together:.2f}, 0.5 is random); strongest alone: {strongest}."
    )


def told_words(auc: float) -> str:
    """An AUC as the end of "It ... from the inputs"."""
    for least, words in (
        (0.8, "can be predicted well"),
        (0.7, "can be predicted fairly well"),
        (0.6, "can be predicted a little"),
    ):
        if auc >= least:
            return words
    return "can hardly be predicted"


def _calibration(labels: Labels, probabilities: Floats, weights: Floats | None) -> str:
    """What slope, intercept and ten-bin gap say; calibrated only where all three are within chance."""
    found = calibration_test(labels, probabilities, weights, seed=0)
    if found.within_chance:
        verdict = "The probabilities are calibrated within chance"
    elif not found.problem(Gates().calibration_tolerance):
        verdict = "The probabilities are nearly calibrated, but off beyond chance"
    else:
        verdict = "The probabilities are poorly calibrated"
    slope = f"slope {in_words(found.slope)}, " if found.slope else ""
    predicted, observed = (float(np.average(of_rows, weights=weights)) for of_rows in (probabilities, labels))
    return (
        f"{verdict}: {percent(predicted)} predicted on average, {percent(observed)} observed; {slope}intercept "
        f"{in_words(found.intercept)} (joint 95 % intervals; 1 and 0 are calibrated); the calibration error over ten "
        f"bins is {found.gap * 100:.2g} percentage points, where a calibrated model has at most "
        f"{found.gap_by_chance * 100:.2g} by chance."
    )


def _worst_group(segments: tuple[Segment, ...]) -> Iterator[str]:
    """The worst calibrated group, relative to its interval."""
    pairs = [(segment, group) for segment in segments for group in segment.groups if not group.too_few]
    if not pairs:
        return
    off = [(segment, group) for segment, group in pairs if not group.within_chance]
    if not off:
        yield f"All {len(pairs)} groups of rows are calibrated within chance."
        return
    segment, group = max(off, key=lambda pair: _distance(pair[1]))
    yield (
        f"{len(pairs) - len(off)} of {len(pairs)} groups of rows are calibrated within chance; the worst is "
        f"{segment.label}: “{group.group}”, predicted {percent(group.mean_predicted)}, observed "
        f"{percent(group.observed_rate)}."
    )


def _distance(group: GroupQuality) -> float:
    """Distance of the predicted from the observed rate, relative to the interval on that side."""
    if group.mean_predicted > group.observed_rate:
        return (group.mean_predicted - group.observed_rate) / (group.observed_high - group.observed_rate)
    return (group.observed_rate - group.mean_predicted) / (group.observed_rate - group.observed_low)


def _worst_treatment(fairness: Fairness) -> Iterator[str]:
    compared = [(column, group) for column in fairness.columns for group in column.groups if group.impact is not None]
    if compared:
        yield _lowest(compared, fairness.favourable)


def _clearest_proxy(proxies: tuple[Proxies, ...]) -> Iterator[str]:
    if proxies:
        yield f"Proxies: {proxy_sentence(max(proxies, key=lambda proxy: proxy.together))}"


def _stability(stability: Stability) -> str:
    shifts = [stability.score, *stability.columns]
    most = max(shifts, key=lambda shift: shift.psi)
    moved = [shift for shift in shifts if shift.reading in ("watch", "shifted")]
    largest = f"the largest PSI is {most.psi:.3f} ({most.label})"
    if not moved:
        return f"No shift between training and test set: {largest}; from 0.1 on it would be worth watching."
    return f"{len(moved)} of {len(shifts)} distributions shifted between training and test set: {largest}."


def _directions(diagnostics: Diagnostics) -> Iterator[str]:
    directed = [curve for curve in diagnostics.effect_curves if curve.direction]
    if not directed:
        return
    broken = [curve.column for curve in directed if not curve.monotone]
    n_steps = sum(curve.n_steps or 0 for curve in directed)
    if broken:
        yield f"Directions of the table are violated by {_listed(broken)}."
    else:
        kept = "The one column" if len(directed) == 1 else f"All {len(directed)} columns"
        keep = "keeps" if len(directed) == 1 else "keep"
        yield f"{kept} with a direction in the table {keep} to it, in all {n_steps:,} steps of the check."


def _listed(names: tuple[str, ...] | list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
