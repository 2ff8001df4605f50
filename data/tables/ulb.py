"""Credit Card Fraud Detection, Worldline and ULB, 2015: all 492 frauds of two days, and 5,000 genuine transactions."""

from __future__ import annotations

from data.public_table import PublicTable
from data.splits import Split
from data.table import Column, Table

COMPONENTS = tuple(
    Column(
        name=f"V{number}",
        kind="number",
        description=f"Principal component {number} of features that the source keeps secret; 0 is the mean",
        minimum=-1000,
        maximum=1000,
        example=0.0,
    )
    for number in range(1, 29)
)

TABLE = Table(
    name="ulb",
    description="European card transactions of two days of September 2013, with their genuine rows thinned out.",
    columns=(
        Column(
            name="Time",
            kind="number",
            role="ignore",
            unit="seconds",
            description="Seconds since the first transaction; the two days are too short to learn from the time",
            minimum=0,
            whole=True,
            example=84_692,
        ),
        *COMPONENTS,
        Column(
            name="Amount",
            kind="number",
            unit="EUR",
            description="Amount of the transaction",
            minimum=0,
            maximum=1_000_000,
            amount=True,
            example=35.0,
        ),
        Column(
            name="Class",
            kind="flag",
            role="target",
            description="The transaction is fraud",
        ),
    ),
)

PUBLIC = PublicTable(
    table=TABLE,
    domain="fraud",
    file="fraud/ulb_creditcard_sample.parquet",
    digest="5975397e071702dcbed9720f58dbd8d9fca16cad4b9e76f023f210bfeb8a04ed",
    split=Split(kind="random"),
    note=(
        "Enriched: all 492 frauds but only 5,000 of 284,315 genuine transactions, so 8.96 % are fraud here and 0.17 % "
        "in truth. Probabilities, precision, average precision and alert counts do not carry over (ROC AUC does); a "
        "weight of 56.863 for each genuine row estimates them. 19 rows repeat."
    ),
)
