"""Verdicts of the promotion test where outcomes come late, or of some rows alone.

    python tests/benchmarks/statistics_rollout.py [--trials 100] [--rows 4000] [--small]

Each trial is a rollout of 200 days with a look every 40 days until day 400. Both versions blur the true log-odds by
noise of equal size, so that any verdict is false, or the challenger also shifts them. Outcomes come

* at once;
* late if good: defaults within 60 days, "paid back" after 180;
* of rows that were approved alone, by the champion or, of a canary, by the version that answered; late if good.

Exit code 1 if a setting has more than 5 % false verdicts, or if a clearly better challenger is found in less than half
of the trials. One to two minutes.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from scipy.special import expit

sys.path.insert(0, str(Path(__file__).parents[2]))

from models.arrays import Floats
from models.monitoring.promotion.sequential_test import PromotionTest, judge_canary, judge_shadow
from models.tasks.binary import binary

TASK = binary("p")
DAYS, LAST_LOOK, EVERY = 200, 400, 40
CANARY_SHARE, APPROVE_BELOW = 0.3, 0.15


@dataclass(frozen=True)
class Trial:
    """Rows in the order of their predictions: both probabilities, what happens, and the days of asking and telling."""

    champion: Floats
    challenger: Floats
    happens: Floats
    asked: Floats
    told: Floats
    by_challenger: np.ndarray

    def known(self, day: float, *, of: np.ndarray) -> Floats:
        """The outcomes at a day, NaN where unknown."""
        return np.where((self.told <= day) & of, self.happens, np.nan)


def trial(seed: int, n_rows: int, *, late: bool, blurs: tuple[float, float] = (0.3, 0.3), shift: float = 0.0) -> Trial:
    rng = np.random.default_rng(seed)
    odds = rng.normal(-2, 1, n_rows)
    happens = (rng.random(n_rows) < expit(odds)).astype(float)
    asked = np.sort(rng.uniform(0, DAYS, n_rows))
    delay = np.where(happens == 1, rng.uniform(0, 60, n_rows), rng.uniform(180, 190, n_rows)) if late else 0.0
    return Trial(
        champion=expit(odds + rng.normal(0, blurs[0], n_rows)),
        challenger=expit(odds + rng.normal(0, blurs[1], n_rows) + shift),
        happens=happens,
        asked=asked,
        told=asked + delay,
        by_challenger=rng.random(n_rows) < CANARY_SHARE,
    )


def shadow(rows: Trial, day: float, *, approved_alone: bool) -> PromotionTest:
    """As `models.monitoring.promotion.comparison` compares: rows that both approve, if the domain approves."""
    theirs, ours = rows.champion < APPROVE_BELOW, rows.challenger < APPROVE_BELOW
    compared = (rows.asked <= day) & (theirs & ours if approved_alone else True)
    known = rows.known(day, of=theirs if approved_alone else np.ones(len(theirs), bool))
    return judge_shadow(rows.champion[compared], rows.challenger[compared], known[compared], task=TASK)


def canary(rows: Trial, day: float, *, approved_alone: bool) -> PromotionTest:
    sent = np.where(rows.by_challenger, rows.challenger, rows.champion)
    asked = rows.asked <= day
    known = rows.known(day, of=sent < APPROVE_BELOW if approved_alone else np.ones(len(sent), bool))
    return judge_canary(sent[asked], rows.by_challenger[asked], known[asked], share=CANARY_SHARE, task=TASK)


def verdicts(judge: Callable[[Trial, float], PromotionTest], rows: Trial) -> set[str]:
    """The verdicts of all looks."""
    return {judge(rows, day).verdict for day in range(EVERY, LAST_LOOK + 1, EVERY)} - {"undecided"}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=100)
    parser.add_argument("--rows", type=int, default=4_000)
    parser.add_argument("--small", action="store_true", help="few trials, in seconds")
    options = parser.parse_args()
    n_trials, n_rows = (5, 2_000) if options.small else (options.trials, options.rows)
    failed = False
    for judge in (shadow, canary):
        for name, late, alone in (
            ("outcomes at once", False, False),
            ("late good outcomes", True, False),
            ("of the approved alone, late if good", True, True),
        ):
            looked = partial(judge, approved_alone=alone)
            equal = [verdicts(looked, trial(seed, n_rows, late=late)) for seed in range(n_trials)]
            # Too many defaults predicted: the early outcomes alone would make it look better
            worse = [verdicts(looked, trial(seed, n_rows, late=late, shift=0.7)) for seed in range(n_trials)]
            n_false, n_wrong = sum(map(bool, equal)), sum("better" in found for found in worse)
            n_found = sum(found == {"worse"} for found in worse)
            failed |= max(n_false, n_wrong) > 0.05 * n_trials
            print(
                f"{judge.__name__}, {name}: {n_false} of {n_trials} verdicts on equal versions; a version that "
                f"predicts too many defaults is called better {n_wrong} times, worse {n_found} times"
            )
    better = [
        verdicts(partial(shadow, approved_alone=False), trial(seed, n_rows, late=True, blurs=(1.2, 0.1)))
        for seed in range(n_trials)
    ]
    n_found = sum(found == {"better"} for found in better)
    print(f"shadow, late good outcomes: a clearly better version is found {n_found} of {n_trials} times")
    return 1 if failed or n_found < n_trials / 2 else 0


if __name__ == "__main__":
    sys.exit(main())
