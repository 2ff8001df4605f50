"""The state of a small network in training, as JSON."""

from __future__ import annotations

from pydantic import BaseModel, Field

from models.answers.trace_layers import TracedLayer


class Halves(BaseModel):
    """A figure on the training and the validation set; null if it is not finite."""

    training: float | None
    validation: float | None


class Surface(BaseModel):
    """The network's output on a grid of the plane."""

    x: list[float]
    y: list[float]
    probabilities: list[list[float | None]] = Field(description="Of the second class; a row for each y, ascending.")


class Weights(BaseModel):
    """A layer's parameters; null where one is not finite."""

    weights: list[list[float | None]] = Field(description="A row for each input, a column for each unit.")
    biases: list[float | None]


class Labelled(BaseModel):
    """Rows with their labels."""

    rows: list[tuple[float, float]]
    labels: list[int]


class PointsShown(BaseModel):
    """The data set in the plane."""

    axes: tuple[str, str]
    classes: tuple[str, str]
    training: Labelled
    validation: Labelled


class PlaygroundState(BaseModel):
    """A network after some training steps."""

    step: int
    epoch: int = Field(description="Completed passes over the training set.")
    steps_per_epoch: int
    is_finished: bool
    diverged: bool = Field(description="Whether some weight or loss is no longer finite.")
    losses: Halves
    accuracies: Halves
    layers: list[Weights]
    surface: Surface
    points: PointsShown | None = Field(None, description="Constant during a training; null in streamed states.")


class TracedPoint(BaseModel):
    """Forward and backward pass of one row, and one gradient step for it alone."""

    row: tuple[float, float] = Field(description="Coordinates in the plane.")
    inputs: tuple[float, float] = Field(description="Inputs of the network: normalised where the settings say so.")
    outcome: int
    probability: float
    loss: float
    learning_rate: float
    layers: list[TracedLayer] = Field(
        description="First to last; of large networks the weights with the largest gradients only."
    )
    probability_after: float
    loss_after: float
