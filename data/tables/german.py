"""Statlog (German Credit Data), Hans Hofmann, 1994: 1,000 loan applicants, 30 % of them bad."""

from __future__ import annotations

from typing import Any

import pandas as pd

from data.public_table import PublicTable
from data.splits import Split
from data.table import Column, Table

# UCI's codes: (what OpenML calls the level, what it means)
CODES = {
    "checking_status": {
        "A11": ("<0", "below 0 DM"),
        "A12": ("0<=X<200", "0 to below 200 DM"),
        "A13": (">=200", "200 DM or more, or salary paid into it for a year"),
        "A14": ("no checking", "no checking account"),
    },
    "credit_history": {
        "A30": ("no credits/all paid", "no credits taken, or all paid back duly"),
        "A31": ("all paid", "all credits at this bank paid back duly"),
        "A32": ("existing paid", "existing credits paid back duly till now"),
        "A33": ("delayed previously", "delay in paying off in the past"),
        "A34": ("critical/other existing credit", "critical account, or other credits elsewhere"),
    },
    "purpose": {
        "A40": ("new car", "new car"),
        "A41": ("used car", "used car"),
        "A42": ("furniture/equipment", "furniture or equipment"),
        "A43": ("radio/tv", "radio or television"),
        "A44": ("domestic appliance", "domestic appliances"),
        "A45": ("repairs", "repairs"),
        "A46": ("education", "education"),
        "A48": ("retraining", "retraining"),
        "A49": ("business", "business"),
        "A410": ("other", "others"),
    },
    "savings_status": {
        "A61": ("<100", "below 100 DM"),
        "A62": ("100<=X<500", "100 to below 500 DM"),
        "A63": ("500<=X<1000", "500 to below 1000 DM"),
        "A64": (">=1000", "1000 DM or more"),
        "A65": ("no known savings", "unknown, or none"),
    },
    "employment": {
        "A71": ("unemployed", "unemployed"),
        "A72": ("<1", "below 1 year"),
        "A73": ("1<=X<4", "1 to below 4 years"),
        "A74": ("4<=X<7", "4 to below 7 years"),
        "A75": (">=7", "7 years or more"),
    },
    "personal_status": {
        "A91": ("male div/sep", "man, divorced or separated"),
        "A92": ("female div/dep/mar", "woman, divorced, separated or married"),
        "A93": ("male single", "man, single"),
        "A94": ("male mar/wid", "man, married or widowed"),
    },
    "other_parties": {
        "A101": ("none", "none"),
        "A102": ("co applicant", "co-applicant"),
        "A103": ("guarantor", "guarantor"),
    },
    "property_magnitude": {
        "A121": ("real estate", "real estate"),
        "A122": ("life insurance", "building society savings or life insurance"),
        "A123": ("car", "car or other"),
        "A124": ("no known property", "unknown, or none"),
    },
    "other_payment_plans": {"A141": ("bank", "at a bank"), "A142": ("stores", "at stores"), "A143": ("none", "none")},
    "housing": {"A151": ("rent", "rented"), "A152": ("own", "own"), "A153": ("for free", "for free")},
    "job": {
        "A171": ("unemp/unskilled non res", "unemployed, or unskilled and not resident"),
        "A172": ("unskilled resident", "unskilled, resident"),
        "A173": ("skilled", "skilled employee or official"),
        "A174": ("high qualif/self emp/mgmt", "management, self-employed, highly qualified or officer"),
    },
    "own_telephone": {"A191": ("none", "no"), "A192": ("yes", "yes, under the applicant's name")},
    "foreign_worker": {"A202": ("no", "no"), "A201": ("yes", "yes")},
    "class": {"1": ("good", "good"), "2": ("bad", "bad")},
}


def _coded(name: str, description: str, **more: Any) -> Column:
    """A column of UCI's codes with their meanings."""
    meanings = {code: meaning for code, (_, meaning) in CODES[name].items()}
    return Column(
        name=name,
        description=description,
        **{"kind": "category", "levels": tuple(CODES[name]), "meanings": meanings, **more},
    )


def _from_openml(frame: pd.DataFrame) -> pd.DataFrame:
    """OpenML spells the levels out; put UCI's codes back."""
    codes = {name: {text: code for code, (text, _) in levels.items()} for name, levels in CODES.items()}
    frame = frame.assign(**{name: frame[name].astype(str).map(code_of) for name, code_of in codes.items()})
    return frame[TABLE.column_names].astype({"class": int})


