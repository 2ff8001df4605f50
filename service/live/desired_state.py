"""The desired state of a process: champions, challengers and settings according to the registry."""

from __future__ import annotations

from dataclasses import dataclass, field

from models.registry.audit_settings import DEFAULT as RECORD_ALL
from models.registry.audit_settings import AuditSettings
from models.registry.history import Champions
from models.registry.policies import BUNDLED, StoredPolicy
from models.registry.registry import Registry, Version
from models.registry.retired_inputs import N_EARLIER
from models.registry.rollouts import Rollout
from service.live.served_model import ServedModel


@dataclass(frozen=True)
class DesiredModel:
    """The champion of a model according to the registry: version, policy and audit settings.

    `earlier` are the champions before it, whose inputs it takes and ignores; see `Champions.before`.
    """

    version: Version
    policy: StoredPolicy | None
    audit: AuditSettings = RECORD_ALL
    earlier: tuple[tuple[int, int], ...] = field(default=(), compare=False)

    @property
    def policy_version(self) -> int:
        """The number of the policy."""
        return BUNDLED if self.policy is None else self.policy.number

    def is_answered_by(self, served: ServedModel) -> bool:
        """Whether this state is live."""
        same = self.is_version_of(served) and served.live.policy_version == self.policy_version
        return same and served.audit == self.audit and served.earlier == self.earlier

    def is_version_of(self, served: ServedModel) -> bool:
        """Whether this version is live, under any policy."""
        return (served.live.version, served.digest) == (self.version.number, self.version.digest)


@dataclass(frozen=True)
class DesiredChallenger:
    """The challenger of a champion; it has the champion's policy and audit settings."""

    desired: DesiredModel
    rollout: Rollout

    def challenges(self, champion: ServedModel) -> bool:
        """Whether this challenger is live beside the champion."""
        challenger = champion.challenger
        return champion.rollout == self.rollout and challenger is not None and self.desired.is_answered_by(challenger)


def desired_state(registry: Registry) -> tuple[dict[str, DesiredModel], dict[str, DesiredChallenger]]:
    """Champions and challengers by name; DatabaseError if the registry cannot be read."""
    policies, audit = registry.policies.all_active(), registry.audit_settings()
    former = registry.all_champions()

    def desired(version: Version) -> DesiredModel:
        name = version.name
        earlier = former.get(name, Champions()).before(version.number, N_EARLIER)
        return DesiredModel(version, policies.get(name), audit.get(name, RECORD_ALL), tuple(earlier))

    champions = {name: desired(version) for name, version in registry.champions().items()}
    challengers = {
        name: DesiredChallenger(desired(registry.version(name, rollout.version)), rollout)
        for name, rollout in registry.rollouts.all().items()
        # it may have been promoted between the two queries
        if name in champions and champions[name].version.number != rollout.version
    }
    return champions, challengers
