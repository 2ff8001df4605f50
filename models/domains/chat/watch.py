"""What is watched of a chat: refused messages to label, and how often people were refused, asked and corrected."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from data.table import Table
from models.contract import Answered, Choice, Figure, Inbox, LiveModel, Watch
from models.domains.chat.policy import ASK, HANDOVER, label_of
from models.encoding.words import composed, words_of
from models.estimators.text_scorer import TextScorer

N_WORDS = 10
MIN_MESSAGES = 3
"""Messages in which an unknown word must be to be new and frequent."""


def holds(answer: Mapping[str, Any]) -> bool:
    """Whether a message with words was not understood: asked back about, or handed over without an intent."""
    is_unclear = answer["decision"] == ASK or (answer["decision"] == HANDOVER and answer["intent"] is None)
    return is_unclear and bool(answer["candidates"])


def choices(table: Table, answer: Mapping[str, Any]) -> tuple[list[Choice], int]:
    """The candidates, then the level of unknown messages; and all other intents."""
    target = table.target
    near = [one["intent"] for one in answer["candidates"] if one["intent"] in target.levels]
    near += [target.outside] if target.outside is not None else []
    others = [level for level in target.levels if level not in near]
    return [Choice(level, label_of(target, level)) for level in (*near, *others)], len(near)


def figures(live: LiveModel, rows: Sequence[Answered]) -> list[Figure]:
    """Shares of messages, of questions and of labelled messages; and words that training did not have."""
    read = [one for one in rows if one.answer.get("confidence") is not None]
    refused = [one for one in read if one.answer["decision"] == HANDOVER and one.answer["intent"] is None]
    asked = [one for one in rows if one.answer.get("offered") and one.answer.get("confidence") is not None]
    accepted = [one for one in rows if one.answer.get("accepted")]
    labelled = [one for one in read if one.outcome is not None]
    corrected = [one for one in labelled if one.outcome != _said(live.table, one.answer)]
    return [
        _share("refused", "Messages that nobody could answer", refused, read),
        _share("asked_back", "Messages that were asked back about", asked, read),
        _share("accepted", "Questions whose offer was accepted", accepted, asked),
        _share("corrected", "Labelled messages that were taken for something else", corrected, labelled),
        _new_words(live, read),
    ]


def _share(name: str, title: str, some: Sequence[Any], of: Sequence[Any]) -> Figure:
    return Figure(name=name, title=title, value=len(some) / len(of) if of else None, n=len(some), of=len(of))


def _said(table: Table, answer: Mapping[str, Any]) -> str | None:
    """What a message was taken for: its intent, or the level of unknown messages if it was refused."""
    if answer["intent"] is None and answer["decision"] == HANDOVER:
        return str(table.target.outside) if table.target.outside is not None else None
    probabilities: Mapping[str, float] = answer["probabilities"]
    return max(probabilities, key=lambda level: probabilities[level])


def _new_words(live: LiveModel, read: Sequence[Answered]) -> Figure:
    """Words of several messages that no training message had, the most frequent first."""
    scorer, column = live.scorer, live.table.text
    assert isinstance(scorer, TextScorer)  # noqa: S101 - the domain builds no other
    counts: Counter[str] = Counter()
    stored = read if column.stored == "plain" else ()
    for one in stored:
        words = {word for word in words_of(composed(str(one.row.get(column.name) or ""))) if word[0].isalpha()}
        counts.update(word for word in words if scorer.encoder.word_number(word) < 0)
    frequent = [(word, n) for word, n in counts.most_common() if n >= MIN_MESSAGES]
    hidden = f" (unknown, since {column.name} is stored {column.stored.replace('_', ' ')})"
    return Figure(
        name="new_words",
        title=f"New words in {MIN_MESSAGES} messages or more{'' if column.stored == 'plain' else hidden}",
        value=None,
        n=len(frequent),
        of=len(counts),
        items=tuple(f"{word} ({n:,})" for word, n in frequent[:N_WORDS]),
    )


WATCH = Watch(inbox=Inbox(title="Refused messages", holds=holds, choices=choices), figures=figures)
