"""Lessons: learning rate, overfitting and normalisation, each with tasks that the page checks."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import urlencode

from models.playground.settings import PlaygroundSettings


@dataclass(frozen=True)
class Task:
    """A task of a lesson.

    Parameters
    ----------
    done_when : name of the condition in learn_lesson.js.
    """

    text: str
    done_when: str


@dataclass(frozen=True)
class Lesson:
    """A lesson of a few minutes.

    Parameters
    ----------
    story : opening paragraphs.
    moral : takeaway, shown when all tasks are done.
    settings : initial settings of the playground.
    """

    number: int
    title: str
    story: tuple[str, ...]
    tasks: tuple[Task, ...]
    moral: str
    settings: PlaygroundSettings = field(default_factory=PlaygroundSettings)

    @property
    def path(self) -> str:
        """Path of its page."""
        return f"/learn/lessons/{self.number}"


LESSONS = (
    Lesson(
        1,
        "Learning rate",
        (
            "After each batch every weight W becomes W - learning rate × dL/dW. The gradient gives the direction that"
            " lowers the loss; the learning rate decides how far to go, and has to be chosen.",
            "If it is too small, training takes forever. If it is too large, each step overshoots the minimum and the"
            " loss grows.",
        ),
        (
            Task("Play with learning rate 0.003: after 40 epochs the loss has hardly moved.", "slow"),
            Task("Set it to 0.5 and play: the classes separate, training loss below 0.1.", "learned"),
            Task("Set it to 100 and play: the loss rises, or oscillates above 0.7.", "jumping"),
        ),
        "Search learning rates by factors of ten. If the loss oscillates, go lower; if it barely falls, go higher.",
        PlaygroundSettings(data="circles", activation="tanh", learning_rate=0.003, n_epochs=100),
    ),
    Lesson(
        2,
        "Overfitting",
        (
            "A network with enough units can memorise its training set, noise included, which does not help on new"
            " rows.",
            "That is what the validation set is for. While training and validation loss fall together, the network"
            " generalises. Where the training loss keeps falling and the validation loss rises, it overfits.",
        ),
        (
            Task("Play to the end: the validation loss ends at more than twice the training loss.", "overfitted"),
            Task("Find an island around a single row in the decision boundary. Then play with 300 rows.", "many_rows"),
            Task("Go back to 60 rows and set weight decay to 0.01: the gap stays below 1/3.", "held_back"),
        ),
        "Judge a model on the validation set. More rows, fewer units, weight decay, dropout and early stopping reduce"
        " overfitting.",
        PlaygroundSettings(
            data="circles",
            n_rows=60,
            noise=0.4,
            hidden=(32, 16),
            activation="tanh",
            optimizer="adam",
            learning_rate=0.02,
            n_epochs=300,
            seed=1,
        ),
    ),
    Lesson(
        3,
        "Input normalisation",
        (
            "These rows are loan applicants with two features: utilisation, from 0 to 1, and savings in euros, up to"
            " tens of thousands. A weight's gradient is its input times dL/dz, so that of savings is thousands of times"
            " as large as that of utilisation.",
            "A learning rate that suits one weight is far too large or too small for the other.",
        ),
        (
            Task("Play without normalisation: after 20 epochs the accuracy is still that of chance.", "chance"),
            Task("Open the forward and backward pass and compare the gradients of the two inputs.", "numbers"),
            Task("Set “Normalise inputs” to yes and play: training loss below 0.64.", "better_than_chance"),
        ),
        "Scale inputs before they reach a network. backscore's encoder does so for every model: a robust scale, and a"
        " smooth clip for outliers.",
        PlaygroundSettings(data="credit", normalise=False, activation="tanh", learning_rate=0.1, n_epochs=60),
    ),
)


def link_to(settings: PlaygroundSettings, path: str = "/learn", **more: object) -> str:
    """URL of a page with these settings."""
    query = urlencode({**settings.query(), **more})
    return f"{path}?{query}" if query else path
