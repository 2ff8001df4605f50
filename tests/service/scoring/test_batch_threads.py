"""BatchThreads: batches whose client has gone are not started."""

import asyncio
from types import SimpleNamespace

import pytest
from starlette.requests import ClientDisconnect

from service.scoring.batch_threads import BatchThreads


async def body():
    return b"rows"


@pytest.mark.parametrize("aborted", [False, True])
def test_a_batch_that_was_cut_short_is_not_begun(aborted):
    """A service whose threads are behind must not spend them on answers that are dropped."""
    done = []

    async def ask():
        exchange = SimpleNamespace(aborted=aborted)
        return await BatchThreads().answer(lambda read: done.append(read) or b"answered", body(), exchange)

    if aborted:
        with pytest.raises(ClientDisconnect):
            asyncio.run(ask())
        assert done == []
    else:
        assert asyncio.run(ask()) == b"answered"
        assert done == [b"rows"]
