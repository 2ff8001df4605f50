"""Drift findings in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from data.column import Column
from data.sentences import spoken, without_unit
from models.monitoring.drift.results import Before, Bin, ColumnDrift, NotCompared, Outside, State

WORTH_TELLING = 0.01
"""Smaller changes of a share are not mentioned."""
MAX_NAMED = 5


def too_few_sentence(label: str, n_reference: int, n_recent: int, least_rows: int) -> str:
    """The sentence for too few rows."""
    n_rows, whose = (n_reference, "training rows") if n_reference < least_rows else (n_recent, "recent rows")
    return f"{label}: {n_rows:,} {whose} are too few to compare; at least {least_rows:,} are needed"


def too_alike_sentence(
    label: str, reference: tuple[int, float], recent: tuple[int, float], *, least_independent: int
) -> str:
    """The sentence for enough rows that are of too few entities: numbers of rows, each with their design effect."""
    sides = {"training rows": reference, "recent rows": recent}
    whose, (n_rows, effect) = min(sides.items(), key=lambda side: side[1][0] / side[1][1])
    return (
        f"{label}: {n_rows:,} {whose} of few entities are worth {n_rows / effect:,.0f} independent ones, too few to "
        f"compare; at least {least_independent:,} are needed"
    )


def drift_sentence(
    column: Column,
    label: str,
    state: State,
    *,
    bins: Sequence[Bin],
    missing: Before,
    outside: Sequence[Outside],
    median: Before | None,
    has_moved: bool = True,
) -> str:
    """The finding for a column in a sentence.

    Parameters
    ----------
    has_moved : the distribution has, not only some rows in `outside`.
    """
    if state == "ok":
        return f"{label}: no drift"
    found = {one.kind: one for one in reversed(outside) if _is_told(one)}  # the first of a kind is at the extreme
    told = [_beyond(column, found[kind]) for kind in ("above", "below") if kind in found]
    whole = _of_levels(bins) if median is None else _of_number(column, median, has_moved=has_moved)
    told.insert(0 if has_moved else len(told), whole)
    if "missing" in found or abs((missing.recent or 0) - (missing.reference or 0)) >= WORTH_TELLING:
        told.append(f"missing {_percent(missing.reference)} -> {_percent(missing.recent)}")
    if "unseen" in found:
        told.append(_unseen(found["unseen"]))
    return f"{label}: {'; '.join(filter(None, told))}"


def _is_told(one: Outside) -> bool:
    """Whether a column that has drifted is said to have such rows, too."""
    is_seen = one.kind == "unseen" and (one.share.recent or 0) >= WORTH_TELLING
    return one.state != "ok" or is_seen or (one.is_extreme and one.significant)


def _beyond(column: Column, one: Outside) -> str:
    """Values beyond a limit: how many, the limit, and how large they are."""
    extreme = "highest" if one.kind == "above" else "lowest"
    whose = "training" if column.name else "the test set"
    than = one.kind if one.is_extreme or one.kind == "above" else "at or below"
    before = f"the {extreme} in {whose}" if one.is_extreme else f"{_percent(one.share.reference)} in {whose}"
    limit, typical = _amount(_plain(column), one.limit), _amount(column, one.typical)
    return f"{_percent(one.share.recent)} of values {than} {limit} ({before}), typically {typical}"


def _plain(column: Column) -> Column:
    """The column without its unit, which the sentence names once; shares keep their percent sign."""
    return column if column.unit == "share" else replace(column, unit="")


def _amount(column: Column, value: float | None) -> str:
    """A number in digits, which may be far out."""
    far = value is not None and 1e6 <= abs(value) < 1e15
    return spoken(column, int(float(f"{value:.6g}")) if far else value)


def _unseen(one: Outside) -> str:
    """Levels that training never saw: how many rows, the most frequent ones, and how many were to be expected."""
    expected = f"; expected {_percent(one.share.reference)}" if one.share.reference else ""
    return f"{_percent(one.share.recent)} unseen categories ({', '.join(one.levels)}{expected})"


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


def _of_number(column: Column, median: Before, *, has_moved: bool) -> str:
    before, now = median.reference, median.recent
    if before is None or now is None:
        return ""
    if not has_moved:
        return f"median {spoken(column, now)}"
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
