"""Personal data: hashing or removing values of personal columns before they are stored."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path
from typing import Any

from pydantic_core import from_json, to_json

from data.column import level_text
from data.table import Table

KEY_FILE = "personal.key"
KEY_BYTES = 32


class PersonalData:
    """Hashes or removes the values of columns that the table declares as personal, anywhere in JSON.

    Equal values get equal hashes, so that a person can be followed through the log; the key prevents finding the
    values by hashing all possible ones.

    Parameters
    ----------
    key : see `personal_key`.
    """

    def __init__(self, table: Table, key: bytes) -> None:
        self._key = key
        self.columns = {column.name: column.stored for column in table.columns if column.stored != "plain"}
        if self.columns and not key:
            raise ValueError(f"hashing {', '.join(self.columns)} needs a key")

    def text(self, value: Any) -> str:
        """A row, or any structure of rows, as JSON without personal values."""
        return to_json(self._without(value) if self.columns else value).decode()

    def answer_text(self, answer: str) -> str:
        """An answer as JSON without personal values, which its reasons may quote."""
        return self.text(from_json(answer)) if self.columns else answer

    def hashed(self, value: Any) -> str:
        """The hash of a value: 128 bits of keyed BLAKE2b as hexadecimal digits."""
        return blake2b(level_text(value).encode(), digest_size=16, key=self._key).hexdigest()

    def _without(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self._without(one) for one in value]
        if not isinstance(value, Mapping):
            return value
        kept = {}
        for name, inner in value.items():
            if name in self.columns:
                if self.columns[name] == "hashed":
                    kept[name] = None if inner is None else self.hashed(inner)
            else:
                kept[name] = self._without(inner)
        if value.get("column") in self.columns:  # a reason: its value, and its text, which may quote the value
            kept |= {name: None for name in ("value", "text") if name in kept}
        return kept


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
