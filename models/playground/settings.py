"""PlaygroundSettings: every control of the playground, with its bounds, its default and what it means."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

MAX_WIDTH, MAX_DEPTH = 64, 4


def _widths(given: object) -> object:
    """The widths of hidden layers as they are written, "8,4"; nothing for none. A query has each field as a list."""
    if isinstance(given, list) and all(isinstance(part, str) for part in given):
        given = ",".join(given)
    return tuple(part.strip() for part in given.split(",") if part.strip()) if isinstance(given, str) else given


def _bounded(widths: tuple[int, ...]) -> tuple[int, ...]:
    if len(widths) > MAX_DEPTH or not all(1 <= width <= MAX_WIDTH for width in widths):
        raise PydanticCustomError(
            "widths", f"must be up to {MAX_DEPTH} whole numbers from 1 to {MAX_WIDTH} with commas between them"
        )
    return widths


Widths = Annotated[
    tuple[int, ...],
    BeforeValidator(_widths),
    AfterValidator(_bounded),
    WithJsonSchema(
        {"type": "array", "items": {"type": "integer", "minimum": 1, "maximum": MAX_WIDTH}, "maxItems": MAX_DEPTH}
    ),
]


class PlaygroundSettings(BaseModel):
    """What is learned, by which network, and how; the order is that of the page."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    data: Literal["circles", "spirals", "xor", "credit", "fraud"] = Field("circles", title="Data set")
    n_rows: int = Field(300, ge=20, le=2_000, title="Rows", description="Seven tenths of them are learned from.")
    noise: float = Field(
        0.05, ge=0, le=1, title="Noise", description="Added to each coordinate, in parts of its spread."
    )
    hidden: Widths = Field((8,), title="Hidden layers", description="Units of each, as 8 or 8,4; empty for none.")
    activation: Literal["sigmoid", "tanh", "relu", "silu"] = Field("sigmoid", title="Activation")
    loss: Literal["log-loss", "squared error"] = Field("log-loss", title="Loss")
    optimizer: Literal["gradient descent", "adam"] = Field("gradient descent", title="Steps by")
    learning_rate: float = Field(0.5, gt=0, le=100, title="Learning rate")
    batch_size: int = Field(16, ge=1, le=2_000, title="Batch size", description="Rows of a step.")
    normalise: bool = Field(True, title="Normalise inputs", description="To mean 0 and standard deviation 1.")
    weight_decay: float = Field(0, ge=0, le=1, title="Weight decay")
    dropout: float = Field(0, ge=0, le=0.9, title="Dropout", description="Share of hidden units left out of each step.")
    n_epochs: int = Field(200, ge=1, le=1_000, title="Epochs", description="Passes over the rows.")
    seed: int = Field(0, ge=0, le=999_999, title="Seed", description="Of rows, first weights and batches.")

    def query(self) -> dict[str, str]:
        """The settings as a URL's query tells them: what differs from the defaults."""
        return {
            name: spelled(getattr(self, name))
            for name, field in type(self).model_fields.items()
            if getattr(self, name) != field.default
        }


def spelled(value: Any) -> str:
    """A setting as a query and a control spell it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return ",".join(map(str, value)) if isinstance(value, tuple) else f"{value}"
