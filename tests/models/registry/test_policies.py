"""Stored policies: numbers, the active one and the way back, on SQLite and, where one is named, on PostgreSQL."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from models.errors import (
    DomainMismatchError,
    NoPolicyToRollBackError,
    RollbackOverError,
    UnknownPolicyError,
    UnknownVersionError,
)
from models.registry.database import schema as tables
from models.registry.registry import Registry
from tests.conftest import START

SOURCE_ROOT = Path(__file__).parents[3]
KILLED = """
import os, sys
from models.registry import policies as stored
from models.registry.registry import Registry

stored.record = lambda *_, **__: os._exit(9)
Registry(sys.argv[1]).policies.activate("lending", 2, actor="ann", why="")
"""
SIMULATION = {"n_rows": 200, "figures": {"approval_rate": 0.1 + 0.2, "bad_rate": None}, "note": "ä"}


@pytest.fixture
def policies(registry):
    """The policies of a registry with a credit model of two versions and a fraud model."""
    for name, domain in (("lending", "credit"), ("lending", "credit"), ("cards", "fraud")):
        registry.register(name=name, domain=domain, digest="d", metrics={}, actor="job", why="", promote=True)
    return registry.policies


def add(policies, name="lending", *, domain="credit", cut_off=0.2, model_version=1):
    return policies.add(
        name=name,
        domain=domain,
        content={"approve_below": cut_off},
        model_version=model_version,
        simulation=SIMULATION,
        actor="ann",
        why="cheaper",
    )


def active_number(policies, name="lending"):
    active = policies.active(name)
    return active.number if active else 0


def test_policies_count_from_one_for_each_name_and_change_nothing_by_being_stored(policies, registry):
    """A new policy waits; the champion, the history and what is active stay as they are."""
    history, champions = registry.history("lending"), registry.champions()
    numbers = [add(policies).number, add(policies).number, add(policies, "cards", domain="fraud").number]

    assert numbers == [1, 2, 1]
    assert [stored.number for stored in policies.stored("lending")] == [1, 2]
    assert policies.all_active() == {}
    assert (registry.history("lending"), registry.champions()) == (history, champions)


def test_a_policy_is_read_back_as_it_was_stored(policies, url):
    """Another registry on the same database sees it equal, nested figures and UTC times included."""
    written = add(policies, model_version=2)

    other = Registry(url)
    assert other.policies.policy("lending", 1) == written
    assert (written.content, written.simulation, written.model_version) == ({"approve_below": 0.2}, SIMULATION, 2)
    assert (written.created, written.created_by, written.why) == (START + timedelta(minutes=3), "ann", "cheaper")
    other.close()


def test_activations_are_in_the_history_beside_the_promotions(policies, registry):
    """Who switched what when and why; rollbacks of the model do not confuse the two."""
    add(policies)
    policies.activate("lending", 1, actor="ann", why="tested")
    registry.rollback("lending", actor="bob", why="drift")
    policies.rollback("lending", actor="eve", why="complaints")

    events = [
        (event.action, event.alias, event.from_version, event.to_version, event.actor, event.why)
        for event in registry.history("lending")[-3:]
    ]
    assert events == [
        ("activate", "policy", 0, 1, "ann", "tested"),
        ("rollback", "champion", 2, 1, "bob", "drift"),
        ("rollback", "policy", 1, 0, "eve", "complaints"),
    ]


def test_the_active_policy_survives_a_promotion(policies, registry):
    """Policies are versioned apart from models."""
    add(policies)
    policies.activate("lending", 1, actor="ann", why="")
    registry.promote("lending", 1, actor="ann", why="")

    assert active_number(policies) == 1
    assert {name: stored.number for name, stored in policies.all_active().items()} == {"lending": 1}


def test_rollback_goes_further_back_each_time(policies):
    """1, 2, 0, 2 were activated: back to 0, to 2, to 1, to the bundle's own, and then there is nothing left."""
    add(policies), add(policies)
    for number in (1, 2, 0, 2):
        policies.activate("lending", number, actor="ann", why="")

    reached = [policies.rollback("lending", actor="ann", why="") for _ in range(4)]

    assert reached == [0, 2, 1, 0]
    assert active_number(policies) == 0
    with pytest.raises(
        NoPolicyToRollBackError, match="'lending' cannot be rolled back: the policy of its bundle is active"
    ):
        policies.rollback("lending", actor="ann", why="")


