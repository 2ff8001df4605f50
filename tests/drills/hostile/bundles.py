"""Bundles that somebody forged who may write into the home, and even into the registry.

    python tests/drills/hostile/bundles.py

Archives that grow when they are read, that lead elsewhere, that hold what is no scorer, that claim what is not there;
manifests and folders of the same kind. All digests are right, so that only what is behind them is tested. Each must be
refused with a BundleError in two seconds and in bounded memory, nothing may run or be written. Exit code 1 if anything
is wrong.
"""

from __future__ import annotations

import functools
import hashlib
import io
import json
import multiprocessing
import operator
import os
import pickle
import struct
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
import scipy.sparse as sp
import skops.io
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import FunctionTransformer
from sklearn.tree import DecisionTreeClassifier

ROOT = Path(__file__).parents[3]
sys.path.insert(0, str(ROOT))

from data.table import Column, Table
from models.errors import BundleError
from models.estimators.table_classifier import TableClassifier
from models.registry.bundles import Manifest, load_bundle
from tests.drills.stage import end_with

MEBIBYTE = 2**20
MAX_SECONDS, MAX_MEBIBYTES = 2.0, 700
TABLE = Table(name="t", columns=(Column(name="a", kind="number"),))
RAN = "ran"
"""A folder that payloads try to make; it must not be there in the end."""

Forge = Callable[[Path], str]
"""Puts a bundle into a folder of bundles, and gives its digest."""


def manifest_bytes(files: dict[str, str], **changes: Any) -> bytes:
    fields = Manifest(
        name="lending", domain="credit", created=datetime(2024, 5, 1, tzinfo=UTC), table=TABLE, metrics={}, source="s",
        n_rows=1, data_digest="d", seed=0, preset="fast",
    ).model_dump(mode="json")  # fmt: skip
    return json.dumps({**fields, "files": files, **changes}).encode()


def forged(scorer: bytes | Callable[[], bytes], **changes: Any) -> Forge:
    """A bundle whose only oddity is its scorer, or what is changed in its manifest."""

    def forge(bundles: Path) -> str:
        content = scorer if isinstance(scorer, bytes) else scorer()
        return put(bundles, manifest_bytes({"scorer.skops": sha256(content)}, **changes), content)

    return forge


