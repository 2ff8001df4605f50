"""What a folder says to the library sentence-transformers of the way from text to vector, beside the forward pass.

modules.json                        Transformer, Pooling and maybe Normalize; nothing more
1_Pooling/config.json               the mean of the tokens' states
sentence_bert_config.json           tokens that are read, and whether texts are read in lower case
config_sentence_transformers.json   no prompt before each text

A folder may lack them: then it is read as if it said so. What is not computed here is refused, never left out.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, RootModel, StrictBool, StrictInt

MODULES, POOLING = "modules.json", "1_Pooling/config.json"
TRANSFORMER, PROMPTS = "sentence_bert_config.json", "config_sentence_transformers.json"
MEAN: Mapping[str, bool | str] = {"pooling_mode_mean_tokens": True, "pooling_mode": "mean"}
"""Values of fields for a mean; every other field `pooling_mode_...` is false."""


@dataclass(frozen=True)
class LibrarySettings:
    """The most tokens that are read, None for as many as there are positions; whether capitals are read as such."""

    max_tokens: int | None = None
    lower_case: bool = False


class Module(BaseModel):
    """One step of modules.json; `type` is a class, with its module before it."""

    type: Annotated[str, Field(max_length=200)]
    path: Annotated[str, Field(max_length=200)]


class Modules(RootModel[list[Module]]):
    """modules.json."""

    def problem(self) -> str | None:
        """What of the steps is not computed here, None if all of them are."""
        steps = [(module.type.rpartition(".")[2], module.path) for module in self.root]
        if [name for name, _ in steps] not in (["Transformer", "Pooling"], ["Transformer", "Pooling", "Normalize"]):
            return f"type: must be Transformer, Pooling and maybe Normalize, got {', '.join(name for name, _ in steps)}"
        for (name, path), expected in zip(steps, ("", "1_Pooling"), strict=False):
            if path != expected:
                return f"path: of {name} must be {expected!r}, got {path!r}"
        return None


class Pooling(RootModel[dict[str, Any]]):
    """1_Pooling/config.json."""

    def problem(self) -> str | None:
        """The first field that says something else than a mean."""
        for field, value in self.root.items():
            allowed = MEAN.get(field, False)
            if field.startswith("pooling_mode") and (type(value), value) != (type(allowed), allowed):
                return (
                    f"{field}: must be {json.dumps(allowed)}, got {json.dumps(value)[:100]}; "
                    "take an encoder whose vectors are means over the tokens"
                )
        return None


class Transformer(BaseModel):
    """sentence_bert_config.json; other fields are not read."""

    max_seq_length: Annotated[StrictInt, Field(ge=3)] | None = None
    do_lower_case: StrictBool = False

    def problem(self) -> None:
        """None: both are done as they say."""


class Prompts(BaseModel):
    """config_sentence_transformers.json; prompts that a caller must ask for are not read."""

    default_prompt_name: Literal[None] = None

    def problem(self) -> None:
        """None: the field is checked alone."""


FILES: Mapping[str, type[Modules | Pooling | Transformer | Prompts]] = {
    MODULES: Modules,
    POOLING: Pooling,
    TRANSFORMER: Transformer,
    PROMPTS: Prompts,
}
