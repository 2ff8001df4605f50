"""The forecaster: naive, unless bank or network is better on what was held out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

import numpy as np

from models.arrays import Floats
from models.nn.training import Callback
from models.series.answer import LEARNED, SHORT, UNKNOWN_SIZE, UNMOVED, UNTRAINED, Forecast, Method
from models.series.arrays import Positions
from models.series.features import n_features
from models.series.held_out import folds_of_series, folds_of_time, groups_to_judge_by
from models.series.histories import Histories
from models.series.mixture import Mixture, fit_mixture, unlearned
from models.series.quantile_network import QuantileNetwork, fit_quantile_network
from models.series.settings import LEVELS, SeriesSettings, Size, between_knots
from models.series.smoothers import Bank
from models.series.windows import Windows, futures, training_origins, window_weights, windows_at

FEW_SERIES = 30
"""Fewer series are held out by time: one left out is too like the others of its time to judge by."""
N_NEWEST = 40
"""Windows of each series, the newest, that the intervals are adjusted on."""
MAX_EXPONENT = 700.0
"""Logarithms are cut off here before they are turned back, so that no forecast is infinite."""


class SeriesForecaster:
    """Learns from many series together and forecasts any of them, or others like them.

    Parameters
    ----------
    settings : of the series and of the training.
    seed : equal seeds give equal forecasts.

    Attributes
    ----------
    network_ : of all folds, None where there was too little to hold out.
    mixture_, naive_ : how a forecast is put together, and how for histories that are too short.
    usual_scale_ : the median scale of a series, as a share of its last value (of 1 for logarithms); 0 if unknown.
    """

    stored_as: ClassVar[str] = "series_forecaster"
    stored_fields: ClassVar[Mapping[str, str]] = {
        "settings": "series_settings",
        "seed": "int",
        "size_": "series_size",
        "network_": "quantile_network?",
        "mixture_": "series_mixture",
        "naive_": "series_mixture",
        "usual_scale_": "float",
    }
    size_: Size
    network_: QuantileNetwork | None
    mixture_: Mixture
    naive_: Mixture
    usual_scale_: float

    def __init__(self, settings: SeriesSettings, *, seed: int = 0) -> None:
        self.settings, self.seed = settings, seed

    def check_restored(self) -> None:
        """ValueError unless network and mixtures are those of the settings."""
        settings = self.settings
        n_knots, n_smoothers = len(settings.knots()), len(Bank.of(settings.season, settings.horizon))
        for name, mixture in {"mixture_": self.mixture_, "naive_": self.naive_}.items():
            if len(mixture.network_share) != n_knots:
                raise ValueError(f"{name} has {len(mixture.network_share)} steps, the settings {n_knots}")
        shape = n_features(settings.season, n_knots, n_smoothers), n_knots * len(LEVELS)
        if self.network_ is not None and (found := self.network_.shape) != shape:
            raise ValueError(f"network_ has {found} inputs and outputs, the settings need {shape}")
        if self.network_ is None and (self.mixture_.network_share.any() or self.mixture_.spread_share.any()):
            raise ValueError("mixture_ has a share of a network, and there is none")
        if self.usual_scale_ < 0:
            raise ValueError(f"usual_scale_ must be at least 0, got {self.usual_scale_}")

    @property
    def training_curve_(self) -> Sequence[float]:
        """Loss of the network after each epoch, see `QuantileNetwork`; empty without one."""
        return () if self.network_ is None else self.network_.training_curve

    @property
    def validation_curve_(self) -> Sequence[float]:
        """Empty: no epoch is chosen, and what is held out judges the mixture."""
        return ()

    @property
    def best_epoch_(self) -> int:
        """The last one, whose weights are kept."""
        return len(self.training_curve_)

    @property
    def n_folds_(self) -> int:
        """Folds that the curve is averaged over."""
        return self.settings.n_folds

    @property
    def method(self) -> Method:
        """What makes the median of a history that is long enough."""
        if self.mixture_.network_share.any():
            return "network"
        return "bank" if self.mixture_.bank_share else "naive"

    def fit(self, series: Sequence[Floats], *, callbacks: Sequence[Callback] = ()) -> SeriesForecaster:
        """Learn from series, each a tidy history in the order of time (see `data.series`); they end together.

        Parameters
        ----------
        callbacks : called after each epoch of the network of each fold.
        """
        settings, rng = self.settings, np.random.default_rng(self.seed)
        few = len(series) < FEW_SERIES
        histories = self._histories(series)
        origins, of = training_origins(histories, settings, spread=few)
        self.size_ = Size.of(len(origins))
        windows = windows_at(histories, origins, of, settings, self.size_)
        windows = windows.subset(np.flatnonzero(windows.scale > 0))
        self.network_, self.usual_scale_ = None, 0.0
        self.mixture_ = self.naive_ = unlearned(settings.knots())
        if len(windows):
            self._learn(histories, windows, few=few, rng=rng, callbacks=callbacks)
        return self

    def _learn(
        self,
        histories: Histories,
        windows: Windows,
        *,
        few: bool,
        rng: np.random.Generator,
        callbacks: Sequence[Callback],
    ) -> None:
        settings, horizon, of = self.settings, self.settings.horizon, windows.of
        logs = settings.transform == "log"
        self.usual_scale_ = float(
            np.median(windows.scale / (1.0 if logs else np.maximum(np.abs(windows.last), 1e-300)))
        )
        ahead = futures(histories, windows, settings.knots())
        weights = window_weights(windows, ahead, logs=logs)
        change, bank = windows.changes(ahead), windows.changes(windows.bank)
        ages = histories.lengths[of] - windows.origin
        groups = groups_to_judge_by(of, ages, horizon, few=few, rng=rng)
        n_folds = min(settings.n_folds, len(np.unique(of)))
        folds = folds_of_time(ages, horizon) if few else folds_of_series(of, n_folds, rng)
        newest = np.ones_like(ages, bool) if few else ages < horizon + N_NEWEST
        network = None
        if folds:
            self.network_, held = fit_quantile_network(
                windows.X, change - bank, weights, folds, settings, self.size_, rng, callbacks
            )
            network = held + bank[:, :, None]
        judged = np.flatnonzero(np.isfinite(held[:, 0, 0])) if folds else np.arange(len(windows))
        self.mixture_ = fit_mixture(
            change[judged],
            bank[judged],
            None if network is None else network[judged],
            weights[judged],
            groups[judged],
            max_share=self.size_.max_share,
            newest=np.flatnonzero(newest[judged]),
        )
        nobody = np.full(len(windows), -1)
        self.naive_ = fit_mixture(change, bank, None, weights, nobody, max_share=0.0, newest=np.flatnonzero(newest))

    def forecasts(self, series: Sequence[Floats]) -> list[Forecast]:
        """The path of each history, from its last value on."""
        histories = self._histories(series)
        ends = histories.lengths - 1
        quantiles, unmoved = self._quantiles(histories, ends, np.arange(len(series)))
        return [
            self._answer(path, int(length), bool(still))
            for path, length, still in zip(quantiles, histories.lengths, unmoved, strict=True)
        ]

    def quantiles_at(self, series: Floats, origins: Positions) -> Floats:
        """The paths of one history from many origins, (n_origins, horizon, n_levels); later values are not read."""
        return self._quantiles(self._histories([series]), origins, np.zeros_like(origins))[0]

    def _histories(self, series: Sequence[Floats]) -> Histories:
        return Histories.of([np.log(values) if self.settings.transform == "log" else values for values in series])

    def _quantiles(self, histories: Histories, origins: Positions, of: Positions) -> tuple[Floats, Positions]:
        """The paths, and whether each history has never moved."""
        settings = self.settings
        windows = windows_at(histories, origins, of, settings, self.size_)
        unmoved = windows.scale == 0
        usual = self.usual_scale_ * (1.0 if settings.transform == "log" else np.abs(windows.last))
        windows = windows.with_scale(np.where(unmoved, usual, windows.scale))
        change = self.naive_.quantiles(np.zeros_like(windows.bank), None)
        learned = np.flatnonzero(~unmoved & (origins + 1 >= settings.min_length))
        if len(learned):
            known = windows.subset(learned)
            bank = known.changes(known.bank)
            network = None if self.network_ is None else self.network_.quantiles(known.X) + bank[:, :, None]
            change[learned] = self.mixture_.quantiles(bank, network)
        paths = windows.last[:, None, None] + windows.scale[:, None, None] * change
        paths = between_knots(paths, settings.knots(), settings.horizon)
        if settings.transform == "log":
            paths = np.exp(np.clip(paths, -MAX_EXPONENT, MAX_EXPONENT))
        return paths, unmoved.astype(np.intp)

    def _answer(self, quantiles: Floats, length: int, unmoved: bool) -> Forecast:
        warnings = ((UNMOVED if self.usual_scale_ else UNKNOWN_SIZE),) if unmoved else ()
        if length < self.settings.min_length:
            return Forecast(quantiles, "naive", SHORT.format(n=length, least=self.settings.min_length), warnings)
        if unmoved:
            return Forecast(quantiles, "naive", "the history has never moved, so the last value stands", warnings)
        why = LEARNED[self.method] if self.usual_scale_ else UNTRAINED
        return Forecast(quantiles, self.method, why, warnings)
