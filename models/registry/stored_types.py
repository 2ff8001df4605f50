"""Types that a stored model may consist of, under stable names.

A stored type is a class with two attributes: `stored_as`, its name in bundles, and `stored_fields`, the stored
attributes with their kinds. Bundles hold no other names, so classes and modules may be renamed; `stored_as` and the
fields of a type may not, as long as bundles of this format are read.

The kind of a field is one of

    int, float, bool, text      a plain value; floats are finite
    value                       any of these, null or a time: a cell of a table
    table                       a `data.table.Table`
    NAME                        an object of the stored type NAME
    A|B                         one or the other
    float32[rows, 2]            an array: float16, float32, float64, int8 or int64, with its shape. A word is a length,
                                shared by all fields of the object that use it; an empty one is any length. All numbers
                                are finite, unless "or inf" follows. "< rows": each is a position below that length.
    KIND[rows], KIND{}          a list, an object with any keys
    KIND?                       KIND or null

The types of a domain are listed by the domain, as `Domain.stored_types`. A class may have a method `check_restored`,
called when all its fields are set: it derives further attributes and raises ValueError if fields contradict each
other. One with a method `restore_from` takes from the home what its fields only name.
"""

from __future__ import annotations

from collections.abc import Mapping

from models.domains._discovery import load_domains
from models.encoding.categories import CategoryBlock
from models.encoding.numbers import NumberBlock
from models.encoding.sentences.encoder import SentenceEncoder
from models.encoding.table_encoder import TableEncoder
from models.encoding.text_encoder import TextEncoder
from models.encoding.times import TimeBlock
from models.estimators.autoencoder import BackpropAutoencoder
from models.estimators.background import Background, ScoreBand
from models.estimators.calibration import LogOddsCalibrator
from models.estimators.class_scorer import ClassScorer
from models.estimators.classifier import BackpropClassifier
from models.estimators.quantile_scorer import QuantileScorer
from models.estimators.regressor import BackpropRegressor
from models.estimators.sparse_classifier import SparseClassifier
from models.estimators.table_classifier import TableClassifier
from models.nn.network import Network
from models.nn.sparse_network import SparseNetwork
from models.series.forecaster import SeriesForecaster
from models.series.mixture import Mixture
from models.series.quantile_network import QuantileNetwork
from models.series.settings import SeriesSettings, Size
from models.series.skill import Skill

OF_ALL_DOMAINS: tuple[type, ...] = (
    Background,
    BackpropAutoencoder,
    BackpropClassifier,
    BackpropRegressor,
    CategoryBlock,
    ClassScorer,
    LogOddsCalibrator,
    Mixture,
    Network,
    NumberBlock,
    QuantileNetwork,
    QuantileScorer,
    ScoreBand,
    SentenceEncoder,
    SeriesForecaster,
    SeriesSettings,
    Size,
    Skill,
    SparseClassifier,
    SparseNetwork,
    TableClassifier,
    TableEncoder,
    TextEncoder,
    TimeBlock,
)


def stored_types() -> Mapping[str, type]:
    """Every stored type by its name.

    Raises TypeError if two types have one name.
    """
    found: dict[str, type] = {}
    for one in (*OF_ALL_DOMAINS, *(own for domain in load_domains().values() for own in domain.stored_types)):
        name: str = one.stored_as  # type: ignore[attr-defined]
        if found.setdefault(name, one) is not one:
            raise TypeError(f"{found[name].__name__} and {one.__name__} are both stored as {name!r}")
    return found
