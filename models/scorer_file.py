"""Scorers as bytes, through skops: rebuilt only from listed types, so that loading cannot run code that came along."""

from __future__ import annotations

import io
import zipfile
from typing import Any

import skops.io
from skops.io.exceptions import UntrustedTypesFoundException

from models.errors import BundleError

MAX_BYTES = 2 * 1024**3

# What a scorer may consist of beside what skops trusts by itself (numbers, containers, arrays, scikit-learn's
# estimators). Single classes, never whole modules: through a module's name one also reaches all that it imports.
TRUSTED_TYPES = (
    "builtins.frozenset",
    "datetime.datetime",
    "datetime.timedelta",
    "datetime.timezone",
    "numpy.dtype",
    "data.table.Column",
    "data.window.Window",
    "data.table.Table",
    "models.background.Background",
    "models.background.ScoreBand",
    "models.calibration.LogOddsCalibrator",
    "models.domains.fraud.anomaly.Anomaly",
    "models.domains.fraud.scorer.FraudScorer",
    "models.encoding.table_encoder.TableEncoder",
    "models.encoding.categories.CategoryBlock",
    "models.encoding.numbers.NumberBlock",
    "models.encoding.times.TimeBlock",
    "models.estimators.BackpropAutoencoder",
    "models.estimators.BackpropClassifier",
    "models.estimators.BackpropRegressor",
    "models.nn.network.Network",
    "models.scoring.TableClassifier",
)


def dump_scorer(scorer: object) -> bytes:
    """The scorer as an uncompressed skops archive."""
    content: bytes = skops.io.dumps(scorer)
    return content


def load_scorer(content: bytes, digest: str) -> Any:
    """Rebuild a scorer.

    Parameters
    ----------
    content : what `dump_scorer` gave.
    digest : of its bundle, for the text of errors.

    Raises
    ------
    BundleError
        The archive is damaged, would unpack to more than it is, or holds a type that is not trusted.
    """
    try:
        _check_archive(content, digest)
        return skops.io.loads(content, trusted=TRUSTED_TYPES)
    except BundleError:
        raise
    except UntrustedTypesFoundException as error:
        names = str(error).splitlines()[0]
        raise BundleError(digest, f"the scorer was not loaded. {names} TRUSTED_TYPES lists those allowed") from error
    except Exception as error:  # a forged archive can make skops, zipfile or numpy raise anything
        raise BundleError(digest, f"the scorer cannot be rebuilt ({type(error).__name__}: {error})") from error


def _check_archive(content: bytes, digest: str) -> None:
    """Refuse an archive that grows when it is read: ours are stored uncompressed, each byte once."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = archive.infolist()
    compressed = any(member.compress_type != zipfile.ZIP_STORED for member in members)
    if compressed or not sum(member.file_size for member in members) <= len(content) <= MAX_BYTES:
        raise BundleError(digest, "the scorer's archive is compressed, overlapping or too large; it was not opened")
