"""How many test rows it takes to judge a version."""

from __future__ import annotations

from models.contract import Targets


def too_few_to_judge(labels: Targets, *, is_binary: bool, least: int) -> str:
    """Why test rows with these labels are too few, a clause; empty if they are not.

    Parameters
    ----------
    least : `Gates.min_events`.
    """
    if not is_binary:
        return "" if len(labels) >= 2 * least else f"has {len(labels):,} rows, at least {2 * least:,} are needed"
    counts = {"with": int(labels.sum()), "without": int(len(labels) - labels.sum())}
    few = [f"{n_rows:,} {which} the event" for which, n_rows in counts.items() if n_rows < least]
    return f"of {len(labels):,} rows has {' and '.join(few)}, at least {least:,} are needed to judge it" if few else ""
