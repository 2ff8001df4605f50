"""Drift findings in words."""

from __future__ import annotations

from collections.abc import Sequence

from data.column import Column
from data.sentences import spoken, without_unit
from models.monitoring.drift.results import Before, Bin, ColumnDrift, NotCompared, State

WORTH_TELLING = 0.01
"""Smaller changes of a share are not mentioned."""
MAX_NAMED = 5


def too_few_sentence(label: str, n_reference: int, n_recent: int, least_rows: int) -> str:
    """The sentence for too few rows."""
    n_rows, whose = (n_reference, "training rows") if n_reference < least_rows else (n_recent, "recent rows")
    return f"{label}: {n_rows:,} {whose} are too few to compare; at least {least_rows:,} are needed"


def drift_sentence(
    column: Column,
    label: str,
    state: State,
    *,
    bins: Sequence[Bin],
    missing: Before,
    unseen: float | None,
    median: Before | None,
) -> str:
    """The finding for a column in a sentence."""
    if state == "ok":
        return f"{label}: no drift"
    told = [_of_number(column, median) if median is not None else _of_levels(bins)]
    if abs((missing.recent or 0) - (missing.reference or 0)) >= WORTH_TELLING:
        told.append(f"missing {_percent(missing.reference)} -> {_percent(missing.recent)}")
    if unseen is not None and unseen >= WORTH_TELLING:
        told.append(f"{_percent(unseen)} unseen categories")
    return f"{label}: {'; '.join(filter(None, told))}"


def monitor_sentence(state: State, found: Sequence[ColumnDrift], not_compared: Sequence[NotCompared]) -> str:
    """The finding for all columns in a sentence.

    Parameters
    ----------
    found : of the score and all columns.
    """
    if state == "too_few":
        return found[0].sentence
    compared = [one for one in found if one.state != "too_few"]
    told = f"{len(compared):,} of {len(found) + len(not_compared):,} columns (including the score) compared"
    for wanted, words in (("alarm", "drift"), ("watch", "moderate drift")):
        named = [one.column or "the score" for one in found if one.state == wanted]
        if named:
            more = f" and {len(named) - MAX_NAMED:,} more" if len(named) > MAX_NAMED else ""
            told += f"; {words}: {', '.join(named[:MAX_NAMED])}{more}"
    return told if state != "ok" else f"{told}; no drift"


def _of_number(column: Column, median: Before) -> str:
    before, now = median.reference, median.recent
    if before is None or now is None:
        return ""
    if before == now:
        return f"distribution changed, median {spoken(column, now)}"
    moved = "higher" if now > before else "lower"
    return f"{moved}, median {without_unit(column, before)} -> {spoken(column, now)}"


def _of_levels(bins: Sequence[Bin]) -> str:
    """The two levels whose shares have changed most."""
    n_before, n_now = sum(one.n_reference for one in bins), sum(one.n_recent for one in bins)
    shares = [
        (one.name, one.n_reference / n_before, one.n_recent / n_now) for one in bins[:-1]
    ]  # without the last one, missing values
    changed = [one for one in shares if abs(one[2] - one[1]) >= WORTH_TELLING]
    changed.sort(key=lambda one: -abs(one[2] - one[1]))
    return ", ".join(f"{name} {_percent(before)} -> {_percent(now)}" for name, before, now in changed[:2])


def _percent(share: float | None) -> str:
    return "unknown" if share is None else f"{100 * share:.3g} %"
