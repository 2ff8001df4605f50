"""Bundles forged by someone with write access to the home, and even to the registry.

    python tests/drills/hostile/bundles.py

States that nest without end, that say a thing twice, that name what is no stored type; arrays that claim what is not
there, or whose numbers do not fit the model; manifests and folders of the same kind. All digests are right, so that
only what is behind them is tested. Each must be refused with a BundleError in two seconds and in bounded memory,
nothing may run or be written. Exit code 1 if anything is wrong.
"""

from __future__ import annotations

import copy
import functools
import hashlib
import io
import json
import multiprocessing
import os
import pickle
import sys
import time
import traceback
import zipfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd
from safetensors.numpy import load, save

ROOT = Path(__file__).parents[3]
sys.path.insert(0, str(ROOT))

from data.column import Column
from data.table import Table
from models.errors import BundleError
from models.estimators.table_classifier import TableClassifier
from models.presets import PRESETS
from models.registry.bundles import Manifest, load_bundle
from models.registry.state import ARRAYS, STATE, dump_state
from tests.drills.stage import end_with

MEBIBYTE = 2**20
MAX_SECONDS, MAX_MEBIBYTES = 2.0, 700
TABLE = Table(
    name="t",
    columns=(
        Column(name="a", kind="number"),
        Column(name="b", kind="category"),
        Column(name="c", kind="time", role="time"),
        Column(name="y", kind="flag", role="target"),
    ),
)
RAN = "ran"
"""A folder that payloads try to make; it must not be there in the end."""

Forge = Callable[[Path], str]
"""Puts a bundle into a folder of bundles, and gives its digest."""
Files = dict[str, bytes]
Tree = dict[str, Any]


def manifest_bytes(files: dict[str, str], **changes: Any) -> bytes:
    fields = Manifest(
        name="lending", domain="credit", created=datetime(2024, 5, 1, tzinfo=UTC), table=TABLE, metrics={}, source="s",
        n_rows=1, data_digest="d", seed=0, preset="fast",
    ).model_dump(mode="json")  # fmt: skip
    return json.dumps({**fields, "files": files, **changes}).encode()


@functools.cache
def honest() -> Files:
    """The two files of a small, valid model."""
    rng = np.random.default_rng(0)
    times = pd.date_range("2024-01-01", periods=400, freq="h")
    frame = pd.DataFrame({"a": rng.normal(size=400), "b": rng.choice(["u", "v"], 400), "c": times})
    labels = (frame["a"] > 0).to_numpy(np.int64)
    model = TableClassifier(TABLE, PRESETS["fast"], 0).fit(frame, labels, validation=(frame, labels))
    return dump_state(model, "lending")


def put(bundles: Path, files: Files, manifest: bytes | None = None) -> str:
    listed = {name: sha256(content) for name, content in files.items()}
    manifest = manifest_bytes(listed) if manifest is None else manifest
    folder = bundles / sha256(manifest)
    folder.mkdir(parents=True)
    (folder / "manifest.json").write_bytes(manifest)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder.name


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def with_file(name: str, content: bytes | Callable[[], bytes]) -> Forge:
    """A bundle whose only oddity is one file."""

    def forge(bundles: Path) -> str:
        return put(bundles, {**honest(), name: content if isinstance(content, bytes) else content()})

    return forge


def with_tree(change: Callable[[Tree], object]) -> Forge:
    """A bundle whose state was changed by somebody who knows the format."""

    def forge(bundles: Path) -> str:
        tree = json.loads(honest()[STATE])
        change(tree)
        return put(bundles, {**honest(), STATE: json.dumps(tree).encode()})

    return forge


def with_arrays(change: Callable[[dict[str, Any]], object]) -> Forge:
    """A bundle whose arrays were changed by somebody who knows the format."""

    def forge(bundles: Path) -> str:
        arrays = copy.deepcopy(load(honest()[ARRAYS]))
        change(arrays)
        return put(bundles, {**honest(), ARRAYS: save(arrays)})

    return forge


