"""The types of encoded rows, and the batch size below which a loop is faster than numpy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias, cast

import numpy as np
import numpy.typing as npt

from models.encoding.number_lists import NumberLists
from models.nn.sparse_rows import SparseRows

Features: TypeAlias = npt.NDArray[np.float32]

EncodedRows: TypeAlias = Features | SparseRows | NumberLists
"""Rows of a table, of texts, or of series."""

FEW_ROWS = 5
"""Fewer rows are encoded one by one, which is faster than a numpy call per column."""


def joined(parts: Sequence[EncodedRows]) -> EncodedRows:
    """All rows of the parts, which are of one kind, in their order."""
    if isinstance(parts[0], SparseRows):
        return SparseRows.concatenated(cast("Sequence[SparseRows]", parts))
    if isinstance(parts[0], NumberLists):
        return NumberLists.of([one for part in cast("Sequence[NumberLists]", parts) for one in part.lists()])
    return np.concatenate(cast("Sequence[Features]", parts))
