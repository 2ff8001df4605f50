"""Reasons: which columns are named, and which never are."""

from __future__ import annotations

import numpy as np

from data.rows import row_adapter
from models.answers.reasons import strongest_reasons
from models.domains._discovery import load_domains
from tests.conftest import quick_live


def test_a_date_is_never_a_reason():
    """However much the hour adds to the score, "2024-07-01, typically 2023-06-25" tells nobody anything."""
    live = quick_live(load_domains()["fraud"])
    columns = live.classifier.columns
    assert "time" in [column.kind for column in columns]
    row = {
        **row_adapter(live.table).validate_python(live.table.example()),
        **dict.fromkeys((column.name for column in live.table.windows), 1.0),
    }
    x = live.scorer.encoder.encode_rows([row])[0]
    shares = np.array([9.0 if column.kind == "time" else 1 / (i + 1) for i, column in enumerate(columns)])

    found = strongest_reasons(live, row, x, shares)

    expected = [column.name for column in columns if column.kind != "time"][:4]
    assert [reason.column for reason in found] == expected