class Payload:
    """Makes a folder when it is unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (RAN,)


def archive(content: bytes, compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as written:
        written.writestr(STATE, content)
    return file.getvalue()


def strangers() -> Iterator[tuple[str, Forge]]:
    """Files of other kinds in the place of either file."""
    zeros = bytes(50 * MEBIBYTE)
    for name in (STATE, ARRAYS):
        for label, content in {
            "nothing": b"",
            "a pickle": pickle.dumps(Payload()),
            "a pickle after its name": b"\x93NUMPY" + pickle.dumps(Payload()),
            "50 MiB of zeros in an archive": functools.partial(archive, zeros),
            "50 MiB of zeros": zeros,
            "a script": b"#!/bin/sh\nmkdir ran\n" * 1_000,
            "an earlier archive": archive(b"{}", zipfile.ZIP_STORED),
        }.items():
            yield f"{name}: {label}", with_file(name, content)
        for share in (0.1, 0.5, 0.9, 0.99):
            yield f"{name}: cut off at {share:.0%}", with_file(name, lambda n=name, s=share: _cut(honest()[n], s))
        yield f"{name}: bytes before it", with_file(name, lambda n=name: b"x" * 1_000 + honest()[n])
        yield f"{name}: bytes behind it", with_file(name, lambda n=name: honest()[n] + b"x" * 1_000)
    yield "both files exchanged", lambda bundles: put(bundles, {STATE: honest()[ARRAYS], ARRAYS: honest()[STATE]})


def _cut(content: bytes, share: float) -> bytes:
    return content[: int(len(content) * share)]


def trees() -> Iterator[tuple[str, Forge]]:
    """States that are not JSON, or oversized."""
    deep = 100_000
    for name, text in {
        "100,000 nested lists": "[" * deep + "]" * deep,
        "100,000 nested objects": '{"a":' * deep + "1" + "}" * deep,
        "20 million lists": "[" + "[]," * 20_000_000 + "[]]",
        "900,000 lists": "[" + "[]," * 900_000 + "[]]",
        "200 MiB of one text": '"' + "x" * (200 * MEBIBYTE) + '"',
        "30 MiB of small numbers": "[" + "0.1," * 7_500_000 + "1]",
        "30 MiB of keys": "{" + ",".join(f'"{i:x}":1' for i in range(2_600_000)) + "}",
        "a number of 10 million digits": "9" * 10_000_000,
        "a number with an exponent of 10 million digits": "1e" + "9" * 10_000_000,
        "no JSON": "{",
        "no object": "[]",
        "NaN": "NaN",
        "invalid UTF-8": "\udcff",
        "a type that is a number": '{"type": 7}',
        "a type that is a list": '{"type": ["network"]}',
        "a type that is an object": '{"type": {"type": "network"}}',
        "no type": "{}",
    }.items():
        yield f"a tree: {name}", with_file(STATE, text.encode("utf-8", "surrogateescape"))
    yield "a tree: UTF-16", with_file(STATE, lambda: honest()[STATE].decode().encode("utf-16"))
    yield "a tree: a key twice", with_file(STATE, lambda: honest()[STATE].replace(b'"base":', b'"base": 1, "base":'))
    yield (
        "a tree: 100,000 others",
        with_tree(lambda tree: tree["encoder"].update(others_=tree["encoder"]["others_"] * 50_000)),
    )
    yield "a tree: itself in itself", with_tree(lambda tree: tree.update(network=copy.deepcopy(tree)))


def kinds() -> Iterator[tuple[str, Forge]]:
    """Types and values that are not those of a model."""
    for name in (
        "os.mkdir", "os.system", "builtins.eval", "subprocess.Popen", "pathlib.Path", "numpy.load", "object", "type",
        "TableClassifier", "models.estimators.table_classifier.TableClassifier", "models.registry.registry.Registry",
        "__class__", "", "network|classifier", "table", "value", "int",
    ):  # fmt: skip
        yield f"the type {name!r}", with_tree(lambda tree, n=name: tree.update(type=n))
        yield f"the calibrator of type {name!r}", with_tree(lambda tree, n=name: tree["calibrator"].update(type=n))
    for name in ("__class__", "__dict__", "__init__", "__setstate__", "check_restored", "callbacks", "stored_fields"):
        yield f"the field {name!r}", with_tree(lambda tree, n=name: tree["network"].update({n: "os.system"}))
    yield "text that is none", with_tree(lambda tree: tree["background"].update(reference_group="\ud800"))
    yield "a time that is none", with_tree(lambda tree: tree["background"]["reference_row"].update(c={"time": "now"}))
    yield "a calibrator alone", with_tree(lambda tree: _replace(tree, tree["calibrator"]))


def _replace(tree: Tree, other: Tree) -> None:
    tree.clear()
    tree.update(other)


def shapes() -> Iterator[tuple[str, Forge]]:
    """Networks and encoders that claim to be larger than they are, or that do not fit together."""
    for name, widths in {
        "a million layers": [1] * 1_000_000,
        "10^15 units": [7, 10**15, 1],
        "2^62 inputs": [2**62, 64, 1],
        "a negative width": [-7, -64, 1],
        "no layer": [7],
        "no width": [],
        "widths of zero": [0, 0, 0],
    }.items():
        yield f"a network of {name}", with_tree(lambda tree, w=widths: tree["network"]["network_"].update(widths=w))
    for field, value in (
        ("n_members", 0),
        ("n_members", 10**12),
        ("hidden_activation", "os.system"),
        ("directions", [1]),
    ):
        yield (
            f"a network with {field} {value!r}",
            with_tree(lambda tree, f=field, v=value: tree["network"]["network_"].update({f: v})),
        )
    for field, value in (("rows_per_chunk", 0), ("rows_per_chunk", -1), ("preset", "x"), ("others_", [])):
        yield (
            f"an encoder with {field} {value!r}",
            with_tree(lambda tree, f=field, v=value: tree["encoder"].update({f: v})),
        )


def arrays() -> Iterator[tuple[str, Forge]]:
    """Arrays that claim what they do not hold, or hold what fits no model."""
    entry = {"dtype": "F64", "shape": [3], "data_offsets": [0, 24]}
    for name, header in {
        "8 TB claimed": {"a": {**entry, "shape": [10**12], "data_offsets": [0, 8 * 10**12]}},
        "2^63 rows": {"a": {**entry, "shape": [2**63, 2**63]}},
        "a shape whose bytes overflow to 24": {"a": {**entry, "shape": [2**61 + 3]}},
        "a negative shape": {"a": {**entry, "shape": [-3]}},
        "two negative lengths": {"a": {**entry, "shape": [-3, -1]}},
        "a length that is a float": {"a": {**entry, "shape": [3.0]}},
        "a length that is true": {"a": {**entry, "shape": [True, 3]}},
        "a shape of a million ones": {"a": {**entry, "shape": [3, *[1] * 1_000_000]}},
        "a shape that is an object": {"a": {**entry, "shape": {}}},
        "offsets before the start": {"a": {**entry, "data_offsets": [-24, 0]}},
        "offsets behind the end": {"a": {**entry, "data_offsets": [24, 48]}},
        "offsets the wrong way round": {"a": {**entry, "data_offsets": [24, 0]}},
        "two arrays over the same bytes": {"a": entry, "b": entry},
        "10,000 arrays over the same bytes": {f"a{i}": entry for i in range(10_000)},
        "a gap": {
            "a": {**entry, "shape": [1], "data_offsets": [0, 8]},
            "b": {**entry, "shape": [1], "data_offsets": [16, 24]},
        },
        "an unknown type": {"a": {**entry, "dtype": "O"}},
        "a type of texts": {"a": {**entry, "dtype": "<U268435456"}},
        "a type that is a list": {"a": {**entry, "dtype": ["F64"]}},
        "a field more": {"a": {**entry, "loader": "os.mkdir"}},
        "metadata": {"__metadata__": {"a": "b"}, "a": entry},
        "no field": {"a": {}},
        "no object": [entry],
        "no arrays": {},
    }.items():
        yield f"arrays: {name}", with_file(ARRAYS, functools.partial(array_file, header))
    for name, text in {
        "a header nested 100,000 times": b"[" * 100_000 + b"]" * 100_000,
        "a header of 10 MiB": b"{" + b" " * 10 * MEBIBYTE + b"}",
        "a header that is code": b"__import__('os').mkdir('ran')",
        "a header that says a name twice": b'{"a":%(e)s,"a":%(e)s}' % {b"e": json.dumps(entry).encode()},
        "a header of NaN": b"NaN",
    }.items():
        yield f"arrays: {name}", with_file(ARRAYS, len(text).to_bytes(8, "little") + text + bytes(24))
    yield "arrays: a header of 2^64 bytes", with_file(ARRAYS, b"\xff" * 8 + bytes(100))
    network, numbers = "network.network_.parameters", "encoder.numbers_"
    for name, change in {
        "NaN in the weights": lambda held: held[network].__setitem__(3, np.nan),
        "infinite weights": lambda held: held[network].__setitem__(3, np.inf),
        "weights of another type": lambda held: held.update({network: held[network].astype(np.float64)}),
        "weights of another shape": lambda held: held.update({network: held[network][None]}),
        "a weight less": lambda held: held.update({network: held[network][:-1].copy()}),
        "no weights": lambda held: held.pop(network),
        "an array more": lambda held: held.update(more=np.zeros(3)),
        "a column that there is not": lambda held: held[f"{numbers}.bin_owners"].__setitem__(0, 2**40),
        "a column before the first": lambda held: held[f"{numbers}.bin_owners"].__setitem__(0, -1),
        "levels without vectors": lambda held: held.update(
            {"encoder.others_[0].vectors": np.zeros((1, 3), np.float32)}
        ),
        "hours without points": lambda held: held.update(
            {"encoder.others_[1].circles[0]": np.zeros((2, 2), np.float32)}
        ),
    }.items():
        yield f"arrays: {name}", with_arrays(change)


def array_file(header: object, numbers: bytes = bytes(24)) -> bytes:
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + numbers


def manifests() -> Iterator[tuple[str, Forge]]:
    """Manifests and folders that are not what they should be."""
    files = honest()
    listed = {name: sha256(content) for name, content in files.items()}
    columns = [{"name": "a", "kind": "number"}] * 40_000
    deep = '{"metrics":' + '{"a":' * 100_000 + "1" + "}" * 100_001
    for name, content in {
        "100 MiB of blanks": manifest_bytes(listed) + b" " * (100 * MEBIBYTE),
        "100 MiB of metrics": manifest_bytes(listed, metrics={"a": "x" * (100 * MEBIBYTE)}),
        "a million metrics": manifest_bytes(listed, metrics={f"m{i}": i for i in range(1_000_000)}),
        "nested 100,000 times": deep.encode(),
        "a number of 1 million digits": manifest_bytes(listed).replace(b'"n_rows": 1', b'"n_rows": ' + b"9" * 10**6),
        "files elsewhere": manifest_bytes({**listed, "../../registry.sqlite": "0" * 64}),
        "an absolute file": manifest_bytes({**listed, "/etc/passwd": "0" * 64}),
        "100,000 files": manifest_bytes({**listed, **{f"f{i}": "0" * 64 for i in range(100_000)}}),
        "no model": manifest_bytes({}),
        "a model without arrays": manifest_bytes({STATE: listed[STATE]}),
        "an archive of objects": manifest_bytes({**listed, "scorer.skops": "0" * 64}),
        "a format of the future": manifest_bytes(listed, format=10**9),
        "a format that is a list": manifest_bytes(listed, format=[1]),
        "another domain": manifest_bytes(listed, domain="../../x", name="../x"),
        "a table without end": manifest_bytes(listed, table={"name": "t", "columns": columns}),
        "invalid UTF-8": b"\xff" + manifest_bytes(listed),
    }.items():
        yield f"manifest: {name}", functools.partial(put, files=files, manifest=content)
    for name in (STATE, ARRAYS):
        yield f"folder: a link in the place of {name}", _in_place(name, lambda path: path.symlink_to("/etc/passwd"))
        yield f"folder: an endless device as {name}", _in_place(name, lambda path: path.symlink_to("/dev/zero"))
        yield f"folder: a pipe in the place of {name}", _in_place(name, os.mkfifo)
        yield f"folder: a folder in the place of {name}", _in_place(name, Path.mkdir)
        yield f"folder: {name} of 1 TB that takes no room", _in_place(name, lambda path: _sparse(path, 2**40))
        yield f"folder: {name} of 250 MiB", _in_place(name, lambda path: _sparse(path, 250 * MEBIBYTE))
        yield f"folder: no {name}", _in_place(name, str)
        yield (
            f"folder: {name} with one bit changed",
            _in_place(name, lambda path: path.write_bytes(_flipped(files[path.name]))),
        )


def _flipped(content: bytes) -> bytes:
    return content[:-1] + bytes([content[-1] ^ 1])


def _in_place(name: str, make: Callable[[Path], object]) -> Forge:
    def forge(bundles: Path) -> str:
        digest = put(bundles, honest())
        (bundles / digest / name).unlink()
        make(bundles / digest / name)
        return digest

    return forge


def _sparse(path: Path, n_bytes: int) -> None:
    with path.open("wb") as file:
        file.truncate(n_bytes)


def attempt(bundles: Path, digest: str, said: Connection) -> None:
    """Load a bundle in a separate process and report the result."""
    os.chdir(bundles)
    Path("/proc/self/clear_refs").write_text("5")
    before, started = memory("VmRSS"), time.perf_counter()
    try:
        bundle = load_bundle(bundles, digest)
        no_scorer = not isinstance(bundle.scorer, TableClassifier)  # which models.registry.live refuses
        told, wrong = ("loaded, but no scorer", "") if no_scorer else ("loaded", "it was loaded")
    except BundleError as error:
        told, wrong = str(error), "" if len(str(error)) < 2_000 else "its error is too long"
    except BaseException:
        told, wrong = "", traceback.format_exc(limit=-2)
    said.send((told, wrong, time.perf_counter() - started, memory("VmHWM") - before))


def memory(name: str) -> float:
    """Of this process, in MiB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(f"{name}:"))


