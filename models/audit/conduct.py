"""The audit as a whole."""

from __future__ import annotations

from collections.abc import Sequence

from models.audit.effect_curves import effect_curves, mean_effects
from models.audit.fairness import fairness
from models.audit.proxies import proxies
from models.audit.results import Audit
from models.audit.segments import segments
from models.audit.stability import stability
from models.contract import Domain
from models.encoding import Features
from models.judging import Trained
from models.row_groups import FEWEST_ROWS
from models.scoring import MOST_BACKGROUND_ROWS


def audit(trained: Trained, domain: Domain, X: Features, decisions: Sequence[str], *, seed: int) -> Audit:
    """Measure whom a new version treats how, what stands in for what it must not know, and what has moved.

    Parameters
    ----------
    X, decisions : of the test rows; there are no decisions where the domain takes none on single rows.
    seed : of the samples that bound the work.
    """
    scorer, rows = trained.scorer, trained.rows
    table = scorer.table
    test, labels, probabilities = trained.frame.iloc[rows.test], trained.test_labels, trained.test_probabilities
    training = trained.frame.iloc[rows.train]
    known = training.iloc[:: -(-len(training) // MOST_BACKGROUND_ROWS)]
    effects = mean_effects(scorer, X)
    treated = None
    if domain.favourable and decisions:
        treated = fairness(table, test, labels, probabilities, decisions=decisions, favourable=domain.favourable)
    return Audit(
        protected=tuple(column.name for column in table.columns if column.protected),
        protected_inputs=tuple(column.name for column in table.inputs if column.protected),
        least_rows=FEWEST_ROWS,
        segments=segments(table, test, labels, probabilities, effects),
        fairness=treated,
        proxies=proxies(table, training, seed=seed),
        stability=stability(table, known, test, scorer.probabilities(known), probabilities),
        effects=effects,
        effect_curves=effect_curves(scorer, X, effects, seed=seed),
    )
