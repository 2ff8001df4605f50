"""Promotion, rollback and change of policy of a model, for the API and the pages."""

from __future__ import annotations

import asyncio

from models.monitoring.promotion import changes
from service.api.model_views import ModelState, model_state
from service.context import State
from service.errors import UnknownModelError


async def promote(
    state: State, name: str, number: int, *, actor: str, why: str, allowed: changes.Allowed = changes.NOTHING
) -> ModelState:
    """Make a version the champion; raises as `models.monitoring.promotion.changes.promote` does."""
    registry = state.registry
    version = await state.live_models.change(
        lambda load: changes.promote(registry, load, name, number, actor=actor, why=why, allowed=allowed)
    )
    return model_state(state, version, version, await asyncio.to_thread(registry.policies.active, name))


async def roll_back(state: State, name: str, *, actor: str, why: str) -> ModelState:
    """Return to the previous champion; raises as `models.monitoring.promotion.changes.roll_back` does."""
    registry = state.registry
    version = await state.live_models.change(lambda load: changes.roll_back(registry, load, name, actor=actor, why=why))
    return model_state(state, version, version, await asyncio.to_thread(registry.policies.active, name))


async def activate_policy(state: State, name: str, number: int, *, actor: str, why: str) -> ModelState:
    """Make a stored policy decide; raises as `models.monitoring.promotion.changes.activate_policy` does."""
    registry, live_models = state.registry, state.live_models
    version = await asyncio.to_thread(registry.champion, name)
    if version is None:
        raise UnknownModelError(name, live_models.served_models)
    policy = await live_models.change(
        lambda load: changes.activate_policy(registry, load, name, number, actor=actor, why=why)
    )
    return model_state(state, version, version, policy)
