"""Simulated card transactions of 60 days, some of them fraud.

Model
-----
Customers and terminals lie on a map of 300 x 300 km; a fifth of the terminals are online shops without a location.
Visits come first, independent of fraud: a customer goes to one of the eight nearest terminals, sometimes far away or
online, mostly once, sometimes several times within minutes. The information before a visit is its context::

    mean_amount_30d_eur, terminal_confirmed_frauds_28d    as of the midnight before; a fraud is confirmed after 7 days
    transactions_24h, seconds_since_previous              at the time of the visit
    merchant_category, online or not, distance_km         of the terminal

The context determines the prior of each kind of fraud; a missing distance counts as 0, a missing previous transaction
as infinitely long ago::

    P(stolen card)          = 0.0009 * (1 + 9 * sigmoid((distance_km - 60) / 10))
    P(compromised terminal) = 0.0004 + 0.0095 * min(terminal_confirmed_frauds_28d, 6)               not online
    P(taken-over account)   = 0.0001 * (1 + 30 * (1 - exp(-transactions_24h / 2))) * (3 if online)
                                     * (1 + 3 * exp(-seconds_since_previous / 900))

The kind then determines the rest of the row, by the densities in KINDS: the amount is log-normal around what this
customer usually pays in such a shop, `country_mismatch` and contactless or chip are drawn with the kind's shares. By
Bayes' rule the probability of each kind given the row is prior times densities, divided by their sum over the kinds.
The label is drawn from exactly that posterior, computed from the rounded values of the row. So the true probability
depends on no hidden state, such as a customer's true habit or a terminal's true state.

Frauds of any kind are later confirmed at their terminal and raise its prior, so a compromised terminal persists for
weeks. Seventy days before the first row are simulated as well, and left out. About 1 % of the rows are fraud, and
the true probability has an AUC of about 0.96.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import expit

from data.arrays import Floats, Integers
from data.files.table_toml import read_table
from data.simulators import Simulation
from data.simulators._visits import CATEGORIES, DAY, N_DAYS_BEFORE, draw_visits

FIRST_DAY = np.datetime64("2024-03-01T00:00:00")
LABEL_DELAY_DAYS, CONFIRMED_DAYS, HABIT_DAYS = 7, 28, 30
TYPICAL_AMOUNT_EUR = 45.0

CATEGORY_FACTORS = dict(zip(CATEGORIES, (0.7, 1.0, 0.8, 1.2, 1.8, 2.0), strict=True))


@dataclass(frozen=True, kw_only=True)
class Kind:
    """Densities of the visible features of one kind of transaction."""

    name: str
    log_amount_shift: float
    log_amount_deviation: float
    country_mismatch: float
    contactless: float


KINDS = (
    Kind(name="none", log_amount_shift=-0.15, log_amount_deviation=0.55, country_mismatch=0.02, contactless=0.5),
    Kind(name="stolen_card", log_amount_shift=1.6, log_amount_deviation=0.5, country_mismatch=0.3, contactless=0.7),
    Kind(name="terminal", log_amount_shift=0.6, log_amount_deviation=0.5, country_mismatch=0.2, contactless=0.2),
    Kind(name="takeover", log_amount_shift=1.3, log_amount_deviation=0.6, country_mismatch=0.3, contactless=0.4),
)

TABLE = read_table(Path(__file__).with_suffix(".toml"))


def simulate(n_rows: int, seed: int) -> Simulation:
    """Draw transactions in time order; equal seeds give equal rows.

    There is one customer for 60 rows and one terminal for 120, so that every table spans about 60 days.
    """
    rng = np.random.default_rng(seed)
    visits = draw_visits(n_rows, rng)
    columns, probability = _transactions(visits, rng)
    shown = slice(len(probability) - n_rows, None)
    frame = pd.DataFrame({name: values[shown] for name, values in columns.items()})
    frame["transaction_id"] = np.arange(1, n_rows + 1)
    return Simulation(frame=frame[[column.name for column in TABLE.file_columns]], probability=probability[shown])


def true_probability(frame: pd.DataFrame) -> Floats:
    """P(fraud | row), shape (n_rows,): from which `simulate` draws the label, here from the finished columns alone."""
    rows: dict[str, Any] = {str(name): values.to_numpy() for name, values in frame.items()}
    rows["online"], rows["contactless"] = rows["channel"] == "online", rows["channel"] == "contactless"
    rows["category"] = pd.Categorical(frame["merchant_category"], categories=CATEGORIES).codes
    return _fraud_share(_posterior(_priors(rows), rows))


def _transactions(visits: dict[str, Any], rng: np.random.Generator) -> tuple[dict[str, Any], Floats]:
    """Simulate day by day: each day's context depends on the days before it."""
    last_day = visits["seconds"][-1] // DAY
    n_customers, n_terminals = visits["customer"].max() + 1, visits["terminal"].max() + 1
    paid, paid_count = np.zeros((2, last_day + 1, n_customers))
    frauds = np.zeros((last_day + 1, n_terminals), np.int64)
    # Pseudo-history: each customer starts with five payments around a personal mean.
    habit = TYPICAL_AMOUNT_EUR * np.exp(rng.normal(0, 0.4, n_customers))
    paid[0], paid_count[0] = 5 * habit, 5

    parts: list[dict[str, Any]] = []
    day_starts = np.searchsorted(visits["seconds"], DAY * np.arange(last_day + 2))
    for day in range(last_day + 1):
        rows = {name: values[day_starts[day] : day_starts[day + 1]] for name, values in visits.items()}
        habit_days = slice(max(0, day - HABIT_DAYS), day) if day else slice(0, 1)
        known_until = max(0, day - LABEL_DELAY_DAYS)
        known_days = slice(max(0, known_until - CONFIRMED_DAYS), known_until)
        counts = paid_count[habit_days].sum(axis=0)
        means = np.divide(paid[habit_days].sum(axis=0), counts, out=np.full(n_customers, np.nan), where=counts > 0)
        rows["mean_amount_30d_eur"] = np.maximum(means[rows["customer"]].round(2), 0.01)
        rows["terminal_confirmed_frauds_28d"] = frauds[known_days].sum(axis=0)[rows["terminal"]]
        rows |= _outcomes(rows, rng)
        np.add.at(paid[day], rows["customer"], rows["amount_eur"])
        np.add.at(paid_count[day], rows["customer"], 1)
        np.add.at(frauds[day], rows["terminal"], rows["kind"] > 0)
        parts.append(rows)
    return _as_columns({name: np.concatenate([part[name] for part in parts]) for name in parts[0]})


