"""The mixture of naive, bank and network that the held-out windows bear out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from models.arrays import Floats
from models.series.arrays import Positions
from models.series.conformal import interval_offsets
from models.series.gate import believed_share
from models.series.settings import LEVELS, MEDIAN


@dataclass(frozen=True)
class Mixture:
    """How a forecast is put together; all in units of the scale, as changes from the last value.

    Attributes
    ----------
    bank_share : 1 if the bank's path is taken in place of the last value, else 0.
    network_share : of the network's median in place of that path, (n_knots,).
    spread_share : of the network's distances from its median, in place of `spread`, (n_knots,).
    spread : quantiles of what is left, the same for all, with median 0; (n_knots, n_levels).
    offsets : added at last, see `conformal`; (n_knots, n_levels).
    """

    stored_as: ClassVar[str] = "series_mixture"
    stored_fields: ClassVar[Mapping[str, str]] = {
        "bank_share": "float",
        "network_share": "float64[knots]",
        "spread_share": "float64[knots]",
        "spread": f"float64[knots, {len(LEVELS)}]",
        "offsets": f"float64[knots, {len(LEVELS)}]",
    }
    bank_share: float
    network_share: Floats
    spread_share: Floats
    spread: Floats
    offsets: Floats

    def quantiles(self, bank: Floats, network: Floats | None) -> Floats:
        """Rising quantiles of the change, (n_windows, n_knots, n_levels).

        Parameters
        ----------
        bank : its change, (n_windows, n_knots).
        network : its quantiles of the change, or None where there is no network.
        """
        mixed = self._before_offsets(bank, network) + self.offsets
        return np.sort(mixed, axis=2)  # sorted, they never cross (Chernozhukov et al. 2010)

    def _before_offsets(self, bank: Floats, network: Floats | None) -> Floats:
        base = bank * self.bank_share
        if network is None:
            return base[:, :, None] + self.spread
        median = network[:, :, MEDIAN]
        point = base + self.network_share * (median - base)
        share = self.spread_share[:, None]
        mixed: Floats = point[:, :, None] + self.spread * (1 - share) + (network - median[:, :, None]) * share
        return mixed


def fit_mixture(
    change: Floats,
    bank: Floats,
    network: Floats | None,
    weights: Floats,
    groups: Positions,
    *,
    max_share: float,
    newest: Positions,
) -> Mixture:
    """Judge each part on held-out windows against the simpler one.

    The bank is judged against the last value, the network against what then stands, and its spread against one that is
    the same for all. Only the last value has the benefit of the doubt: whatever replaces it must be proved better.

    Parameters
    ----------
    change, bank : what came, and the bank's path, (n_windows, n_knots).
    network : quantiles by a network that did not learn from the window, (n_windows, n_knots, n_levels).
    weights, groups : of the windows, see `believed_share`.
    max_share : of the network's median.
    newest : positions of the windows that the offsets are learned on.
    """
    zeros = np.zeros(change.shape[1])

    def share(base: Floats, other: Floats, *, must_gain: bool) -> Floats:
        def loss(a: float) -> Floats:
            return weights[:, None] * np.abs(change - base - a * (other - base))

        return believed_share(loss, groups, must_gain=must_gain)

    bank_share = float(share(np.zeros_like(bank), bank, must_gain=True).mean() > 0.5)
    base = bank * bank_share
    network_share = (
        zeros
        if network is None
        else np.minimum(share(base, network[:, :, MEDIAN], must_gain=not bank_share), max_share)
    )
    point = base if network is None else base + network_share * (network[:, :, MEDIAN] - base)
    left = change - point
    spread = np.quantile(left, LEVELS, axis=0).T
    spread -= spread[:, [MEDIAN]]
    spread_share = zeros
    if network is not None:
        spread_share = believed_share(_spread_loss(left, spread, network, weights), groups, must_gain=False)
    plain = Mixture(bank_share, network_share, spread_share, spread, np.zeros_like(spread))
    before = plain.quantiles(bank[newest], None if network is None else network[newest])
    return Mixture(bank_share, network_share, spread_share, spread, interval_offsets(before, change[newest]))


def _spread_loss(left: Floats, spread: Floats, network: Floats, weights: Floats) -> Callable[[float], Floats]:
    """The pinball loss by share, summed over the levels, of distances mixed with this share from the network."""
    own = network - network[:, :, [MEDIAN]]
    levels = np.array(LEVELS)

    def loss(share: float) -> Floats:
        missed = left[:, :, None] - (1 - share) * spread - share * own
        losses: Floats = weights[:, None] * np.maximum(levels * missed, (levels - 1) * missed).sum(axis=2)
        return losses

    return loss


def unlearned(knots: Floats) -> Mixture:
    """Without any window to learn from: a random walk with normal steps, whose mean absolute step is the scale."""
    normal = np.array([-1.959964, -1.281552, -0.674490, 0.0, 0.674490, 1.281552, 1.959964])
    spread = np.sqrt(np.pi / 2) * np.sqrt(knots)[:, None] * normal
    zeros = np.zeros(len(knots))
    return Mixture(0.0, zeros, zeros, spread, np.zeros_like(spread))
