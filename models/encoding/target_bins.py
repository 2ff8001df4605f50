"""Target-aware bin edges: where a column's event rate changes."""

from __future__ import annotations

import math

import numpy as np
from sklearn.tree import DecisionTreeClassifier

from models.arrays import Floats, Labels


def target_edges(values: Floats, labels: Labels, *, max_bins: int, min_gain: float = 10.0) -> Floats:
    """Thresholds of a small decision tree of the labels on one column (Gorishniy et al. 2022), rising.

    Twice the gain in training log-likelihood by a split must reach `min_gain`, a likelihood-ratio test. By chance a
    given split exceeds 10 in 1 of 600 cases (chi-square with one degree of freedom), the best of a column's many splits
    in a few of a hundred. A column without such a split has no edges.

    Parameters
    ----------
    values : the column's present values, finite, shape (n_rows,).
    labels : 0 or 1, shape (n_rows,).
    max_bins : maximum number of leaves of the tree.
    min_gain : see above.

    Returns
    -------
    ndarray of shape (n_edges,), at most `max_bins` - 1; each half-way between two values of the column.
    """
    distinct, ranks = np.unique(values, return_inverse=True)
    min_rows = max(20, len(values) // 500)  # of a leaf; rates of fewer rows are noise
    if len(distinct) < 2 or len(values) < 2 * min_rows or max_bins < 2:
        return np.zeros(0)
    tree = DecisionTreeClassifier(
        criterion="log_loss",
        max_leaf_nodes=max_bins,
        min_samples_leaf=min_rows,
        min_impurity_decrease=min_gain / (2 * math.log(2) * len(values)),  # scikit-learn counts in bits a row
        random_state=0,
    )
    # The tree is fitted on ranks: it works in float32, in which different numbers may be equal
    tree.fit(ranks.reshape(-1, 1), labels)
    below = np.floor(tree.tree_.threshold[tree.tree_.feature >= 0]).astype(int)
    # Halved before they are added: the sum of two large numbers could overflow
    edges: Floats = distinct[below] / 2 + distinct[below + 1] / 2
    return np.unique(edges)
