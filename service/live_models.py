"""LiveModels: the versions that answer in this process and their policies, kept in step with the registry."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from structlog.typing import FilteringBoundLogger

from models.contract import Live
from models.errors import DatabaseError, ModelError
from models.events.event_log import EventLog
from models.policies.stored import BUNDLED, StoredPolicy
from models.predictions.audit_settings import DEFAULT as RECORD_ALL
from models.predictions.audit_settings import AuditSettings
from models.registry import Registry, Version
from service.errors import UnknownModelError
from service.serving import Serving

MOST_POLLS_BETWEEN_TRIES = 64


@dataclass(frozen=True)
class Wanted:
    """What the registry wants to answer for a name: a version, a policy, and how answers are recorded."""

    version: Version
    policy: StoredPolicy | None
    audit: AuditSettings = RECORD_ALL

    @property
    def policy_version(self) -> int:
        """The number of the policy."""
        return BUNDLED if self.policy is None else self.policy.number

    def is_answered_by(self, serving: Serving) -> bool:
        """Whether this is what answers."""
        same = self.is_version_of(serving) and serving.live.policy_version == self.policy_version
        return same and serving.audit == self.audit

    def is_version_of(self, serving: Serving) -> bool:
        """Whether this version answers, by whatever policy."""
        return (serving.live.version, serving.digest) == (self.version.number, self.version.digest)


@dataclass(frozen=True)
class Refusal:
    """Why what is wanted does not answer, how often it was tried, and the poll at which it is tried again."""

    wanted: Wanted
    why: str
    n_tries: int
    next_try: int


class LiveModels:
    """The champion of every name, loaded, checked and warmed, deciding by the active policy.

    A request asks once for its `Serving` and uses nothing else, so that one version answers it from first byte to
    last. What changes is a reference to a mapping that itself never changes.

    Parameters
    ----------
    registry : says which versions are champions, and which policies are active.
    load : verifies a version's bundle and rebuilds it; raises if that cannot be done.
    open_events : what the windows of a version look back on, None without windows; raises without a database.
    personal_key : see `models.predictions.personal`.

    Attributes
    ----------
    servings : what answers, by name.
    refused : champions that do not answer, or not by the active policy (what was before still does), by name.
    n_polls : how often the registry has been read.
    """

    def __init__(
        self,
        registry: Registry,
        load: Callable[[Version], Live],
        open_events: Callable[[Live], EventLog | None],
        log: FilteringBoundLogger,
        *,
        personal_key: bytes = b"",
    ) -> None:
        self._registry, self._load, self._open_events, self._log = registry, load, open_events, log
        self._personal_key = personal_key
        self._refreshing = asyncio.Lock()
        self._database_problem: str | None = None
        self.servings: Mapping[str, Serving] = MappingProxyType({})
        self.refused: dict[str, Refusal] = {}
        self.n_polls = 0

    def serving(self, name: str) -> Serving:
        """What answers for the name now; UnknownModelError lists the names there are."""
        serving = self.servings.get(name)
        if serving is None:
            raise UnknownModelError(name, self.servings)
        return serving

    @property
    def database_answers(self) -> bool:
        """Whether the registry could be read when it was last asked."""
        return self.n_polls > 0 and self._database_problem is None

    def live_versions(self) -> list[tuple[str, int, int]]:
        """Name, version and policy version of all that answer."""
        return [(name, one.live.version, one.live.policy_version) for name, one in self.servings.items()]

    def reasons_not_ready(self) -> list[str]:
        """Why requests cannot be answered yet; empty if they can."""
        if self.servings:
            return []
        if self.n_polls == 0:
            return [self._database_problem or "the registry has not been read yet"]
        if self.refused:
            return [f"{name}: {refusal.why}" for name, refusal in self.refused.items()]
        return ["no model is live; run `backscore train DOMAIN` or `backscore quickstart`"]

    async def keep_in_step(self, poll_seconds: float) -> None:
        """Refresh for ever; nothing that goes wrong once ends it."""
        while True:
            await asyncio.sleep(poll_seconds)
            try:
                await self.refresh()
            except Exception:  # a poll that ended silently would freeze the models for good
                self._log.exception("polling the registry failed")

    async def refresh(self) -> None:
        """Take over what the registry says now; without a database everything stays as it is."""
        async with self._refreshing:
            try:
                wanted = await asyncio.to_thread(self._wanted)
            except DatabaseError as error:
                if self._database_problem is None:
                    self._log.error("registry away, the live models stay as they are", error=str(error))
                self._database_problem = str(error)
                return
            if self._database_problem is not None:
                self._log.info("registry back")
            self._database_problem = None
            await self._follow(wanted)
            self.n_polls += 1

    async def loaded(self, wanted: Wanted) -> Serving:
        """A version verified and warmed, outside the event loop; it is not live by that, but no longer refused.

        A version that answers already is not loaded again to get another policy.

        Raises
        ------
        BundleError
            Its bundle is missing, altered or not to be trusted.
        UnreadablePolicyError
            The policy is none that this installation knows, or does not fit the version.
        DatabaseError
            Its table has windows, and what they look back on cannot be read.
        """
        name = wanted.version.name
        serving = await asyncio.to_thread(self._loaded, wanted, self.servings.get(name))
        refusal = self.refused.get(name)
        if refusal and refusal.wanted == wanted:
            del self.refused[name]
        return serving

    def _wanted(self) -> dict[str, Wanted]:
        """What the registry wants to answer, by name."""
        policies = self._registry.policies.all_active()
        audit = self._registry.audit_settings()
        return {
            name: Wanted(version, policies.get(name), audit.get(name, RECORD_ALL))
            for name, version in self._registry.champions().items()
        }

    async def _follow(self, all_wanted: Mapping[str, Wanted]) -> None:
        servings = {name: serving for name, serving in self.servings.items() if name in all_wanted}
        for name, wanted in all_wanted.items():
            serving = servings.get(name)
            if serving and wanted.is_answered_by(serving):
                self.refused.pop(name, None)
                continue
            refusal = self.refused.get(name)
            if refusal and refusal.wanted == wanted and self.n_polls < refusal.next_try:
                continue
            try:
                servings[name] = await self.loaded(wanted)
            except Exception as error:  # one bad bundle must not keep the other models from being updated
                self._refuse(wanted, error)
                continue
            self.refused.pop(name, None)  # also what was said about another version
            what = "policy went live" if serving and wanted.is_version_of(serving) else "version went live"
            self._log.info(what, model=name, version=wanted.version.number, policy=wanted.policy_version)
        if servings != self.servings:
            self.servings = MappingProxyType(servings)

    def _loaded(self, wanted: Wanted, answers: Serving | None) -> Serving:
        if answers is None or not wanted.is_version_of(answers):
            live = self._load(wanted.version)
            answers = Serving.of(live, wanted.version.digest, personal_key=self._personal_key)
        serving = answers.deciding_by(wanted.policy).recorded_by(wanted.audit)
        serving = serving.storing_in(self._open_events(serving.live))
        serving.warm()
        return serving

    def _refuse(self, wanted: Wanted, error: Exception) -> None:
        """Log once why a champion does not go live; it is tried again ever more seldom: a folder can be restored."""
        version = wanted.version
        why = f"version {version.number}: {error}"
        before = self.refused.get(version.name)
        n_tries = before.n_tries + 1 if before and before.wanted == wanted else 1
        if before is None or before.why != why:
            unforeseen = None if isinstance(error, ModelError) else error
            self._log.error("champion refused", model=version.name, error=why, exc_info=unforeseen)
        pause = min(2 ** min(n_tries, 10), MOST_POLLS_BETWEEN_TRIES)
        self.refused[version.name] = Refusal(wanted, why, n_tries, self.n_polls + pause)
