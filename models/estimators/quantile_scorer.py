"""QuantileScorer: several calibrated quantiles of a number."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from data.table import Table
from models.arrays import Floats, Scores
from models.encoding import Features, TableEncoder
from models.estimators.regressor import BackpropRegressor
from models.estimators.table_scorer import PlainScorer
from models.presets import Preset


class QuantileScorer(PlainScorer):
    """One network with an output per quantile; crossing quantiles are sorted (Chernozhukov et al. 2010).

    Attributes
    ----------
    levels : of the quantiles, rising, between 0 and 1.
    offsets : added to each quantile, so that its level is exact on the validation rows (Romano et al. 2019,
        "Conformalized quantile regression", applied to each quantile separately).
    """

    stored_as: ClassVar[str] = "quantile_scorer"
    stored_fields: ClassVar[Mapping[str, str]] = {
        "table": "table",
        "encoder": "table_encoder",
        "network": "regressor",
        "levels": "float[levels]",
        "offsets": "float64[levels]",
    }
    network: BackpropRegressor

    def __init__(self, table: Table, preset: Preset, seed: int, *, levels: tuple[float, ...]) -> None:
        network = BackpropRegressor(
            **{**preset.network, "n_folds": 1}, loss="pinball", quantiles=levels, random_state=seed
        )
        super().__init__(table, TableEncoder(table, **preset.encoder), network)
        self.levels = levels
        self.offsets: Floats = np.zeros(len(levels))

    @classmethod
    def at(cls, *levels: float) -> Any:
        """The constructor for these levels, as `Domain.build` takes it."""
        return partial(cls, levels=levels)

    def _calibrate(self, X: Features, targets: npt.NDArray[Any], weights: Floats | None) -> None:
        errors = targets[:, None] - self.network.quantiles_of(X)
        levels = np.array(self.levels)[:, None]
        self.offsets = np.concatenate(
            [weighted_quantiles(of_level, level, weights) for of_level, level in zip(errors.T, levels, strict=True)]
        )

    def scores(self, X: Features) -> Scores:
        """The `quantiles`, shape (n_rows, n_levels), rising in each row."""
        return {"quantiles": np.sort(self.network.quantiles_of(X) + self.offsets, axis=1)}


def weighted_quantiles(values: Floats, levels: Floats, weights: Floats | None) -> Floats:
    """Quantiles of values; with weights, the least values with at least these shares of the weight up to them."""
    if weights is None:
        return np.quantile(values, levels)
    return np.quantile(values, levels, weights=weights, method="inverted_cdf")
