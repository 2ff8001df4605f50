"""Rows of a kind that training hardly had: values beyond its range, levels it never saw, missing values.

Bins of equal counts hide them: a hundredth of rows in another unit changes the PSI by little. Each kind is tested by
itself, one-sided and exactly, and matters from a stated share on.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from data.column import Column
from data.sentences import spoken
from models.arrays import Floats, Mask
from models.evaluation.bins import is_missing
from models.monitoring.drift.distributions import TAIL_SHARE, ColumnReference, LevelReference, NumberReference
from models.monitoring.drift.entities import Groups, design_effect
from models.monitoring.drift.results import Before, Outside
from models.monitoring.drift.significance import exceedance_p_value

OUTSIDE_WATCH_FROM, OUTSIDE_ALARM_FROM = 0.005, 0.05
"""Share of recent rows from which it matters: five rows in a thousand, and half of a decile."""
OUTSIDE_LEAST_RATIO = 5.0
"""Least multiple of the share in training: from 0.1 % to 0.5 %."""
MAX_LEVELS_NAMED = 3
MAX_LEVEL_CHARACTERS = 40


@dataclass(frozen=True)
class _Limit:
    """A limit of a number. n_beyond : training rows beyond it."""

    kind: Literal["above", "below"]
    value: float
    is_extreme: bool
    n_beyond: int

    def beyond(self, x: Floats) -> Mask:
        """Which values are beyond it."""
        if self.kind == "above":
            return x > self.value
        return x < self.value if self.is_extreme else x <= self.value


@dataclass(frozen=True)
class _Sample:
    """Recent rows, and what training had of their kind: n_reference rows, n_beyond of them of the kind."""

    is_outside: Mask
    entities: Sequence[Groups]
    n_reference: int
    n_beyond: int
    effect_reference: float  # by which the variance of the share in training exceeds that of independent rows

    def p_value(self) -> float:
        n = len(self.is_outside)
        effect = design_effect(self.is_outside.astype(np.intp), self.entities).value if self.is_outside.any() else 1.0
        k, n, r, m = (
            round(one / by)
            for one, by in (
                (int(self.is_outside.sum()), effect),
                (n, effect),
                (self.n_beyond, self.effect_reference),
                (self.n_reference, self.effect_reference),
            )
        )
        return exceedance_p_value(k, n, r, m)

    def found(self, kind: Literal["above", "below", "unseen", "missing"], **more: Any) -> Outside:
        share = Before(reference=self.n_beyond / self.n_reference, recent=float(self.is_outside.mean()))
        return Outside(kind=kind, share=share, p=self.p_value(), **more)


def outside_of(
    column: Column,
    reference: ColumnReference,
    recent: pd.Series[Any],
    entities: Sequence[Groups],
    *,
    least_rows: int,
) -> tuple[Outside, ...]:
    """All tests of a column; their number depends on the reference alone.

    Parameters
    ----------
    recent : values from a checked frame, n_rows of them. entities : groups of these rows.
    least_rows : numbers that both sides need for a test of their limits.
    """
    missing = is_missing(column, recent)
    effect = reference.design_effect
    found = [_Sample(missing, entities, reference.n_rows, reference.n_missing, effect).found("missing")]
    if isinstance(reference, NumberReference):
        if min(reference.n_present, int((~missing).sum())) >= least_rows:
            x, of_present = recent[~missing].to_numpy(np.float64), [groups[~missing] for groups in entities]
            found += [_beyond(one, x, of_present, reference) for one in _limits(reference)]
    elif not reference.n_other:  # else unlisted levels may be among those
        found.append(_unseen(column, reference, recent.mask(missing), entities))
    return tuple(found)


def outside_concluded(one: Outside, p: float, least_p: float) -> Outside:
    """The conclusion from a test, whose p-value corrected for the others of its column is `p`; see `Outside.state`."""
    before, now = one.share.reference or 0.0, one.share.recent or 0.0
    significant, state = p <= least_p, "ok"
    if significant and now >= max(OUTSIDE_WATCH_FROM, OUTSIDE_LEAST_RATIO * before):
        state = "alarm" if now >= OUTSIDE_ALARM_FROM else "watch"
    return one.model_copy(update={"significant": significant, "state": state})


def _limits(reference: NumberReference) -> Iterator[_Limit]:
    values, at_most, n = reference.values, np.array(reference.at_most), reference.n_present
    yield _Limit("above", values[-1], True, 0)
    high = int(np.searchsorted(n - at_most <= TAIL_SHARE * n, True))
    if high < len(values) - 1:
        yield _Limit("above", values[high], False, n - int(at_most[high]))
    yield _Limit("below", values[0], True, 0)
    n_low = int(np.sum(at_most <= TAIL_SHARE * n))
    if n_low:
        yield _Limit("below", values[n_low - 1], False, int(at_most[n_low - 1]))


def _beyond(limit: _Limit, x: Floats, entities: Sequence[Groups], reference: NumberReference) -> Outside:
    is_outside = limit.beyond(x)
    sample = _Sample(is_outside, entities, reference.n_present, limit.n_beyond, reference.tail_effect)
    typical = float(np.quantile(x[is_outside], 0.5, method="inverted_cdf")) if is_outside.any() else None
    return sample.found(limit.kind, limit=limit.value, is_extreme=limit.is_extreme, typical=typical)


def _unseen(column: Column, reference: LevelReference, recent: pd.Series[Any], entities: Sequence[Groups]) -> Outside:
    """Rows with new levels, against those training rows whose level no other one has.

    Their share estimates that of levels still unseen (Good 1953): each would have been new to the others.
    """
    is_outside = (recent.notna() & ~recent.isin(list(reference.levels))).to_numpy()
    effect = reference.design_effect * reference.unseen_spread
    sample = _Sample(is_outside, entities, reference.n_rows, reference.n_unrepeated, effect)
    counts = recent[is_outside].value_counts()
    often = sorted(counts.items(), key=lambda one: (-one[1], str(one[0])))[:MAX_LEVELS_NAMED]
    return sample.found("unseen", levels=tuple(spoken(column, name)[:MAX_LEVEL_CHARACTERS] for name, _ in often))
