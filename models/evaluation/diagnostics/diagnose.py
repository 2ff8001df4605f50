"""All diagnostics of a new version in one call."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pandas as pd

from models.arrays import Floats, Labels
from models.encoding import Features
from models.estimators.table_classifier import MAX_BACKGROUND_ROWS, TableClassifier
from models.estimators.table_scorer import TableScorer
from models.evaluation.diagnostics.effect_curves import effect_curves, mean_effects
from models.evaluation.diagnostics.fairness import fairness
from models.evaluation.diagnostics.grades import grade_calibration
from models.evaluation.diagnostics.proxies import proxies
from models.evaluation.diagnostics.results import Diagnostics
from models.evaluation.diagnostics.segments import segments
from models.evaluation.diagnostics.stability import stability
from models.evaluation.row_groups import MIN_ROWS


def diagnose(
    scorer: TableClassifier,
    training: pd.DataFrame,
    test: pd.DataFrame,
    labels: Labels,
    probabilities: Floats,
    weights: Floats | None = None,
    *,
    X: Features,
    decisions: Sequence[str],
    favourable: str,
    grades: Sequence[float] = (),
    seed: int,
) -> Diagnostics:
    """Measure fairness, proxies, stability, effects, and quality by segment and rating grade of a new binary version.

    Parameters
    ----------
    training, test : checked rows.
    labels, probabilities, weights, X, decisions : of the test rows; `decisions` is empty if the domain decides no
        single rows.
    grades : bounds between the rating grades, ascending; empty if there are none.
    seed : of subsampling.
    """
    table = scorer.table
    known = training.iloc[:: -(-len(training) // MAX_BACKGROUND_ROWS)]
    effects = mean_effects(scorer, X)
    treated = None
    if favourable and decisions:
        treated = fairness(table, test, labels, probabilities, decisions=decisions, favourable=favourable)
    return Diagnostics(
        protected=tuple(column.name for column in table.columns if column.protected),
        protected_inputs=tuple(column.name for column in table.inputs if column.protected),
        least_rows=MIN_ROWS,
        segments=segments(table, test, labels, probabilities, effects, weights),
        grades=grade_calibration(grades, labels, probabilities, weights) if grades else (),
        fairness=treated,
        proxies=proxies(table, training, seed=seed),
        stability=stability(table, known, test, scorer.probabilities(known), probabilities),
        effects=effects,
        effect_curves=effect_curves(scorer, X, effects, seed=seed),
    )


def diagnose_inputs(
    scorer: TableScorer,
    training: pd.DataFrame,
    test: pd.DataFrame,
    *,
    number_of: Callable[[pd.DataFrame], Floats],
    number: str,
    seed: int,
) -> Diagnostics:
    """The diagnostics that need no binary target: proxies and stability.

    Parameters
    ----------
    training, test : checked rows.
    number_of : checked rows -> the summary number of each answer, shape (n_rows,). number : what it is.
    """
    table = scorer.table
    known = training.iloc[:: -(-len(training) // MAX_BACKGROUND_ROWS)]
    return Diagnostics(
        protected=tuple(column.name for column in table.columns if column.protected),
        protected_inputs=tuple(column.name for column in table.inputs if column.protected),
        least_rows=MIN_ROWS,
        segments=(),
        fairness=None,
        proxies=proxies(table, training, seed=seed),
        stability=stability(table, known, test, number_of(known), number_of(test), score=number),
        effects={},
        effect_curves=(),
    )
