"""Where marks, zones and bars stand: places in percent of the width, which the templates draw as SVG."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

Tone: TypeAlias = Literal["good", "middle", "bad", "plain", "accent"]


@dataclass(frozen=True)
class Span:
    """A stretch of a scale, or a bar. `start` and `width` are percent of the whole width."""

    start: float
    width: float
    tone: Tone
    text: str = ""

    @property
    def end(self) -> float:
        """Where it ends."""
        return self.start + self.width

    @property
    def middle(self) -> float:
        """Half-way."""
        return self.start + self.width / 2


@dataclass(frozen=True)
class Mark:
    """A place on a scale with what stands there."""

    at: float
    text: str

    @property
    def anchor(self) -> str:
        """On which side of its text it stands, so that the text stays within the picture, on a narrow screen too."""
        half = len(self.text) * 1.25  # percent of 300 pixels
        return "start" if self.at < half else "end" if self.at > 100 - half else "middle"


@dataclass(frozen=True)
class Scale:
    """Zones from left to right, the marks between them, and the value; `says` is the same in words."""

    zones: Sequence[Span]
    marks: Sequence[Mark]
    value: Mark
    says: str


@dataclass(frozen=True)
class Bar:
    """A line of a chart of bars: what it is, its amount in words, and where its bar stands."""

    label: str
    note: str
    amount: str
    span: Span


def zoned(
    low: float, high: float, zones: Sequence[tuple[float, str, Tone]], marks: Sequence[tuple[float, str]],
    value: tuple[float, str], says: str,
) -> Scale:  # fmt: skip
    """A scale from `low` to `high`.

    Parameters
    ----------
    zones : where each ends, its name, its tone; from left to right.
    marks, value : where they stand, and their texts. What lies outside stands at the end.
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
    """The place of a probability where equal odds ratios are equally far apart; 0 and 1 stand at the ends."""
    p = min(max(probability, 1e-6), 1 - 1e-6)
    return math.log(p / (1 - p))


def waterfall(base: float, steps: Sequence[tuple[str, str, float]], digits: int, *, more_is: Tone) -> list[Bar]:
    """Steps that lead from a base to a sum, each bar beginning where the one before ends.

    Parameters
    ----------
    steps : what it is, a note, its amount.
    more_is : the tone of steps upwards; those downwards have the other one.
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
            max(round((right - left) / width * 100, 2), 0.4),  # seen, however small
            "plain" if amount == 0 else more_is if amount > 0 else less_is,
        )
        bars.append(Bar(label, note, _signed(amount, digits), span))
    return bars


def _signed(amount: float, digits: int) -> str:
    """An amount with its sign; what rounds to nothing has none."""
    text = f"{amount:+.{digits}f}"
    return (text if float(text) else text[1:]).replace("-", "−")


def bars(amounts: Sequence[tuple[str, str, float, str, Tone]]) -> list[Bar]:
    """Bars from 0, the longest as wide as the chart: what it is, a note, its amount, that in words, its tone."""
    most = max((amount for _, _, amount, _, _ in amounts), default=0.0) or 1.0
    return [
        Bar(label, note, text, Span(0, round(max(amount, 0) / most * 100, 2), tone))
        for label, note, amount, text, tone in amounts
    ]
