"""Who challenges a champion: started, replaced, withdrawn, and ended by whatever changes the champion."""

import pytest

from models.errors import (
    ChallengerError,
    NoChallengerError,
    NothingToRollBackError,
    RolloutOverError,
    UnknownVersionError,
)
from models.registry.rollouts import Rollout
from tests.conftest import START


def register(registry, n_versions=3, champion=1):
    for _ in range(n_versions):
        registry.register(name="lending", domain="credit", digest="d", metrics={}, actor="job", why="", promote=False)
    registry.promote("lending", champion, actor="job", why="")


def start(registry, number=2, **told):
    return registry.rollouts.start("lending", number, **{"mode": "shadow", "actor": "ana", "why": "newer rows", **told})


def changes(registry):
    return [
        (event.action, event.alias, event.from_version, event.to_version, event.why)
        for event in registry.history("lending")
        if event.action != "register"
    ][1:]


def test_a_challenger_is_read_back_as_it_was_started(registry):
    """And the history records it."""
    register(registry)
    rollout = start(registry, mode="canary", share=0.1)

    assert rollout == registry.rollouts.rollout("lending")
    assert registry.rollouts.all() == {"lending": rollout}
    assert (rollout.version, rollout.mode, rollout.share, rollout.started_by) == (2, "canary", 0.1, "ana")
    assert rollout.started > START
    assert changes(registry) == [("challenge", "challenger", None, 2, "canary of 10 %; newer rows")]


def test_another_challenger_takes_its_place_and_a_withdrawal_ends_it(registry):
    """There is one at a time."""
    register(registry)
    start(registry)
    start(registry, 3, why="")
    assert registry.rollouts.rollout("lending").version == 3
    ended = registry.rollouts.stop("lending", actor="ben", why="too slow")

    assert (ended.version, registry.rollouts.all()) == (3, {})
    assert changes(registry) == [
        ("challenge", "challenger", None, 2, "shadow; newer rows"),
        ("challenge", "challenger", 2, 3, "shadow"),
        ("withdraw", "challenger", 3, 1, "too slow"),
    ]
    with pytest.raises(NoChallengerError, match="'lending' has no challenger"):
        registry.rollouts.stop("lending", actor="ben", why="")


@pytest.mark.parametrize("number", [2, 3])
def test_a_promotion_ends_it(registry, number):
    """Of the challenger and of any other version; promoting the champion changes nothing."""
    register(registry)
    start(registry)
    registry.promote("lending", 1, actor="job", why="")
    assert registry.rollouts.rollout("lending") is not None

    registry.promote("lending", number, actor="job", why="")

    assert registry.rollouts.all() == {}
    assert changes(registry)[-1] == ("withdraw", "challenger", 2, number, f"version {number} became champion")


def test_a_version_that_proved_better_is_promoted_in_its_rollout_alone(registry):
    """Nothing is promoted if that has ended, or another one of the same version has begun."""
    register(registry)
    judged = start(registry)
    for disturb in (
        lambda: registry.rollouts.stop("lending", actor="bo", why=""),
        lambda: registry.promote("lending", 3, actor="bo", why=""),
        lambda: start(registry),
    ):
        disturb()
        with pytest.raises(RolloutOverError, match="version 2 of 'lending' was not promoted"):
            registry.promote("lending", 2, actor="ana", why="better", only_during=judged)
    assert registry.champion("lending").number == 3
    registry.promote("lending", 2, actor="ana", why="better", only_during=registry.rollouts.rollout("lending"))
    assert registry.champion("lending").number == 2


def test_a_rollback_ends_the_canary_first_and_the_champion_stays(registry):
    """What answered before the last change answers again."""
    register(registry, champion=1)
    registry.promote("lending", 2, actor="job", why="")
    start(registry, 3, mode="canary", share=0.5)

    assert registry.rollback("lending", actor="ana", why="complaints").number == 2
    assert (registry.champion("lending").number, registry.rollouts.all()) == (2, {})
    assert registry.rollback("lending", actor="ana", why="more of them").number == 1
    with pytest.raises(NothingToRollBackError):
        registry.rollback("lending", actor="ana", why="")


def test_a_rollback_of_the_champion_ends_a_shadow(registry):
    """A shadow serves no answers, so the champion is rolled back, and the comparison ends."""
    register(registry, champion=1)
    registry.promote("lending", 2, actor="job", why="")
    start(registry, 3)
    assert registry.rollback("lending", actor="ana", why="").number == 1
    assert registry.rollouts.all() == {}


def test_a_first_champion_can_be_rolled_back_to_from_a_canary(registry):
    """There is nothing else to roll back."""
    register(registry)
    start(registry, mode="canary", share=0.5)
    assert registry.rollback("lending", actor="ana", why="").number == 1
    assert registry.rollouts.all() == {}


@pytest.mark.parametrize(
    ("number", "told", "message"),
    [
        (1, {}, "version 1 of 'lending' cannot challenge: it is the champion"),
        (2, {"mode": "canary"}, "the share of a canary must be above 0 and below 1, got 0"),
        (2, {"mode": "canary", "share": 1.0}, "must be above 0 and below 1, got 1"),
        (2, {"mode": "canary", "share": float("nan")}, "must be above 0 and below 1, got nan"),
        (2, {"share": 0.5}, "a shadow sends no answers, so it has no share, got 0.5"),
    ],
)
def test_what_cannot_challenge_is_refused(registry, number, told, message):
    """Nothing changes."""
    register(registry)
    with pytest.raises(ChallengerError, match=message):
        start(registry, number, **told)
    assert changes(registry) == []


def test_versions_and_champions_that_are_not_there(registry):
    """The error names what is available."""
    with pytest.raises(UnknownVersionError, match="nothing is registered"):
        start(registry)
    registry.register(name="lending", domain="credit", digest="d", metrics={}, actor="job", why="", promote=False)
    with pytest.raises(UnknownVersionError, match="it has 1"):
        start(registry, 2)
    with pytest.raises(ChallengerError, match="the model has no champion; promote a version first"):
        start(registry, 1)


def test_a_canary_gets_its_share_of_the_ids_and_always_the_same():
    """A larger share holds the smaller one; audit samples have nothing to do with it."""
    small, large = (Rollout("lending", 2, "canary", share, START, "ana") for share in (0.1, 0.3))
    ids = [f"id-{number}" for number in range(20_000)]
    of_small, of_large = ({one for one in ids if rollout.gives(one)} for rollout in (small, large))

    assert len(of_small) == pytest.approx(2_000, abs=150)
    assert len(of_large) == pytest.approx(6_000, abs=250)
    assert of_small < of_large
    assert not any(Rollout("lending", 2, "shadow", 0.0, START, "ana").gives(one) for one in ids[:100])
