"""Bundles: what was written comes back bit for bit, anything else is refused, and a killed writer leaves nothing."""

import functools
import hashlib
import importlib
import inspect
import io
import json
import os
import pickle
import subprocess
import sys
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
import skops.io
from pydantic import ValidationError
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from data.table import Column, Table
from models.errors import BundleError
from models.registry.bundles import Manifest, load_bundle, package_versions, read_manifest, sweep_partial, write_bundle
from models.registry.scorer_file import TRUSTED_TYPES, load_scorer

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
def rows():
    return np.random.default_rng(0).normal(size=(200, 5))


@pytest.fixture(scope="module")
def scorer(rows):
    """An estimator and a table, as a scorer holds them."""
    targets = (rows[:, 0] + rows[:, 1] ** 2 > 0.5).astype(int)
    return {"estimator": make_pipeline(StandardScaler(), LogisticRegression()).fit(rows, targets), "table": TABLE}


@pytest.fixture
def bundles(tmp_path):
    return tmp_path / "bundles"


@pytest.fixture
def digest(bundles, scorer):
    return write_bundle(bundles, manifest(), scorer=scorer, files=FILES)


def forged_bundle(bundles, scorer_bytes, listed=None):
    """A bundle whose digests are all right, as one who may write into the home can make it."""
    names = {"scorer.skops": hashlib.sha256(scorer_bytes).hexdigest(), **(listed or {})}
    fields = {**manifest().model_dump(mode="json"), "files": names}
    content = json.dumps(fields).encode()
    digest = hashlib.sha256(content).hexdigest()
    (bundles / digest).mkdir(parents=True)
    (bundles / digest / "manifest.json").write_bytes(content)
    (bundles / digest / "scorer.skops").write_bytes(scorer_bytes)
    return digest


def test_a_bundle_comes_back_as_it_was_written(bundles, digest, scorer, rows):
    """Probabilities are equal to the last bit; table, metrics and files are equal."""
    bundle = load_bundle(bundles, digest)

    expected = scorer["estimator"].predict_proba(rows)
    np.testing.assert_array_equal(bundle.scorer["estimator"].predict_proba(rows), expected, strict=True)
    assert bundle.scorer["table"] == TABLE
    assert bundle.manifest == read_manifest(bundles, digest)
    assert bundle.manifest.model_copy(update={"files": {}}) == manifest()
    assert {name: bundle.read(name) for name in FILES} == FILES


def test_digests_are_those_of_the_files(bundles, digest):
    """Anybody can check a bundle with sha256sum."""
    contents = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in (bundles / digest).iterdir()}

    assert contents.pop("manifest.json") == digest
    assert contents == read_manifest(bundles, digest).files
    assert set(contents) == {"scorer.skops", "policy.json", "report.html"}


def test_the_manifest_names_the_packages_that_wrote_it():
    """Versions are those of the running interpreter and libraries."""
    assert package_versions().items() >= {"numpy": np.__version__, "python": sys.version.split()[0]}.items()


def test_writing_the_same_bundle_again_changes_nothing(bundles, digest, scorer, monkeypatch):
    """A digest that is already there is the same content."""
    stored = (bundles / digest / "scorer.skops").read_bytes()
    monkeypatch.setattr("models.registry.bundles.dump_scorer", lambda _: stored)

    assert write_bundle(bundles, manifest(), scorer=scorer, files=FILES) == digest
    assert [path.name for path in bundles.iterdir()] == [digest]


