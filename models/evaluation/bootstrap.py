"""Bootstrap of sums over rows."""

from __future__ import annotations

import numpy as np

from models.arrays import Floats

MAX_GROUPS = 20_000
_RESAMPLES_AT_ONCE = 100  # bounds the memory


def resampled_sums(terms: Floats, *, n_resamples: int = 1000, seed: int) -> Floats:
    """Sums of each term over rows resampled with replacement (Efron and Tibshirani 1993, chapter 6).

    All terms of a row are drawn together, so statistics computed from them stay paired. Large samples are first summed
    into MAX_GROUPS random groups, which are then resampled: this bounds the time and keeps the variance of a mean
    (Chamandy et al. 2012, "Estimating uncertainty for massive data streams"). As groups may differ in size, compute a
    mean as the ratio of its sum to that of a term of ones.

    Parameters
    ----------
    terms : shape (n_rows, n_terms), at least one row.

    Returns
    -------
    ndarray of shape (n_resamples, n_terms)
    """
    rng = np.random.default_rng(seed)
    n_groups = min(len(terms), MAX_GROUPS)
    groups = rng.permutation(len(terms)) % n_groups
    sums = np.stack([np.bincount(groups, term, n_groups) for term in terms.T], axis=1)
    parts = []
    for first in range(0, n_resamples, _RESAMPLES_AT_ONCE):
        n_now = min(_RESAMPLES_AT_ONCE, n_resamples - first)
        drawn = rng.integers(0, n_groups, (n_now, n_groups), dtype=np.uint32)
        places = drawn + np.arange(0, n_now * n_groups, n_groups, dtype=np.uint32)[:, None]
        # Counting how often each group is drawn makes every resample a row of one matrix product
        times_drawn = np.bincount(places.ravel(), minlength=n_now * n_groups).reshape(n_now, n_groups)
        parts.append(times_drawn.astype(np.float64) @ sums)
    return np.concatenate(parts)
