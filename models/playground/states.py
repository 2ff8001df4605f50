"""What there is to see of a small network that learns, as JSON."""

from __future__ import annotations

from pydantic import BaseModel, Field

from models.answers.trace_layers import TracedLayer


class Halves(BaseModel):
    """A figure for the rows that are learned from, and for those that are held back; null if it is no finite number."""

    training: float | None
    validation: float | None


class Surface(BaseModel):
    """What the network says about places of the plane."""

    x: list[float]
    y: list[float]
    probabilities: list[list[float | None]] = Field(
        description="Of the second class; a row for each y, from the least."
    )


class Weights(BaseModel):
    """A layer's parameters; null where one is no finite number."""

    weights: list[list[float | None]] = Field(description="A row for each input, a column for each unit.")
    biases: list[float | None]


class Labelled(BaseModel):
    """Rows and their labels."""

    rows: list[tuple[float, float]]
    labels: list[int]


class PointsShown(BaseModel):
    """The rows in the plane."""

    axes: tuple[str, str]
    classes: tuple[str, str]
    training: Labelled
    validation: Labelled


class PlaygroundState(BaseModel):
    """A network in the middle of its training."""

    step: int
    epoch: int = Field(description="Whole passes over the rows.")
    steps_per_epoch: int
    is_finished: bool
    diverged: bool = Field(description="Whether some weight or loss is no finite number any more.")
    losses: Halves
    accuracies: Halves
    layers: list[Weights]
    surface: Surface
    points: PointsShown | None = Field(None, description="They stay the same; null where they were told before.")


class TracedPoint(BaseModel):
    """One row through the network and back."""

    row: tuple[float, float] = Field(description="As it is in the plane.")
    inputs: tuple[float, float] = Field(description="As the network reads it: normalised, if that is wanted.")
    outcome: int
    probability: float
    loss: float
    learning_rate: float
    layers: list[TracedLayer] = Field(description="First to last; of large ones with the steepest weights alone.")
    probability_after: float
    loss_after: float
