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
TYPING_ERRORS = 0.15
"""Share of messages with one."""
_SLOT = re.compile(r"\{(\w+)\}")


def simulate(n_rows: int, seed: int) -> Simulation:
    """Messages of all intents, equally often, and unknown ones. The intent is that of the phrase: it is certain."""
    rng = np.random.default_rng(seed)
    intents = list(PHRASES["intents"])
    drawn = rng.choice(len(intents), n_rows)
    unknown = rng.random(n_rows) < UNKNOWN_SHARE
    rows = [
        ("unknown", _pick(rng, PHRASES["unknown"])) if is_unknown else (intents[place], _message(rng, intents[place]))
        for place, is_unknown in zip(drawn.tolist(), unknown.tolist(), strict=True)
    ]
    frame = pd.DataFrame({"text": [text for _, text in rows], "intent": [intent for intent, _ in rows]})
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