def attack(name: str, forge: Forge) -> list[str]:
    """Run one attack and print a line about it."""
    with TemporaryDirectory(prefix="hostile-") as folder:
        bundles = Path(folder) / "bundles"
        digest = forge(bundles)
        told, said = multiprocessing.Pipe(duplex=False)
        process = multiprocessing.get_context("fork").Process(target=attempt, args=(bundles, digest, said))
        process.start()
        said.close()
        problems = []
        try:
            text, wrong, seconds, grown = told.recv() if told.poll(30) else ("", "no end within 30 s", 30.0, 0.0)
        except EOFError:
            text, wrong, seconds, grown = "", "the process died", 0.0, 0.0
        process.kill()
        process.join()
        if any(Path(folder).rglob(RAN)) or Path(RAN).exists():
            problems.append("something ran")
    if wrong:
        problems.append(wrong)
    if seconds > MAX_SECONDS:
        problems.append(f"took {seconds:.1f} s")
    if grown > MAX_MEBIBYTES:
        problems.append(f"took {grown:.0f} MiB")
    print(f"{name:62} {seconds * 1000:8.1f} ms {grown:7.1f} MiB  {text[:110]!r}", flush=True)
    return [f"{name}: {problem}" for problem in problems]


def main() -> None:
    attacks = [*strangers(), *trees(), *kinds(), *shapes(), *arrays(), *manifests()]
    with TemporaryDirectory() as folder:  # what is imported at the first use is no leak, and the honest one is loaded
        load_bundle(Path(folder), put(Path(folder), honest()))
    problems = [problem for name, forge in attacks for problem in attack(name, forge)]
    print(f"{len(attacks)} attacks, {len(problems)} problems")
    end_with(problems)


if __name__ == "__main__":
    main()
