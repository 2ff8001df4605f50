"""Changing which version of a model answers: checked, told to the registry, and followed at once in this process."""

from __future__ import annotations

import asyncio
from functools import partial

from service.api.model_views import ModelState, model_state
from service.context import State
from service.live.desired_state import DesiredModel


async def promote(state: State, name: str, number: int, *, actor: str, why: str) -> ModelState:
    """Let a version answer.

    Raises
    ------
    UnknownVersionError
        There is no such version.
    BundleError, UnreadablePolicyError
        It cannot answer, and so does not become champion.
    """
    registry, live_models = state.registry, state.live_models
    version = await asyncio.to_thread(registry.version, name, number)
    policy = await asyncio.to_thread(registry.policies.active, name)
    ready = await live_models.loaded(DesiredModel(version, policy))  # what cannot answer must not become champion
    version = await asyncio.to_thread(partial(registry.promote, name, number, actor=actor, why=why))
    await live_models.refresh(ready)
    return model_state(state, version, version, policy)


async def roll_back(state: State, name: str, *, actor: str, why: str) -> ModelState:
    """Let answer what answered before; NothingToRollBackError if nothing did."""
    registry = state.registry
    version = await asyncio.to_thread(partial(registry.rollback, name, actor=actor, why=why))
    await state.live_models.refresh()
    return model_state(state, version, version, await asyncio.to_thread(registry.policies.active, name))
