"""MineThatData E-Mail Analytics Challenge, K. Hillstrom, 2008: 64,000 customers in a randomised e-mail experiment."""

from __future__ import annotations

from data.public_table import PublicTable
from data.splits import Split
from data.table import Column, Table

HISTORY_SEGMENTS = (
    *("1) $0 - $100", "2) $100 - $200", "3) $200 - $350", "4) $350 - $500"),
    *("5) $500 - $750", "6) $750 - $1,000", "7) $1,000 +"),
)

TABLE = Table(
    name="hillstrom",
    description="Customers of a clothing shop who were sent one of two e-mails or none, chosen at random.",
    columns=(
        Column(
            name="recency",
            kind="number",
            part="person",
            unit="months",
            description="Months since the last purchase; all in the experiment had bought within 12",
            minimum=0,
            maximum=120,
            whole=True,
            example=6,
        ),
        Column(
            name="history_segment",
            kind="category",
            part="person",
            description="Money spent in the past year, in classes",
            levels=HISTORY_SEGMENTS,
            example="2) $100 - $200",
        ),
        Column(
            name="history",
            kind="number",
            part="person",
            unit="USD",
            description="Money spent in the past year",
            minimum=0,
            maximum=100_000,
            example=160.0,
        ),
        Column(
            name="mens",
            kind="flag",
            part="person",
            description="Bought men's merchandise in the past year",
            example=True,
        ),
        Column(
            name="womens",
            kind="flag",
            part="person",
            description="Bought women's merchandise in the past year",
            example=False,
        ),
        Column(
            name="zip_code",
            kind="category",
            part="person",
            description="Kind of place the customer lives in; Surburban is spelled so in the source",
            levels=("Rural", "Surburban", "Urban"),
            example="Surburban",
        ),
        Column(
            name="newbie",
            kind="flag",
            part="person",
            description="Became a customer within the past year",
            example=False,
        ),
        Column(
            name="channel",
            kind="category",
            part="person",
            description="Ways in which the customer bought in the past year",
            levels=("Multichannel", "Phone", "Web"),
            example="Web",
        ),
        Column(
            name="segment",
            kind="category",
            part="ad",
            description="The e-mail that was sent: for men's or for women's merchandise, or none",
            levels=("Mens E-Mail", "No E-Mail", "Womens E-Mail"),
            example="Mens E-Mail",
        ),
        Column(
            name="visit",
            kind="flag",
            role="target",
            description="Visited the web site within two weeks",
        ),
        Column(
            name="conversion",
            kind="flag",
            role="ignore",
            description="Bought within two weeks: another outcome, known only afterwards, never an input",
        ),
        Column(
            name="spend",
            kind="number",
            role="ignore",
            unit="USD",
            description="Money spent within two weeks: another outcome, known only afterwards, never an input",
            minimum=0,
        ),
    ),
)

PUBLIC = PublicTable(
    table=TABLE,
    domain="ads",
    file="ads/hillstrom_email.parquet",
    digest="654b31acb90c02a17858831bab94ce771f06781b086b7942857129f4841ceb02",
    split=Split(kind="random"),
    note=(
        "A randomised experiment: each customer got one of the three segments by chance, so what an e-mail changes can "
        "be measured (visits 18.3 % with Mens, 15.1 % with Womens, 10.6 % without). conversion and spend are outcomes "
        "like visit and are not used. 6,562 rows repeat, as there are few distinct profiles; no time order."
    ),
)
