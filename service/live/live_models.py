"""LiveModels: the live versions and policies of this process, kept in sync with the registry."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from types import MappingProxyType
from typing import Any, TypeVar

from structlog.typing import FilteringBoundLogger

from data.table import Table
from models.contract import LiveModel
from models.errors import BundleError, DatabaseError
from models.monitoring.promotion.changes import Load
from models.monitoring.promotion.compatibility import check_challenger
from models.records.events.event_log import EventLog
from models.registry.policies import StoredPolicy
from models.registry.registry import Registry, Version
from models.registry.retired_inputs import retired_inputs
from service.errors import UnknownModelError
from service.live.desired_state import DesiredChallenger, DesiredModel, desired_state
from service.live.load_failures import LoadFailures
from service.live.served_model import ServedModel

Result = TypeVar("Result")


class LiveModels:
    """The champion of every model, loaded, verified and warmed up under its active policy, with its challenger.

    A request takes its `ServedModel` once and uses nothing else, so that a single version answers it. Updates replace
    the mapping as a whole; it is never changed in place. A challenger that cannot be loaded or is not compatible is
    left out, and the champion answers alone.

    Parameters
    ----------
    registry : the source of champions, challengers and active policies.
    load : verifies and loads a version's bundle; raises if it cannot.
    read_table : reads the table of a version; BundleError if it cannot.
    open_events : returns the event log behind a version's windows, None without windows; raises without a database.
    personal_key : see `models.records.audit_log.personal`.

    Attributes
    ----------
    served_models : the live models by name.
    refused : champions that failed to load, or whose active policy did; the state before stays live.
    refused_challengers : challengers that failed to load.
    n_polls : number of successful reads of the registry.
    """

    def __init__(
        self,
        registry: Registry,
        load: Callable[[Version], LiveModel],
        read_table: Callable[[Version], Table],
        open_events: Callable[[LiveModel], EventLog | None],
        log: FilteringBoundLogger,
        *,
        personal_key: bytes = b"",
    ) -> None:
        self.registry, self._open_events, self._log = registry, open_events, log
        self._load, self._read_table = load, read_table
        self._personal_key = personal_key
        self._refreshing = asyncio.Lock()
        self._thread = ThreadPoolExecutor(1, "registry")  # the threads of requests may all be taken
        self._database_problem: str | None = None
        self.served_models: Mapping[str, ServedModel] = MappingProxyType({})
        self.refused: LoadFailures[DesiredModel] = LoadFailures("champion", log)
        self.refused_challengers: LoadFailures[DesiredChallenger] = LoadFailures("challenger", log)
        self.n_polls = 0

    def served(self, name: str) -> ServedModel:
        """The live model of a name; UnknownModelError lists the names of live models."""
        served = self.served_models.get(name)
        if served is None:
            failure = self.refused.by_name.get(name)
            raise UnknownModelError(name, self.served_models, failure.why if failure else "")
        return served

    @property
    def database_answers(self) -> bool:
        """Whether the last read of the registry succeeded."""
        return self.n_polls > 0 and self._database_problem is None

    def live_versions(self) -> list[tuple[str, int, int]]:
        """Name, version and policy version of everything that answers, canaries included."""
        answering = [served for champion in self.served_models.values() for served in champion.answering]
        return [(one.live.name, one.live.version, one.live.policy_version) for one in answering]

    def reasons_not_ready(self) -> list[str]:
        """Reasons why requests cannot be answered yet; empty if they can."""
        if self.served_models:
            return []
        if self.n_polls == 0:
            return [self._database_problem or "the registry has not been read yet"]
        if self.refused.by_name:
            return [f"{name}: {refusal.why}" for name, refusal in self.refused.by_name.items()]
        return ["no model is live; run `backscore train DOMAIN` or `backscore quickstart`"]

    def warnings(self) -> list[str]:
        """What does not answer as the registry says, although others may; empty if all is well."""
        found = ["the registry cannot be read; see the log"] if self._database_problem else []
        for name, failure in self.refused.by_name.items():
            served = self.served_models.get(name)
            instead = f"version {served.live.version} answers instead" if served else "nothing answers"
            found.append(f"{name}: {instead}; {failure.why}")
        found += [f"{name}: challenger {failure.why}" for name, failure in self.refused_challengers.by_name.items()]
        return found

    async def keep_in_step(self, poll_seconds: float) -> None:
        """Refresh periodically until cancelled; a failure does not end it."""
        while True:
            await asyncio.sleep(poll_seconds)
            try:
                await self.refresh()
            except Exception:  # a task that died silently would freeze the live models for good
                self._log.exception("polling the registry failed")

    async def change(self, operation: Callable[[Load], Result]) -> Result:
        """Run an operation of `models.monitoring.promotion.changes` in a thread, and refresh at once.

        Versions that the operation loads are verified and warmed up, and not loaded again when they go live.
        """
        loaded: list[tuple[DesiredModel, ServedModel]] = []

        def load(version: Version, policy: StoredPolicy | None) -> LiveModel:
            desired = DesiredModel(version, policy)
            served = self._loaded(desired)
            loaded.append((desired, served))
            return served.live

        result = await asyncio.to_thread(operation, load)
        for desired, _ in loaded:
            self.refused.clear(desired.version.name, desired)
        await self.refresh([served for _, served in loaded])
        return result

    async def refresh(self, ready: Iterable[ServedModel] = ()) -> None:
        """Make the desired state live; without a database everything stays as it is.

        Parameters
        ----------
        ready : models that are loaded already, and are reused.
        """
        async with self._refreshing:
            try:
                champions, challengers = await self._in_thread(desired_state, self.registry)
            except DatabaseError as error:
                if self._database_problem is None:
                    self._log.error("registry unreachable; live models stay as they are", error=str(error))
                self._database_problem = str(error)
                return
            if self._database_problem is not None:
                self._log.info("registry reachable again")
            self._database_problem = None
            await self._follow(champions, challengers, ready)
            self.n_polls += 1

    async def _follow(
        self,
        champions: Mapping[str, DesiredModel],
        challengers: Mapping[str, DesiredChallenger],
        ready: Iterable[ServedModel],
    ) -> None:
        served_models: dict[str, ServedModel] = {}
        for name, desired in champions.items():
            champion = await self._champion(desired, ready)
            if champion is not None:
                served_models[name] = await self._challenged(champion, challengers.get(name), ready)
        if served_models != self.served_models:
            self.served_models = MappingProxyType(served_models)

    async def _champion(self, desired: DesiredModel, ready: Iterable[ServedModel]) -> ServedModel | None:
        """The champion that answers from now on: the desired one, or the one before if that fails to load."""
        name = desired.version.name
        served = self.served_models.get(name)
        if served and desired.is_answered_by(served):
            self.refused.clear(name)
            return served
        if self.refused.in_backoff(name, desired, self.n_polls):
            return served
        try:
            champion = await self._in_thread(self._loaded, desired, ready)
        except Exception as error:  # one bad bundle must not keep the other models from being updated
            self.refused.record(name, desired, desired.version.number, error, self.n_polls)
            return served
        self.refused.clear(name)  # also a failure of another version
        what = "policy went live" if served and desired.is_version_of(served) else "version went live"
        self._log.info(what, model=name, version=desired.version.number, policy=desired.policy_version)
        return champion

    async def _challenged(
        self, champion: ServedModel, desired: DesiredChallenger | None, ready: Iterable[ServedModel]
    ) -> ServedModel:
        """The champion with its challenger, or alone if there is none or it fails to load."""
        name = champion.live.name
        if desired is None:
            self.refused_challengers.clear(name)
            return champion.without_challenger()
        if desired.challenges(champion):
            return champion
        if self.refused_challengers.in_backoff(name, desired, self.n_polls):
            return champion.without_challenger()
        number, rollout = desired.desired.version.number, desired.rollout
        try:
            challenger = await self._in_thread(self._loaded, desired.desired, ready)
            await self._in_thread(check_challenger, champion.live, challenger.live, rollout.mode, champion.audit)
        except Exception as error:  # a bad challenger must never affect the champion
            self.refused_challengers.record(name, desired, number, error, self.n_polls)
            return champion.without_challenger()
        self.refused_challengers.clear(name)
        self._log.info("rollout started", model=name, version=number, mode=rollout.mode, share=rollout.share)
        return champion.challenged_by(challenger, rollout)

    async def _in_thread(self, function: Callable[..., Result], *arguments: Any) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._thread, function, *arguments)

    def _loaded(self, desired: DesiredModel, ready: Iterable[ServedModel] = ()) -> ServedModel:
        """A version, verified and warmed up under its policy; live or ready versions are not loaded again.

        Raises
        ------
        BundleError
            Its bundle is missing, altered or not trusted.
        UnreadablePolicyError
            The policy cannot be read by this installation, or does not fit the version.
        DatabaseError
            Its table has windows, and the stored events cannot be read.
        """
        champion = self.served_models.get(desired.version.name)
        known = [*ready, champion, champion.challenger if champion else None]
        served = next((one for one in known if one is not None and desired.is_version_of(one)), None)
        if served is None:
            live = self._load(desired.version)
            served = ServedModel.of(live, desired.version.digest, personal_key=self._personal_key)
        # a champion with another policy keeps its challenger only by `_challenged`
        served = served.without_challenger().with_policy(desired.policy).with_audit_settings(desired.audit)
        served = served.with_event_log(self._open_events(served.live))
        retired = retired_inputs(desired.version.number, served.live.table, self._tables_of(desired))
        served = served.with_retired_inputs(desired.earlier, retired)
        served.warm()
        return served

    def _tables_of(self, desired: DesiredModel) -> Iterator[tuple[int, int, Table]]:
        """The champions before, with their tables; one whose bundle is gone keeps nothing from answering."""
        for number, n_since in desired.earlier:
            try:
                yield number, n_since, self._read_table(self.registry.version(desired.version.name, number))
            except BundleError as error:
                self._log.warning(
                    "inputs of an earlier version are unknown", model=desired.version.name, error=str(error)
                )
