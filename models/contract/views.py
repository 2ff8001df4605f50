"""View: the display of an answer, as data for a template. Lengths and positions are in percent of the width."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

Tone: TypeAlias = Literal["good", "middle", "bad", "plain", "accent", "ink"]
Step: TypeAlias = tuple[str, str, float]
"""Step of a waterfall: label, note, amount."""
Amount: TypeAlias = tuple[str, str, float, str, Tone]
"""Bar from 0: label, note, amount, amount as text, tone."""
MAX_STEPS = 10


@dataclass(frozen=True)
class Span:
    """A zone of a scale, or a bar."""

    start: float
    width: float
    tone: Tone
    text: str = ""

    @property
    def end(self) -> float:
        """Right edge."""
        return self.start + self.width

    @property
    def middle(self) -> float:
        """Centre, where a zone's name stands."""
        return self.start + self.width / 2


@dataclass(frozen=True)
class Mark:
    """A labelled position on a scale."""

    at: float
    text: str

    @property
    def anchor(self) -> str:
        """SVG text-anchor that keeps the label inside the picture, even on a narrow screen."""
        half = len(self.text) * 1.25  # percent of 300 pixels
        return "start" if self.at < half else "end" if self.at > 100 - half else "middle"


@dataclass(frozen=True)
class Scale:
    """Zones from left to right, cut-off marks and the value; `says` is the alternative text."""

    zones: Sequence[Span]
    marks: Sequence[Mark]
    value: Mark
    says: str


@dataclass(frozen=True)
class Bar:
    """One bar of a bar chart."""

    label: str
    note: str
    amount: str
    span: Span


