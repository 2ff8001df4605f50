"""PlaygroundSettings: every setting of the playground, with bounds, default and description."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from models.playground.points import DATA_SETS

if TYPE_CHECKING:
    DataSet: TypeAlias = str
else:
    DataSet = Literal[tuple(DATA_SETS)]

MAX_WIDTH, MAX_DEPTH = 64, 4


def _widths(given: object) -> object:
    """Widths of hidden layers from text, "8,4", or from the list in a query; empty for none."""
    if isinstance(given, list) and all(isinstance(part, str) for part in given):
        given = ",".join(given)
    return tuple(part.strip() for part in given.split(",") if part.strip()) if isinstance(given, str) else given


def _bounded(widths: tuple[int, ...]) -> tuple[int, ...]:
    if len(widths) > MAX_DEPTH or not all(1 <= width <= MAX_WIDTH for width in widths):
        raise PydanticCustomError(
            "widths", f"must be up to {MAX_DEPTH} comma-separated whole numbers from 1 to {MAX_WIDTH}"
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
    """Data, network and training; in the order of the page."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    data: DataSet = Field("circles", title="Data set")
    n_rows: int = Field(300, ge=20, le=2_000, title="Rows", description="70 % training set, 30 % validation set.")
    noise: float = Field(
        0.05, ge=0, le=1, title="Noise", description="Standard deviation, relative to the spread of each coordinate."
    )
    hidden: Widths = Field((8,), title="Hidden layers", description="Units per layer: 8 or 8,4; empty for none.")
    activation: Literal["sigmoid", "tanh", "relu", "silu"] = Field("sigmoid", title="Activation")
    loss: Literal["log-loss", "squared error"] = Field("log-loss", title="Loss")
    optimizer: Literal["gradient descent", "adam"] = Field("gradient descent", title="Optimizer")
    learning_rate: float = Field(0.5, gt=0, le=100, title="Learning rate")
    batch_size: int = Field(16, ge=1, le=2_000, title="Batch size", description="Rows per step.")
    normalise: bool = Field(True, title="Normalise inputs", description="To mean 0 and standard deviation 1.")
    weight_decay: float = Field(0, ge=0, le=1, title="Weight decay")
    dropout: float = Field(0, ge=0, le=0.9, title="Dropout", description="Share of hidden units dropped in each step.")
    n_epochs: int = Field(200, ge=1, le=1_000, title="Epochs", description="Passes over the training set.")
    seed: int = Field(0, ge=0, le=999_999, title="Seed", description="Of data, initial weights and batches.")

    def query(self) -> dict[str, str]:
        """The settings that differ from the defaults, as a URL's query."""
        return {
            name: spelled(getattr(self, name))
            for name, field in type(self).model_fields.items()
            if getattr(self, name) != field.default
        }


def spelled(value: Any) -> str:
    """A setting as text for a query or a control."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return ",".join(map(str, value)) if isinstance(value, tuple) else f"{value}"
