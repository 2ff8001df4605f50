"""Criteo Display Advertising Challenge, 2014: the first 10,000 impressions of its training file."""

from __future__ import annotations

from data.public_table import PublicTable
from data.splits import Split
from data.table import Column, Table

COUNTS = tuple(
    Column(
        name=f"I{number}",
        kind="number",
        part="context",
        description=f"Count {number} of features that the source keeps secret, most of them counts",
        minimum=-3 if number == 2 else 0,
        maximum=1e9,
        whole=True,
        optional=True,
        example=example,
    )
    for number, example in enumerate((1, 3, 7, 4, 2480, 40, 3, 7, 41, 0, 1, 0, 5), start=1)
)

# The most frequent value of each. Few levels: C5, C6, C8, C9, C14, C17, C20, C22, C23 and C25 have at most 93
MODES = (
    *("05db9164", "38a947a1", "d032c263", "d16679b9", "25c83c98", "7e0ccccf", "3f4ec687", "0b153874", "a73ee510"),
    *("3b08e48b", "c4adf918", "dfbb09fb", "85dbe138", "07d13a8f", "36721ddc", "84898b2a", "e5ba7672", "5aed7436"),
    *("21ddcdc9", "5840adea", "0014c32a", "ad3062eb", "32c7478e", "aee52b6f", "e8b83407", "49d68486"),
)
FEW_LEVELS = (5, 6, 8, 9, 14, 17, 20, 22, 23, 25)

HASHES = tuple(
    Column(
        name=f"C{number}",
        kind="category" if number in FEW_LEVELS else "key",
        part="context",
        description=f"Category {number} of features that the source keeps secret, as the hash of its level",
        optional=True,
        example=mode,
    )
    for number, mode in enumerate(MODES, start=1)
)

TABLE = Table(
    name="criteo_10k",
    description="Display ads that were shown, in time order, with counts and hashed categories of unknown meaning.",
    columns=(
        Column(name="label", kind="flag", role="target", description="The ad was clicked"),
        *COUNTS,
        *HASHES,
    ),
)

PUBLIC = PublicTable(
    table=TABLE,
    domain="ads",
    file="ads/criteo_10k.parquet",
    digest="b61c07f449a7aa29293059c96f03512bfa227a6349b3244cd9bc4a99f611e1b9",
    split=Split(kind="order"),
    note=(
        "The first 10,000 of 45.8 million rows: results do not compare with those on the whole. Rows are in time order "
        "without times, so the last fifth tests. Sixteen columns have hundreds to thousands of levels, and most test "
        "rows hold levels that training never saw. Nobody outside the source knows what the columns mean."
    ),
)
