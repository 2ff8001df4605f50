"""Personal data: hashing or removing values of personal columns before they are stored."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path
from typing import Any

from pydantic_core import from_json, to_json

from data.column import level_text
from data.table import Table
from data.window import OF_AMOUNTS
from models.contract import Row

KEY_FILE = "personal.key"
KEY_BYTES = 32
HASH = re.compile(r"[0-9a-f]{32}")
MIN_CHARACTERS = 3
"""Shorter values are no sign of a quote."""
EFFECTS = ("effect", "share", "points", "direction")
"""Numbers that say how much a column counts, not what its value is."""
NAMES = ("prediction_id", "model", "decision")
"""Fields whose texts are no quotes."""


class PersonalData:
    """Hashes or removes the values of columns that the table declares as personal, in all that is stored.

    Equal values get equal hashes, so that a person can be followed through the log; the key prevents finding the
    values by hashing all possible ones. Everything that is stored of requests, answers, events and alerts comes from
    `text`, `answer_text`, `row` or `keys_of`.

    Parameters
    ----------
    key : see `personal_key`.

    Attributes
    ----------
    columns : how each personal column is stored, by name.
    features : those of them that the model reads; without their values a row cannot be scored again.
    keys : those of them that windows look up or count, and the subject of alerts.
    """

    def __init__(self, table: Table, key: bytes) -> None:
        self._key = key
        self.columns = {column.name: column.stored for column in table.columns if column.stored != "plain"}
        if self.columns and not key:
            raise ValueError(f"hashing {', '.join(self.columns)} needs a key")
        self.features = {column.name: column.stored for column in table.features if column.stored != "plain"}
        self.keys = _key_columns(table) & self.columns.keys()

    def text(self, value: Any) -> str:
        """A row, or any structure of rows, as JSON without personal values."""
        return to_json(self._without(value, ()) if self.columns else value).decode()

    def answer_text(self, answer: str, request: Any = None) -> str:
        """An answer as JSON without personal values, which its reasons, curves and warnings may quote.

        Parameters
        ----------
        request : what was asked; its personal values are looked for in every text of the answer.
        """
        if not self.columns:
            return answer
        return to_json(self._without(from_json(answer), tuple(self._texts(request)))).decode()

    def row(self, values: Row, *, is_stored: bool = False) -> Row:
        """A row without personal values.

        Parameters
        ----------
        is_stored : whether the row was stored, by this or an earlier release, which hashed nothing: hashes stay.
        """
        kept = {name: value for name, value in values.items() if self.columns.get(name) != "left_out"}
        return {
            name: self._key_of(value, is_stored=is_stored) if name in self.columns else value
            for name, value in kept.items()
        }

    def keys_of(self, row: Row, *, is_stored: bool = False) -> Row:
        """The row by which an event is found again: entities, and values that windows count, are hashed if personal.

        Also those of columns that are left out: without them there would be no windows. Parameters as for `row`.
        """
        return {**row, **{name: self._key_of(row.get(name), is_stored=is_stored) for name in self.keys}}

    def key_again(self, column: str | None, stored: str | None) -> str | None:
        """A stored key of a column as `keys_of` gives it, whichever release stored it."""
        return str(self._key_of(stored, is_stored=True)) if stored is not None and column in self.keys else stored

    def _key_of(self, value: Any, *, is_stored: bool) -> Any:
        if value is None or not (text := level_text(value)).strip() or (is_stored and HASH.fullmatch(text)):
            return value
        return self.hashed(value)

    def hashed(self, value: Any) -> str:
        """The hash of a value: 128 bits of keyed BLAKE2b as hexadecimal digits."""
        return blake2b(level_text(value).encode(), digest_size=16, key=self._key).hexdigest()

    def _without(self, value: Any, texts: Sequence[str]) -> Any:
        if isinstance(value, str):
            return self._prose(value, texts)
        if isinstance(value, list):
            return [self._without(one, texts) for one in value]
        if not isinstance(value, Mapping):
            return value
        if (column := value.get("column")) in self.columns:  # a reason, a share, a curve, a change
            return {name: self._about(column, name, inner) for name, inner in value.items()}
        kept: dict[str, Any] = {}
        for name, inner in value.items():
            if name in self.columns:
                if self.columns[name] == "hashed":
                    kept[name] = None if inner is None else self.hashed(inner)
            else:
                kept[name] = inner if name in NAMES else self._without(inner, texts)
        return kept

    def _about(self, column: str, name: str, value: Any) -> Any:
        """A field of what an answer says of a personal column, without values; texts stay texts, lists lists."""
        if name == "column" or (name in EFFECTS and isinstance(value, int | float)):
            return value
        if isinstance(value, str) and name in ("text", "label"):
            return self._note(column)
        return [] if isinstance(value, list) else None

    def _prose(self, text: str, texts: Sequence[str]) -> str:
        """A text of an answer; one that begins with a personal column, or quotes a personal value, is replaced."""
        for column in self.columns:
            if text.startswith(f"{column}: "):
                return f"{column}: {self._note(column)}"
        return "not stored, since it quotes a personal value" if any(one in text for one in texts) else text

    def _note(self, column: str) -> str:
        return f"not quoted, since {column} is stored {self.columns[column].replace('_', ' ')}"

    def _texts(self, request: Any) -> Iterator[str]:
        """The personal values in a request that are long enough to be recognized in a text."""
        if isinstance(request, list | tuple):
            for one in request:
                yield from self._texts(one)
        elif isinstance(request, Mapping):
            for name, inner in request.items():
                if name not in self.columns:
                    yield from self._texts(inner)
                elif inner is not None and len(text := level_text(inner)) >= MIN_CHARACTERS:
                    yield text


def _key_columns(table: Table) -> set[str]:
    """The columns whose values windows look up or count, and the subject of alerts."""
    windows = [column.window for column in table.windows if column.window]
    counted = {window.of for window in windows if window.of and window.measure not in OF_AMOUNTS}
    subject = {table.subject.name} if table.subject else set()
    return {window.entity for window in windows} | counted | subject


def personal_key(home: Path) -> bytes:
    """The hash key of the home, created on first use; without it, hashes of old and new records do not match."""
    path = home / KEY_FILE
    with suppress(FileNotFoundError):
        return path.read_bytes()
    partial = home / f"{KEY_FILE}.{secrets.token_hex(8)}"
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(secrets.token_bytes(KEY_BYTES))
        file.flush()
        os.fsync(file.fileno())
    with suppress(FileExistsError):  # another process was first: use its key
        os.link(partial, path)
    partial.unlink()
    return path.read_bytes()