def put(bundles: Path, manifest: bytes, scorer: bytes | None) -> str:
    folder = bundles / sha256(manifest)
    folder.mkdir(parents=True)
    (folder / "manifest.json").write_bytes(manifest)
    if scorer is not None:
        (folder / "scorer.skops").write_bytes(scorer)
    return folder.name


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def archive(schema: bytes | str, compression: int = zipfile.ZIP_STORED, **members: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as written:
        written.writestr("schema.json", schema)
        for name, content in members.items():
            written.writestr(name.replace("_dot_", "."), content)
    return file.getvalue()


def honest(scorer: object = None) -> tuple[dict[str, Any], dict[str, bytes]]:
    """The schema and the other members of an archive."""
    with zipfile.ZipFile(io.BytesIO(skops.io.dumps({"a": np.zeros(3)} if scorer is None else scorer))) as read:
        return json.loads(read.read("schema.json")), {name: read.read(name) for name in read.namelist()}


def with_array(content: bytes) -> bytes:
    """An archive whose only array has these bytes."""
    schema, members = honest()
    (name,) = (name for name in members if name.endswith(".npy"))
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as written:
        written.writestr("schema.json", json.dumps(schema))
        written.writestr(name, content)
    return file.getvalue()


def npy(header: str, data: bytes = b"", version: int = 1) -> bytes:
    packed = struct.pack("<H" if version == 1 else "<I", len(header))
    return b"\x93NUMPY" + bytes([version, 0]) + packed + header.encode() + data


class Forgeable:
    """Stored as a call of its class, in whose place an attacker puts another."""

    def __init__(self, argument: str) -> None:
        self.argument = argument

    def __reduce__(self) -> tuple[Any, ...]:
        return Forgeable, (self.argument,)


def calling(module: str, function: str) -> bytes:
    """An archive that calls a function with the name of a folder, if somebody trusts it."""
    text = json.dumps(honest({"a": Forgeable(RAN)})[0])
    return archive(text.replace(Forgeable.__module__, module).replace("Forgeable", function))


def archives() -> Iterator[tuple[str, Forge]]:
    """Zip files of every bad kind."""
    zeros = bytes(300 * MEBIBYTE)
    for name, method in (("deflate", zipfile.ZIP_DEFLATED), ("bzip2", zipfile.ZIP_BZIP2), ("lzma", zipfile.ZIP_LZMA)):
        yield f"300 MiB of zeros in {name}", forged(functools.partial(archive, "{}", method, a=zeros))
    good = skops.io.dumps({"a": np.zeros(10)})
    end = good.index(b"PK\x05\x06")
    directory = good.index(b"PK\x01\x02")
    for name, at, value in (
        ("a size of 4 GiB", directory + 24, b"\xff\xff\xff\xff"),
        ("a packed size of 4 GiB", directory + 20, b"\xff\xff\xff\xff"),
        ("an offset of 4 GiB", directory + 42, b"\xff\xff\xff\xff"),
        ("an encrypted member", directory + 8, b"\x01\x00"),
        ("an unknown method", directory + 10, b"\x63\x00"),
        ("a directory elsewhere", end + 16, b"\0\0\0\0"),
        ("65,535 members", end + 8, b"\xff\xff\xff\xff"),
    ):
        yield name, forged(good[:at] + value + good[at + len(value) :])
    for share in (0.1, 0.5, 0.9, 0.99):
        yield f"cut off at {share:.0%}", forged(good[: int(len(good) * share)])
    yield "bytes before it", forged(b"#!/bin/sh\n" * 1_000 + good)
    yield "nothing", forged(b"")
    yield "no zip", forged(b"x" * MEBIBYTE)
    yield "a pickle", forged(pickle.dumps(Forgeable(RAN)))
    yield "200,000 members", forged(functools.partial(archive, "{}", **{f"a{i}": b"" for i in range(200_000)}))
    for name in ("../../../ran", "/tmp/ran", "..\\ran", "a\0b", "C:ran"):  # noqa: S108 - where it must not go
        yield f"a member named {name!r}", forged(_renamed(name))
    yield "a schema twice", forged(_twice)


def _renamed(member: str) -> Callable[[], bytes]:
    def make() -> bytes:
        schema, members = honest()
        (name,) = (name for name in members if name.endswith(".npy"))
        text = json.dumps(schema).replace(name, json.dumps(member)[1:-1])
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w") as written:
            written.writestr("schema.json", text)
            entry = zipfile.ZipInfo(member)
            entry.external_attr = 0o120777 << 16  # a symbolic link
            written.writestr(entry, b"/etc/passwd")
        return file.getvalue()

    return make


def _twice() -> bytes:
    file = io.BytesIO(calling("os", "mkdir"))
    with zipfile.ZipFile(file, "a") as written:
        written.fp.seek(written.start_dir)  # type: ignore[union-attr]
        written.namelist()
        written.writestr(zipfile.ZipInfo("schema2.json"), json.dumps(honest()[0]))
    return file.getvalue().replace(b"schema2.json", b"schema.json\0")


def schemas() -> Iterator[tuple[str, Forge]]:
    """Descriptions of scorers that are no descriptions."""
    deep = 100_000
    for name, schema in {
        "100,000 nested lists": "[" * deep + "]" * deep,
        "100,000 nested objects": '{"a":' * deep + "1" + "}" * deep,
        "20 million lists": "[" + "[]," * 20_000_000 + "[]]",
        "200 MiB of one text": '"' + "x" * (200 * MEBIBYTE) + '"',
        "a number of 10 million digits": "9" * 10_000_000,
        "no JSON": "{",
        "no object": "[]",
        "invalid UTF-8": "\udcff",
        "a protocol of the future": '{"protocol": 1000000000, "__loader__": "DictNode"}',
        "an unknown loader": '{"protocol": 2, "__loader__": "X", "__class__": "dict", "__module__": "builtins"}',
        "a loader that is a number": '{"protocol": 2, "__loader__": 7}',
    }.items():
        yield name, forged(functools.partial(archive, schema.encode("utf-8", "surrogateescape")))
    yield "nodes nested 5,000 times", forged(functools.partial(archive, _nested_nodes(5_000)))
    yield "a node within itself", forged(functools.partial(archive, _endless()))
    yield "lists of lists, each ten times (10^9)", forged(functools.partial(archive, _laughs(9)))
    yield "11,111 lists", forged(functools.partial(archive, _laughs(6, shared=False)))


def _list(content: list[Any], number: int) -> dict[str, Any]:
    return {
        "__class__": "list",
        "__module__": "builtins",
        "__loader__": "ListNode",
        "content": content,
        "__id__": number,
    }


def _schema(node: dict[str, Any]) -> str:
    return json.dumps({**node, "protocol": 2, "_skops_version": skops.__version__})


def _nested_nodes(depth: int) -> str:
    start = '{"__class__":"list","__module__":"builtins","__loader__":"ListNode","__id__":%d,"content":['
    text = "".join(start % i for i in range(depth)) + "]}" * depth
    return text[:-1] + ',"protocol":2,"_skops_version":"0.11"}'


def _endless() -> str:
    return _schema(_list([_list([{"__loader__": "CachedNode", "__id__": 1}], 2)], 1))


def _laughs(depth: int, *, shared: bool = True) -> str:
    node: dict[str, Any] = _list([], 0)
    for level in range(1, depth + 1):
        node = _list([node] + [{"__loader__": "CachedNode", "__id__": level - 1} if shared else node] * 9, level)
        if not shared and level == 4:
            break
    return _schema(node)


def kinds() -> Iterator[tuple[str, Forge]]:
    """What is no scorer, among it what runs or grows when it is made."""
    for module, function in (
        ("os", "mkdir"), ("os", "system"), ("builtins", "eval"), ("builtins", "exec"), ("builtins", "open"),
        ("subprocess", "Popen"), ("pathlib", "Path.mkdir"), ("shutil", "rmtree"), ("numpy", "load"),
        ("importlib", "import_module"), ("models.registry.registry", "Registry"), ("models.home", "Home"),
        ("data.files.sources", "read_frame"),
    ):  # fmt: skip
        yield f"a call of {module}.{function}", forged(functools.partial(calling, module, function))
    objects: dict[str, object] = {
        "a transformer by os.system": FunctionTransformer(os.system),
        "a partial of os.system": functools.partial(os.system, "true"),
        "a method caller": operator.methodcaller("mkdir"),
        "a type that nobody listed": Forgeable("x"),
        "a loader": {"a": skops.io.load},
        "a tree, whose nodes are used as indices in C": DecisionTreeClassifier().fit(np.eye(4), [0, 1, 0, 1]),
        "a random generator": {"a": np.random.default_rng(0)},
        "an estimator that is no scorer, with a function": {"a": LogisticRegression, "b": np.load},
    }
    for name, one in objects.items():
        yield name, forged(functools.partial(skops.io.dumps, one))
    yield "a sparse matrix of 400 MiB, packed in an archive of its own", forged(_sparse_bomb)


def _sparse_bomb() -> bytes:
    matrix = sp.csr_matrix((np.zeros(50 * MEBIBYTE), np.zeros(50 * MEBIBYTE, np.int32), [0, 50 * MEBIBYTE]))
    return skops.io.dumps({"a": matrix})


def arrays() -> Iterator[tuple[str, Forge]]:
    """Arrays that claim what they do not hold."""
    entry = "{'descr': %r, 'fortran_order': False, 'shape': %s}\n"
    for name, content in {
        "8 TB claimed": npy(entry % ("<f8", "(1000000000000,)")),
        "80 GB claimed": npy(entry % ("<f8", "(10000000000,)")),
        "2^63 rows": npy(entry % ("<f8", "(9223372036854775807, 9223372036854775807)")),
        "a negative shape": npy(entry % ("<f8", "(-1,)"), bytes(80)),
        "objects, which are pickles": npy(entry % ("|O", "(1,)"), pickle.dumps([Forgeable(RAN)])),
        "texts of 1 GB each": npy(entry % ("<U268435456", "(10,)")),
        "a header that is code": npy("__import__('os').mkdir('ran')\n"),
        "a header nested 5,000 times": npy("(" * 5_000 + ")" * 5_000 + "\n"),
        "a header of 10 MiB": npy("{" + " " * 10 * MEBIBYTE + "}\n", version=2),
        "a header of 4 GiB": b"\x93NUMPY\x02\0\xff\xff\xff\xff",
        "an unknown version": npy(entry % ("<f8", "(1,)"), bytes(8), version=9),
        "100,000 fields": npy(entry % ([(f"f{i}", "<f8") for i in range(4_000)], "(1000000,)"), version=2),
        "no array": b"x" * 1_000,
        "a zip within": archive("{}", zipfile.ZIP_DEFLATED, a=bytes(300 * MEBIBYTE)),
    }.items():
        yield f"an array: {name}", forged(functools.partial(with_array, content))


def manifests() -> Iterator[tuple[str, Forge]]:
    """Manifests and folders that are not what they should be."""
    good = skops.io.dumps({"a": np.zeros(3)})
    listed = {"scorer.skops": sha256(good)}
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
        "no scorer": manifest_bytes({}),
        "another domain": manifest_bytes(listed, domain="../../x"),
        "a table without end": manifest_bytes(listed, table={"name": "t", "columns": columns}),
        "invalid UTF-8": b"\xff" + manifest_bytes(listed),
    }.items():  # fmt: skip
        yield f"manifest: {name}", functools.partial(put, manifest=content, scorer=good)
    yield "folder: a link in the scorer's place", _in_place(lambda path: path.symlink_to("/etc/passwd"))
    yield "folder: a link to a device that never ends", _in_place(lambda path: path.symlink_to("/dev/zero"))
    yield "folder: a pipe in the scorer's place", _in_place(os.mkfifo)
    yield "folder: a folder in the scorer's place", _in_place(Path.mkdir)
    yield "folder: a scorer of 1 TB that takes no room", _in_place(lambda path: _sparse(path, 2**40))
    yield "folder: a scorer of 250 MiB with another digest", _in_place(lambda path: _sparse(path, 250 * MEBIBYTE))
    yield "folder: no scorer", functools.partial(put, manifest=manifest_bytes(listed), scorer=None)
    yield "folder: a scorer with one bit changed", _in_place(lambda path: path.write_bytes(b"\1" + good[1:]))


def _in_place(make: Callable[[Path], object]) -> Forge:
    def forge(bundles: Path) -> str:
        digest = put(bundles, manifest_bytes({"scorer.skops": sha256(b"another")}), None)
        make(bundles / digest / "scorer.skops")
        return digest

    return forge


def _sparse(path: Path, n_bytes: int) -> None:
    with path.open("wb") as file:
        file.truncate(n_bytes)


def attempt(bundles: Path, digest: str, said: Connection) -> None:
    """Load a bundle, in a process of its own, and say how that went."""
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
    """Play one attack and print a line about it."""
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
    attacks = [*archives(), *schemas(), *kinds(), *arrays(), *manifests()]
    skops.io.loads(skops.io.dumps(LogisticRegression()))  # what is imported at the first use is no leak
    problems = [problem for name, forge in attacks for problem in attack(name, forge)]
    print(f"{len(attacks)} attacks, {len(problems)} problems")
    end_with(problems)


if __name__ == "__main__":
    main()
