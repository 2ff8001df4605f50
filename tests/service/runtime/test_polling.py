"""PollingThread: goes on after a failure, and ends when it is told to."""

from __future__ import annotations

import threading

from structlog.testing import CapturingLogger

from service.runtime.polling import PollingThread


def test_a_failure_is_logged_and_does_not_end_it():
    """Whatever the failure is: nothing else would notice that the thread is gone."""
    log, done, outcomes = CapturingLogger(), threading.Event(), [ValueError("x"), RuntimeError("y"), None]

    def poll():
        outcome = outcomes.pop(0)
        if not outcomes:
            done.set()
            outcomes.append(None)
        if outcome is not None:
            raise outcome

    polling = PollingThread("keys", poll, 0.001, log)
    polling.start()
    assert done.wait(60)
    polling.close()
    assert [(call.method_name, call.kwargs) for call in log.calls] == [("exception", {"what": "keys"})] * 2


def test_after_close_it_polls_no_more():
    """Close returns after the last call."""
    calls = []
    polling = PollingThread("keys", lambda: calls.append(threading.current_thread().name), 0.001, CapturingLogger())
    polling.start()
    while not calls:
        pass
    polling.close()
    n_calls = len(calls)
    assert set(calls) == {"keys"}
    assert not polling._thread.is_alive()
    assert len(calls) == n_calls