def _outcomes(rows: dict[str, Any], rng: np.random.Generator) -> dict[str, Any]:
    """Features by kind, then the label from the exact posterior of the rounded row."""
    priors = _priors(rows)
    hidden = _draw(priors, rng)
    shift, deviation, mismatch, contactless = (
        np.array([getattr(kind, name) for kind in KINDS])[hidden]
        for name in ("log_amount_shift", "log_amount_deviation", "country_mismatch", "contactless")
    )
    log_amount = _log_usual_amount(rows) + shift + deviation * rng.normal(size=len(hidden))
    drawn = {
        "amount_eur": np.clip(np.exp(log_amount).round(2), 0.5, 50_000),
        "country_mismatch": rng.random(len(hidden)) < mismatch,
        "contactless": ~rows["online"] & (rng.random(len(hidden)) < contactless),
    }
    posterior = _posterior(priors, rows | drawn)
    return drawn | {"kind": _draw(posterior, rng), "probability": _fraud_share(posterior)}


def _priors(rows: dict[str, Any]) -> Floats:
    """P(kind | context), shape (n_rows, n_kinds): the formulas at the head of this file."""
    online = rows["online"]
    distance = np.nan_to_num(rows["distance_km"])
    pause = np.where(np.isnan(rows["seconds_since_previous"]), np.inf, rows["seconds_since_previous"])
    stolen = 0.0009 * (1 + 9 * expit((distance - 60) / 10))
    terminal = np.where(online, 0.0, 0.0004 + 0.0095 * np.minimum(rows["terminal_confirmed_frauds_28d"], 6))
    velocity = 1 + 30 * (1 - np.exp(-rows["transactions_24h"] / 2))
    takeover = 0.0001 * velocity * np.where(online, 3, 1) * (1 + 3 * np.exp(-pause / 900))
    return np.column_stack([1 - stolen - terminal - takeover, stolen, terminal, takeover])


def _posterior(priors: Floats, rows: dict[str, Any]) -> Floats:
    """P(kind | context and features), shape (n_rows, n_kinds), by Bayes' rule."""
    surprise = np.log(rows["amount_eur"]) - _log_usual_amount(rows)
    weights = np.empty_like(priors)
    for number, kind in enumerate(KINDS):
        scaled = (surprise - kind.log_amount_shift) / kind.log_amount_deviation
        amount = np.exp(-0.5 * scaled**2) / kind.log_amount_deviation
        mismatch = np.where(rows["country_mismatch"], kind.country_mismatch, 1 - kind.country_mismatch)
        on_site = np.where(rows["contactless"], kind.contactless, 1 - kind.contactless)
        weights[:, number] = priors[:, number] * amount * mismatch * np.where(rows["online"], 1.0, on_site)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True), np.float64)


def _fraud_share(posterior: Floats) -> Floats:
    return np.asarray(posterior[:, 1:].sum(axis=1), np.float64)


def _log_usual_amount(rows: dict[str, Any]) -> Floats:
    """Log of the customer's usual amount in such a shop, shrunk a little towards the overall mean."""
    habit = np.where(np.isnan(rows["mean_amount_30d_eur"]), TYPICAL_AMOUNT_EUR, rows["mean_amount_30d_eur"])
    factors = np.array(list(CATEGORY_FACTORS.values()))[rows["category"]]
    return np.asarray(np.log(factors) + 0.8 * np.log(habit) + 0.2 * np.log(TYPICAL_AMOUNT_EUR), np.float64)


def _draw(shares: Floats, rng: np.random.Generator) -> Integers:
    """One column number for each row, drawn with the row's own probabilities."""
    return np.asarray((rng.random((len(shares), 1)) > shares.cumsum(axis=1)[:, :-1]).sum(axis=1), np.int64)


def _as_columns(rows: dict[str, Any]) -> tuple[dict[str, Any], Floats]:
    kind = rows["kind"]
    columns = {
        "time": FIRST_DAY + (rows["seconds"] - DAY * N_DAYS_BEFORE).astype("timedelta64[s]"),
        "customer_id": np.char.add("C", np.char.zfill(rows["customer"].astype(str), 5)),
        "terminal_id": np.char.add("T", np.char.zfill(rows["terminal"].astype(str), 4)),
        "merchant_category": np.array(CATEGORIES)[rows["category"]],
        "channel": np.select([rows["online"], rows["contactless"]], ["online", "contactless"], "chip"),
        "fraud": kind > 0,
        "fraud_kind": np.array([each.name for each in KINDS])[kind],
    }
    same_names = ("amount_eur", "distance_km", "country_mismatch", "seconds_since_previous", "transactions_24h")
    histories = ("mean_amount_30d_eur", "terminal_confirmed_frauds_28d")
    return columns | {name: rows[name] for name in same_names + histories}, rows["probability"]
