"""The scikit-learn estimators, and the classifier of a table that is built on them."""

from models.estimators.autoencoder import BackpropAutoencoder as BackpropAutoencoder
from models.estimators.classifier import BackpropClassifier as BackpropClassifier
from models.estimators.regressor import BackpropRegressor as BackpropRegressor
