"""WrongKeys: a limit for each address, and for how many of them are remembered."""

from __future__ import annotations

import pytest

from service.access.wrong_keys import WrongKeys
from service.errors import RateLimitError


def test_addresses_do_not_share_a_limit_and_it_refills():
    """One a second, sixty at once."""
    wrong = WrongKeys()
    for _ in range(60):
        wrong.count("a", 0.0)
    with pytest.raises(RateLimitError):
        wrong.count("a", 0.0)
    wrong.count("b", 0.0)
    wrong.count("a", 1.0)


def test_only_so_many_addresses_are_remembered(monkeypatch):
    """The one that was wrong the longest ago goes first."""
    monkeypatch.setattr("service.access.wrong_keys.MAX_ADDRESSES", 2)
    wrong = WrongKeys()
    for address in ("a", "b", "a", "c"):
        wrong.count(address, 0.0)
    assert list(wrong._buckets) == ["a", "c"]
