"""Changes of the live version or policy; one that fails to load is refused before the registry records anything."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from models.contract import LiveModel
from models.errors import NotTrainedError
from models.monitoring.promotion.compatibility import check_challenger
from models.registry.audit_settings import DEFAULT as RECORD_ALL
from models.registry.policies import StoredPolicy
from models.registry.registry import Registry, Version
from models.registry.rollouts import Mode, Rollout, check_share

Load: TypeAlias = Callable[[Version, StoredPolicy | None], LiveModel]
"""Loads a version under a policy, as `models.registry.live.load_answering` does and with the same errors."""


def promote(
    registry: Registry, load: Load, name: str, number: int, *, actor: str, why: str, only_during: Rollout | None = None
) -> Version:
    """Make a version the champion; raises as `Registry.promote` and `load` do."""
    load(registry.version(name, number), registry.policies.active(name))
    return registry.promote(name, number, actor=actor, why=why, only_during=only_during)


def activate_policy(
    registry: Registry, load: Load, name: str, number: int, *, actor: str, why: str
) -> StoredPolicy | None:
    """Activate a stored policy and return it; 0 is each version's own policy, returned as None.

    Raises as `Policies.policy` and `load` do.
    """
    policy = registry.policies.policy(name, number)
    version = registry.champion(name)
    if version is None and policy is not None:
        version = registry.version(name, policy.model_version)
    if version is not None:
        load(version, policy)
    registry.policies.activate(name, number, actor=actor, why=why)
    return policy


def start_rollout(
    registry: Registry, load: Load, name: str, number: int, *, mode: Mode, share: float, actor: str, why: str
) -> Rollout:
    """Start a rollout of a version as shadow or canary, in place of any other.

    Raises
    ------
    NotTrainedError
        The model has no champion.
    ChallengerError
        The share does not fit the mode, or the version does not fit the champion.
    """
    check_share(name, number, mode, share)
    policy = registry.policies.active(name)
    challenger = load(registry.version(name, number), policy)
    champion = registry.champion(name)
    if champion is None:
        raise NotTrainedError(name)
    audit = registry.audit_settings().get(name, RECORD_ALL)
    check_challenger(load(champion, policy), challenger, mode, audit)
    return registry.rollouts.start(name, number, mode=mode, share=share, actor=actor, why=why)
