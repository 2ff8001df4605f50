"""How many endpoints that block a thread run at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from models.cores import usable_cores
from service.runtime.background_tasks import N_WAITING_THREADS

N_THREADS = usable_cores() + N_WAITING_THREADS


@pytest.mark.parametrize(
    ("n_readers", "seconds", "status"), [(N_THREADS, 60.0, 200), (N_THREADS + 1, 0.5, 500)], ids=["all", "one_more"]
)
def test_as_many_block_at_once_as_there_are_cores_and_one_more(
    start_service, store, monkeypatch, n_readers, seconds, status
):
    """Readers of a card wait for each other: one more than there are threads never meets the rest."""
    meeting = Barrier(n_readers, timeout=seconds)

    def read(*_):
        meeting.wait()
        return b"{}"

    monkeypatch.setattr("service.api.documents.read_file", read)
    client = start_service(store.home.path).client
    with ThreadPoolExecutor(n_readers) as readers:
        path = "/v1/models/credit/versions/1/card.json"
        statuses = list(readers.map(lambda _: client.get(path).status_code, range(n_readers)))

    assert statuses == [status] * n_readers
