"""Simulated card transactions of the fraud detection handbook by Le Borgne and others, 2022: 90 days of 2018."""

from __future__ import annotations

from data.entity_windows import EntityWording, entity_windows
from data.public_table import PublicTable
from data.splits import Split
from data.table import Column, Table

# Chosen on weeks before the last ones. What a card is used to pay tells the third kind of fraud, in which amounts are
# five times as high for 14 days. Labels come late and a terminal stays compromised for 28 days: only risks of several
# lengths tell whether it has begun and has not ended. Counts of the terminal's transactions, and days alone, only blur.
CARD_WINDOWS = entity_windows(
    "CUSTOMER_ID",
    EntityWording(entity="card", rows="transactions", of={}),
    dict.fromkeys(("count", "mean", "max", "z_score"), (7, 30)),
    amount="TX_AMOUNT",
)
TERMINAL_WINDOWS = entity_windows(
    "TERMINAL_ID",
    EntityWording(entity="terminal", rows="transactions", of={}),
    {"risk": (1, 3, 7, 14, 21, 28)},
    amount="TX_AMOUNT",
)

TABLE = Table(
    name="handbook",
    description="Simulated card transactions, 3 May to 31 July 2018, in time order; amounts without a currency.",
    columns=(
        Column(
            name="TRANSACTION_ID",
            kind="key",
            role="event",
            description="Running number of the transaction, rises with time",
            example=738_435,
        ),
        Column(
            name="TX_DATETIME",
            kind="time",
            role="time",
            description="When the card was used",
            example="2018-06-17T10:14:00",
        ),
        Column(name="CUSTOMER_ID", kind="key", role="entity", description="Whose card it is", example=2468),
        Column(name="TERMINAL_ID", kind="key", role="entity", description="Where it was used", example=4937),
        Column(
            name="TX_AMOUNT",
            kind="number",
            description="Amount of the transaction",
            minimum=0,
            maximum=100_000,
            amount=True,
            example=45.0,
        ),
        Column(
            name="TX_TIME_SECONDS",
            kind="number",
            role="ignore",
            unit="seconds",
            description="Seconds since 1 April 2018; the same as TX_DATETIME",
            minimum=0,
            whole=True,
            example=6_689_640,
        ),
        Column(
            name="TX_TIME_DAYS",
            kind="number",
            role="ignore",
            unit="days",
            description="Days since 1 April 2018; the same as TX_DATETIME",
            minimum=0,
            whole=True,
            example=77,
        ),
        Column(
            name="TX_FRAUD",
            kind="flag",
            role="target",
            description="The transaction is fraud",
        ),
        Column(
            name="TX_FRAUD_SCENARIO",
            kind="category",
            role="ignore",
            description=(
                "Which rule made it fraud: 0 none, 1 amount above 220, 2 compromised terminal for 28 days, "
                "3 compromised customer for 14 days. Part of the label, never an input"
            ),
            levels=("0", "1", "2", "3"),
        ),
        *CARD_WINDOWS,
        *TERMINAL_WINDOWS,
    ),
)

PUBLIC = PublicTable(
    table=TABLE,
    domain="fraud",
    file="fraud/handbook_simulated_90d.parquet",
    digest="54b8d09f04c3c1d3f470d48f661956ac945e2403d75518705ed735882669301d",
    split=Split(kind="time", label_delay_days=7),
    note=(
        "Simulated, not real. The raw columns hold little signal beyond amounts above 220: two of the three kinds of "
        "fraud show only in the history of card and terminal, which the windows tell, with labels that are known after "
        "7 days. TX_FRAUD_SCENARIO is part of the label and is not used."
    ),
)
