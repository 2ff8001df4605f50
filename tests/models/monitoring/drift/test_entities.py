"""Design effects against their textbook formula, and findings where rows are of few entities."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom, chi2_contingency

from data.column import Column
from data.table import Table
from models.monitoring.drift.comparison import compare
from models.monitoring.drift.entities import INDEPENDENT, design_effect, groups_in, n_entities
from models.monitoring.drift.monitor import FALSE_DISCOVERY_RATE, concluded, monitor
from models.monitoring.drift.reference import Reference, column_reference, training_reference
from models.monitoring.drift.significance import clustered_p_value

from .conftest import NOW, TABLE

NUMBER, LEVELS = Column(name="x", kind="number"), Column(name="x", kind="category")
PEOPLE = Table(name="people", columns=(NUMBER, Column(name="person", kind="key", role="entity")))


def test_groups_are_of_entities_that_repeat():
    """A row without a value is nobody else's; an entity without repeats, or that is not there, tells nothing."""
    frame = pd.DataFrame({"person": ["a", None, "b", "a", None], "x": 1.0})
    (groups,) = groups_in(PEOPLE, frame).values()
    assert groups[0] == groups[3]
    assert n_entities(groups) == len(set(groups)) == 4
    assert groups_in(PEOPLE, frame.iloc[:3]) == {}
    assert groups_in(PEOPLE, frame[["x"]]) == {}


@pytest.mark.parametrize("n_bins", [2, 4])
def test_it_is_one_plus_the_rows_of_an_entity_times_their_correlation(n_bins):
    """Kish's formula, for rows that repeat their entity's level with a known chance."""
    rng, n, size, correlation = np.random.default_rng(0), 3_000, 10, 0.3
    own = rng.integers(0, n_bins, n).repeat(size)
    codes = np.where(rng.random(n * size) < np.sqrt(correlation), own, rng.integers(0, n_bins, n * size))
    found = design_effect(codes, [np.arange(n).repeat(size)])
    assert found.mean == pytest.approx(1 + (size - 1) * correlation, rel=0.05)
    assert found.value == pytest.approx(found.mean, rel=0.01)
    assert found.spread < 0.05


def test_rows_that_never_differ_count_once():
    """Also if there is only one value, whose variance is unknown; independent rows count in full."""
    rng = np.random.default_rng(0)
    groups = np.arange(50).repeat(40)
    assert design_effect(rng.integers(0, 5, 50).repeat(40), [groups]).value == pytest.approx(40)
    assert design_effect(np.zeros(2_000, np.intp), [groups]).value == 40
    assert design_effect(rng.integers(0, 5, 2_000), [groups]).value < 1.5
    assert design_effect(rng.integers(0, 5, 2_000), []) == INDEPENDENT


@pytest.mark.parametrize("n_bins", [3, 4, 6, 8, 11])
def test_the_spread_is_never_below_nothing(n_bins):
    """Where all shares depend alike it is nothing, which rounding must not make negative."""
    rng = np.random.default_rng(0)
    for _ in range(100):
        _, groups = np.unique(rng.integers(0, 30, 300), return_inverse=True)
        assert design_effect(rng.integers(0, n_bins, 300), [groups]).spread >= 0


def test_of_several_entities_the_worst_counts():
    """Rows of a card may be alike, those of a terminal not."""
    rng = np.random.default_rng(0)
    codes, cards, terminals = rng.integers(0, 3, 100).repeat(20), np.arange(100).repeat(20), rng.integers(0, 100, 2_000)
    assert design_effect(codes, [terminals, cards]) == design_effect(codes, [cards])


def test_without_spread_the_test_is_pearsons():
    """Of independent rows."""
    before, now = np.array([500, 300, 200]), np.array([90, 60, 70])
    expected = chi2_contingency([before, now], correction=False).pvalue
    assert clustered_p_value(before, now, spread=0.0, n_entities=np.inf) == pytest.approx(expected)
    assert clustered_p_value(before, now, spread=0.0, n_entities=20) > expected
    assert clustered_p_value(before, now, spread=1.0, n_entities=np.inf) > expected


def of_people(rng, n_people, per_person):
    """Six columns of people; half of the variance is between these."""
    groups = np.arange(n_people).repeat(per_person)
    z = np.sqrt(0.5) * rng.normal(0, 1, (6, n_people)).repeat(per_person, axis=1)
    z += np.sqrt(0.5) * rng.normal(0, 1, z.shape)
    return groups, z


def columns_of(z):
    """Three numbers and three categories."""
    texts = np.clip(np.floor(np.exp(z[3:]) * 2), 0, 12).astype(int).astype(str).astype(object)
    return [(NUMBER, pd.Series(one)) for one in z[:3]] + [(LEVELS, pd.Series(one)) for one in texts]


