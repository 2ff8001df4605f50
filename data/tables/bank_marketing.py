"""Bank Marketing (bank-full), S. Moro, P. Cortez and P. Rita, 2014: 45,211 calls offering a term deposit."""

from __future__ import annotations

import pandas as pd

from data.public_table import PublicTable
from data.splits import Split
from data.table import Column, Table

MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
JOBS = (
    *("admin.", "blue-collar", "entrepreneur", "housemaid", "management", "retired", "self-employed", "services"),
    *("student", "technician", "unemployed"),
)

TABLE = Table(
    name="bank_marketing",
    description="Clients of a Portuguese bank who were called about a term deposit, May 2008 to November 2010.",
    columns=(
        Column(
            name="age",
            kind="number",
            part="person",
            unit="years",
            description="Age of the client",
            minimum=18,
            maximum=100,
            whole=True,
            protected=True,
            example=39,
        ),
        Column(
            name="job",
            kind="category",
            part="person",
            description="Kind of work",
            levels=JOBS,
            missing=("unknown",),
            example="technician",
        ),
        Column(
            name="marital",
            kind="category",
            part="person",
            description="Marital status; divorced includes widowed",
            levels=("divorced", "married", "single"),
            protected=True,
            example="married",
        ),
        Column(
            name="education",
            kind="category",
            part="person",
            description="Highest school",
            levels=("primary", "secondary", "tertiary"),
            missing=("unknown",),
            example="secondary",
        ),
        Column(
            name="default",
            kind="flag",
            part="person",
            description="The client has a credit in default",
            levels=("no", "yes"),
            example="no",
        ),
        Column(
            name="balance",
            kind="number",
            part="person",
            unit="EUR",
            description="Average yearly balance of the account; below zero if overdrawn",
            minimum=-1_000_000,
            maximum=10_000_000,
            example=448,
        ),
        Column(
            name="housing",
            kind="flag",
            part="person",
            description="The client has a housing loan",
            levels=("no", "yes"),
            example="yes",
        ),
        Column(
            name="loan",
            kind="flag",
            part="person",
            description="The client has a personal loan",
            levels=("no", "yes"),
            example="no",
        ),
        Column(
            name="contact",
            kind="category",
            part="context",
            description="Kind of telephone of the last contact",
            levels=("cellular", "telephone"),
            missing=("unknown",),
            example="cellular",
        ),
        Column(
            name="day",
            kind="number",
            part="context",
            description="Day of the month of the last contact",
            minimum=1,
            maximum=31,
            whole=True,
            example=16,
        ),
        Column(
            name="month",
            kind="category",
            part="context",
            description="Month of the last contact; the year is not in the data",
            levels=MONTHS,
            example="may",
        ),
        Column(
            name="duration",
            kind="number",
            role="ignore",
            part="context",
            unit="seconds",
            description="Length of the last call. Known only after the call, so it leaks the target; never an input",
            minimum=0,
            whole=True,
            example=180,
        ),
        Column(
            name="campaign",
            kind="number",
            part="context",
            description="Contacts with the client in this campaign, this one included",
            minimum=1,
            maximum=1000,
            whole=True,
            example=2,
        ),
        Column(
            name="pdays",
            kind="number",
            part="context",
            unit="days",
            description="Days since the client was last contacted in an earlier campaign; -1 never",
            minimum=0,
            maximum=10_000,
            whole=True,
            missing=(-1,),
            example=182,
        ),
        Column(
            name="previous",
            kind="number",
            part="context",
            description="Contacts with the client before this campaign",
            minimum=0,
            maximum=1000,
            whole=True,
            example=1,
        ),
        Column(
            name="poutcome",
            kind="category",
            part="context",
            description="How the earlier campaign ended for the client; unknown also where there was none",
            levels=("failure", "other", "success"),
            missing=("unknown",),
            example="failure",
        ),
        Column(
            name="y",
            kind="flag",
            role="target",
            description="The client opened a term deposit",
            levels=("no", "yes"),
        ),
    ),
)


def _from_openml(frame: pd.DataFrame) -> pd.DataFrame:
    """OpenML calls the columns V1 ... V16 and Class, which is 1 for no and 2 for yes."""
    renamed = frame[[*(f"V{number}" for number in range(1, 17)), "Class"]].set_axis(TABLE.column_names, axis=1)
    return renamed.assign(y=renamed["y"].astype(str).map({"1": "no", "2": "yes"}))


PUBLIC = PublicTable(
    table=TABLE,
    domain="ads",
    file="ads/bank_marketing_full.parquet",
    digest="a186704f04cb24ffdf96609d4b6869d69aaad06d61f07b45df6d247341e3d33c",
    split=Split(kind="random"),
    openml_id=1461,
    from_openml=_from_openml,
    note=(
        "The duration of the call is not used: it is known only after the call and leaks the target, so results that "
        "include it (AUC 0.93) cannot be compared. The rows are in time order but have no year; a random split, as "
        "usual for this table, is easier than predicting the next months."
    ),
)
