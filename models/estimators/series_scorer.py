"""SeriesScorer: the paths of series, from a forecaster that learned from many of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt
import pandas as pd

from data.table import Table
from models.arrays import Floats, Scores
from models.encoding.history_encoder import HistoryEncoder
from models.encoding.number_lists import NumberLists
from models.estimators.negative_sampling import SamplingError
from models.estimators.table_scorer import TableScorer
from models.nn.training import Callback
from models.presets import Preset
from models.series.answer import Forecast
from models.series.forecaster import SeriesForecaster
from models.series.paths import paths_of
from models.series.settings import LEVELS, SeriesSettings
from models.series.skill import Skill, skill_of

TRAINING: Mapping[str, dict[str, int]] = {
    "fast": {"n_origins": 100, "n_epochs": 8},
    "balanced": {"n_origins": 300, "n_epochs": 15},
    "best": {"n_origins": 600, "n_epochs": 20},
}
ROWS_AT_ONCE = 256
"""Forecast together; bounds the memory."""


class SeriesScorer(TableScorer):
    """A forecaster for rows that hold the past of a series.

    It learns from the whole series, which its newest training row holds, and once more with the validation rows: what
    it is worth on these is measured before.

    Parameters
    ----------
    table : of forecasts, see `data.series.forecast_rows`.

    Attributes
    ----------
    forecaster : that answers.
    skill : of an earlier one on the validation rows, which it had not seen.
    """

    stored_as: ClassVar[str] = "series_scorer"
    stored_fields: ClassVar[Mapping[str, str]] = {
        "table": "table",
        "forecaster": "series_forecaster",
        "skill": "series_skill",
    }
    encoder: Any
    network: Any
    forecaster: SeriesForecaster
    skill: Skill

    def __init__(self, table: Table, preset: Preset, seed: int) -> None:
        assert table.series is not None  # noqa: S101 - so says `HistoryEncoder`
        spec = table.series
        settings = SeriesSettings(
            horizon=spec.horizon, season=spec.season, transform=spec.transform, **TRAINING[preset.name]
        )
        self.table, self.forecaster = table, SeriesForecaster(settings, seed=seed)
        self.check_restored()

    def check_restored(self) -> None:
        """Set what follows from the stored fields; ValueError if they contradict each other."""
        spec, settings = self.table.series, self.forecaster.settings
        if spec is None or (spec.horizon, spec.season, spec.transform) != (
            settings.horizon,
            settings.season,
            settings.transform,
        ):
            raise ValueError("the forecaster's settings are not those of the table")
        self.encoder, self.network = HistoryEncoder(self.table), self.forecaster

    def __getstate__(self) -> dict[str, Any]:
        """The stored fields; everything else is derived."""
        return {name: getattr(self, name) for name in self.stored_fields if hasattr(self, name)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Restore."""
        self.__dict__.update(state)
        self.check_restored()

    def fit(
        self,
        frame: pd.DataFrame,
        targets: npt.NDArray[Any],
        *,
        validation: tuple[pd.DataFrame, npt.NDArray[Any]],
        negative_sample_rate: float = 1.0,
        callbacks: Sequence[Callback] = (),
    ) -> Self:
        """See `TableScorer`; targets have the shape (n_rows, horizon)."""
        if negative_sample_rate != 1:
            raise SamplingError("negative sampling is for binary targets only; leave out the negative sample rate")
        known = self._series(frame, targets)
        self.forecaster.fit(known, callbacks=callbacks)
        self.skill = self._skill(*validation)
        both = pd.concat([frame, validation[0]], ignore_index=True)
        self.forecaster.fit(self._series(both, np.concatenate([targets, validation[1]])), callbacks=callbacks)
        return self

    def refine(
        self,
        frame: pd.DataFrame,
        targets: npt.NDArray[Any],
        *,
        validation: tuple[pd.DataFrame, npt.NDArray[Any]],
        seed: int,
        negative_sample_rate: float = 1.0,
        callbacks: Sequence[Callback] = (),
    ) -> Self:
        """See `TableScorer`; learns anew, since new rows hold the past of their series."""
        self.forecaster.seed = seed
        return self.fit(
            frame, targets, validation=validation, negative_sample_rate=negative_sample_rate, callbacks=callbacks
        )

    def _series(self, frame: pd.DataFrame, targets: npt.NDArray[Any]) -> list[Floats]:
        """Each series once, as its longest row holds it, the last of equally long ones; rows without a name alone."""
        pasts = self.encoder.transform(frame).lists()
        names = [column.name for column in self.table.of_role("entity") if column.name in frame.columns]
        keys = list(frame[names].itertuples(index=False, name=None)) if names else [()] * len(frame)
        longest: dict[Any, int] = {}
        for row, key in enumerate(keys):
            of = (row,) if not key or any(pd.isna(one) for one in key) else key
            if of not in longest or len(pasts[row]) >= len(pasts[longest[of]]):
                longest[of] = row
        return [np.concatenate([pasts[row], targets[row][~np.isnan(targets[row])]]) for row in longest.values()]

    def _skill(self, frame: pd.DataFrame, targets: npt.NDArray[Any]) -> Skill:
        return skill_of(targets, self.scores(self.encoder.transform(frame))["paths"])

    def scores(self, X: Any) -> Scores:
        """The `paths` (see `models.series.paths`), and for each row `method`, `why`, `note`, and the `skill` of all."""
        rows: NumberLists = X
        pasts, found = rows.lists(), list[Forecast]()
        for start in range(0, len(pasts), ROWS_AT_ONCE):
            found += self.forecaster.forecasts(pasts[start : start + ROWS_AT_ONCE])
        spec = self.table.series
        assert spec is not None  # noqa: S101 - see `check_restored`
        quantiles = np.array([one.quantiles for one in found]).reshape(-1, spec.horizon, len(LEVELS))
        if spec.floor is not None:
            quantiles = np.maximum(quantiles, spec.floor)
        skill = [self.skill.value, self.skill.low, self.skill.high, self.skill.n_rows] if hasattr(self, "skill") else []
        return {
            "skill": np.tile(np.array(skill, np.float64), (len(found), 1)),
            "paths": paths_of(quantiles, pasts, spec.season),
            "method": np.array([one.method for one in found], object),
            "why": np.array([one.why for one in found], object),
            "note": np.array([" ".join(one.warnings) for one in found], object),
        }
