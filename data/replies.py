"""Replies: what is said to a message of each class."""

from __future__ import annotations

from typing import Annotated

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

MAX_REPLY_CHARACTERS = 2_000


@dataclass(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class Reply:
    """The reply to messages of one level of the target.

    Parameters
    ----------
    text : what is said.
    handover : a person takes over after it.
    """

    text: Annotated[str, Field(min_length=1, max_length=MAX_REPLY_CHARACTERS)]
    handover: bool = False
