"""Visits of card holders to shops: customers, places and times, before amounts and fraud are drawn."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.neighbors import NearestNeighbors

from data.arrays import Floats, Integers

N_DAYS, N_DAYS_BEFORE = 60, 70
DAY = 86_400
MAP_KM = 300.0

CATEGORIES = ("groceries", "fuel", "restaurant", "clothing", "electronics", "travel")
SHARES_ON_SITE = (0.36, 0.16, 0.22, 0.14, 0.07, 0.05)
SHARES_ONLINE = (0.08, 0.0, 0.07, 0.35, 0.3, 0.2)


def draw_visits(n_rows: int, rng: np.random.Generator) -> dict[str, Any]:
    """Draw visits in time order, including the days before the first row; one array for each property."""
    n_customers, n_terminals = max(20, n_rows // 60), max(20, n_rows // 120)
    seconds, customer = _moments(n_rows * (N_DAYS + N_DAYS_BEFORE) // N_DAYS, n_customers, rng)
    n_visits = len(seconds)

    n_online = n_terminals // 5
    homes, places = rng.uniform(0, MAP_KM, (n_customers, 2)), rng.uniform(0, MAP_KM, (n_terminals - n_online, 2))
    nearest = NearestNeighbors(n_neighbors=8).fit(places).kneighbors(homes, return_distance=False)
    usual = nearest[customer, rng.integers(0, 8, n_visits)]
    anywhere = rng.integers(0, len(places), n_visits)
    shop = rng.integers(len(places), n_terminals, n_visits)
    terminal = np.select([(draw := rng.random(n_visits)) < 0.2, draw < 0.28], [shop, anywhere], usual)
    online = terminal >= len(places)
    way = homes[customer] - places[np.where(online, 0, terminal)]

    on_site = rng.choice(len(CATEGORIES), n_terminals, p=SHARES_ON_SITE)
    in_shops = rng.choice(len(CATEGORIES), n_terminals, p=SHARES_ONLINE)
    since_previous, within_24h = _velocity(customer, seconds)
    return {
        "seconds": seconds,
        "customer": customer,
        "terminal": terminal,
        "online": online,
        "category": np.where(np.arange(n_terminals) >= len(places), in_shops, on_site)[terminal],
        "distance_km": np.where(online, np.nan, np.hypot(way[:, 0], way[:, 1]).round(1)),
        "seconds_since_previous": since_previous,
        "transactions_24h": within_24h,
    }


def _moments(n_visits: int, n_customers: int, rng: np.random.Generator) -> tuple[Integers, Integers]:
    """Time in seconds and customer of each visit, in time order: outings with one visit, or several within minutes."""
    length = np.where(rng.random(n_visits) < 0.06, 1 + rng.geometric(0.3, n_visits), 1)
    outing = np.repeat(np.arange(n_visits), length)[:n_visits]
    activity = rng.gamma(4, size=n_customers)
    customer = rng.choice(n_customers, n_visits, p=activity / activity.sum())[outing]

    day = rng.integers(0, N_DAYS + N_DAYS_BEFORE, n_visits)
    hour = np.clip(rng.normal(14.5, 4.5, n_visits), 0, 23.99)
    pause = np.where(np.diff(outing, prepend=-1) == 0, rng.exponential(700, n_visits), 0.0)
    passed = np.cumsum(pause)
    since_start = passed - passed[np.searchsorted(outing, outing)]
    seconds = (DAY * day[outing] + 3600 * hour[outing] + since_start).astype(np.int64)
    order = np.argsort(seconds, kind="stable")
    return seconds[order], customer[order]


def _velocity(customer: Integers, seconds: Integers) -> tuple[Floats, Integers]:
    """Seconds since each customer's previous visit (NaN for the first), and visits in the 24 hours before."""
    order = np.lexsort((seconds, customer))
    # One ascending number line for all customers, with gaps between them, so that one search serves all.
    line = customer[order] * (seconds.max() + 2 * DAY) + seconds[order]
    since, within = np.empty(len(line)), np.empty(len(line), np.int64)
    since[order] = np.where(np.diff(customer[order], prepend=-1) == 0, np.diff(line, prepend=0), np.nan)
    within[order] = np.arange(len(line)) - np.searchsorted(line, line - DAY, side="right")
    return since, within
