"""When a version that could not be loaded is tried again, and how often that is logged."""

from __future__ import annotations

from typing import Any

from models.errors import BundleError
from service.live.load_failures import MAX_POLLS_BETWEEN_TRIES, LoadFailures


class Log:
    """Keeps the errors that are logged."""

    def __init__(self) -> None:
        self.lines: list[dict[str, Any]] = []

    def error(self, event: str, **fields: Any) -> None:
        self.lines.append({"event": event, **fields})


def failing(n_failures: int, log: Any) -> list[int]:
    """The polls between the tries of a version that fails at each of them."""
    failures: LoadFailures[str] = LoadFailures("champion", log)
    pauses, poll = [], 0
    for _ in range(n_failures):
        failures.record("credit", "version 3", 3, BundleError("d" * 64, "file(s) missing"), poll)
        tried = poll
        while failures.in_backoff("credit", "version 3", poll):
            poll += 1
        pauses.append(poll - tried)
    return pauses


def test_tries_get_rarer_up_to_a_limit_and_the_reason_is_logged_once() -> None:
    """Each pause is twice the one before."""
    log = Log()

    pauses = failing(12, log)

    assert pauses == [min(2**number, MAX_POLLS_BETWEEN_TRIES) for number in range(1, 13)]
    assert [(line["model"], line["exc_info"]) for line in log.lines] == [("credit", None)]


def test_another_desired_state_is_tried_at_once() -> None:
    """A failure is of one state alone, and what is forgotten is no failure any more."""
    failures: LoadFailures[str] = LoadFailures("champion", Log())  # type: ignore[arg-type]
    failures.record("credit", "version 3", 3, BundleError("d" * 64, "file(s) missing"), 0)

    assert failures.in_backoff("credit", "version 3", 0)
    assert not failures.in_backoff("credit", "version 4", 0)
    assert not failures.in_backoff("fraud", "version 3", 0)
    failures.clear("credit", "version 4")
    assert failures.in_backoff("credit", "version 3", 0)
    failures.clear("credit", "version 3")
    assert not failures.in_backoff("credit", "version 3", 0)
