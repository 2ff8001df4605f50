"""Outcomes written into the target's column are read back as the same labels."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from data.checking import checked_frame
from data.column import Column
from data.table import Table
from models.records.events.history import spelled_outcomes


@pytest.mark.parametrize(
    "target",
    [
        {"kind": "flag"},
        {"kind": "flag", "positive": "0"},
        {"kind": "flag", "positive": "true"},
        {"kind": "flag", "levels": ("no", "yes")},
        {"kind": "category", "levels": ("good", "bad"), "positive": "good"},
        {"kind": "category", "levels": ("a", "b", "c"), "positive": "a"},
        {"kind": "category", "positive": "bad"},
        {"kind": "number", "positive": 3},
        {"kind": "number", "positive": 0, "minimum": 0, "maximum": 9, "whole": True},
    ],
)
def test_rows_keep_their_labels(target):
    """Whatever the target's kind, and whichever of its values is the event."""
    table = Table(name="t", columns=(Column(name="x", kind="number"), Column(name="y", role="target", **target)))
    known = np.array([0, 1, 1, 0, 1])
    frame = pd.DataFrame({"x": range(5), "y": np.array(spelled_outcomes(table), object)[known]})

    assert table.labels(checked_frame(table, frame, "rows", training=True)).tolist() == known.tolist()
