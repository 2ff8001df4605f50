"""What every estimator keeps: scikit-learn's whole contract."""

from __future__ import annotations

from typing import Any

from sklearn.utils.estimator_checks import parametrize_with_checks

from models.encoding import TableEncoder
from models.estimators.autoencoder import BackpropAutoencoder
from models.estimators.classifier import BackpropClassifier
from models.estimators.regressor import BackpropRegressor


def known_exceptions(estimator: Any) -> dict[str, str]:
    """Batches are random, so a row of weight 2 is not the same, to the last digit, as the row given twice."""
    if isinstance(estimator, TableEncoder):
        return {}
    return {"check_sample_weight_equivalence_on_dense_data": "batches are drawn at random, as in SGDClassifier"}


@parametrize_with_checks(
    [BackpropClassifier(), BackpropRegressor(), BackpropAutoencoder(), TableEncoder()],
    expected_failed_checks=known_exceptions,
)
def test_the_estimator_keeps_the_contract_of_scikit_learn(estimator: Any, check: Any) -> None:
    """Every check that scikit-learn knows for this kind of estimator passes."""
    check(estimator)
