"""Counterfactuals: the fewest and smallest changes of actionable columns that lead to the favourable decision.

Candidates are scored in batches of encoded rows. A column's features depend on that column alone, so the encoded row
of a combination is assembled from those of its single changes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt

from data.column import Column, level_text
from models.arrays import Floats
from models.contract import LiveModel, Row
from models.encoding import Features

MAX_CHANGES = 4
"""Maximum number of changed columns; longer advice is of no use."""
_VALUES_IN_PAIRS = 8
"""Values of a column tried in pairs with those of another."""
_STEPS = 16
"""Intermediate values tried when a sufficient change of a number is made smaller."""


@dataclass(frozen=True)
class _Change:
    """A new value of one column; `cost` is the share of training rows in between for a number, 1 otherwise."""

    column: Column
    value: Any
    cost: float


def counterfactuals(live: LiveModel, row: Row, *, n_most: int = 3) -> list[dict[str, Any]]:
    """Find values of actionable columns with which the live model takes the favourable decision.

    All single changes are tried, then pairs of helpful ones, then the most helpful values of three and four columns.
    Each set of changes found is then made as small as possible. Values come from training rows, or lie between them
    and the row's.

    Parameters
    ----------
    row : the checked row.

    Returns
    -------
    list of at most `n_most` dictionaries from column name to new value, fewest columns first, then smallest changes. No
    one's columns include all columns of another. Empty if none was found, or if the row needs none.
    """
    search = _Search(live, row)
    if not search.changes or search.decides([()])[0]:
        return []
    found: dict[frozenset[str], tuple[_Change, ...]] = {}
    for ways in (search.single(), search.pairs(), search.longer()):
        for way in sorted(_enough(search, ways), key=_cost):
            columns = frozenset(change.column.name for change in way)
            if not any(known <= columns for known in found):
                found[columns] = way
        if len(found) >= n_most:
            break
    shortest = sorted(found.values(), key=lambda way: (len(way), _cost(way)))[:n_most]
    smallest = [search.smallest(way) for way in shortest]
    return [{change.column.name: change.value for change in way} for way in smallest]


def _cost(way: tuple[_Change, ...]) -> float:
    return sum(change.cost for change in way)


def _enough(search: _Search, ways: list[tuple[_Change, ...]]) -> list[tuple[_Change, ...]]:
    return [way for way, enough in zip(ways, search.decides(ways), strict=True) if enough]


class _Search:
    """The row's single changes, encoded, and their combinations.

    Attributes
    ----------
    changes : by actionable column, its usual values that lower the log-odds, smallest change first.
    """

    def __init__(self, live: LiveModel, row: Row) -> None:
        self._live, self._row = live, row
        self._encoder = live.classifier.encoder
        self._x: Features = self._encoder.encode_rows([row])[0]
        self._features = {name: self._encoder.features_of(name) for name in self._encoder.column_names_}
        tried = [change for column in live.table.inputs if column.actionable for change in self._others(column)]
        self._encoded: dict[tuple[str, Any], Features] = {}
        gains = self._log_odds([(change,) for change in tried]) - self._log_odds([()]) if tried else np.zeros(0)
        self.changes: dict[str, list[_Change]] = {}
        self._gains = {(change.column.name, change.value): -gain for change, gain in zip(tried, gains, strict=True)}
        for change, gain in zip(tried, gains.tolist(), strict=True):
            if gain < 0:
                self.changes.setdefault(change.column.name, []).append(change)
        for of_column in self.changes.values():
            of_column.sort(key=lambda change: change.cost)

    def single(self) -> list[tuple[_Change, ...]]:
        """All single changes."""
        return [(change,) for of_column in self.changes.values() for change in of_column]

    def pairs(self) -> list[tuple[_Change, ...]]:
        """Pairs of changes of two columns."""
        some = [_spread(of_column, _VALUES_IN_PAIRS) for of_column in self.changes.values()]
        return [(first, second) for one, other in combinations(some, 2) for first in one for second in other]

    def longer(self) -> list[tuple[_Change, ...]]:
        """The most helpful values of three and of four columns."""
        best = sorted((max(of_column, key=self._gain) for of_column in self.changes.values()), key=self._gain)[-8:]
        return [way for n_columns in range(3, MAX_CHANGES + 1) for way in combinations(best, n_columns)]

    def smallest(self, way: tuple[_Change, ...]) -> tuple[_Change, ...]:
        """The changes with each number as close to the row's own as the decision allows."""
        for i, change in enumerate(way):
            nearer = [(*way[:i], other, *way[i + 1 :]) for other in self._between(change)]
            way = next(iter(sorted(_enough(self, nearer), key=_cost)), way)
        return way

    def decides(self, ways: list[tuple[_Change, ...]]) -> npt.NDArray[np.bool_]:
        """Whether each set of changes leads to the favourable decision."""
        if not ways:
            return np.zeros(0, np.bool_)
        live = self._live
        rows = [{**self._row, **{change.column.name: change.value for change in way}} for way in ways]
        decisions = live.decide(live.classifier.scores(self._put_together(ways)), rows)["decision"]
        enough: npt.NDArray[np.bool_] = np.array(decisions) == live.domain.favourable
        return enough

    def _gain(self, change: _Change) -> float:
        return float(self._gains[change.column.name, change.value])

    def _log_odds(self, ways: list[tuple[_Change, ...]]) -> Floats:
        return self._live.classifier.log_odds(self._put_together(ways))

    def _put_together(self, ways: list[tuple[_Change, ...]]) -> Features:
        """The encoded row of each set of changes."""
        self._encode({(change.column.name, change.value) for way in ways for change in way})
        X = np.tile(self._x, (len(ways), 1))
        for i, way in enumerate(ways):
            for change in way:
                X[i, self._features[change.column.name]] = self._encoded[change.column.name, change.value]
        return X

    def _encode(self, pairs: Iterable[tuple[str, Any]]) -> None:
        new: dict[str, list[Any]] = {}
        for name, value in pairs:
            if (name, value) not in self._encoded:
                new.setdefault(name, []).append(value)
        for name, values in new.items():
            for value, x in zip(values, self._encoder.encode_values(name, values), strict=True):
                self._encoded[name, value] = x

    def _others(self, column: Column) -> list[_Change]:
        """The column's usual values other than the row's own; for a number, on both sides of it."""
        own = self._row.get(column.name)
        usual = self._live.classifier.background.usual_values.get(column.name, [])
        if column.kind == "number" and own is not None:
            if column.ordered_above is not None and own <= column.ordered_above:
                return []  # the row holds a state code, which has no order relative to numbers
            return [_Change(column, value, self._distance(column, own, value)) for value in usual if value != own]
        return [_Change(column, value, 1.0) for value in usual if level_text(value) != level_text(own)]

    def _distance(self, column: Column, own: float, value: float) -> float:
        """Share of the training rows between the two; the distance itself breaks ties."""
        usual = self._live.classifier.background.usual_values[column.name]
        ranks = np.interp([own, value], usual, np.linspace(0, 1, len(usual)))
        apart = abs(value - own) / (abs(value - own) + (usual[-1] - usual[0]) + 1e-300)
        return float(0.99 * abs(ranks[1] - ranks[0]) + 0.01 * apart)

    def _between(self, change: _Change) -> list[_Change]:
        """Round numbers between the row's own and the changed one."""
        column, own = change.column, self._row.get(change.column.name)
        if column.kind != "number" or own is None:
            return []
        numbers = {_round(column, number) for number in np.linspace(own, change.value, _STEPS + 1)[1:].tolist()}
        low, high = sorted([own, change.value])
        return [
            _Change(column, number, self._distance(column, own, number))
            for number in numbers
            if low <= number <= high and number != own
        ]


def _spread(changes: list[_Change], n_most: int) -> list[_Change]:
    """At most `n_most` evenly spaced changes, including the first and the last."""
    places = np.unique(np.linspace(0, len(changes) - 1, n_most).round().astype(int))
    return [changes[place] for place in places.tolist()]


def _round(column: Column, number: float) -> float:
    """The number rounded to two significant digits; integers stay integers."""
    return float(f"{number:.2g}") if not column.whole or abs(number) >= 100 else float(round(number))
