"""/learn/odd-one-out: of nine pictures, the one that the hidden layer finds apart from the others, in numbers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from models.contract import LiveModel
from models.contract.views import Cell, Picture
from models.estimators.odd_one_out import Apart, apart
from models.estimators.picture_scorer import PictureScorer

N_PICTURES = 9


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """Nine pictures, all but one of one level.

    Parameters
    ----------
    levels : of each picture; `odd` is the place of the other one.
    hidden, pixels : the pictures compared in the last hidden layer, and as they are.
    """

    pictures: list[Picture]
    levels: list[str]
    odd: int
    hidden: Apart
    pixels: Apart


def reader_of_pictures(lives: Iterable[LiveModel]) -> LiveModel | None:
    """The first model of pictures that come along with its domain; None if there is none."""
    return next((live for live in lives if isinstance(live.scorer, PictureScorer) and _reads_own(live)), None)


def _reads_own(live: LiveModel) -> bool:
    own = live.domain.restrict_inputs(live.domain.table)
    return [column.name for column in own.features] == live.scorer.column_names


def drawn(live: LiveModel, seed: int) -> Drawn:
    """The pictures of a seed, and what the model's hidden layer makes of them."""
    scorer, rng = live.scorer, np.random.default_rng(seed)
    assert isinstance(scorer, PictureScorer)  # noqa: S101 - see `reader_of_pictures`
    domain = live.domain
    frame, target = domain.simulate(domain.n_simulated_rows, 0).frame, domain.table.target
    usual, other = rng.choice(target.levels, 2, replace=False).tolist()
    levels = frame[target.name].astype(str).to_numpy()
    places = rng.choice(np.flatnonzero(levels == usual), N_PICTURES - 1, replace=False)
    odd = int(rng.integers(N_PICTURES))
    places = np.insert(places, odd, rng.choice(np.flatnonzero(levels == other)))
    rows = frame.iloc[places]
    pixels = rows[scorer.column_names].to_numpy(np.float64)
    inks = np.abs(pixels - scorer.blank) / (np.abs(pixels - scorer.blank).max() or 1.0)
    pictures = [
        Picture(width=scorer.side, cells=[Cell(round(ink, 3), "ink") for ink in of_one], says=f"Picture {i + 1}")
        for i, of_one in enumerate(inks.tolist())
    ]
    return Drawn(
        pictures=pictures,
        levels=levels[places].tolist(),
        odd=odd,
        hidden=apart(scorer.hidden(scorer.encoder.transform(rows))),
        pixels=apart(pixels),
    )


def largest(found: Apart, picture: int, n: int) -> list[tuple[int, float, float, float]]:
    """The numbers that set a picture most apart: place, value, mean of the others, squared difference."""
    squares = found.squares[picture]
    return [
        (i, float(found.vectors[picture, i]), float(found.means[picture, i]), float(squares[i]))
        for i in np.argsort(-squares)[:n].tolist()
    ]
