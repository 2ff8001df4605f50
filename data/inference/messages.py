"""Messages: the one column of free text of a file whose target says what each is about."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from data.column import Column
from data.inference.column_facts import ColumnFacts

MAX_OTHERS = 3
"""More inputs beside a text make it a remark on a row, not a message."""
MIN_SHARE_DISTINCT = 0.5
MIN_WORDS = 2
MAX_SHARE_OF_LEVELS = 0.1
"""Levels as a share of the rows; what messages are about repeats."""


def message_column(facts: Sequence[ColumnFacts], target: ColumnFacts) -> ColumnFacts | None:
    """The column of the messages; None unless the file has just one that is mostly different in every row.

    A target of two values is an event, whose models read numbers and levels.
    """
    others = [seen for seen in facts if seen is not target and seen.n_distinct > 1]
    texts = [seen for seen in others if _holds_messages(seen)]
    repeats = 2 < target.n_distinct <= MAX_SHARE_OF_LEVELS * target.n_rows
    if len(texts) != 1 or len(others) - 1 > MAX_OTHERS or not repeats or target.is_number or target.is_time:
        return None
    return texts[0]


def described_message(seen: ColumnFacts) -> Column:
    """The description of the messages."""
    example = str(seen.present.loc[seen.typical_row])
    description = "Text, such as " + repr(example if len(example) <= 40 else example[:40] + "...")
    return Column(name=seen.name, kind="text", description=description, example=example)


def _holds_messages(seen: ColumnFacts) -> bool:
    if seen.is_number or not seen.is_text or seen.is_time or seen.share_distinct < MIN_SHARE_DISTINCT:
        return False
    return bool(np.median([len(text.split()) for text in seen.counts.index[:1000]]) > MIN_WORDS)
