"""Bundles: what was written comes back bit for bit, anything else is refused, and a killed writer leaves nothing."""

import copy
import functools
import hashlib
import io
import json
import mmap
import os
import pickle
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from data.column import Column
from data.table import Table
from models.errors import BundleError
from models.estimators.table_classifier import TableClassifier
from models.presets import PRESETS
from models.registry.bundles import Manifest, load_bundle, package_versions, read_manifest, sweep_partial, write_bundle
from models.registry.state import dump_state

SOURCE_ROOT = Path(__file__).parents[3]
FILES = {"policy.json": b'{"cutoff": 0.5}', "report.html": b"<html>" + bytes(range(256)) * 50}

TABLE = Table(
    name="applicants",
    description="one row für each",
    columns=(
        Column(name="age", kind="number", minimum=18, whole=True, missing=(-1, "NA"), optional=True, example=40),
        Column(name="income", kind="number", unit="EUR", direction=-1, example=1234.5),
        Column(name="home", kind="category", levels=("own", "rent")),
        Column(name="defaulted", kind="flag", role="target", positive="1"),
    ),
)


def manifest(**changes):
    fields = {
        "name": "lending",
        "domain": "credit",
        "created": datetime(2024, 5, 1, 12, 30, 15, 123456, tzinfo=UTC),
        "table": TABLE,
        "metrics": {"auc": 0.1 + 0.2, "ks": None, "by_decile": [{"n": 3, "rate": 1e-17}]},
        "source": "applicants.csv",
        "n_rows": 200,
        "data_digest": "ab" * 32,
        "seed": 7,
        "preset": "fast",
    }
    return Manifest(**{**fields, **changes})


@pytest.fixture(scope="module")
def frame():
    rng = np.random.default_rng(0)
    numbers = {"age": rng.integers(18, 80, 200).astype(float), "income": rng.gamma(2, 1000, 200)}
    return pd.DataFrame({**numbers, "home": rng.choice(["own", "rent"], 200)})


@pytest.fixture(scope="module")
def labels(frame):
    return (frame["income"] < 1500).to_numpy(np.int64)


@pytest.fixture(scope="module")
def scorer(frame, labels):
    """A small trained model."""
    return TableClassifier(TABLE, PRESETS["fast"], 0).fit(frame, labels, validation=(frame, labels))


@pytest.fixture
def bundles(tmp_path):
    return tmp_path / "bundles"


@pytest.fixture
def digest(bundles, scorer):
    return write_bundle(bundles, manifest(), scorer=scorer, files=FILES)


def stored_manifest(bundles, fields):
    """A manifest of these fields in a folder of its digest, whatever they are."""
    content = json.dumps(fields).encode()
    digest = hashlib.sha256(content).hexdigest()
    (bundles / digest).mkdir(parents=True)
    (bundles / digest / "manifest.json").write_bytes(content)
    return digest


def forged_bundle(bundles, files):
    """A bundle whose digests are all right, as one who may write into the home can make it."""
    names = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    digest = stored_manifest(bundles, {**manifest().model_dump(mode="json"), "files": names})
    for name, content in files.items():
        (bundles / digest / name).write_bytes(content)
    return digest


def test_a_bundle_comes_back_as_it_was_written(bundles, digest, scorer, frame):
    """Probabilities are equal to the last bit; table, metrics and files are equal."""
    bundle = load_bundle(bundles, digest)

    np.testing.assert_array_equal(bundle.scorer.probabilities(frame), scorer.probabilities(frame), strict=True)
    assert bundle.scorer.table == TABLE
    assert bundle.manifest == read_manifest(bundles, digest)
    assert bundle.manifest.model_copy(update={"files": {}}) == manifest()
    assert {name: bundle.read(name) for name in FILES} == FILES


def test_digests_are_those_of_the_files(bundles, digest):
    """A bundle can be checked with sha256sum."""
    contents = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in (bundles / digest).iterdir()}

    assert contents.pop("manifest.json") == digest
    assert contents == read_manifest(bundles, digest).files
    assert set(contents) == {"state.json", "state.safetensors", "policy.json", "report.html"}


