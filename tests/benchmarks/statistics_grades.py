"""How often the test of rating grades finds a calibrated model off, and an overconfident one.

    python tests/benchmarks/statistics_grades.py [--trials 2000] [--rows 200 2000 20000]

Each trial draws probabilities of default, outcomes from them, and row weights: all 1, unequal at random (Pareto), or
those of a sample of all defaults and one in six other rows, which stand for six. The calibrated model predicts the
probabilities themselves, the overconfident one three times their log-odds. A trial finds a model off if it finds any
grade of the credit scale off: by the adjusted p values, as the report does, or by the plain ones.

Exit code 1 if a calibrated model is found off in more than 5 % of the trials, or an overconfident one, with 2,000 rows
or more, in less than 95 %. One to three minutes.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
from scipy.special import expit, logit

sys.path.insert(0, str(Path(__file__).parents[2]))

from models.arrays import Floats, Labels
from models.domains.credit import DOMAIN
from models.evaluation.binomial_test import LEVEL
from models.evaluation.diagnostics import GradeCalibration
from models.evaluation.diagnostics.grades import grade_calibration

KINDS = ("equal", "unequal", "sampled")
OVERCONFIDENT = 3.0
MANY_ROWS, MOST_FALSE, LEAST_FOUND = 2_000, 0.05, 0.95


def drawn(seed: int, n_rows: int, kind: str) -> tuple[Labels, Floats, Floats | None]:
    """Outcomes, their probabilities, and weights."""
    rng = np.random.default_rng(seed)
    n_drawn = n_rows * (3 if kind == "sampled" else 1)
    probabilities = expit(rng.normal(-2, 1.2, n_drawn))
    labels = (rng.random(n_drawn) < probabilities).astype(np.int64)
    if kind == "sampled":
        kept = np.flatnonzero((labels == 1) | (rng.random(n_drawn) < 1 / 6))[:n_rows]
        return labels[kept], probabilities[kept], np.where(labels[kept] == 1, 1.0, 6.0)
    return labels, probabilities, rng.pareto(3, n_rows) + 0.2 if kind == "unequal" else None


def found_off(n_trials: int, n_rows: int, factor: float, kind: str) -> tuple[float, float]:
    """Shares of the trials in which any grade is off: by adjusted, and by plain p values."""
    adjusted, plain = 0, 0
    for seed in range(n_trials):
        labels, probabilities, weights = drawn(seed, n_rows, kind)
        predicted = expit(factor * logit(probabilities))
        grades = grade_calibration(DOMAIN.grades, labels, predicted, weights)
        adjusted += any(is_off(grade) for grade in grades)
        plain += any(grade.p_value is not None and grade.p_value < LEVEL for grade in grades)
    return adjusted / n_trials, plain / n_trials


def is_off(grade: GradeCalibration) -> bool:
    """Whether the report says that the grade differs."""
    return grade.verdict.startswith("observed")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=2_000)
    parser.add_argument("--rows", type=int, nargs="+", default=[200, 2_000, 20_000])
    options = parser.parse_args()
    failed = False
    for n_rows in options.rows:
        for kind in KINDS:
            false, plain = found_off(options.trials, n_rows, 1.0, kind)
            found, _ = found_off(options.trials // 10 or 1, n_rows, OVERCONFIDENT, kind)
            failed |= false > MOST_FALSE or (n_rows >= MANY_ROWS and found < LEAST_FOUND)
            print(
                f"{n_rows} rows, {kind} weights: calibrated found off {false:.4f} (not adjusted "
                f"{plain:.4f}), overconfident found off {found:.4f}"
            )
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