def findings(seed, n_people, per_person, *, shift=0.0, grouped=True):
    rng = np.random.default_rng(seed)
    (of_training, before), (of_recent, now) = of_people(rng, 250, 40), of_people(rng, n_people, per_person)
    now[0] += shift
    times = np.full(now.shape[1], np.datetime64("2024-05-30", "ms"))
    both = zip(columns_of(before), columns_of(now), strict=True)
    training, recent = ([of_training], [of_recent]) if grouped else ([], [])
    return concluded(
        [
            compare(column, column_reference(column, old, training), new, times, entities=recent, seed=seed)
            for (column, old), (_, new) in both
        ]
    )


@pytest.mark.parametrize(("n_people", "per_person"), [(50, 40), (200, 10)])
def test_few_people_raise_no_alarm_by_chance(monkeypatch, n_people, per_person):
    """As seldom as was said; counted as independent rows, nearly every time."""
    monkeypatch.setattr("models.monitoring.drift.comparison.N_RESAMPLES", 5)
    n_trials = 40
    found = [findings(seed, n_people, per_person) for seed in range(n_trials)]
    n_significant = sum(any(one.significant for one in columns) for columns in found)
    assert n_significant <= binom.ppf(0.999, n_trials, FALSE_DISCOVERY_RATE)
    assert all(one.design_effect > 1.2 for columns in found for one in columns)
    plain = [findings(seed, n_people, per_person, grouped=False) for seed in range(5)]
    assert sum(any(one.significant for one in columns) for columns in plain) >= 4


def test_what_has_moved_is_found_among_few_people():
    """A shift by one standard deviation, in that column alone."""
    found = [findings(seed, 50, 40, shift=1.0) for seed in range(5)]
    assert [columns[0].state for columns in found] == ["alarm"] * 5
    assert {one.state for columns in found for one in columns[1:]} <= {"ok", "watch"}


def test_rows_of_one_person_prove_nothing():
    """However many there are; it is said why."""
    times = np.full(2_000, np.datetime64("2024-05-30", "ms"))
    reference = column_reference(NUMBER, pd.Series(np.arange(1_000.0)))
    now = pd.Series(np.full(2_000, 1e6))
    (found,) = concluded([compare(NUMBER, reference, now, times, entities=[np.zeros(2_000, np.intp)], seed=0)])
    assert (found.state, found.psi, found.series[0].psi) == ("too_few", None, None)
    assert found.sentence == (
        "x: 2,000 recent rows of few entities are worth 1 independent ones, too few to compare; at least 20 are needed"
    )


def test_the_log_knows_whose_rows_they_are(scene, rows_of):
    """Cards that repeat make rows count as fewer; each of its own, in full."""
    frame, scores = rows_of(2_000, 5)
    alike = frame.assign(income=frame["income"].iloc[:50].repeat(40).to_numpy())
    scene.answer(alike.assign(card=[f"c{i // 40}" for i in range(2_000)]), scores)
    found = monitor(scene.live, scene.reference, scene.log, now=NOW)
    assert found.n_entities == {"card": 50}
    income = next(one for one in found.columns if one.column == "income")
    assert income.design_effect == pytest.approx(40, rel=0.02)
    assert (found.state, income.significant) == ("ok", False)


def test_training_rows_of_people_are_kept_as_such(rows_of):
    """And a bundle from before has rows that count in full."""
    frame, scores = rows_of(2_000, 5)
    frame = frame.assign(card=np.arange(50).repeat(40), income=frame["income"].iloc[:50].repeat(40).to_numpy())
    reference = training_reference(TABLE, frame, np.repeat(scores[:50], 40), scored=frame)
    assert reference.columns["income"].design_effect == pytest.approx(40, rel=0.02)
    assert reference.score.design_effect == pytest.approx(40, rel=0.02)
    assert reference.columns["rooms"].n_single == 0
    kept = reference.model_dump()
    for one in (*kept["columns"].values(), kept["score"]):
        for name in ("design_effect", "effect_spread", "tail_effect", "n_single"):
            one.pop(name, None)
    old = Reference.model_validate(kept)
    assert {one.design_effect for one in old.columns.values()} == {1.0}
    assert old.columns["income"].values == reference.columns["income"].values


def test_a_level_that_one_entity_alone_has_would_be_new_to_the_others():
    """Whatever the number of its rows."""
    values = pd.Series(["own"] * 3 + ["shared", "shared", "once"], dtype=object)
    reference = column_reference(LEVELS, values, [np.array([0, 0, 0, 0, 1, 1])])
    assert (reference.n_single, reference.n_unrepeated) == (4, 4)
