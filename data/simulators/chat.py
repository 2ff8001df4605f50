"""Messages to a bank with an online shop: phrases with slots, openers, closers and typing errors."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from data.files.table_toml import read_table
from data.simulators import Simulation

TABLE = read_table(Path(__file__).with_suffix(".toml"))
PHRASES: dict[str, Any] = tomllib.loads(Path(__file__).with_name("chat_phrases.toml").read_text(encoding="utf-8"))
UNKNOWN_SHARE = 0.06
"""Largest share of unknown messages; there are only so many."""
TYPING_ERRORS = 0.15
"""Share of messages with one."""
_SLOT = re.compile(r"\{(\w+)\}")


def simulate(n_rows: int, seed: int) -> Simulation:
    """Messages of all intents, equally often, and unknown ones, each once. The intent is the phrase's, so certain."""
    rng = np.random.default_rng(seed)
    intents = list(PHRASES["intents"])
    strange = rng.permutation(PHRASES["unknown"])[: round(UNKNOWN_SHARE * n_rows)].tolist()
    drawn = [intents[place] for place in rng.choice(len(intents), n_rows - len(strange)).tolist()]
    rows = [*((_message(rng, intent), intent) for intent in drawn), *((text, "unknown") for text in strange)]
    frame = pd.DataFrame([rows[place] for place in rng.permutation(n_rows).tolist()], columns=["text", "intent"])
    return Simulation(frame=frame, probability=np.ones(n_rows))


def _message(rng: np.random.Generator, intent: str) -> str:
    phrase = _SLOT.sub(lambda found: _pick(rng, PHRASES["slots"][found[1]]), _pick(rng, PHRASES["intents"][intent]))
    text = _pick(rng, PHRASES["openers"]) + phrase + _pick(rng, PHRASES["closers"])
    return _mistyped(rng, text) if rng.random() < TYPING_ERRORS else text


def _mistyped(rng: np.random.Generator, text: str) -> str:
    """The text with one letter left out, doubled, or swapped with the next."""
    place, kind = int(rng.integers(0, len(text) - 1)), int(rng.integers(0, 3))
    middle = ("", text[place] * 2, text[place + 1] + text[place])[kind]
    return text[:place] + middle + text[place + (2 if kind == 2 else 1) :]


def _pick(rng: np.random.Generator, choices: list[str]) -> str:
    return choices[int(rng.integers(0, len(choices)))]
