"""Models, versions and policies as the API and the pages show them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field

from data.column import Column
from models.registry.history import Event
from models.registry.live import policy_note
from models.registry.policies import BUNDLED, StoredPolicy
from models.registry.registry import CHAMPION, Version
from models.registry.rollouts import Rollout
from service.api.documents import document_paths
from service.context import State
from service.errors import UnknownModelError


class ModelState(BaseModel):
    """The live version and policy of a model."""

    name: str
    domain: str = Field(description="Domain of the model.")
    champion: int | None = Field(description="The champion according to the registry.")
    live_version: int | None = Field(description="The version that is live in this process.")
    active_policy: int = Field(description="The active policy according to the registry; 0 is the version's own.")
    policy_version: int | None = Field(description="The policy that is live in this process.")
    refused: str | None = Field(
        None, description="Why the champion or its active policy is not live; null if they are."
    )
    endpoints: list[str] = Field(description="Available endpoints.")


class ModelList(BaseModel):
    """Every model that has a version."""

    models: list[ModelState]


class VersionEntry(BaseModel):
    """One registered version."""

    version: int
    digest: str = Field(description="SHA-256 of its bundle's manifest.")
    created: datetime
    created_by: str
    metrics: dict[str, Any] = Field(description="On the test set.")
    documents: dict[str, str] = Field(description="Paths of its model card (JSON and page) and of its training report.")


class PolicyEntry(BaseModel):
    """One stored policy."""

    policy_version: int
    content: dict[str, Any] = Field(description="Thresholds and scales.")
    created: datetime
    created_by: str
    why: str
    model_version: int = Field(description="The model version that it was simulated with.")
    simulation: dict[str, Any] = Field(description="Result of its simulation on past rows.")


class ModelDetails(ModelState):
    """A model with its versions, policies and history."""

    aliases: dict[str, int] = Field(description="Names for versions, such as `champion` and `challenger`.")
    policy: dict[str, Any] | None = Field(description="Thresholds and scales of the live policy.")
    policy_note: str = Field(description="Caveats of the active policy, such as a simulation with another version.")
    policies: list[PolicyEntry] = Field(description="The stored policies, oldest first.")
    columns: list[Column] = Field(description="The live version's inputs.")
    versions: list[VersionEntry] = Field(description="Oldest first.")
    history: list[Event] = Field(description="Who changed what, when and why; oldest first.")


def model_list(state: State) -> ModelList:
    """Every model and its live version."""
    registry = state.registry
    champions = registry.champions()
    names = registry.names()
    newest = {name: champions.get(name) or registry.versions(name)[-1] for name in names}
    active = registry.policies.all_active()
    return ModelList(models=[model_state(state, newest[name], champions.get(name), active.get(name)) for name in names])


def model_details(state: State, name: str) -> ModelDetails:
    """A model with its versions, metrics and history; UnknownModelError if it has no version."""
    registry, live_models = state.registry, state.live_models
    versions, champion = registry.versions(name), registry.champion(name)
    if not versions:
        raise UnknownModelError(name, live_models.served_models)
    served, active = live_models.served_models.get(name), registry.policies.active(name)
    return ModelDetails(
        **dict(model_state(state, versions[-1], champion, active)),
        aliases=_aliases(champion, registry.rollouts.rollout(name)),
        policy=served.live.policy.model_dump(mode="json") if served else None,
        policy_note=policy_note(active, champion),
        policies=[_policy_entry(stored) for stored in registry.policies.stored(name)],
        columns=list(served.live.table.inputs) if served else [],
        versions=[_entry(version) for version in versions],
        history=registry.history(name),
    )


def model_state(
    state: State, any_version: Version, champion: Version | None, active: StoredPolicy | None
) -> ModelState:
    """The state of a model, given any of its versions, its champion and its active policy."""
    name = any_version.name
    served, refusal = state.live_models.served_models.get(name), state.live_models.refused.by_name.get(name)
    actions = served.actions if served else []
    return ModelState(
        name=name,
        domain=any_version.domain,
        champion=champion.number if champion else None,
        live_version=served.live.version if served else None,
        active_policy=active.number if active else BUNDLED,
        policy_version=served.live.policy_version if served else None,
        refused=refusal.why if refusal else None,
        endpoints=[f"/v1/{name}/{action}" for action in actions],
    )


def _aliases(champion: Version | None, rollout: Rollout | None) -> dict[str, int]:
    found = {CHAMPION: champion.number} if champion else {}
    return {**found, "challenger": rollout.version} if rollout else found


def _entry(version: Version) -> VersionEntry:
    return VersionEntry(
        version=version.number,
        digest=version.digest,
        created=version.created,
        created_by=version.created_by,
        metrics=dict(version.metrics),
        documents=document_paths(version),
    )


def _policy_entry(stored: StoredPolicy) -> PolicyEntry:
    return PolicyEntry(
        policy_version=stored.number,
        content=dict(stored.content),
        created=stored.created,
        created_by=stored.created_by,
        why=stored.why,
        model_version=stored.model_version,
        simulation=dict(stored.simulation),
    )
