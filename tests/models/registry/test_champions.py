"""The champions before a version: which count, and which were rolled back."""

from __future__ import annotations

import pytest

from models.registry.registry import Registry


def changed(registry: Registry, changes: str) -> list[tuple[int, int]]:
    """What came before the champion, once versions were promoted by their number and rolled back by `<`."""
    for _ in range(7):
        registry.register(name="m", domain="credit", digest="d", metrics={}, actor="a", why="", promote=False)
    for change in changes:
        if change == "<":
            registry.rollback("m", actor="a", why="")
        else:
            registry.promote("m", int(change), actor="a", why="")
    champion = registry.champion("m")
    assert champion is not None
    return registry.all_champions()["m"].before(champion.number, 3)


@pytest.mark.parametrize(
    ("changes", "before"),
    [
        ("1", []),
        ("123", [(2, 0), (1, 1)]),
        ("12345", [(4, 0), (3, 1), (2, 2)]),
        ("12345<", [(5, 0), (3, 0), (2, 1), (1, 2)]),
        ("12345<6", [(4, 0), (5, 1), (3, 1), (2, 2)]),
        ("12123", [(2, 0), (1, 1)]),
        ("1234512", [(1, 0), (5, 1), (4, 2)]),
        ("123<<", [(2, 0), (3, 0)]),
    ],
)
def test_three_champions_count_and_one_that_was_rolled_back_comes_beside_them(
    registry: Registry, changes: str, before: list[tuple[int, int]]
) -> None:
    """Each version once, by when it was champion last; with the number of those that count since."""
    assert changed(registry, changes) == before


def test_of_a_challenger_the_champion_comes_first(registry: Registry) -> None:
    """As it would once the challenger is promoted."""
    changed(registry, "123")
    assert registry.all_champions()["m"].before(7, 3) == [(3, 0), (2, 1), (1, 2)]