TABLE = Table(
    name="german",
    description="Applicants for a consumer loan at a German bank around 1990; amounts in Deutsche Mark (DM).",
    columns=(
        _coded(
            "checking_status",
            "Balance of the checking account",
            reasons={
                "A14": "There is no checking account with the bank",
                "any": "The balance of the checking account is {value}",
            },
            example="A12",
        ),
        Column(
            name="duration",
            kind="number",
            unit="months",
            description="Months in which the loan is to be paid back",
            minimum=1,
            maximum=120,
            whole=True,
            actionable=True,
            reasons={
                "above": "The loan runs for {value}, longer than the usual {reference}",
                "below": "The loan runs for {value}, shorter than the usual {reference}",
            },
            example=24,
        ),
        _coded(
            "credit_history",
            "How earlier credits were paid back",
            reasons={
                "A33": "Payments on past credits were delayed",
                "A34": "There is a critical account, or there are other credits elsewhere",
                "any": "The history of earlier credits: {value}",
            },
            example="A32",
        ),
        _coded(
            "purpose", "What the loan is for", reasons={"any": "The loan is for this purpose: {value}"}, example="A43"
        ),
        Column(
            name="credit_amount",
            kind="number",
            unit="DM",
            description="Amount of the loan",
            minimum=1,
            maximum=100_000,
            whole=True,
            actionable=True,
            reasons={
                "above": "The amount of {value} is larger than the usual {reference}",
                "below": "The amount of {value} is smaller than the usual {reference}",
            },
            example=2320,
        ),
        _coded(
            "savings_status",
            "Savings account and bonds",
            reasons={"A65": "No savings are known", "any": "Savings are {value}"},
            example="A61",
        ),
        _coded(
            "employment",
            "Time with the present employer",
            reasons={"A71": "The applicant is unemployed", "any": "The time with the present employer is {value}"},
            example="A73",
        ),
        Column(
            name="installment_commitment",
            kind="number",
            description="Instalment as a share of the disposable income, in four classes as coded by the source",
            minimum=1,
            maximum=4,
            whole=True,
            reasons={
                "above": "The instalment takes a larger share of the income than usual (class {value} of 4)",
                "below": "The instalment takes a smaller share of the income than usual (class {value} of 4)",
            },
            example=3,
        ),
        _coded("personal_status", "Sex and marital status", protected=True, example="A93"),
        _coded(
            "other_parties",
            "Others who are liable for the loan",
            actionable=True,
            reasons={
                "A101": "Nobody else is liable for the loan",
                "A102": "There is a co-applicant",
                "A103": "There is a guarantor",
            },
            example="A101",
        ),
        Column(
            name="residence_since",
            kind="number",
            description="Time at the present address, in four classes from short to long",
            minimum=1,
            maximum=4,
            whole=True,
            reasons={
                "above": "The time at the present address is long (class {value} of 4)",
                "below": "The time at the present address is short (class {value} of 4)",
            },
            example=2,
        ),
        _coded(
            "property_magnitude",
            "Most valuable property",
            reasons={"A124": "No property is known", "any": "The most valuable property is this: {value}"},
            example="A123",
        ),
        Column(
            name="age",
            kind="number",
            unit="years",
            description="Age of the applicant",
            minimum=18,
            maximum=100,
            whole=True,
            protected=True,
            example=33,
        ),
        _coded(
            "other_payment_plans",
            "Other instalment plans",
            actionable=True,
            reasons={"A143": "There are no other instalment plans", "any": "There are other instalment plans {value}"},
            example="A143",
        ),
        _coded(
            "housing",
            "How the applicant lives",
            reasons={"A152": "The home is owned", "any": "The home is not owned: {value}"},
            example="A152",
        ),
        Column(
            name="existing_credits",
            kind="number",
            description="Credits at this bank, this one included",
            minimum=1,
            maximum=20,
            whole=True,
            reasons={
                "above": "There are {value} credits at this bank, more than the usual {reference}",
                "below": "There are {value} credits at this bank, fewer than the usual {reference}",
            },
            example=1,
        ),
        _coded("job", "Work and qualification", reasons={"any": "The work is this: {value}"}, example="A173"),
        Column(
            name="num_dependents",
            kind="number",
            description="Persons whom the applicant has to maintain; the source knows only 1 and 2",
            minimum=0,
            maximum=20,
            whole=True,
            reasons={
                "above": "There are {value} persons to maintain, more than the usual {reference}",
                "below": "There are {value} persons to maintain, fewer than the usual {reference}",
            },
            example=1,
        ),
        _coded(
            "own_telephone",
            "Registered telephone",
            kind="flag",
            reasons={"A191": "No telephone is registered", "A192": "A telephone is registered"},
            example="A191",
        ),
        _coded("foreign_worker", "Foreign worker", kind="flag", protected=True, example="A201"),
        _coded("class", "How the loan turned out", role="target", positive="2"),
    ),
)

PUBLIC = PublicTable(
    table=TABLE,
    domain="credit",
    file="credit/german_credit.parquet",
    digest="c62afe09cd778741c0cd8f06945c2ba7699f1a6eeea943ed4fcac2ec57345505",
    split=Split(kind="random"),
    openml_id=31,
    from_openml=_from_openml,
    note=(
        "1,000 rows: the 95 % interval of an AUC on 200 test rows is about +-0.07, so compare models by repeated "
        "cross-validation. 30 % are bad, more than among all applicants. UCI's cost matrix counts a bad loan that is "
        "called good five times. No time order. A14 and A65 (none or unknown) are informative."
    ),
)