def test_a_rollback_that_was_overtaken_changes_nothing(policies):
    """It was to lead to policy 1; since then another one was activated."""
    add(policies), add(policies), add(policies)
    for number in (1, 2, 3):
        policies.activate("lending", number, actor="ann", why="")
    with pytest.raises(RollbackOverError):
        policies.rollback("lending", actor="ann", why="", only_to=1)
    assert active_number(policies) == 3
    assert policies.rollback("lending", actor="ann", why="", only_to=2) == 2


def test_activating_the_active_policy_changes_and_records_nothing(policies, registry):
    """Also for the bundle's own, so that a rollback still leads to the one before."""
    add(policies)
    before = registry.history("lending")
    policies.activate("lending", 0, actor="ann", why="")
    assert registry.history("lending") == before
    policies.activate("lending", 1, actor="ann", why="")
    policies.activate("lending", 1, actor="ann", why="again")
    assert len(registry.history("lending")) == len(before) + 1


def test_an_unknown_policy_or_model_is_refused_by_name(policies):
    """The numbers that there are are in the text, and nothing was switched."""
    with pytest.raises(UnknownPolicyError, match="has no policy 1; none is stored"):
        policies.activate("lending", 1, actor="ann", why="")
    add(policies), add(policies, "cards", domain="fraud")
    with pytest.raises(UnknownPolicyError, match="has no policy 7; it has 1, and 0 for the policy of the bundle"):
        policies.activate("lending", 7, actor="ann", why="")
    with pytest.raises(UnknownPolicyError, match="'nobody' has no policy 0"):
        policies.activate("nobody", 0, actor="ann", why="")
    with pytest.raises(UnknownPolicyError, match="has no policy 2; it has 1"):
        policies.policy("lending", 2)
    assert policies.all_active() == {}


def test_a_policy_belongs_to_its_models_domain_and_to_a_version(policies):
    """A credit model cannot get rules for fraud, nor rules that were tested on a version that is not there."""
    with pytest.raises(DomainMismatchError, match="'lending' is a 'credit' model, not 'fraud'"):
        add(policies, domain="fraud")
    with pytest.raises(UnknownVersionError, match="'lending' has no version 3; it has 1, 2"):
        add(policies, model_version=3)
    assert policies.stored("lending") == []


def test_the_database_keeps_the_active_policy_among_the_stored_ones(policies, registry):
    """The database itself refuses an active policy that does not exist."""
    with pytest.raises(sa.exc.IntegrityError), registry._engine.begin() as connection:
        connection.execute(tables.active_policies.insert().values(name="lending", number=1))


def test_an_activation_killed_half_way_leaves_no_trace(policies, registry, url):
    """A process that dies after the switch and before its line in the history has done neither; the next one can."""
    add(policies), add(policies)
    policies.activate("lending", 1, actor="ann", why="")
    before = registry.history("lending")

    killed = subprocess.run([sys.executable, "-c", KILLED, url], cwd=SOURCE_ROOT, timeout=60, check=False)

    assert killed.returncode == 9
    assert (active_number(policies), registry.history("lending")) == (1, before)
    policies.activate("lending", 2, actor="ann", why="")
    assert active_number(policies) == 2


def test_concurrent_changes_follow_one_another(policies, registry):
    """Ten people store and activate at once: ten numbers, and a history in which each change begins where one ended."""

    def store_and_activate(_):
        number = add(policies).number
        policies.activate("lending", number, actor="ann", why="")
        return number

    with ThreadPoolExecutor(10) as pool:
        numbers = list(pool.map(store_and_activate, range(10)))

    moves = [(event.from_version, event.to_version) for event in registry.history("lending") if event.alias == "policy"]
    assert sorted(numbers) == list(range(1, 11))
    assert [before for before, _ in moves] == [0, *(after for _, after in moves[:-1])]
    assert active_number(policies) == moves[-1][1]