@dataclass(frozen=True)
class Cell:
    """One pixel: its tone, and how strong that is, 0..1."""

    strength: float
    tone: Tone


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A picture of few pixels; `says` is the alternative text.

    Parameters
    ----------
    cells : row by row from the top left, `width` to a row.
    """

    width: int
    cells: Sequence[Cell]
    says: str

    @property
    def height(self) -> int:
        """Number of rows."""
        return len(self.cells) // self.width

    @property
    def places(self) -> list[tuple[int, int, Cell]]:
        """Column, row and cell of each pixel, from 0."""
        return [(i % self.width, i // self.width, cell) for i, cell in enumerate(self.cells)]


@dataclass(frozen=True)
class TextMark:
    """A part of a text that was sent, from `start` to before `end` in characters (NFC), and its strength, 0..1."""

    column: str
    start: int
    end: int
    strength: float


@dataclass(frozen=True, kw_only=True)
class Fan:
    """A path with bands around it, from a start on; `says` is the alternative text.

    Points are "x,y x,y ..." of SVG in a box of 100 by 100, the largest value at the top.

    Parameters
    ----------
    bands : outlines, the widest first; `path` the middle of them.
    start : height of the start, where a level line goes through.
    low, high : the values at the bottom and the top, as texts.
    """

    bands: Sequence[str]
    path: str
    start: float
    low: str
    high: str
    says: str


@dataclass(frozen=True, kw_only=True)
class Part:
    """One section of a view; its non-empty fields are drawn in this order.

    `marks` are of one text, which is drawn with them if the page has it.
    """

    title: str = ""
    text: str = ""
    marks: Sequence[TextMark] = ()
    scale: Scale | None = None
    picture: Picture | None = None
    fan: Fan | None = None
    bars: Sequence[Bar] = ()
    items: Sequence[str] = ()
    facts: Sequence[tuple[str, str]] = ()
    note: str = ""

    @property
    def is_empty(self) -> bool:
        """Whether it has no content besides the heading."""
        drawn = self.scale or self.picture or self.fan or self.bars
        return not (self.text or drawn or self.items or self.facts)


@dataclass(frozen=True, kw_only=True)
class View:
    """The display of an answer: a headline with the decision as a badge, then its parts."""

    title: str
    parts: Sequence[Part]
    decision: str = ""
    tone: Tone = "plain"


def zoned(
    low: float, high: float, zones: Sequence[tuple[float, str, Tone]], marks: Sequence[tuple[float, str]],
    value: tuple[float, str], says: str,
) -> Scale:  # fmt: skip
    """Build a scale from `low` to `high`.

    Parameters
    ----------
    zones : end, name and tone of each, from left to right.
    marks, value : position and text; clipped to the scale.
    """

    def place(of: float) -> float:
        return round(min(max((of - low) / (high - low), 0.0), 1.0) * 100, 2)

    spans, start = [], 0.0
    for end, name, tone in zones:
        stop = place(end)
        if stop > start:
            spans.append(Span(start, round(stop - start, 2), tone, name))
            start = stop
    return Scale(spans, [Mark(place(at), text) for at, text in marks], Mark(place(value[0]), value[1]), says)


def log_odds(probability: float) -> float:
    """Log-odds of a probability, finite for 0 and 1 too."""
    p = min(max(probability, 1e-6), 1 - 1e-6)
    return math.log(p / (1 - p))


def strongest(steps: Sequence[Step]) -> list[Step]:
    """The MAX_STEPS largest steps, with the others summed in one more."""
    ordered = sorted(steps, key=lambda step: -abs(step[2]))
    most, rest = ordered[:MAX_STEPS], ordered[MAX_STEPS:]
    return [*most, (f"{len(rest)} other columns", "", sum(amount for _, _, amount in rest))] if rest else most


def waterfall(base: float, steps: Sequence[Step], n_decimals: int, *, more_is: Tone) -> list[Bar]:
    """Bars from a baseline to the total, each beginning where the previous one ends.

    Parameters
    ----------
    more_is : tone of upward steps; downward steps get the opposite one.
    """
    less_is: Tone = "bad" if more_is == "good" else "good"
    ends = [base]
    for _, _, amount in steps:
        ends.append(ends[-1] + amount)
    low, high = min(ends), max(ends)
    width = (high - low) or 1.0
    bars = []
    for (label, note, amount), start, end in zip(steps, ends, ends[1:], strict=False):
        left, right = sorted((start, end))
        span = Span(
            round((left - low) / width * 100, 2),
            max(round((right - left) / width * 100, 2), 0.4),  # a visible line, however small the step
            "plain" if amount == 0 else more_is if amount > 0 else less_is,
        )
        bars.append(Bar(label, note, _signed(amount, n_decimals), span))
    return bars


def _signed(amount: float, n_decimals: int) -> str:
    """An amount with its sign; none for what rounds to 0."""
    text = f"{amount:+.{n_decimals}f}"
    return (text if float(text) else text[1:]).replace("-", "−")


def signed_picture(amounts: Sequence[float], width: int, says: str) -> Picture:
    """Amounts as pixels: accent for positive ones, bad for negative ones, the largest at full strength."""
    most = max(map(abs, amounts), default=0.0) or 1.0
    cells = [Cell(round(abs(amount) / most, 3), "accent" if amount > 0 else "bad") for amount in amounts]
    return Picture(width=width, cells=cells, says=says)


def fan(
    *, start: float, median: Sequence[float], bands: Sequence[tuple[Sequence[float], Sequence[float]]], says: str
) -> Fan:
    """Build a fan from a start, the median of each step, and lower and upper bounds of each band."""
    values = [start, *median, *(value for band in bands for bounds in band for value in bounds)]
    low, high = min(values), max(values)

    def height(value: float) -> float:
        return round(100 - (value - low) / (high - low) * 100, 2) if high > low else 50.0

    def points(path: Sequence[float]) -> list[str]:
        return [f"{round(100 * i / len(path), 2)},{height(value)}" for i, value in enumerate(path, 1)]

    first = f"0,{height(start)}"
    return Fan(
        bands=[" ".join([first, *points(upper), *reversed(points(lower))]) for lower, upper in bands],
        path=" ".join([first, *points(median)]),
        start=height(start),
        low=f"{low:.4g}",
        high=f"{high:.4g}",
        says=says,
    )


def bars(amounts: Sequence[Amount]) -> list[Bar]:
    """Bars from 0, the longest as wide as the chart."""
    most = max((amount for _, _, amount, _, _ in amounts), default=0.0) or 1.0
    return [
        Bar(label, note, text, Span(0, round(max(amount, 0) / most * 100, 2), tone))
        for label, note, amount, text, tone in amounts
    ]