@pytest.mark.parametrize("name", ["manifest.json", "scorer.skops", "policy.json", "report.html"])
@pytest.mark.parametrize("place", ["first", "middle", "last"])
def test_one_changed_bit_is_refused(bundles, digest, name, place):
    """Whichever file and byte it is, the text names the file."""
    path = bundles / digest / name
    content = bytearray(path.read_bytes())
    content[{"first": 0, "middle": len(content) // 2, "last": -1}[place]] ^= 1
    path.write_bytes(content)

    with pytest.raises(BundleError, match=f"{digest[:12]}: {name} was altered or truncated"):
        load_bundle(bundles, digest)


@pytest.mark.parametrize("name", ["manifest.json", "scorer.skops", "policy.json", "report.html"])
def test_a_truncated_file_is_refused(bundles, digest, name):
    """A copy that stopped early is found."""
    path = bundles / digest / name
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(BundleError, match=f"{name} was altered or truncated"):
        load_bundle(bundles, digest)


@pytest.mark.parametrize("name", ["manifest.json", "scorer.skops", "policy.json"])
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
    with pytest.raises(BundleError, match="is no plain file"):
        load_bundle(bundles, digest)


def test_a_file_altered_after_loading_is_refused_when_it_is_read(bundles, digest):
    """Files that are read later are verified then."""
    bundle = load_bundle(bundles, digest)
    (bundles / digest / "policy.json").write_text('{"cutoff": 0.9}')
    with pytest.raises(BundleError, match="altered"):
        bundle.read("policy.json")
    with pytest.raises(BundleError, match=r"no file '\.\./x'; it has policy\.json, report\.html, scorer\.skops"):
        bundle.read("../x")


@pytest.mark.parametrize("digest", ["", "..", "../" + "a" * 61, "A" * 64, "a" * 63])
def test_what_is_no_digest_never_becomes_a_path(bundles, digest):
    """A digest is 64 hexadecimal digits."""
    with pytest.raises(BundleError, match="no digest"):
        load_bundle(bundles, digest)


def test_a_bundle_that_is_not_there_is_named(bundles):
    """The text holds the path that was looked for."""
    with pytest.raises(BundleError, match=f"cannot read {bundles / ('a' * 64)}.*No such file"):
        load_bundle(bundles, "a" * 64)


def test_a_bundle_beyond_the_bound_is_refused(bundles, digest, monkeypatch):
    """The sizes are added up before anything is read."""
    monkeypatch.setattr("models.registry.bundles.MAX_BYTES", 14_000)
    with pytest.raises(BundleError, match="are more than the 14,000 a bundle may have"):
        load_bundle(bundles, digest)


@pytest.mark.parametrize(
    "change",
    [
        {"format": 2},
        {"surprise": 1},
        {"name": "../lending"},
        {"files": {"../scorer.skops": "a" * 64}},
        {"table": {"name": "t", "columns": []}},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_manifest_of_another_kind_is_refused(bundles, change):
    """A right digest does not excuse a wrong manifest."""
    content = json.dumps({**manifest().model_dump(mode="json"), **change}).encode()
    digest = hashlib.sha256(content).hexdigest()
    (bundles / digest).mkdir(parents=True)
    (bundles / digest / "manifest.json").write_bytes(content)

    with pytest.raises(BundleError, match="is not one that this version of backscore reads"):
        read_manifest(bundles, digest)


def test_a_manifest_without_a_scorer_is_refused(bundles, digest):
    """A bundle without a scorer is no bundle."""
    fields = json.loads((bundles / digest / "manifest.json").read_bytes())
    content = json.dumps({**fields, "files": {}}).encode()
    forged = hashlib.sha256(content).hexdigest()
    (bundles / forged).mkdir()
    (bundles / forged / "manifest.json").write_bytes(content)

    with pytest.raises(BundleError, match=r"missing: scorer\.skops"):
        load_bundle(bundles, forged)


class Forgeable:
    """Stored as a call of its own class, which an attacker replaces by a call of something else."""

    def __init__(self, argument):
        self.argument = argument

    def __reduce__(self):
        return Forgeable, (self.argument,)


def archive_that_makes_a_folder(folder):
    """A skops archive that calls os.mkdir when somebody trusts it."""
    honest = zipfile.ZipFile(io.BytesIO(skops.io.dumps({"estimator": Forgeable(str(folder))})))
    schema = json.loads(honest.read("schema.json"))
    schema["content"]["estimator"] |= {"__module__": "os", "__class__": "mkdir"}
    forged = io.BytesIO()
    with zipfile.ZipFile(forged, "w") as archive:
        archive.writestr("schema.json", json.dumps(schema))
    return forged.getvalue()


def test_a_hostile_archive_is_refused_before_it_runs(bundles, tmp_path):
    """The archive is shown to work on one who trusts it; as a bundle it is refused and does nothing."""
    skops.io.loads(archive_that_makes_a_folder(tmp_path / "trusted"), trusted=["os.mkdir"])
    assert (tmp_path / "trusted").is_dir()

    digest = forged_bundle(bundles, archive_that_makes_a_folder(tmp_path / "refused"))
    with pytest.raises(BundleError, match=r"os\.mkdir"):
        load_bundle(bundles, digest)
    assert not (tmp_path / "refused").exists()


def test_a_pickle_is_refused_before_it_runs(bundles, tmp_path):
    """A pickle in place of the scorer is never given to pickle."""

    class Payload:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "ran"),)

    digest = forged_bundle(bundles, pickle.dumps(Payload()))
    with pytest.raises(BundleError, match="BadZipFile"):
        load_bundle(bundles, digest)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("scorer", "named"),
    [
        (FunctionTransformer(os.system), r"posix\.system"),
        (functools.partial(os.system, "true"), r"functools\.partial"),
        (Forgeable("x"), "Forgeable"),
        ({"loader": skops.io.load}, r"skops\.io\._persist\.load"),
    ],
    ids=["function", "partial", "class", "loader"],
)
def test_a_type_that_is_not_trusted_is_refused_on_both_ways(bundles, scorer, named):
    """It is neither written nor loaded, and the text names it."""
    with pytest.raises(BundleError, match=named):
        write_bundle(bundles, manifest(), scorer=scorer, files=FILES)
    assert not bundles.exists()

    digest = forged_bundle(bundles, skops.io.dumps(scorer))
    with pytest.raises(BundleError, match=named):
        load_bundle(bundles, digest)


def test_an_archive_that_grows_when_it_is_read_is_refused(bundles):
    """A few kilobytes must not become gigabytes: ours are stored uncompressed, others are not opened."""
    bomb = skops.io.dumps({"estimator": np.zeros(10**6)}, compression=zipfile.ZIP_DEFLATED)
    assert len(bomb) < 20_000
    with pytest.raises(BundleError, match="not opened"):
        load_bundle(bundles, forged_bundle(bundles, bomb))


def test_an_archive_that_lies_about_its_sizes_is_refused(bundles):
    """Compressed entries that claim to be as small unpacked as packed are not believed."""
    bomb = bytearray(skops.io.dumps({"estimator": np.zeros(10**6)}, compression=zipfile.ZIP_DEFLATED))
    entry = bomb.find(b"PK\x01\x02")
    while entry != -1:
        bomb[entry + 24 : entry + 28] = bomb[entry + 20 : entry + 24]  # unpacked size := packed size
        entry = bomb.find(b"PK\x01\x02", entry + 1)
    with pytest.raises(BundleError, match="not opened"):
        load_bundle(bundles, forged_bundle(bundles, bytes(bomb)))


def test_an_archive_that_uses_its_bytes_twice_is_refused(bundles):
    """Two entries over the same bytes are how an uncompressed archive grows."""
    content = bytearray(skops.io.dumps({"estimator": np.zeros(10_000)}))
    directory = content.index(b"PK\x01\x02")
    end = content.index(b"PK\x05\x06")
    n_entries = int.from_bytes(content[end + 8 : end + 10], "little")
    entries = bytes(content[directory:end]) * 3
    tail = bytearray(content[end:])
    tail[8:10] = tail[10:12] = (n_entries * 3).to_bytes(2, "little")
    tail[12:16] = len(entries).to_bytes(4, "little")
    forged = bytes(content[:directory]) + entries + bytes(tail)

    with pytest.raises(BundleError, match="overlapping"):
        load_bundle(bundles, forged_bundle(bundles, forged))


@pytest.mark.parametrize(
    ("scorer", "named"),
    [({"a": np.random.default_rng(0)}, "RandomGeneratorNode"), ({"a": np.random.RandomState(0)}, "RandomStateNode")],
    ids=["generator", "state"],
)
def test_nodes_that_no_scorer_has_are_refused(bundles, scorer, named):
    """Skops trusts more kinds of objects than a scorer consists of."""
    with pytest.raises(BundleError, match=named):
        load_bundle(bundles, forged_bundle(bundles, skops.io.dumps(scorer)))


def test_an_archive_in_an_arrays_place_is_refused(bundles):
    """Numpy would open it, and whatever is compressed in it."""
    inner = io.BytesIO()
    np.savez_compressed(inner, a=np.zeros(10**6))
    honest = zipfile.ZipFile(io.BytesIO(skops.io.dumps({"a": np.zeros(3)})))
    forged = io.BytesIO()
    with zipfile.ZipFile(forged, "w") as archive:
        for name in honest.namelist():
            archive.writestr(name, inner.getvalue() if name.endswith(".npy") else honest.read(name))

    with pytest.raises(BundleError, match="is no array"):
        load_bundle(bundles, forged_bundle(bundles, forged.getvalue()))


@pytest.mark.parametrize("schema", ["[" + "[]," * 200_000 + "[]]", "x" * 70_000_000], ids=["lists", "text"])
def test_a_description_that_is_none_is_not_parsed(schema):
    """What it would become takes many times its bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("schema.json", schema)
    with pytest.raises(BundleError, match="it was not read"):
        load_scorer(buffer.getvalue(), "a" * 64)


def test_an_archive_of_very_many_members_is_not_opened():
    """Each takes time, though none takes room."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for number in range(10_001):
            archive.writestr(str(number), b"")
    with pytest.raises(BundleError, match="more than 10,000 members"):
        load_scorer(buffer.getvalue(), "a" * 64)


def test_a_long_manifest_is_not_parsed(bundles):
    """Two megabytes are a hundred times the usual."""
    content = json.dumps(manifest().model_dump(mode="json")).encode() + b" " * 2**21
    digest = hashlib.sha256(content).hexdigest()
    (bundles / digest).mkdir(parents=True)
    (bundles / digest / "manifest.json").write_bytes(content)

    with pytest.raises(BundleError, match="no plain file of at most 2,097,152 bytes"):
        read_manifest(bundles, digest)


def test_a_pipe_in_place_of_a_file_is_refused(bundles, digest):
    """Nobody waits for what somebody may write into it."""
    path = bundles / digest / "scorer.skops"
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(BundleError, match="is no plain file"):
        load_bundle(bundles, digest)


@pytest.mark.parametrize("schema", ["", "[]", "{}", '{"protocol": 2}', '{"protocol": 2, "__loader__": "DictNode"}'])
def test_a_damaged_archive_is_a_clear_error(schema):
    """Whatever skops stumbles over is told as one kind of error."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("schema.json", schema)
    with pytest.raises(BundleError, match="the scorer cannot be rebuilt"):
        load_scorer(buffer.getvalue(), "a" * 64)


@pytest.mark.parametrize("name", [name for name in TRUSTED_TYPES if name.startswith(("data.", "models."))])
def test_trusted_types_of_ours_are_classes_where_they_are_listed(name):
    """A name that leads to a function or to another module's class is no entry for the list."""
    module_name, _, class_name = name.rpartition(".")
    trusted = getattr(importlib.import_module(module_name), class_name)

    assert inspect.isclass(trusted)
    assert trusted.__module__ == module_name


def test_a_metric_that_is_not_a_number_is_refused(bundles, scorer):
    """JSON has no NaN; an undefined metric is null."""
    with pytest.raises(BundleError, match="write null for NaN"):
        write_bundle(bundles, manifest(metrics={"auc": float("nan")}), scorer=scorer, files=FILES)


@pytest.mark.parametrize("name", ["manifest.json", "scorer.skops"])
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
from data.table import Column, Table
from models.registry.bundles import Manifest, write_bundle

bundles = Path(sys.argv[1])
table = Table(name="t", columns=(Column(name="a", kind="number"),))

def write(seed):
    fields = dict(name="lending", domain="credit", created=datetime.now(UTC), table=table, metrics={}, source="s")
    manifest = Manifest(**fields, n_rows=1, data_digest="d", seed=seed, preset="fast")
    write_bundle(bundles, manifest, scorer={"table": table, "seed": seed}, files={"report.html": bytes(100_000)})

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
        sys.addaudithook(lambda event, _: event in ("open", "os.mkdir", "os.rename") and count())
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
    seeds = {load_bundle(bundles, digest).scorer["seed"] for digest in visible}
    assert seeds >= {0, n_steps + 1}

    (bundles / ".partial-lending-2.0123").mkdir()
    sweep_partial(bundles, "lending")
    assert {path.name for path in bundles.iterdir()} == visible | {".partial-lending-2.0123"}
