"""Detection of cells that a spreadsheet program would run as formulas.

Opening a CSV in a spreadsheet runs every cell that begins like a formula (CSV injection). The written files are data
for programs, so cells are never changed: a leading quote would be another value. They are counted instead, and the user
is advised to import the file as text.
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

_FIRST = pa.array(["=", "+", "-", "@", "\t", "\r"])
_NUMBER = r"^[+-]?[0-9.,]+([eE][+-]?[0-9]+)?$"


def n_formulas(rows: pa.Table) -> int:
    """The number of texts, including column names, that begin like a formula and are not numbers."""
    return sum(map(_in_texts, [pa.array(rows.column_names, pa.string()), *rows.columns]))


def _in_texts(values: pa.Array | pa.ChunkedArray) -> int:
    if not (pa.types.is_string(values.type) or pa.types.is_large_string(values.type)):
        return 0
    suspects = values.filter(pc.is_in(pc.utf8_slice_codeunits(values, 0, 1), _FIRST))
    if len(suspects) == 0:
        return 0
    return len(suspects) - int(pc.sum(pc.match_substring_regex(suspects, _NUMBER)).as_py())
