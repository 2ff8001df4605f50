"""Simulated ad impressions: persons who were shown one ad each, and whether they clicked.

Model
-----
A person has a gender, an age, a place, a main interest that depends on age and gender, and a tendency to click ads. The
ad was chosen independently of the person, as in a randomised log, so a model can learn the effect of each kind of ad
on each kind of person. With age as `(age - 45) / 15`::

    logit P(clicked) = -4.25
        + 1.5 if main_interest equals ad_category                             match of person and ad
        + AD_CATEGORY_EFFECTS[ad_category]
        + 1.2 * log(1 + clicks_30d)                                           clickers click again
        + DEVICE_FORMAT_EFFECTS[device, ad_format]                            television shows video
        + PRICE_TIER_EFFECTS[ad_price_tier] - 0.2 * age                       cheap ads and the young: more clicks,
        + 0.5 * age if ad_price_tier is premium                               but premium ads suit the older
        + 0.4 * cos(2 pi (hour - 20) / 24)                                    evenings; minimum at 8 a.m.
        + REGION_EFFECTS[region]

Gender is not in the formula: it matters only through the interest. About 9 % click, and the true probability has an
AUC of about 0.81.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import expit

from data.arrays import Floats
from data.files.table_toml import read_table
from data.simulators import Simulation

CATEGORIES = ("sport", "fashion", "technology")
MATCH_EFFECT = 1.5
AD_CATEGORY_EFFECTS = {"sport": 0.3, "fashion": 0.0, "technology": -0.3}
DEVICE_SHARES = {"mobile": 0.55, "desktop": 0.25, "television": 0.2}
FORMATS = ("banner", "native", "video")
DEVICE_FORMAT_EFFECTS = {
    "mobile": {"banner": -0.2, "native": 0.5, "video": 0.0},
    "desktop": {"banner": -0.2, "native": 0.3, "video": 0.0},
    "television": {"banner": -0.9, "native": -0.9, "video": 0.5},
}
PRICE_TIER_EFFECTS = {"budget": 0.3, "middle": 0.0, "premium": -0.4}
REGION_SHARES = {"city": 0.4, "suburb": 0.35, "country": 0.25}
REGION_EFFECTS = {"city": 0.1, "suburb": 0.0, "country": -0.1}

# Shares of the hours of the day: quiet nights, a rise until the evening.
HOUR_WEIGHTS = np.array([3, 2, 1, 1, 1, 2, 4, 6, 7, 7, 7, 8, 9, 8, 8, 8, 9, 10, 11, 12, 12, 11, 8, 5], np.float64)


TABLE = read_table(Path(__file__).with_suffix(".toml"))


def simulate(n_rows: int, seed: int) -> Simulation:
    """Draw impressions and clicks; equal seeds give equal rows."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(_persons(n_rows, rng) | _moments_and_ads(n_rows, rng))
    probability = true_probability(frame)
    frame["clicked"] = rng.random(n_rows) < probability
    return Simulation(frame=frame[TABLE.column_names], probability=probability)


def true_probability(frame: pd.DataFrame) -> Floats:
    """P(clicked | row), shape (n_rows,): the formula at the head of this file."""
    fits_device = np.array([[DEVICE_FORMAT_EFFECTS[device][form] for form in FORMATS] for device in DEVICE_SHARES])
    devices = pd.Categorical(frame["device"], categories=list(DEVICE_SHARES)).codes
    formats = pd.Categorical(frame["ad_format"], categories=FORMATS).codes
    age = (frame["age"] - 45) / 15
    logit = (
        -4.25
        + frame["ad_category"].map(AD_CATEGORY_EFFECTS).to_numpy(float)
        + MATCH_EFFECT * (frame["main_interest"] == frame["ad_category"])
        + 1.2 * np.log1p(frame["clicks_30d"])
        + fits_device[devices, formats]
        + frame["ad_price_tier"].map(PRICE_TIER_EFFECTS).to_numpy(float)
        + age * (0.5 * (frame["ad_price_tier"] == "premium") - 0.2)
        + 0.4 * np.cos(2 * np.pi * (frame["hour"] - 20) / 24)
        + frame["region"].map(REGION_EFFECTS).to_numpy(float)
    )
    return np.asarray(expit(logit), np.float64)


def _persons(n_rows: int, rng: np.random.Generator) -> dict[str, Any]:
    age = np.clip(14 + rng.gamma(2.5, 11, n_rows), 14, 90).astype(int)
    gender = rng.choice(["female", "male", "diverse"], n_rows, p=[0.5, 0.49, 0.01])
    woman, older = gender == "female", (age - 40) / 15
    leanings = {
        "sport": -0.3 * older,
        "fashion": 0.7 * woman - 0.2 * older,
        "technology": 0.3 - 0.5 * woman - 0.1 * older,
    }
    # Gumbel-max: the argmax of logits + Gumbel noise has the distribution of their softmax.
    wishes = np.column_stack([leanings[category] + rng.gumbel(size=n_rows) for category in CATEGORIES])
    region = rng.choice(list(REGION_SHARES), n_rows, p=list(REGION_SHARES.values()))
    interest = np.array(CATEGORIES)[wishes.argmax(axis=1)]
    clicks = rng.poisson(rng.gamma(0.8, 2, n_rows))
    return {"age": age, "gender": gender, "region": region, "main_interest": interest, "clicks_30d": clicks}


def _moments_and_ads(n_rows: int, rng: np.random.Generator) -> dict[str, Any]:
    return {
        "device": rng.choice(list(DEVICE_SHARES), n_rows, p=list(DEVICE_SHARES.values())),
        "hour": rng.choice(24, n_rows, p=HOUR_WEIGHTS / HOUR_WEIGHTS.sum()),
        "ad_category": rng.choice(CATEGORIES, n_rows),
        "ad_price_tier": rng.choice(list(PRICE_TIER_EFFECTS), n_rows),
        "ad_format": rng.choice(FORMATS, n_rows),
    }
