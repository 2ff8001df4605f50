"""Scorers as bytes, through skops: rebuilt only from listed types, so that loading cannot run code that came along."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

import skops.io
from numpy.lib.format import MAGIC_PREFIX
from skops.io.exceptions import UntrustedTypesFoundException

from models.errors import BundleError

MAX_BYTES = 512 * 1024**2
MAX_MEMBERS = 10_000
MAX_SCHEMA_BYTES = 64 * 1024**2
SCHEMA = "schema.json"
BYTES_PER_BRACKET = 20
"""A description of objects has so many bytes at least for each list or object in it; one of lists alone is none."""

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
    "models.estimators.background.Background",
    "models.estimators.background.ScoreBand",
    "models.estimators.calibration.LogOddsCalibrator",
    "models.domains.fraud.anomaly.Anomaly",
    "models.domains.fraud.scorer.FraudScorer",
    "models.encoding.table_encoder.TableEncoder",
    "models.encoding.categories.CategoryBlock",
    "models.encoding.numbers.NumberBlock",
    "models.encoding.times.TimeBlock",
    "models.estimators.autoencoder.BackpropAutoencoder",
    "models.estimators.classifier.BackpropClassifier",
    "models.estimators.regressor.BackpropRegressor",
    "models.nn.network.Network",
    "models.estimators.table_classifier.TableClassifier",
)

RENAMED_MODULES = {
    "models.background": "models.estimators.background",
    "models.calibration": "models.estimators.calibration",
    "models.scoring": "models.estimators.table_classifier",
}
"""Modules of stored types before 0.1.0 -> today's; `models.estimators` itself named three, see `_renamed`."""
RENAMED_ESTIMATORS = {
    "BackpropAutoencoder": "models.estimators.autoencoder",
    "BackpropClassifier": "models.estimators.classifier",
    "BackpropRegressor": "models.estimators.regressor",
}

# The kinds of nodes that scorers are made of. Skops knows others, whose content runs code that is written in C without
# checks, or unpacks an archive within the archive.
LOADERS = frozenset(
    {
        "BytearrayNode",
        "BytesNode",
        "CachedNode",
        "ConstructorFromReduceNode",
        "DTypeNode",
        "DictNode",
        "JsonNode",
        "ListNode",
        "NdArrayNode",
        "ObjectNode",
        "SetNode",
        "SliceNode",
        "TupleNode",
        "TypeNode",
    }
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
        with _checked_archive(content, digest) as archive:
            _check_arrays(archive, digest)
            unknown = _loaders(archive, digest) - LOADERS
            content = _renamed(archive, content)
        if unknown and not skops.io.get_untrusted_types(data=content):  # which skops tells with their names
            raise BundleError(
                digest, f"the scorer holds {', '.join(sorted(unknown))[:100]}, which no scorer consists of"
            )
        return skops.io.loads(content, trusted=TRUSTED_TYPES)
    except BundleError:
        raise
    except UntrustedTypesFoundException as error:
        names = str(error).splitlines()[0]
        raise BundleError(digest, f"the scorer was not loaded. {names} TRUSTED_TYPES lists those allowed") from error
    except Exception as error:  # a forged archive can make skops, zipfile or numpy raise anything
        raise BundleError(digest, f"the scorer cannot be rebuilt ({type(error).__name__}: {error})") from error


def _checked_archive(content: bytes, digest: str) -> zipfile.ZipFile:
    """The archive, unless it grows when it is read: ours are stored uncompressed, each byte once."""
    if content.count(b"PK\x01\x02") > MAX_MEMBERS:  # the mark of an entry, of which each takes time
        raise BundleError(digest, f"the scorer's archive has more than {MAX_MEMBERS:,} members; it was not opened")
    archive = zipfile.ZipFile(io.BytesIO(content))
    members = archive.infolist()
    compressed = any(member.compress_type != zipfile.ZIP_STORED for member in members)
    if compressed or not sum(member.file_size for member in members) <= len(content) <= MAX_BYTES:
        raise BundleError(digest, "the scorer's archive is compressed, overlapping or too large; it was not opened")
    return archive


def _check_arrays(archive: zipfile.ZipFile, digest: str) -> None:
    """Refuse what only calls itself an array: numpy would also open an archive within the archive."""
    for name in archive.namelist():
        if name.endswith(".npy"):
            with archive.open(name) as file:
                if file.read(len(MAGIC_PREFIX)) != MAGIC_PREFIX:
                    raise BundleError(digest, f"{name[:100]!r} in the scorer's archive is no array")


def _loaders(archive: zipfile.ZipFile, digest: str) -> set[str]:
    """The kinds of nodes in the description of a scorer."""
    schema = archive.read(SCHEMA) if archive.getinfo(SCHEMA).file_size <= MAX_SCHEMA_BYTES else None
    if schema is None or (schema.count(b"[") + schema.count(b"{")) * BYTES_PER_BRACKET > len(schema) + 10_000:
        raise BundleError(digest, "the description of the scorer is too large, or none; it was not read")
    found: set[str] = set()

    def look(node: dict[str, Any]) -> dict[str, Any]:
        if (loader := node.get("__loader__")) is not None:
            found.add(str(loader))
        return node

    json.loads(schema, object_hook=look)
    return found


def _renamed(archive: zipfile.ZipFile, content: bytes) -> bytes:
    """The archive with its types under their present names; itself if they are."""

    def rename(node: dict[str, Any]) -> dict[str, Any]:
        module = node.get("__module__")
        if module == "models.estimators":
            node["__module__"] = RENAMED_ESTIMATORS.get(str(node.get("__class__")), module)
        elif module in RENAMED_MODULES:
            node["__module__"] = RENAMED_MODULES[module]
        return node

    before = archive.read(SCHEMA)
    after = json.dumps(json.loads(before, object_hook=rename)).encode()
    if after == json.dumps(json.loads(before)).encode():
        return content
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_STORED) as copy:
        for member in archive.infolist():
            copy.writestr(member.filename, after if member.filename == SCHEMA else archive.read(member))
    return written.getvalue()
