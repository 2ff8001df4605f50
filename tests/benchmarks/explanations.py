"""Distance of contributions from exact Shapley values, and the cost of counterfactuals.

    BACKSCORE_DATA_HOME=DIR python tests/benchmarks/explanations.py [--tasks german,taiwan,simulated] [--rows 200]

Trains credit on each task's table and draws test rows. Those that are not approved are asked for counterfactuals: how
long that takes, how many ways are found, and whether each, scored anew, is approved. Then every row is explained twice:
with integrated gradients, as answers do, and with shap's exact explainer (extra `bench`), whose players are the columns
in which the row differs from the reference row (the typical accepted applicant): up to 2^20 answers a row. Says how
often both name the same first reason, how many of the first four reasons they share, how far shares are apart in
points, and by how much the shares miss the difference of the log-odds to the reference. Where shap is not installed,
there are counterfactuals alone. One BLAS thread.
"""

from __future__ import annotations

import os

os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"))

import argparse
import sys
import time
import warnings
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).parents[2]))

from data.checking import checked_frame
from data.splits import split_rows
from models.answers.reasons import refer_to_accepted
from models.answers.respond import respond
from models.arrays import Floats
from models.contract import LiveModel
from models.domains._discovery import load_domains
from models.domains.credit.counterfactuals import counterfactual_answers
from models.domains.credit.policy import CreditPolicy
from models.encoding import Features
from models.estimators.table_classifier import TableClassifier
from models.home import Home
from models.presets import PRESETS
from models.training.rows import rows_to_train_on

CREDIT = load_domains()["credit"]
N_FIRST = 4


def trained(task: str, preset: str, seed: int, data_home: Path | None) -> tuple[TableClassifier, pd.DataFrame]:
    """A credit model of the task, and its checked test rows."""
    named = None if task == "simulated" else task
    rows = rows_to_train_on(CREDIT, data=None, table=named, home=Home(Path("var")), data_home=data_home, seed=seed)
    table = CREDIT.restrict_inputs(rows.table)
    frame = checked_frame(table, rows.frame, rows.source, training=True)
    labels = table.labels(frame)
    sets = split_rows(rows.split, labels=labels, times=None, seed=seed)
    training, validation = (frame.iloc[of] for of in (sets.train, sets.validation))
    scorer = CREDIT.build(table, PRESETS[preset], seed)
    scorer.fit(training, labels[sets.train], validation=(validation, labels[sets.validation]))
    refer_to_accepted(CREDIT, scorer, CREDIT.policy(), training)
    return scorer, frame.iloc[sets.test]


def shapley_values(scorer: TableClassifier, x: Features) -> Floats:
    """Exact Shapley value of each column in the log-odds of the row above those of the reference row."""
    import shap

    owners, reference = scorer.encoder.owners_, scorer.reference
    players = np.unique(owners[x != reference])
    values = np.zeros(len(scorer.column_names))
    if not len(players):
        return values
    player_of_feature = np.full(len(x), len(players))
    of_players = np.isin(owners, players)
    player_of_feature[of_players] = np.searchsorted(players, owners[of_players])

    def answers(coalitions: Floats) -> Floats:
        taken = np.pad(coalitions, ((0, 0), (0, 1)))[:, player_of_feature] > 0
        return scorer.log_odds(np.where(taken, x, reference))

    nobody, everybody = np.zeros((1, len(players))), np.ones((1, len(players)))
    explainer = shap.explainers.Exact(answers, shap.maskers.Independent(nobody, max_samples=1))
    values[players] = explainer(everybody, max_evals=2 ** len(players), batch_size=4096, silent=True).values[0]
    return values


def measure_counterfactuals(task: str, scorer: TableClassifier, frame: pd.DataFrame) -> None:
    """Print the time of counterfactuals, and whether they are approved."""
    live = LiveModel(name=task, version=1, domain=CREDIT, scorer=scorer, policy=CREDIT.policy())
    inputs = frame[[column.name for column in live.table.inputs]].astype(object)
    records = inputs.where(inputs.notna(), None).to_dict("records")
    first: list[Any] = respond(live, records, [""] * len(records), reasons="none")
    adverse = [row for row, answer in zip(records, first, strict=True) if answer.decision != CREDIT.favourable]
    if not adverse:
        print(f"{task:>10}, every row is approved: no counterfactuals")
        return
    milliseconds, found, reached = [], [], []
    for row in adverse:
        started = time.perf_counter()
        answer = counterfactual_answers(live, row, "")
        milliseconds.append(1e3 * (time.perf_counter() - started))
        found.append(len(answer.counterfactuals))
        changed = [{**row, **{c.column: c.instead for c in way.changes}} for way in answer.counterfactuals]
        again: list[Any] = respond(live, changed, [""] * len(changed), reasons="none")
        reached += [answer.decision == CREDIT.favourable for answer in again]
    median, p95, most = np.quantile(milliseconds, [0.5, 0.95, 1])
    print(
        f"{task:>10}, {len(adverse)} rows not approved: counterfactuals median {median:.1f} ms, 95 % {p95:.1f}, most "
        f"{most:.1f}; rows with 0, 1, 2, 3 ways {np.bincount(found, minlength=4).tolist()}; "
        f"{sum(reached)} of {len(reached)} ways approved when scored anew",
        flush=True,
    )


def measure_shares(task: str, scorer: TableClassifier, X: Features) -> None:
    """Print the distance of contributions from exact values."""
    points = CreditPolicy().points_per_log_odds
    same_first, shared, apart, missed, seconds = [], [], [], [], 0.0
    for x in X:
        explained = scorer.explain(x)
        started = time.perf_counter()
        exact = shapley_values(scorer, x)
        seconds += time.perf_counter() - started
        same_first.append(exact.argmax() == explained.shares.argmax())
        first, exactly_first = (set(np.argsort(-shares)[:N_FIRST]) for shares in (explained.shares, exact))
        shared.append(len(first & exactly_first))
        apart.append(points * np.abs(explained.shares - exact).max())
        missed.append(abs(explained.shares.sum() - (explained.log_odds - explained.base)))
    print(
        f"{task:>10}, {len(X)} rows: same first reason {np.mean(same_first):.1%}, "
        f"{np.mean(shared):.2f} of the first {N_FIRST} shared, shares apart by at most {np.median(apart):.1f} points "
        f"in half of the rows and {np.max(apart):.1f} in all, sum missed by at most {max(missed):.1e}; "
        f"exact values took {seconds:.0f} s",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", default="german,taiwan,simulated")
    parser.add_argument("--preset", choices=PRESETS, default="balanced")
    parser.add_argument("--rows", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    warnings.filterwarnings("ignore")
    home = os.environ.get("BACKSCORE_DATA_HOME")
    for task in arguments.tasks.split(","):
        scorer, frame = trained(task, arguments.preset, arguments.seed, Path(home) if home else None)
        n_rows = min(arguments.rows, len(frame))
        chosen = frame.iloc[np.random.default_rng(arguments.seed).choice(len(frame), n_rows, replace=False)]
        measure_counterfactuals(task, scorer, chosen)
        if find_spec("shap"):
            measure_shares(task, scorer, scorer.encoder.transform(chosen))


if __name__ == "__main__":
    main()