def test_the_manifest_names_the_packages_that_wrote_it():
    """Versions are those of the running interpreter and libraries."""
    assert package_versions().items() >= {"numpy": np.__version__, "python": sys.version.split()[0]}.items()


def test_writing_the_same_bundle_again_changes_nothing(bundles, digest, scorer):
    """Equal models give equal bytes, and a digest that is already there is the same content."""
    assert write_bundle(bundles, manifest(), scorer=scorer, files=FILES) == digest
    assert [path.name for path in bundles.iterdir()] == [digest]


@pytest.mark.parametrize("name", ["manifest.json", "state.json", "state.safetensors", "policy.json", "report.html"])
@pytest.mark.parametrize("place", ["first", "middle", "last"])
def test_one_changed_bit_is_refused(bundles, digest, name, place):
    """Whichever file and byte it is, the text names the file."""
    path = bundles / digest / name
    content = bytearray(path.read_bytes())
    content[{"first": 0, "middle": len(content) // 2, "last": -1}[place]] ^= 1
    path.chmod(0o600)
    path.write_bytes(content)

    with pytest.raises(BundleError, match=f"{digest[:12]}: {name} was altered or truncated"):
        load_bundle(bundles, digest)


@pytest.mark.parametrize("name", ["manifest.json", "state.json", "state.safetensors", "policy.json", "report.html"])
def test_a_truncated_file_is_refused(bundles, digest, name):
    """A copy that stopped early is found."""
    path = bundles / digest / name
    path.chmod(0o600)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(BundleError, match=f"{name} was altered or truncated"):
        load_bundle(bundles, digest)


@pytest.mark.parametrize("name", ["manifest.json", "state.json", "state.safetensors", "policy.json"])
def test_a_missing_file_is_refused(bundles, digest, name):
    """The text names what is missing."""
    (bundles / digest / name).unlink()
    with pytest.raises(BundleError, match=name):
        load_bundle(bundles, digest)


def test_an_extra_file_is_refused(bundles, digest):
    """A folder holds what its manifest lists and nothing else."""
    (bundles / digest / "plugin.py").write_text("")
    with pytest.raises(BundleError, match=r"do not belong to it: plugin\.py"):
        load_bundle(bundles, digest)


def test_a_link_in_place_of_a_file_is_refused(bundles, digest, tmp_path):
    """A bundle is its own content, even where a link leads to the same bytes."""
    path = bundles / digest / "policy.json"
    path.rename(tmp_path / "elsewhere.json")
    path.symlink_to(tmp_path / "elsewhere.json")
    with pytest.raises(BundleError, match="is not a regular file"):
        load_bundle(bundles, digest)


def test_a_file_altered_after_loading_is_refused_when_it_is_read(bundles, digest):
    """Files that are read later are verified then."""
    bundle = load_bundle(bundles, digest)
    (bundles / digest / "policy.json").write_text('{"cutoff": 0.9}')
    with pytest.raises(BundleError, match="altered"):
        bundle.read("policy.json")
    with pytest.raises(BundleError, match=r"no file '\.\./x'; it has policy\.json, report\.html, state\.json, "):
        bundle.read("../x")


@pytest.mark.parametrize("digest", ["", "..", "../" + "a" * 61, "A" * 64, "a" * 63])
def test_what_is_no_digest_never_becomes_a_path(bundles, digest):
    """A digest is 64 hexadecimal digits."""
    with pytest.raises(BundleError, match="not a digest"):
        load_bundle(bundles, digest)


def test_a_bundle_that_is_not_there_is_named(bundles):
    """The text holds the path that was looked for."""
    with pytest.raises(BundleError, match=f"cannot read {bundles / ('a' * 64)}.*No such file"):
        load_bundle(bundles, "a" * 64)


def test_a_bundle_beyond_the_bound_is_refused(bundles, digest, monkeypatch):
    """The sizes are added up before anything is read."""
    monkeypatch.setattr("models.registry.bundles.MAX_BYTES", 14_000)
    with pytest.raises(BundleError, match="exceed the limit of 14,000"):
        load_bundle(bundles, digest)


@pytest.mark.parametrize(
    "change",
    [
        {"surprise": 1},
        {"name": "../lending"},
        {"files": {"../state.json": "a" * 64}},
        {"table": {"name": "t", "columns": []}},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_manifest_of_another_kind_is_refused(bundles, change):
    """A manifest is checked even if its digest is right."""
    digest = stored_manifest(bundles, {**manifest().model_dump(mode="json"), **change})
    with pytest.raises(BundleError, match="is not one that this version of backscore reads"):
        read_manifest(bundles, digest)


def test_a_manifest_without_a_scorer_is_refused(bundles, digest):
    """A bundle without a scorer is no bundle."""
    fields = json.loads((bundles / digest / "manifest.json").read_bytes())
    forged = stored_manifest(bundles, {**fields, "files": {}})

    with pytest.raises(BundleError, match=r"missing: state\.json, state\.safetensors"):
        load_bundle(bundles, forged)


def test_a_bundle_of_the_days_before_the_format_is_refused_in_a_sentence(bundles):
    """Its objects stood in an archive named scorer.skops, and its manifest had a field that is called otherwise now."""
    sentence = r": it was written before bundles had a fixed format; train the model again$"
    digest = forged_bundle(bundles, {"scorer.skops": b"PK"})
    with pytest.raises(BundleError, match=sentence):
        load_bundle(bundles, digest)
    fields = json.loads((bundles / digest / "manifest.json").read_bytes())
    fields["keep_negatives"] = fields.pop("negative_sample_rate")
    with pytest.raises(BundleError, match=sentence):
        read_manifest(bundles, stored_manifest(bundles, fields))


def test_a_newer_format_is_refused_by_its_number(bundles):
    """Whatever else such a manifest may have that is unknown today."""
    digest = stored_manifest(bundles, {**manifest().model_dump(mode="json"), "format": 2, "parts": []})
    with pytest.raises(
        BundleError, match="it has the format 2, this version of backscore reads 1; install a newer one"
    ):
        read_manifest(bundles, digest)


@pytest.mark.parametrize("content", [[], "text", 1, None])
def test_a_manifest_that_is_no_object_is_refused(bundles, content):
    """As JSON it is read, and then it has no fields."""
    with pytest.raises(BundleError, match=r"manifest\.json"):
        read_manifest(bundles, stored_manifest(bundles, content))


def test_a_folder_that_cannot_be_renamed_is_a_clear_error(bundles, scorer, monkeypatch):
    """Only where the bundle stands there already is a refused rename no failure."""

    def refuse(*_):
        raise PermissionError("no")

    monkeypatch.setattr(Path, "rename", refuse)
    with pytest.raises(BundleError, match="cannot be written"):
        write_bundle(bundles, manifest(seed=9), scorer=scorer, files=FILES)


@pytest.mark.parametrize("name", ["state.json", "state.safetensors"])
@pytest.mark.parametrize("content", ["pickle", "archive", "nothing"])
def test_what_is_no_state_is_refused_before_it_runs(bundles, scorer, name, content, tmp_path):
    """A pickle or an archive in the place of a file is read as what the file must be, and as nothing else."""

    class Payload:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "ran"),)

    archive = io.BytesIO()
    np.savez(archive, a=np.zeros(3))
    forged = {"pickle": pickle.dumps(Payload()), "archive": archive.getvalue(), "nothing": b""}[content]
    digest = forged_bundle(bundles, {**dump_state(scorer, "lending"), name: forged})
    with pytest.raises(BundleError, match=f"{name}: "):
        load_bundle(bundles, digest)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("forge", "named"),
    [
        (lambda scorer: setattr(scorer, "calibrator", os.system), "calibrator: builtin_function_or_method"),
        (lambda scorer: setattr(scorer, "network", functools.partial(os.system, "true")), "network: partial"),
        (lambda scorer: setattr(scorer.encoder, "others_", [Path("x")]), r"encoder\.others_\[0\]: PosixPath"),
        (lambda scorer: setattr(scorer, "base", float("nan")), "base: must be a finite number"),
    ],
    ids=["function", "partial", "class", "nan"],
)
def test_what_is_not_of_a_stored_type_is_not_written(bundles, scorer, forge, named):
    """The text names its place and what stands there."""
    forged = copy.deepcopy(scorer)
    forge(forged)
    with pytest.raises(BundleError, match=f"the model cannot be stored: {named}"):
        write_bundle(bundles, manifest(), scorer=forged, files=FILES)
    assert not bundles.exists()


def test_arrays_are_the_pages_of_the_file(bundles, digest):
    """They are read-only views, not copies."""
    network = load_bundle(bundles, digest).scorer.network.network_

    base = network.parameters
    while isinstance(base, np.ndarray):
        base = base.base
    assert isinstance(base.obj if isinstance(base, memoryview) else base, mmap.mmap)
    assert np.shares_memory(network.layers[0].weights, network.parameters)
    with pytest.raises(ValueError, match="read-only"):
        network.layers[0].weights[...] = 0


def test_refining_a_loaded_scorer_leaves_the_file_alone(bundles, digest, scorer, frame, labels):
    """It trains weights of its own; every other process still answers from the file."""
    loaded, other = load_bundle(bundles, digest).scorer, load_bundle(bundles, digest).scorer
    loaded.refine(frame, 1 - labels, validation=(frame, 1 - labels), seed=3)

    assert not np.array_equal(loaded.network.network_.parameters, scorer.network.network_.parameters)
    np.testing.assert_array_equal(other.probabilities(frame), scorer.probabilities(frame), strict=True)
    np.testing.assert_array_equal(load_bundle(bundles, digest).scorer.probabilities(frame), other.probabilities(frame))


def test_the_arrays_file_cannot_be_written_in_place(bundles, digest):
    """Its pages may be in use; who replaces it, does so by another file."""
    assert (bundles / digest / "state.safetensors").stat().st_mode & 0o222 == 0


def test_a_long_manifest_is_not_parsed(bundles):
    """Two megabytes are a hundred times the usual."""
    content = json.dumps(manifest().model_dump(mode="json")).encode() + b" " * 2**21
    digest = hashlib.sha256(content).hexdigest()
    (bundles / digest).mkdir(parents=True)
    (bundles / digest / "manifest.json").write_bytes(content)

    with pytest.raises(BundleError, match="not a regular file of at most 2,097,152 bytes"):
        read_manifest(bundles, digest)


@pytest.mark.parametrize("name", ["state.json", "state.safetensors"])
def test_a_pipe_in_place_of_a_file_is_refused(bundles, digest, name):
    """A FIFO is refused instead of waited for."""
    path = bundles / digest / name
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(BundleError, match="is not a regular file"):
        load_bundle(bundles, digest)


def test_a_metric_that_is_not_a_number_is_refused(bundles, scorer):
    """JSON has no NaN; an undefined metric is null."""
    with pytest.raises(BundleError, match="write null for NaN"):
        write_bundle(bundles, manifest(metrics={"auc": float("nan")}), scorer=scorer, files=FILES)


@pytest.mark.parametrize("name", ["manifest.json", "state.json", "state.safetensors"])
def test_files_of_the_bundle_itself_cannot_be_given(bundles, scorer, name):
    """They would be replaced in silence."""
    with pytest.raises(BundleError, match="must not be given"):
        write_bundle(bundles, manifest(), scorer=scorer, files={name: b""})


@pytest.mark.parametrize("name", ["../policy.json", "Policy.json", "", "a/b"])
def test_a_file_name_that_leaves_the_folder_is_refused(bundles, scorer, name):
    """Names of files are plain."""
    with pytest.raises(ValidationError, match="files"):
        write_bundle(bundles, manifest(), scorer=scorer, files={name: b""})
    assert not bundles.exists()


def test_a_disk_that_refuses_is_a_clear_error(tmp_path, scorer):
    """A file where the folder of bundles should be is named."""
    (tmp_path / "bundles").write_text("")
    with pytest.raises(BundleError, match=f"cannot be written to {tmp_path / 'bundles'}"):
        write_bundle(tmp_path / "bundles", manifest(), scorer=scorer, files=FILES)


def test_a_failed_write_leaves_nothing(bundles, digest, scorer, monkeypatch):
    """An error on the way removes what was written so far."""
    monkeypatch.setattr("models.registry.bundles._publish", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        write_bundle(bundles, manifest(seed=8), scorer=scorer, files=FILES)
    assert [path.name for path in bundles.iterdir()] == [digest]


# Forks once for each kill, so that the imports are paid once. First a kill before every single step that touches the
# disk, until a writer gets through; then kills at random moments.
KILLED_WRITERS = """
import itertools, os, random, signal, sys, time
from datetime import UTC, datetime
from pathlib import Path
from data.column import Column
from data.table import Table
from models.estimators.calibration import LogOddsCalibrator
from models.registry.bundles import Manifest, write_bundle

bundles = Path(sys.argv[1])
table = Table(name="t", columns=(Column(name="a", kind="number"),))

def write(seed):
    fields = dict(name="lending", domain="credit", created=datetime.now(UTC), table=table, metrics={}, source="s")
    manifest = Manifest(**fields, n_rows=1, data_digest="d", seed=seed, preset="fast")
    scorer = LogOddsCalibrator()
    scorer.intercept = float(seed)
    write_bundle(bundles, manifest, scorer=scorer, files={"report.html": bytes(100_000)})

def forked(child):
    pid = os.fork()
    if pid == 0:
        try:
            child()
        finally:
            os._exit(0)
    return pid

def killed_at_step(step, seed):
    steps = itertools.count()
    def count(*_):
        if next(steps) == step:
            os.kill(os.getpid(), signal.SIGKILL)
    def child():
        fsync, os.fsync = os.fsync, lambda descriptor: (count(), fsync(descriptor))
        ours = lambda event, path: event in ("open", "os.mkdir", "os.rename") and str(path).startswith(str(bundles))
        sys.addaudithook(lambda event, args: ours(event, args and args[0]) and count())
        write(seed)
    return os.waitpid(forked(child), 0)[1] == signal.SIGKILL

write(0)
n_steps = next(step for step in itertools.count() if not killed_at_step(step, step + 1))
randomness = random.Random(0)
def write_on():
    for seed in itertools.count(1000):
        write(seed)
for _ in range(20):
    pid = forked(write_on)
    time.sleep(randomness.uniform(0, 0.06))
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
print(n_steps)
"""


def test_killed_writers_leave_no_half_bundle(bundles):
    """After a kill at every step and at random moments each visible bundle loads, and the rest can be swept away."""
    command = [sys.executable, "-c", KILLED_WRITERS, str(bundles)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=SOURCE_ROOT, check=False, timeout=120)
    assert done.stderr == ""
    n_steps = int(done.stdout)
    partial = {path.name for path in bundles.glob(".partial-*")}
    visible = {path.name for path in bundles.iterdir()} - partial

    # every kill between the making of the folder and its renaming leaves a partial one
    assert n_steps > 8
    assert len(partial) >= n_steps - 5
    seeds = {load_bundle(bundles, digest).scorer.intercept for digest in visible}
    assert seeds >= {0, n_steps + 1}

    (bundles / ".partial-lending-2.0123").mkdir()
    sweep_partial(bundles, "lending")
    assert {path.name for path in bundles.iterdir()} == visible | {".partial-lending-2.0123"}
