"""Coalescing: what waits is worked on together, a failure is isolated, and no item is lost between threads."""

import threading
from collections import Counter

import pytest

from models.errors import DatabaseError
from service.scoring.coalescing import CoalescingWorker, work_in_groups


class Work:
    """Keeps groups that were worked on and items that failed; fails where a group holds one of the bad items."""

    def __init__(self, bad=None):
        self.bad, self.groups, self.failures = bad or {}, [], []

    def __call__(self, group):
        self.groups.append(list(group))
        for item in group:
            if item in self.bad:
                raise self.bad[item]

    def failed(self, group, error):
        self.failures.append((list(group), type(error)))


def waiting(work, items, **settings):
    """Close a worker that was started with these items waiting."""
    worker = CoalescingWorker("test", work, work.failed, **{"key": lambda _: None, **settings})
    for item in items:
        worker.put(item)
    assert len(worker) == len(items)
    worker.start()
    worker.close()
    assert len(worker) == 0


def test_items_of_one_key_are_worked_on_together():
    """In the order in which keys and items come."""
    work = Work()
    work_in_groups([1, 2, 3, 5, 4], lambda number: number % 2, work, work.failed)
    assert work.groups == [[1, 3, 5], [2, 4]]


@pytest.mark.parametrize(
    ("error", "groups", "failures"),
    [
        (ValueError(), [[1, 2, 3], [1], [2], [3]], [([2], ValueError)]),
        (DatabaseError("away"), [[1, 2, 3]], [([1, 2, 3], DatabaseError)]),
    ],
)
def test_a_failure_is_isolated_unless_the_database_fails(error, groups, failures):
    """One by one, only the bad item fails; a database would fail for each of them."""
    work = Work({2: error})
    waiting(work, [1, 2, 3])
    assert (work.groups, work.failures) == (groups, failures)


def test_the_sizes_of_items_bound_what_is_taken_at_a_time():
    """A group may pass the bound by its last item."""
    work = Work()
    waiting(work, [1, 3, 2, 9, 1], size=lambda item: item, max_size=4)
    assert work.groups == [[1, 3], [2, 9], [1]]


def test_items_that_come_during_work_are_worked_on_together_afterwards():
    """The first comes alone and does not wait for them."""
    begun, may_go_on, all_done, groups = threading.Event(), threading.Event(), threading.Event(), []

    def work(group):
        groups.append(list(group))
        begun.set()
        assert may_go_on.wait(10)
        if 3 in group:
            all_done.set()

    worker = CoalescingWorker("test", work, None, key=lambda _: None)
    worker.start()
    worker.put(0)
    assert begun.wait(10)
    for item in (1, 2, 3):
        worker.put(item)
    may_go_on.set()
    assert all_done.wait(10)  # before `close`, which would work on forgotten items
    worker.close()
    assert groups == [[0], [1, 2, 3]]


def test_deferred_items_rest_until_one_comes_that_is_not():
    """Then all of them are worked on, long before the rest is over."""
    done, groups = threading.Event(), []

    def work(group):
        groups.append(list(group))
        done.set()

    worker = CoalescingWorker("test", work, None, key=lambda _: None, rest_seconds=60)
    worker.start()
    worker.put(1, deferred=True)
    worker.put(2, deferred=True)
    assert not done.wait(0.05)
    worker.put(3)
    assert done.wait(10)
    worker.put(4, deferred=True)
    worker.close()
    assert groups == [[1, 2, 3], [4]]


def test_no_item_is_lost_between_threads():
    """Eight threads put items, deferred or not, as fast as they can; each is worked on once."""
    found, all_there, n_threads, n_items = Counter(), threading.Event(), 8, 2_000

    def work(group):
        found.update(group)
        if found.total() == n_threads * n_items:
            all_there.set()

    worker = CoalescingWorker("test", work, None, key=lambda _: None, max_size=50, rest_seconds=0.001)
    worker.start()

    def put(number):
        for i in range(n_items):
            worker.put((number, i), deferred=(i + number) % 3 == 0)

    threads = [threading.Thread(target=put, args=(number,)) for number in range(n_threads)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all_there.wait(10)  # before `close`, which would work on forgotten items
    worker.close()
    assert set(found.values()) == {1}
