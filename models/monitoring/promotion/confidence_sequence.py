"""A confidence sequence: an interval for a mean that is valid at all times at once, whenever one looks or stops.

An ordinary interval is valid for one look: checked after every row until it excludes zero, it sooner or later finds a
difference that does not exist. A confidence sequence covers the mean at *all* times with 95 %: the probability that it
ever excludes the true mean is 5 %, however often one looks.

Notation: x_1, x_2, ... are bounded below, x_i >= -scale; m_i is the mean of x_i given all that came before it. Then

    exp(l * (x_i - m_i) - psi(l) * x_i**2)   with psi(l) = (-log(1 - scale * l) - scale * l) / scale**2

has a mean of at most 1 for each l in [0, 1 / scale): for z >= -1 and 0 <= t < 1, exp(t z + (log(1 - t) + t) z**2) is at
most 1 + t z (Fan, Grama and Liu 2015), whose mean with z = x_i / scale, t = scale * l is 1 + l m_i <= exp(l m_i). The
product over i is a supermartingale, and so is its mixture over l, here with a gamma density of 1 - scale * l cut off at
1, which has a closed form (Howard, Ramdas, McAuliffe and Sekhon 2021, proposition 9). By Ville's inequality it ever
reaches 1 / alpha with a probability of at most alpha. Nothing is assumed about the m_i: they may change with time, and
the interval is for their mean so far (as Choe and Ramdas compare forecasters).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq
from scipy.special import gammainc, gammaln

from models.arrays import Floats

RHO = 1.0
"""Parameter of the mixture: the boundary is tightest where the sum of squares, in units of scale**2, is about ten times
this (Howard et al., proposition 3), and near-optimal from a tenth of that to a hundred times as much."""


def log_e_value(excess: npt.ArrayLike, squares: npt.ArrayLike, scale: float = 1.0) -> Floats:
    """Log e-value against means of zero or below: log(20) or more rejects them at 5 %.

    Parameters
    ----------
    excess : sum of x_i, or of x_i - m_i for means m_i other than zero.
    squares : sum of x_i**2.
    scale : every x_i is at least -scale.
    """
    s, v = np.asarray(excess, float) / scale, np.asarray(squares, float) / scale**2
    shape, rate = v + RHO, s + v + RHO
    with np.errstate(divide="ignore", invalid="ignore"):
        closed = _log_of_cut_gamma(shape, rate) - _log_of_cut_gamma(np.asarray(RHO), np.asarray(RHO)) + s + v
    # the closed form is undefined where the rate is not positive: far below zero, where there is no evidence
    return np.where(rate > 0, closed, -np.inf)


def _log_of_cut_gamma(shape: Floats, rate: Floats) -> Floats:
    """Logarithm of the integral of x**(shape - 1) exp(-rate x) from 0 to 1."""
    return np.asarray(gammaln(shape) - shape * np.log(rate) + np.log(gammainc(shape, rate)))


def boundary(squares: float, alpha: float, scale: float = 1.0) -> float:
    """Upper bound of the sum of x_i - m_i at all times, with probability 1 - alpha; see `log_e_value`."""
    wanted, high = float(np.log(1 / alpha)), scale
    while log_e_value(high, squares, scale) < wanted:
        high *= 2
    return float(brentq(lambda excess: float(log_e_value(excess, squares, scale)) - wanted, 0.0, high))
