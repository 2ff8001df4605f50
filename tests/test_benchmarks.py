"""Every script of `tests/benchmarks` runs at a small size and prints plausible figures: none can rot unseen."""

from __future__ import annotations

import itertools
import math
import os
import re
import shlex
import sys
import tomllib
from collections.abc import Iterator
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

from tests.benchmark_files import write_files

ROOT = Path(__file__).parents[1]
FOLDER, SIZES_FILE = ROOT / "tests" / "benchmarks", ROOT / "tests" / "benchmark_sizes.toml"
SCRIPTS = sorted(path.stem for path in FOLDER.glob("*.py") if "__main__" in path.read_text())
SIZES = tomllib.loads(SIZES_FILE.read_text())
CALLS = [
    pytest.param(name, size, id=f"{name}-{number}" if number else name)
    for name in SCRIPTS
    for number, size in enumerate(SIZES.get(name, ()))
]
FIGURE = r"([-+]?(?:nan|inf|\d[\d,]*(?:\.\d+)?(?:e[-+]?\d+)?))"
PLAUSIBLE = {
    "{n}": lambda figure: 0 < figure < math.inf,
    "{p}": lambda figure: 0 < figure <= 1,
    "{d}": math.isfinite,
}


def test_every_script_has_a_small_size():
    """A new script gets a section, and none is left of one that has gone."""
    assert sorted(set(SCRIPTS) - set(SIZES)) == [], f"give each a section in {SIZES_FILE}"
    assert sorted(set(SIZES) - set(SCRIPTS)) == [], f"no such script in {FOLDER}"


@pytest.mark.parametrize(("name", "size"), CALLS)
@pytest.mark.usefixtures("as_before")
def test_script_measures_at_a_small_size(name, size, build_once, tmp_path, request, monkeypatch, capfd):
    """It ends well, finds the project from another folder, and prints the figures of each of its contenders."""
    if absent := [package for package in size.get("needs", ()) if not find_spec(package)]:
        pytest.skip(f"not installed: {', '.join(absent)}")
    home = request.getfixturevalue("store").home.path if "{home}" in size["arguments"] else None
    data, out = build_once("benchmark_files", write_files), tmp_path / "out"
    out.mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BACKSCORE_DATA_HOME", str(data))
    arguments = shlex.split(size["arguments"].format(home=home, data=data, out=out))
    monkeypatch.setattr(sys, "argv", [name, *arguments])

    code = run(name)

    printed = capfd.readouterr().out
    assert not code, printed
    wanted = [size["lines"], *(more for package, more in size.get("with", {}).items() if find_spec(package))]
    assert [problem for text in wanted for line in lines(text) for problem in problems(line, printed)] == [], printed
    assert [file for file in size.get("files", ()) if not (out / file).stat().st_size] == []


@pytest.fixture
def as_before() -> Iterator[None]:
    """Scripts set threads, cores and paths of their process; the next test finds them as they were."""
    environment, paths, modules, cores = dict(os.environ), sys.path.copy(), dict(sys.modules), os.sched_getaffinity(0)
    for name in [name for name in environment if name.startswith("BACKSCORE_")]:
        del os.environ[name]
    yield
    os.sched_setaffinity(0, cores)
    sys.path[:] = paths
    os.environ.clear()
    os.environ.update(environment)
    for name in [name for name in sys.modules if name.startswith("tests.benchmarks") and name not in modules]:
        del sys.modules[name]


def run(name: str) -> object:
    """Call a script's `main` in this process, where the libraries are loaded; the code that it exits with."""
    path = FOLDER / f"{name}.py"
    spec = spec_from_file_location(f"tests.benchmarks.{name}", path)
    module = module_from_spec(spec)
    sys.modules[spec.name] = module  # where processes that it starts look for its functions
    sys.path[:] = [folder for folder in sys.path if folder and Path(folder).resolve() != ROOT]
    spec.loader.exec_module(module)
    of_project = re.search(r"^from (data|models|service|tests)\b", path.read_text(), re.MULTILINE)
    assert not of_project or str(ROOT) in sys.path, "it finds the project only where that is installed"
    try:
        return module.main()
    except SystemExit as end:
        return end.code


def lines(text: str) -> list[str]:
    """The lines of a size, one for each choice of its alternatives."""
    return [
        "".join(chosen)
        for line in text.strip().splitlines()
        for chosen in itertools.product(*(part.strip("<>").split("|") for part in re.split(r"(<.+?\|.+?>)", line)))
    ]


def problems(line: str, printed: str) -> list[str]:
    """What is wrong with the printed lines that begin like this one."""
    parts = re.split(r"(\{[npd]\}|\.\.\.)", " ".join(line.split()))
    pattern = "".join(FIGURE if part in PLAUSIBLE else ".*?" if part == "..." else re.escape(part) for part in parts)
    kinds = [part for part in parts if part in PLAUSIBLE]
    found = [match for one in printed.splitlines() if (match := re.match(pattern, " ".join(one.split())))]
    if not found:
        return [f"no line is like {line!r}"]
    return [
        f"{figure} in {match[0]!r} is not plausible"
        for match in found
        for kind, figure in zip(kinds, match.groups(), strict=True)
        if not PLAUSIBLE[kind](float(figure.replace(",", "")))
    ]
