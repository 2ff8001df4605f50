"""`train --refine`: the live version goes on with new rows, as a new version that is judged like any other."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from models.domains._discovery import load_domains
from models.registry.bundles import read_manifest
from models.registry.live import load_live


@pytest.fixture(scope="session")
def new_csv(tmp_path_factory):
    """Applicants that no version has seen."""
    path = tmp_path_factory.mktemp("rows") / "new.csv"
    load_domains()["credit"].simulate(1500, 1).frame.to_csv(path, index=False)
    return path


@pytest.fixture
def refine(run, new_csv):
    """Refines the live credit model; options come after the usual ones and count more."""
    return lambda *options: run("train", "credit", "--refine", "--data", new_csv, "--seed", 1, "--json", *options)


def stored(store):
    """Everything that a job could have changed."""
    names = store.registry.names()
    return (
        [store.registry.versions(name) for name in names],
        [store.registry.history(name) for name in names],
        sorted(path.name for path in store.home.bundles.iterdir()),
    )


def test_a_refinement_is_a_version_that_says_where_it_came_from(run, refine, home, open_registry, credit_csv):
    """Why, history, manifest and report name the version; the preset is that of the first training."""
    run("train", "credit", "--data", credit_csv, "--preset", "fast")
    first = open_registry.champion("credit")
    outcome = refine("--promote", "always")

    assert outcome.exit_code == 0, outcome.stderr
    assert (outcome.json["version"], outcome.json["promoted"]) == (2, True)
    assert outcome.json["why"] == "refined from version 1; promotion was requested: always"
    assert [(event.to_version, event.action) for event in open_registry.history("credit")[2:]] == [
        (2, "register"),
        (2, "promote"),
    ]
    assert {event.why for event in open_registry.history("credit")[2:]} == {outcome.json["why"]}
    manifest = read_manifest(home.bundles, outcome.json["digest"])
    assert manifest.source.endswith("new.csv, refined from version 1")
    assert (manifest.preset, manifest.seed) == ("fast", 1)
    report = (home.bundles / outcome.json["digest"] / "report.html").read_text()
    assert "It is refined from version 1 with 1,020 new rows and calibrated on 180 more." in report
    assert "Refining version 1 on 1,020 rows, preset fast" in outcome.stderr
    assert "of at most 20 epochs, loss" in outcome.stderr
    assert load_live(first, home.bundles).version == 1  # every byte of it is verified


def test_the_same_gates_decide_beside_the_champion(refine, trained):
    """Without --promote the new version is compared with the one it went on from, on the same test rows."""
    outcome = refine()

    found = outcome.json
    assert found["contenders"].keys() >= {"this version", "logistic regression", "champion (version 1)"}
    assert found["why"].startswith("refined from version 1; it is ")
    assert "against the champion, version 1" in found["why"]
    assert outcome.exit_code == (0 if found["promoted"] else 3)
    assert trained.registry.champion("credit").number == (found["version"] if found["promoted"] else 1)


def test_encoder_and_shape_stay_and_weights_move(refine, trained):
    """It is the same network with updated weights, not one trained from scratch."""
    outcome = refine("--promote", "always")
    versions = trained.registry.versions("credit")
    old, new = (load_live(versions[number - 1], trained.home.bundles).scorer for number in (1, outcome.json["version"]))
    frame = load_domains()["credit"].simulate(50, 2).frame

    np.testing.assert_array_equal(new.encoder.transform(frame), old.encoder.transform(frame))
    before, after = old.network.network_.parameters, new.network.network_.parameters
    assert before.shape == after.shape
    assert 0 < np.abs(after - before).max() < 0.5
    assert np.corrcoef(before, after)[0, 1] > 0.9  # networks of two seeds have nothing in common


def test_without_a_live_version_there_is_nothing_to_refine(refine, open_registry, home):
    """The error says how to create one."""
    outcome = refine()

    assert outcome.exit_code == 2
    assert "'credit' has no live model; run `backscore train credit --name credit`" in outcome.stderr
    assert open_registry.names() == []
    assert not home.bundles.exists()


def with_table(change):
    """Describes the rows by a table that was changed: TOML of the credit domain's columns."""

    def options(run, tmp_path, new_csv):
        path = tmp_path / "mine.toml"
        run("table", "infer", new_csv, "--target", "defaulted", "--out", path)
        path.write_text(change(path.read_text()))
        return "--table", path, "--data", new_csv

    return options


def the_same_rows(run, tmp_path, new_csv):
    run("train", "credit", "--data", new_csv, "--preset", "fast", "--promote", "always")
    return ()


REFUSED = {
    "another preset": (lambda *_: ("--preset", "best"), ["version 1 of 'credit'", "preset is 'fast'", "'best'"]),
    "another table": (with_table(lambda text: text), ["the new table differs: column '", " more. "]),
    "the rows it was made of": (the_same_rows, ["version 3 of 'credit'", "trained on these rows"]),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_refined_is_refused_and_nothing_is_stored(run, refine, trained, new_csv, tmp_path, name):
    """Exit code 2, and what is in the way."""
    options, said = REFUSED[name]
    words = options(run, tmp_path, new_csv)
    before = stored(trained)

    outcome = refine(*words)

    assert outcome.exit_code == 2, outcome.stderr
    assert outcome.stdout == ""
    for text in (*said, "Without --refine"):
        assert text in outcome.stderr
    assert stored(trained) == before


def test_the_preset_of_the_live_version_may_be_named(refine, trained):
    """--preset is accepted if it equals the champion's."""
    assert refine("--preset", "fast", "--promote", "always").exit_code == 0


def test_another_domain_is_refused(run, trained, tmp_path):
    """A name stays with its domain, here as in a training anew."""
    rows = tmp_path / "impressions.csv"
    run("data", "simulate", "ads", "--rows", 1500, "--out", rows)
    before = stored(trained)

    outcome = run("train", "ads", "--name", "credit", "--data", rows, "--refine")

    assert outcome.exit_code == 2
    assert "'credit' is a 'credit' model, not 'ads'" in outcome.stderr
    assert stored(trained) == before


def test_a_damaged_live_version_is_a_failure(refine, trained):
    """Its bytes are verified before training continues from it."""
    digest = trained.registry.champion("credit").digest
    scorer = trained.home.bundles / digest / "state.json"
    scorer.write_bytes(scorer.read_bytes()[:-1] + b"?")
    before = stored(trained)

    outcome = refine()

    assert outcome.exit_code == 1
    assert "state.json was altered" in outcome.stderr
    assert stored(trained) == before


def test_a_killed_refinement_leaves_the_live_version(start, trained, new_csv):
    """What answers is another copy of the weights than those that are being trained."""
    before = stored(trained)
    process = start("train", "credit", "--refine", "--data", new_csv)
    assert any("Refining version 1" in line for line in process.stderr)
    process.kill()
    process.wait()

    assert stored(trained) == before
    load_live(trained.registry.champion("credit"), trained.home.bundles)


@pytest.mark.parametrize("name", sorted(load_domains()))
def test_every_domain_can_be_refined(run, trained, tmp_path, name):
    """Whatever its scorer has besides a network: a second one, a limit on texts, copies of pictures."""
    path = tmp_path / "new.csv"
    frame: pd.DataFrame = load_domains()[name].simulate(4_000, 5).frame
    frame.to_csv(path, index=False)
    outcome = run("train", name, "--refine", "--data", path, "--promote", "always", "--json")

    assert outcome.exit_code == 0, outcome.stderr
    assert outcome.json["why"].startswith("refined from version 1")
