"""LoadFailures: versions that failed to load, with backoff."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

from structlog.typing import FilteringBoundLogger

from models.errors import ModelError

MAX_POLLS_BETWEEN_TRIES = 64

Desired = TypeVar("Desired")


@dataclass(frozen=True)
class LoadFailure(Generic[Desired]):
    """Why a desired state is not live, the number of tries, and the poll of the next try."""

    desired: Desired
    why: str
    n_tries: int
    next_try: int


class LoadFailures(Generic[Desired]):
    """Failures by name of the model.

    Parameters
    ----------
    what : "champion" or "challenger", for the log.
    """

    def __init__(self, what: str, log: FilteringBoundLogger) -> None:
        self._what, self._log = what, log
        self.by_name: dict[str, LoadFailure[Desired]] = {}

    def in_backoff(self, name: str, desired: Desired, n_polls: int) -> bool:
        """Whether this failed, and its next try is not due."""
        refusal = self.by_name.get(name)
        return refusal is not None and refusal.desired == desired and n_polls < refusal.next_try

    def clear(self, name: str, desired: Desired | None = None) -> None:
        """Remove the failure of this desired state, or of any if None."""
        refusal = self.by_name.get(name)
        if refusal is not None and (desired is None or refusal.desired == desired):
            del self.by_name[name]

    def record(self, name: str, desired: Desired, version: int, error: Exception, n_polls: int) -> None:
        """Record a failure and log each reason once; retries back off but never stop: a bundle may be restored."""
        why = f"version {version}: {error}"
        before = self.by_name.get(name)
        n_tries = before.n_tries + 1 if before and before.desired == desired else 1
        if before is None or before.why != why:
            unforeseen = None if isinstance(error, ModelError) else error
            self._log.error(f"{self._what} failed to load", model=name, error=why, exc_info=unforeseen)
        pause = min(2 ** min(n_tries, 10), MAX_POLLS_BETWEEN_TRIES)
        self.by_name[name] = LoadFailure(desired, why, n_tries, n_polls + pause)
