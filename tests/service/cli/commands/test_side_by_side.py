"""Trainings side by side: what becomes of each process."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from models import cores
from service.cli.commands import side_by_side
from service.cli.commands.side_by_side import train_examples
from service.cli.exits import CommandFailedError
from service.settings import Settings


def in_a_process(connection, _settings, name, _preset, n_cores):
    """Stands for a training: its name says how it ends."""
    if name == "killed":
        os._exit(9)
    connection.send((name == "refused", f"{name} on {n_cores}"))


@pytest.fixture
def settings(tmp_path, monkeypatch):
    monkeypatch.setattr(side_by_side, "_train_alone", in_a_process)
    monkeypatch.setattr(cores, "usable_cores", lambda: 4)
    return Settings(home=tmp_path)


def test_each_is_named_once_it_is_live(settings, capsys):
    """More than fit at once, with the cores shared between those that run."""
    names = ["a", "b", "c", "d", "e"]
    assert sorted(train_examples(settings, names, "fast")) == names
    assert sorted(capsys.readouterr().err.split("\n")) == ["", *(f"{name} on 1" for name in names)]

    assert list(train_examples(settings, [], "fast")) == []


@pytest.mark.parametrize(("name", "message"), [("killed", "'killed' was cut off"), ("refused", "refused on 2")])
def test_one_that_fails_ends_the_command(settings, name, message):
    """With what it said, or that it was cut off."""
    with pytest.raises(CommandFailedError, match=message):
        list(train_examples(settings, [name, "good"], "fast"))


def test_one_core_trains_one_after_the_other(settings, monkeypatch):
    """Without further processes."""
    monkeypatch.setattr(cores, "usable_cores", lambda: 1)
    monkeypatch.setattr(side_by_side, "_train", lambda _settings, name, _preset: f"{name} {os.getpid()}")
    monkeypatch.setattr(side_by_side, "_train_alone", None)

    assert list(train_examples(settings, ["a", "b"], "fast")) == ["a", "b"]


@pytest.mark.parametrize("first", ["data.splits", "models.evaluation.baselines", "service.cli"])
def test_threads_of_openmp_do_not_spin_while_they_wait(first):
    """Whichever package is imported first, before scikit-learn loads OpenMP."""
    code = (
        "import os, sys\n"
        "class Finder:\n"
        "    def find_spec(self, name, *_):\n"
        "        assert name != 'sklearn' or os.environ.get('OMP_WAIT_POLICY') == 'PASSIVE'\n"
        f"sys.meta_path.insert(0, Finder())\nimport {first}"
    )
    environment = {name: value for name, value in os.environ.items() if name != "OMP_WAIT_POLICY"}
    subprocess.run([sys.executable, "-c", code], env=environment, check=True)
