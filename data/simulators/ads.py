"""Persons who were shown one advertisement each, and whether they clicked.

How a row comes about
---------------------
A person has a gender, an age, a place, a main interest that leans with age and gender, and a habit of clicking ads or
not. The ad was chosen without regard to the person, as in a randomised log, so a model can learn what each kind of ad
does to each kind of person. With age as `(age - 45) / 15`::

    logit P(clicked) = -4.25
        + 1.5 if main_interest equals ad_category                             the match of person and ad
        + AD_CATEGORY_EFFECTS[ad_category]
        + 1.2 * log(1 + clicks_30d)                                           who clicks, clicks again
        + DEVICE_FORMAT_EFFECTS[device, ad_format]                            television is for video
        + PRICE_TIER_EFFECTS[ad_price_tier] - 0.2 * age                       the cheap and the young click more,
        + 0.5 * age if ad_price_tier is premium                               but premium ads are for the older
        + 0.4 * cos(2 pi (hour - 20) / 24)                                    evenings, least at eight in the morning
        + REGION_EFFECTS[region]

Gender is not in the formula: it matters only through the interest. About 9 % click, and the true probability has an
AUC of about 0.81.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import expit

from data.simulators import Simulation
from data.table import Column, Table

Floats = npt.NDArray[np.float64]

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

# How often each hour of the day occurs: quiet nights, a rise until the evening.
HOUR_WEIGHTS = np.array([3, 2, 1, 1, 1, 2, 4, 6, 7, 7, 7, 8, 9, 8, 8, 8, 9, 10, 11, 12, 12, 11, 8, 5], np.float64)


TABLE = Table(
    name="ads_simulated",
    description="Simulated impressions: one person, one moment, one advertisement shown at random.",
    columns=(
        Column(
            name="age",
            kind="number",
            part="person",
            unit="years",
            description="Age of the person",
            minimum=13,
            maximum=100,
            whole=True,
            protected=True,
            example=37,
        ),
        Column(
            name="gender",
            kind="category",
            part="person",
            description="Gender as the person states it",
            levels=("female", "male", "diverse"),
            protected=True,
            example="female",
        ),
        Column(
            name="region",
            kind="category",
            part="person",
            description="Kind of place the person lives in",
            levels=tuple(REGION_EFFECTS),
            example="suburb",
        ),
        Column(
            name="main_interest",
            kind="category",
            part="person",
            description="What the person reads and searches about most",
            levels=CATEGORIES,
            example="sport",
        ),
        Column(
            name="clicks_30d",
            kind="number",
            part="person",
            description="Ads of any kind that the person clicked on in the last 30 days",
            minimum=0,
            maximum=1000,
            whole=True,
            direction=+1,
            example=2,
        ),
        Column(
            name="device",
            kind="category",
            part="context",
            description="What the ad is shown on",
            levels=tuple(DEVICE_SHARES),
            example="mobile",
        ),
        Column(
            name="hour",
            kind="number",
            part="context",
            unit="hour of the day",
            description="Local hour in which the ad is shown, 0 is the hour after midnight",
            minimum=0,
            maximum=23,
            whole=True,
            example=20,
        ),
        Column(
            name="ad_category",
            kind="category",
            part="ad",
            description="What the ad is about",
            levels=CATEGORIES,
            example="sport",
        ),
        Column(
            name="ad_price_tier",
            kind="category",
            part="ad",
            description="Price level of what is advertised",
            levels=tuple(PRICE_TIER_EFFECTS),
            example="middle",
        ),
        Column(
            name="ad_format",
            kind="category",
            part="ad",
            description="Form of the ad: banner, native (looks like the page around it) or video",
            levels=FORMATS,
            example="native",
        ),
        Column(
            name="clicked",
            kind="flag",
            role="target",
            description="The person clicked on the ad",
        ),
    ),
)


def simulate(n_rows: int, seed: int) -> Simulation:
    """Draw impressions and clicks; the same seed gives the same rows."""
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
    # The greatest of leaning + Gumbel noise picks a level with the shares of a softmax of the leanings.
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
