"""Bundles: trained models on disk, in content-addressed folders, verified before use.

A bundle's digest is the SHA-256 of its manifest, and the manifest lists the SHA-256 of every other file: any
changed byte is detected. A folder appears under its digest complete, or not at all.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from pathlib import Path
from platform import python_version
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, JsonValue, StringConstraints, ValidationError

from data.errors import DataError
from models.array_file import Buffer, file_content
from models.errors import BundleError
from models.home import Home
from models.names import MODEL_NAME, checked_name
from models.registry.state import ARRAYS, STATE, dump_state, load_state
from models.registry.stored_table import StoredTable

MANIFEST = "manifest.json"
FORMAT: Literal[1] = 1
BEFORE_FORMAT_1 = "scorer.skops"
"""A file of bundles from before format 1."""
WRITTEN_BEFORE = "it was written before bundles had a fixed format; train the model again"
PARTIAL = ".partial-"
MAX_BYTES = 512 * 1024**2
MAX_MANIFEST_BYTES = 2 * 1024**2
_MAX_SHOWN = 500  # characters of a problem shown in an error
PACKAGES = ("backscore", "numpy", "pandas", "scikit-learn", "safetensors")

ModelName = Annotated[str, StringConstraints(pattern=f"^{MODEL_NAME}$")]
FileName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_.-]{0,99}$")]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


@cache
def package_versions() -> Mapping[str, str]:
    """Versions of Python and of the packages that affect how a scorer is stored and computed."""
    versions = {"python": python_version()}
    for name in PACKAGES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            versions[name] = "not installed"  # backscore itself, run from its source folder
    return versions


class Manifest(BaseModel):
    """The description of a bundle.

    Attributes
    ----------
    format : of the bundle, see the guide's page "The bundle format".
    name, domain : the model's name and its line of business.
    created : end of training.
    table : the table it was trained on, which types the endpoint.
    metrics : on the test set, JSON without NaN.
    source : where the rows came from, as the user named it.
    n_rows, data_digest : number of rows read, and their SHA-256.
    seed, preset, negative_sample_rate : of the training job.
    suspected_leaks : inputs that are suspected to hold the target, and why, without those that the user allowed.
    packages : versions of Python and of the libraries.
    files : SHA-256 of every file of the bundle except the manifest itself; filled in by `write_bundle`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal[1] = FORMAT
    name: ModelName
    domain: str
    created: AwareDatetime
    table: StoredTable
    metrics: dict[str, JsonValue]
    source: str
    n_rows: int = Field(ge=0)
    data_digest: str
    seed: int
    preset: str
    negative_sample_rate: float = Field(1.0, gt=0, le=1)
    suspected_leaks: dict[str, str] = {}
    packages: dict[str, str] = Field(default_factory=lambda: dict(package_versions()))
    files: dict[FileName, Sha256] = {}

    def canonical_bytes(self) -> bytes:
        """The canonical JSON of this manifest, whose SHA-256 is the bundle's digest."""
        text = json.dumps(self.model_dump(mode="json"), allow_nan=False, ensure_ascii=False, indent=1, sort_keys=True)
        return text.encode() + b"\n"


@dataclass(frozen=True)
class Bundle:
    """A verified bundle: manifest, scorer ready for use, and other files on demand."""

    digest: str
    folder: Path
    manifest: Manifest
    scorer: Any

    def read(self, name: str) -> bytes:
        """The content of one file, verified again; BundleError if it is not part of the bundle or was altered."""
        return _read_listed(self.folder, name, self.manifest, self.digest)


def write_bundle(bundles: Path, manifest: Manifest, *, scorer: object, files: Mapping[str, bytes]) -> str:
    """Store a bundle, complete and on disk when this returns, and return its digest.

    A process killed meanwhile leaves at most a `.partial-*` folder, see `sweep_partial`.

    Parameters
    ----------
    bundles : the folder of all bundles, created if missing.
    manifest : its `files` are filled in here.
    scorer : the trained model, of a type that `models.registry.stored_types` lists.
    files : content of the other files by name, e.g. `policy.json` and `report.html`.

    Raises
    ------
    BundleError
        The scorer cannot be stored or loaded again, the manifest holds NaN, or writing failed.
    """
    if own := sorted({MANIFEST, STATE, ARRAYS} & files.keys()):
        raise BundleError(manifest.name, f"{' and '.join(own)} must not be given; write_bundle writes it")
    contents = {**files, **dump_state(scorer, manifest.name)}
    manifest = _with_files(manifest, {name: _sha256(content) for name, content in contents.items()})
    try:
        contents[MANIFEST] = manifest.canonical_bytes()
    except ValueError as error:
        raise BundleError(manifest.name, f"its manifest is not JSON: {error}; write null for NaN") from error
    digest, home = _sha256(contents[MANIFEST]), Home.of_bundles(bundles)
    # A model that cannot be loaded again must not get a version number
    load_state(contents[STATE], contents[ARRAYS], digest, home)
    partial = bundles / f"{PARTIAL}{manifest.name}.{uuid.uuid4().hex}"
    try:
        partial.mkdir(parents=True)
        for name, content in contents.items():
            _write_to_disk(partial / name, content)
        # Contents first, then their names: after a power failure, a renamed folder must be complete
        _sync_folder(partial)
        _publish(partial, bundles / digest)
    except OSError as error:
        raise BundleError(digest, f"cannot be written to {bundles}: {error.strerror}") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return digest


def sweep_partial(bundles: Path, name: str) -> None:
    """Delete partial folders of killed jobs of this model; call it only while holding the model's job lock."""
    for folder in bundles.glob(f"{PARTIAL}{checked_name(name)}.*"):
        shutil.rmtree(folder)


