"""Conversion of public tables from their form on OpenML to that of their files."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd

from data.table import Table

GERMAN_LEVELS = {
    "checking_status": {
        "<0": "A11",
        "0<=X<200": "A12",
        ">=200": "A13",
        "no checking": "A14",
    },
    "credit_history": {
        "no credits/all paid": "A30",
        "all paid": "A31",
        "existing paid": "A32",
        "delayed previously": "A33",
        "critical/other existing credit": "A34",
    },
    "purpose": {
        "new car": "A40",
        "used car": "A41",
        "furniture/equipment": "A42",
        "radio/tv": "A43",
        "domestic appliance": "A44",
        "repairs": "A45",
        "education": "A46",
        "retraining": "A48",
        "business": "A49",
        "other": "A410",
    },
    "savings_status": {
        "<100": "A61",
        "100<=X<500": "A62",
        "500<=X<1000": "A63",
        ">=1000": "A64",
        "no known savings": "A65",
    },
    "employment": {
        "unemployed": "A71",
        "<1": "A72",
        "1<=X<4": "A73",
        "4<=X<7": "A74",
        ">=7": "A75",
    },
    "personal_status": {
        "male div/sep": "A91",
        "female div/dep/mar": "A92",
        "male single": "A93",
        "male mar/wid": "A94",
    },
    "other_parties": {
        "none": "A101",
        "co applicant": "A102",
        "guarantor": "A103",
    },
    "property_magnitude": {
        "real estate": "A121",
        "life insurance": "A122",
        "car": "A123",
        "no known property": "A124",
    },
    "other_payment_plans": {
        "bank": "A141",
        "stores": "A142",
        "none": "A143",
    },
    "housing": {
        "rent": "A151",
        "own": "A152",
        "for free": "A153",
    },
    "job": {
        "unemp/unskilled non res": "A171",
        "unskilled resident": "A172",
        "skilled": "A173",
        "high qualif/self emp/mgmt": "A174",
    },
    "own_telephone": {
        "none": "A191",
        "yes": "A192",
    },
    "foreign_worker": {
        "no": "A202",
        "yes": "A201",
    },
    "class": {
        "good": "1",
        "bad": "2",
    },
}
"""UCI's codes by column and OpenML's level text."""


def german(table: Table, frame: pd.DataFrame) -> pd.DataFrame:
    """German credit with UCI's codes, which OpenML spells out."""
    frame = frame.assign(**{name: frame[name].astype(str).map(codes) for name, codes in GERMAN_LEVELS.items()})
    return frame[table.column_names].astype({"class": int})


def taiwan(table: Table, frame: pd.DataFrame) -> pd.DataFrame:
    """OpenML calls the columns x1 ... x23 and y, and leaves the row number out."""
    names = [f"x{number}" for number in range(1, 24)] + ["y"]
    renamed = frame[names].set_axis(table.column_names[1:], axis=1).astype(float)
    renamed.insert(0, "ID", range(1, len(frame) + 1))
    return renamed


def bank_marketing(table: Table, frame: pd.DataFrame) -> pd.DataFrame:
    """OpenML calls the columns V1 ... V16 and Class, which is 1 for no and 2 for yes."""
    renamed = frame[[*(f"V{number}" for number in range(1, 17)), "Class"]].set_axis(table.column_names, axis=1)
    return renamed.assign(y=renamed["y"].astype(str).map({"1": "no", "2": "yes"}))


FROM_OPENML: dict[str, Callable[[Table, pd.DataFrame], pd.DataFrame]] = {
    "german": german,
    "taiwan": taiwan,
    "bank_marketing": bank_marketing,
}
