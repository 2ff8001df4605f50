"""Rules in a TOML file, as [[rules]] entries."""

from __future__ import annotations

import tomllib
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from data.errors import SourceError
from models.decisions.policy_values import in_words
from models.decisions.rules.conditions import Rule, Rules
from models.errors import PolicyError


class RuleFile(BaseModel):
    """The content of a rules file."""

    model_config = ConfigDict(extra="forbid")

    rules: Rules = Field(min_length=1)


def read_rules(path: Path) -> tuple[Rule, ...]:
    """The rules of a file, in its order.

    Raises
    ------
    SourceError
        The file is missing, or is not TOML.
    PolicyError
        It holds no rules, or invalid ones; the text says where.
    """
    try:
        written = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise SourceError(f"{path}: cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SourceError(f"{path}: is not TOML: {error}") from error
    try:
        return RuleFile.model_validate(written).rules
    except ValidationError as error:
        raise PolicyError(f"{path}: {in_words(RuleFile, error)}") from error