def read_manifest(bundles: Path, digest: str) -> Manifest:
    """The manifest of a bundle, verified; other files are not read.

    Raises
    ------
    BundleError
        It is missing, altered, or of an unknown format.
    """
    content = _read_verified(_folder(bundles, digest), MANIFEST, digest, digest, MAX_MANIFEST_BYTES)
    try:
        return Manifest.model_validate_json(bytes(content))
    except (ValidationError, DataError) as error:
        _refuse_another_format(bytes(content), digest)
        raise BundleError(
            digest, f"{MANIFEST} is not one that this version of backscore reads: {_shortened(error)}"
        ) from error


def read_file(bundles: Path, digest: str, name: str) -> bytes:
    """The content of one file of a bundle, verified, without loading the scorer.

    Raises
    ------
    BundleError
        The bundle is missing or altered, or has no such file.
    """
    return _read_listed(_folder(bundles, digest), name, read_manifest(bundles, digest), digest)


def load_bundle(bundles: Path, digest: str) -> Bundle:
    """Verify every byte of a bundle, then rebuild its scorer, whose arrays stay in the file, mapped into memory.

    Raises
    ------
    BundleError
        A file is missing, added, altered or truncated, or the scorer's state is invalid.
    """
    folder = _folder(bundles, digest)
    manifest = read_manifest(bundles, digest)
    _check_file_list(folder, manifest, digest)
    # The scorer is built from the verified bytes, since a file could change before a second read. Arrays are not
    # copied: they are pages of the mapped file, shared by all processes that load the bundle
    contents = {
        name: _read_verified(folder, name, sha256, digest, mapped=name == ARRAYS)
        for name, sha256 in manifest.files.items()
    }
    scorer = load_state(bytes(contents[STATE]), contents[ARRAYS], digest, Home.of_bundles(bundles))
    return Bundle(digest, folder, manifest, scorer)


def _refuse_another_format(manifest: bytes, digest: str) -> None:
    """BundleError for an unknown format, which may be the cause of any other problem of a manifest."""
    try:
        fields = json.loads(manifest)
    except ValueError:
        return
    if not isinstance(fields, dict):
        return
    files, found = fields.get("files"), fields.get("format", FORMAT)
    if isinstance(files, dict) and BEFORE_FORMAT_1 in files:
        raise BundleError(digest, WRITTEN_BEFORE)
    if found != FORMAT:
        raise BundleError(
            digest,
            f"it has the format {_shortened(found)}, this version of backscore reads {FORMAT}; install a newer one",
        )


def _with_files(manifest: Manifest, files: Mapping[str, str]) -> Manifest:
    """The manifest with its list of files, their names checked as on reading."""
    return Manifest.model_validate({**dict(manifest), "files": files})


def _sha256(content: Buffer) -> str:
    return hashlib.sha256(content).hexdigest()


def _write_to_disk(path: Path, content: bytes) -> None:
    # Read-only: serving processes map the arrays, and a write in place could crash them
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o444 if path.name == ARRAYS else 0o666)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    """Make the entries of a folder durable, as fsync does for the content of a file."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _publish(partial: Path, folder: Path) -> None:
    """Rename the complete folder atomically; an existing folder of that digest has the same content."""
    try:
        partial.rename(folder)
    except OSError:
        if not folder.is_dir():
            raise
    _sync_folder(folder.parent)


def _folder(bundles: Path, digest: str) -> Path:
    if not re.fullmatch(r"[0-9a-f]{64}", digest):
        raise BundleError(digest, "not a digest (64 hexadecimal digits)")
    return bundles / digest


def _check_file_list(folder: Path, manifest: Manifest, digest: str) -> None:
    found, listed = {path.name for path in folder.iterdir()}, {MANIFEST, *manifest.files}
    if BEFORE_FORMAT_1 in listed:
        raise BundleError(digest, WRITTEN_BEFORE)
    if missing := sorted(listed - found | {STATE, ARRAYS} - set(manifest.files)):
        raise BundleError(digest, f"file(s) missing: {_shortened(', '.join(missing))}")
    if extra := sorted(found - listed):
        raise BundleError(digest, f"file(s) that do not belong to it: {_shortened(', '.join(extra))}")
    n_bytes = sum((folder / name).lstat().st_size for name in listed)
    if n_bytes > MAX_BYTES:
        raise BundleError(digest, f"{n_bytes:,} bytes exceed the limit of {MAX_BYTES:,}")


def _read_listed(folder: Path, name: str, manifest: Manifest, digest: str) -> bytes:
    if name not in manifest.files:
        raise BundleError(digest, f"has no file {name!r}; it has {', '.join(sorted(manifest.files))}")
    return bytes(_read_verified(folder, name, manifest.files[name], digest))


def _read_verified(
    folder: Path, name: str, sha256: str, digest: str, limit: int = MAX_BYTES, *, mapped: bool = False
) -> Buffer:
    """The content of one file, checked against its digest; `mapped` into memory or read."""
    path = folder / name
    try:
        content = file_content(path, limit, mapped=mapped)
    except OSError as error:
        raise BundleError(digest, f"cannot read {path}: {error.strerror}") from error
    if content is None:
        raise BundleError(digest, f"{name} is not a regular file of at most {limit:,} bytes")
    if _sha256(content) != sha256:
        raise BundleError(digest, f"{name} was altered or truncated; restore the folder or train again")
    return content


def _shortened(what: object) -> str:
    text = str(what)
    return text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}..."
