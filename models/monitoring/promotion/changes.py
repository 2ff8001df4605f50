"""Changes of the live version or policy; one that fails to load is refused before the registry records anything."""

from __future__ import annotations

from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeAlias

from models.contract import LiveModel
from models.errors import (
    BundleError,
    NotTrainedError,
    RequestChangeError,
    SuspectedLeakError,
    UnloadableVersionError,
    UnreadablePolicyError,
)
from models.monitoring.promotion.compatibility import check_challenger
from models.monitoring.promotion.requests import compare_requests
from models.registry.audit_settings import DEFAULT as RECORD_ALL
from models.registry.policies import StoredPolicy
from models.registry.registry import Registry, Version
from models.registry.rollouts import Mode, Rollout, check_share

Tell: TypeAlias = Callable[[str], object]
"""Takes what a change means for callers, although none of them is refused."""

Load: TypeAlias = Callable[[Version, StoredPolicy | None], LiveModel]
"""Loads a version under a policy, as `models.registry.live.load_answering` does and with the same errors."""


@dataclass(frozen=True, kw_only=True)
class Allowed:
    """What a promotion may do although callers or predictions may suffer.

    Parameters
    ----------
    suspected_leaks : names of inputs that may be suspected to hold the target.
    request_change : take other requests than the champion.
    """

    suspected_leaks: Collection[str] = ()
    request_change: bool = False


NOTHING = Allowed()


def promote(
    registry: Registry,
    load: Load,
    name: str,
    number: int,
    *,
    actor: str,
    why: str,
    only_during: Rollout | None = None,
    allowed: Allowed = NOTHING,
    tell: Tell = lambda _: None,
) -> Version:
    """Make a version the champion.

    Raises as `Registry.promote` and `checked` do; SuspectedLeakError and RequestChangeError for what is not allowed.
    """
    policy = registry.policies.active(name)
    live = checked(load, registry.version(name, number), policy)
    if leaks := {one: why for one, why in live.suspected_leaks.items() if one not in allowed.suspected_leaks}:
        raise SuspectedLeakError(name, number, leaks)
    champion = registry.champion(name)
    if champion is not None and champion.number != number:
        with suppress(UnloadableVersionError):  # a champion that cannot be loaded answers nobody
            changes = compare_requests(checked(load, champion, policy), live)
            if changes.refused and not allowed.request_change:
                raise RequestChangeError(name, number, champion.number, changes.refused)
            for note in changes.taken:
                tell(note)
    return registry.promote(name, number, actor=actor, why=why, only_during=only_during)


def roll_back(registry: Registry, load: Load, name: str, *, actor: str, why: str) -> Version:
    """Return to the previous champion, or end a canary; raises as `Registry.rollback` and `checked` do.

    A canary ends even if the champion cannot be loaded anew: services go on answering with the one they have.
    """
    target = registry.rollback_target(name)
    if target != registry.champion(name):
        checked(load, target, registry.policies.active(name))
    return registry.rollback(name, actor=actor, why=why, only_to=target.number)


def activate_policy(
    registry: Registry, load: Load, name: str, number: int, *, actor: str, why: str
) -> StoredPolicy | None:
    """Activate a stored policy and return it; 0 is each version's own policy, returned as None.

    Raises as `Policies.policy` and `checked` do.
    """
    policy = registry.policies.policy(name, number)
    version = registry.champion(name)
    if version is None and policy is not None:
        version = registry.version(name, policy.model_version)
    if version is not None:
        checked(load, version, policy)
    registry.policies.activate(name, number, actor=actor, why=why)
    return policy


def roll_back_policy(registry: Registry, load: Load, name: str, *, actor: str, why: str) -> StoredPolicy | None:
    """Reactivate the previous policy and return it; None for each version's own.

    Raises as `Policies.rollback` and `checked` do.
    """
    number, version = registry.policies.rollback_target(name), registry.champion(name)
    policy = registry.policies.policy(name, number)
    if version is not None:
        checked(load, version, policy)
    registry.policies.rollback(name, actor=actor, why=why, only_to=number)
    return policy


def checked(load: Load, version: Version, policy: StoredPolicy | None) -> LiveModel:
    """The version as it would answer; UnloadableVersionError if it could not."""
    try:
        return load(version, policy)
    except (BundleError, UnreadablePolicyError) as error:
        raise UnloadableVersionError(version.name, version.number, str(error)) from error


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
    SuspectedLeakError
        Inputs of the version are suspected to hold the target.
    """
    check_share(name, number, mode, share)
    policy = registry.policies.active(name)
    challenger = checked(load, registry.version(name, number), policy)
    if challenger.suspected_leaks:
        raise SuspectedLeakError(name, number, challenger.suspected_leaks)
    champion = registry.champion(name)
    if champion is None:
        raise NotTrainedError(name)
    audit = registry.audit_settings().get(name, RECORD_ALL)
    check_challenger(checked(load, champion, policy), challenger, mode, audit)
    return registry.rollouts.start(name, number, mode=mode, share=share, actor=actor, why=why)
