"""Default of Credit Card Clients, I-C. Yeh and C-h. Lien, 2009: 30,000 card holders in Taiwan, 22 % default."""

from __future__ import annotations

import pandas as pd

from data.public_table import PublicTable
from data.splits import Split
from data.table import Column, Table

MONTHS = ("September", "August", "July", "June", "May", "April")
STATUS_NAMES = ("PAY_0", "PAY_2", "PAY_3", "PAY_4", "PAY_5", "PAY_6")  # the source has no PAY_1
EXAMPLE_STATUS = (0, 0, 2, 0, 0, 0)
EXAMPLE_BILLS = (48_200, 47_100, 45_900, 43_300, 41_500, 40_200)
EXAMPLE_PAYMENTS = (2100, 2000, 1900, 1500, 1600, 1500)

STATUSES = tuple(
    Column(
        name=name,
        kind="number",
        unit="months",
        description=f"Repayment status in {month} 2005: months late, 9 for nine or more; 0 and -2 are not documented",
        meanings={"-2": "card not used", "-1": "paid duly", "0": "paid in part (revolving credit)"},
        minimum=-2,
        maximum=9,
        whole=True,
        direction=+1,
        # Of these codes 0 (revolving) defaults less often than -1 (paid duly): 13 against 17 % for PAY_0. Ordering them
        # as well costs 0.0014 of AUC; the months alone, after all codes, cost nothing (tests/benchmarks/monotone.py)
        ordered_above=0,
        actionable=name == STATUS_NAMES[0],  # what is overdue can be paid; the others are history
        reasons={
            "-2": f"The card was not used in {month}",
            "-1": f"The bill of {month} was paid in full, so that no credit was in use",
            "0": f"The bill of {month} was paid only in part (revolving credit)",
            "1": f"Payments were late by one month in {month}",
            "any": f"Payments were late by {{value}} or more in {month}",
        },
        example=example,
    )
    for name, month, example in zip(STATUS_NAMES, MONTHS, EXAMPLE_STATUS, strict=True)
)
BILLS = tuple(
    Column(
        name=f"BILL_AMT{number}",
        kind="number",
        unit="TWD",
        description=f"Amount of the bill of {month} 2005; below zero if the client had paid too much",
        minimum=-1_000_000,
        maximum=10_000_000,
        reasons={
            "above": f"The bill of {month}, {{value}}, is higher than the usual {{reference}}",
            "below": f"The bill of {month}, {{value}}, is lower than the usual {{reference}}",
        },
        example=example,
    )
    for number, month, example in zip(range(1, 7), MONTHS, EXAMPLE_BILLS, strict=True)
)
PAYMENTS = tuple(
    Column(
        name=f"PAY_AMT{number}",
        kind="number",
        unit="TWD",
        description=f"Amount that the client paid in {month} 2005",
        minimum=0,
        maximum=10_000_000,
        actionable=number == 1,
        reasons={
            "0": f"Nothing was paid in {month}",
            "above": f"The payment of {{value}} in {month} is larger than the usual {{reference}}",
            "below": f"The payment of {{value}} in {month} is smaller than the usual {{reference}}",
        },
        example=example,
    )
    for number, month, example in zip(range(1, 7), MONTHS, EXAMPLE_PAYMENTS, strict=True)
)

TABLE = Table(
    name="taiwan",
    description="Credit card clients of a bank in Taiwan, April to September 2005; amounts in Taiwan dollars (TWD).",
    columns=(
        Column(
            name="ID", kind="key", role="ignore", description="Row number, says nothing about the client", example=1
        ),
        Column(
            name="LIMIT_BAL",
            kind="number",
            unit="TWD",
            description="Credit limit of the client and, in it, of the family",
            minimum=0,
            maximum=10_000_000,
            reasons={
                "above": "The credit limit of {value} is higher than the usual {reference}",
                "below": "The credit limit of {value} is lower than the usual {reference}",
            },
            example=140_000,
        ),
        Column(
            name="SEX",
            kind="category",
            description="Sex of the client",
            levels=("1", "2"),
            meanings={"1": "male", "2": "female"},
            protected=True,
            example="2",
        ),
        Column(
            name="EDUCATION",
            kind="category",
            description="Highest school; 0, 5 and 6 are not documented",
            levels=("0", "1", "2", "3", "4", "5", "6"),
            meanings={"1": "graduate school", "2": "university", "3": "high school", "4": "others"},
            reasons={"any": "The highest school is this: {value}"},
            example="2",
        ),
        Column(
            name="MARRIAGE",
            kind="category",
            description="Marital status; 0 is not documented",
            levels=("0", "1", "2", "3"),
            meanings={"1": "married", "2": "single", "3": "others"},
            protected=True,
            example="1",
        ),
        Column(
            name="AGE",
            kind="number",
            unit="years",
            description="Age of the client",
            minimum=18,
            maximum=100,
            whole=True,
            protected=True,
            example=34,
        ),
        *STATUSES,
        *BILLS,
        *PAYMENTS,
        Column(
            name="default.payment.next.month",
            kind="flag",
            role="target",
            description="The client did not pay in October 2005",
        ),
    ),
)


def _from_openml(frame: pd.DataFrame) -> pd.DataFrame:
    """OpenML calls the columns x1 ... x23 and y, and leaves the row number out."""
    names = [f"x{number}" for number in range(1, 24)] + ["y"]
    renamed = frame[names].set_axis(TABLE.column_names[1:], axis=1).astype(float)
    renamed.insert(0, "ID", range(1, len(frame) + 1))
    return renamed


PUBLIC = PublicTable(
    table=TABLE,
    domain="credit",
    file="credit/taiwan_default.parquet",
    digest="0b4cd32c48b613e8793e69edd8653474fa470d033e0b5d648e708000a5f32021",
    split=Split(kind="random"),
    openml_id=42477,
    from_openml=_from_openml,
    note=(
        "One cross-section: the months are columns (number 1, and PAY_0, the latest), so there is no time order across "
        "rows. 35 rows repeat but for their ID and may be on both sides of a random split. Some codes of EDUCATION, "
        "MARRIAGE and PAY_* are not documented."
    ),
)
