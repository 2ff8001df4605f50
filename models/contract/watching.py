"""What a domain watches of its answers, beside drift and performance: an inbox to label, and figures of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field

from data.table import Table
from models.contract.rows import Row

if TYPE_CHECKING:
    from models.contract.domain import LiveModel


@dataclass(frozen=True)
class Answered:
    """A recorded row with its answer as JSON, and its outcome, None if unknown."""

    row: Row
    answer: Mapping[str, Any]
    outcome: Any | None


@dataclass(frozen=True)
class Choice:
    """A level of the target to label with, and its words."""

    level: str
    words: str


@dataclass(frozen=True, kw_only=True)
class Inbox:
    """Answers that people are asked to label.

    Parameters
    ----------
    title : what they are, such as "Refused messages".
    holds : answer as JSON -> whether it belongs into the inbox.
    choices : (table, answer as JSON) -> the levels, the nearest first, and how many of them are near.
    """

    title: str
    holds: Callable[[Mapping[str, Any]], bool]
    choices: Callable[[Table, Mapping[str, Any]], tuple[Sequence[Choice], int]]


class Figure(BaseModel):
    """A figure of a domain's own in the monitor."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    name: str
    title: str = Field(description="What it is, in words.")
    value: float | None = Field(description="A share, 0 to 1; null without rows, or for a list.")
    n: int = Field(description="Rows that count.")
    of: int = Field(description="Rows among which they are.")
    items: tuple[str, ...] = Field(default=(), description="The most frequent ones, with their number.")


@dataclass(frozen=True, kw_only=True)
class Watch:
    """What a domain watches.

    Parameters
    ----------
    inbox : the answers to label.
    figures : (live, answered rows of a period) -> its figures.
    """

    inbox: Inbox
    figures: Callable[[LiveModel, Sequence[Answered]], Sequence[Figure]]
