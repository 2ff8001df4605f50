"""An interval for a mean that holds at all times at once, so that one may look whenever one likes and stop at will.

A usual interval is right in 95 of 100 looks; who looks after every row and stops at the first look that pleases finds a
difference sooner or later where there is none. A confidence sequence covers the mean at *all* times with 95 %: the
chance that it ever excludes the true mean is 5 %, however often one looks.

Notation: x_1, x_2, ... are bounded below, x_i >= -scale; m_i is the mean of x_i given all that came before it. Then

    exp(l * (x_i - m_i) - psi(l) * x_i**2)   with psi(l) = (-log(1 - scale * l) - scale * l) / scale**2

has a mean of at most 1 for each l in [0, 1 / scale): for z >= -1 and 0 <= t < 1, exp(t z + (log(1 - t) + t) z**2) is at
most 1 + t z (Fan, Grama and Liu 2015), whose mean with z = x_i / scale, t = scale * l is 1 + l m_i <= exp(l m_i). The
product over i is a supermartingale, and so is its mixture over l, here with a gamma density of 1 - scale * l cut off at
1, which has a closed form (Howard, Ramdas, McAuliffe and Sekhon 2021, proposition 9). By Ville's inequality it ever
reaches 1 / alpha with a chance of at most alpha. Nothing is assumed about the m_i: they may change with time, and the
interval is for their mean so far (as Choe and Ramdas compare forecasters).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq
from scipy.special import gammainc, gammaln

from models.arrays import Floats

RHO = 1.0
"""Where the mixture lies: the boundary is tightest when the squares, in units of scale**2, add up to about ten times
this (Howard et al., proposition 3), and near its best from a tenth of that to a hundred times as much."""


def log_e_value(excess: npt.ArrayLike, squares: npt.ArrayLike, scale: float = 1.0) -> Floats:
    """The logarithm of the evidence that the means were not zero or below: log(20) and more refutes it at 5 %.

    Parameters
    ----------
    excess : sum of x_i, or of x_i - m_i for means m_i other than zero.
    squares : sum of x_i**2.
    scale : no x_i lies below -scale.
    """
    s, v = np.asarray(excess, float) / scale, np.asarray(squares, float) / scale**2
    shape, rate = v + RHO, s + v + RHO
    with np.errstate(divide="ignore", invalid="ignore"):
        closed = _log_of_cut_gamma(shape, rate) - _log_of_cut_gamma(np.asarray(RHO), np.asarray(RHO)) + s + v
    # far below zero the closed form has no logarithm, and nothing speaks against a mean below zero
    return np.where(rate > 0, closed, -np.inf)


def _log_of_cut_gamma(shape: Floats, rate: Floats) -> Floats:
    """Logarithm of the integral of x**(shape - 1) exp(-rate x) from 0 to 1."""
    return np.asarray(gammaln(shape) - shape * np.log(rate) + np.log(gammainc(shape, rate)))


def boundary(squares: float, alpha: float, scale: float = 1.0) -> float:
    """What the sum of x_i - m_i stays below at all times with a chance of at least 1 - alpha; see `log_e_value`."""
    wanted, high = float(np.log(1 / alpha)), scale
    while log_e_value(high, squares, scale) < wanted:
        high *= 2
    return float(brentq(lambda excess: float(log_e_value(excess, squares, scale)) - wanted, 0.0, high))
