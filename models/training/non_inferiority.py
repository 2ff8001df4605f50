"""Non-inferiority: a new version against earlier champions on the common test set, so that decay cannot add up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from models.arrays import Floats
from models.contract import Predictions, Targets
from models.errors import BundleError
from models.estimators.table_scorer import TableScorer
from models.evaluation.metrics import Comparison, compare
from models.registry.live import load_live
from models.registry.registry import Version
from models.training.common_test import CommonTest
from models.training.trained import Trained


@dataclass(frozen=True, kw_only=True)
class Standing:
    """A new version against the best of earlier champions on the common test set.

    Parameters
    ----------
    best : the champion with the lowest mean loss, of all since the set was kept: of the last ten alone, decay by less
        than the margin each time would add up as the better ones drop out.
    n_rows, n_versions : compared rows, and earlier champions.
    comparison : of the new version with the best one.
    margin : in the unit of the loss.
    """

    best: Version
    n_rows: int
    n_versions: int
    comparison: Comparison
    margin: float
    loss: str

    @property
    def inferior(self) -> bool:
        """Whether it may not go live, see `is_inferior`."""
        return is_inferior(self.comparison, self.margin)

    @property
    def text(self) -> str:
        """The comparison in words."""
        found = self.comparison
        which = "the one champion" if self.n_versions == 1 else f"the best of {self.n_versions} champions"
        return (
            f"on the common test set of {self.n_rows:,} rows its {self.loss} is {found.difference:+.5f} against "
            f"version {self.best.number}, {which} so far (90 % interval {found.low:+.5f} to {found.high:+.5f}, margin "
            f"{self.margin:.5f})"
        )


def is_inferior(comparison: Comparison, margin: float) -> bool:
    """Whether a version may be worse by more than the margin.

    It is not if the upper end of the interval is within the margin, or if it was at least as good on these very rows:
    on few rows no interval is within the margin, and a version that must not be worse on the same rows every time
    cannot lose ground step by step.
    """
    return comparison.high > margin and comparison.difference > 0


def margin_of(trained: Trained, targets: Targets, predictions: Predictions, weights: Floats | None) -> float:
    """The margin in the unit of the loss: its share of the loss of the constant prediction for the same rows."""
    losses = trained.task.losses(targets, trained.constant_predictions(predictions))
    return trained.gates.margin * float(np.average(losses, weights=weights))


def common_losses(trained: Trained, common: CommonTest) -> Floats:
    """The new version's losses on the common test set, shape (n_rows,)."""
    return _losses(trained, common, trained.scorer)


def standing(
    trained: Trained, common: CommonTest, champions: Sequence[Version], bundles: Path, *, seed: int
) -> Standing | None:
    """Compare with earlier champions; None if there is none that never saw these rows and can read them.

    Parameters
    ----------
    champions : every version that ever was champion.
    """
    known = [
        (version, losses) for version in champions if (losses := _known(trained, common, version, bundles)) is not None
    ]
    if not known:
        return None
    weights = trained.scorer.table.row_weights(common.frame)
    best, theirs = min(known, key=lambda pair: float(np.average(pair[1], weights=weights)))
    table, task = trained.scorer.table, trained.task
    targets = task.targets(table, common.frame)
    predictions = trained.scorer.frame_scores(common.frame)[task.prediction]
    ours = np.asarray(task.losses(targets, predictions), dtype=np.float64)
    return Standing(
        best=best,
        n_rows=len(ours),
        n_versions=len(known),
        comparison=compare(ours, theirs, weights, seed=seed),
        margin=margin_of(trained, targets, predictions, weights),
        loss=trained.task.loss,
    )


def _known(trained: Trained, common: CommonTest, version: Version, bundles: Path) -> Floats | None:
    if version.number < common.about.first_version:
        return None
    if (losses := common.losses_of(version.digest)) is not None:
        return losses
    try:
        live = load_live(version, bundles)
    except BundleError:
        return None
    if not {column.name for column in live.table.features} <= set(common.frame.columns):
        return None
    losses = _losses(trained, common, live.scorer)
    common.keep_losses(version.digest, losses)
    return losses


def _losses(trained: Trained, common: CommonTest, scorer: TableScorer) -> Floats:
    task, table = trained.task, trained.scorer.table
    found = scorer.frame_scores(common.frame)[task.prediction]
    return np.asarray(task.losses(task.targets(table, common.frame), found), dtype=np.float64)
