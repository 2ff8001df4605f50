"""Names of arrays by their role."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy.typing as npt

from data.arrays import Floats, Integers, Mask

__all__ = ["Floats", "Labels", "Mask", "Scores"]

Labels: TypeAlias = Integers
"""0 and 1 for each row."""

Scores: TypeAlias = Mapping[str, npt.NDArray[Any]]
"""Everything that one pass of a model says of some rows, by name; each array has a first axis of n_rows."""
