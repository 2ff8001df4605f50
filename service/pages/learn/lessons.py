"""Lessons: three things about learning to be tried out, each with what to do and how one sees that it is done."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import urlencode

from models.playground.settings import PlaygroundSettings


@dataclass(frozen=True)
class Task:
    """Something to do.

    Parameters
    ----------
    text : in a sentence.
    done_when : the sign of it that learn_lesson.js looks for in what the network says.
    """

    text: str
    done_when: str


@dataclass(frozen=True)
class Lesson:
    """A lesson of a few minutes.

    Parameters
    ----------
    story : paragraphs that come first; moral : what is to be kept in mind.
    settings : that the playground begins with.
    """

    number: int
    title: str
    story: tuple[str, ...]
    tasks: tuple[Task, ...]
    moral: str
    settings: PlaygroundSettings = field(default_factory=PlaygroundSettings)

    @property
    def path(self) -> str:
        """Where it is found."""
        return f"/learn/lessons/{self.number}"


LESSONS = (
    Lesson(
        1,
        "How large a step?",
        (
            "After each batch the network takes a step: every weight W becomes W - learning rate × dL/dW. The gradient"
            " says which way lowers the loss; how far to go that way is the learning rate, and nobody tells it.",
            "With steps that are too small the loss falls, but you would wait for ever. With steps that are too large"
            " it jumps over the valley and back, higher each time.",
        ),
        (
            Task("Play with the learning rate 0.003. After 40 epochs, has the loss hardly moved?", "slow"),
            Task("Set it to 0.5 and play. The two classes come apart: training loss below 0.1.", "learned"),
            Task("Set it to 100 and play: the loss rises, or jumps about above 0.7.", "jumping"),
        ),
        "A learning rate is found by trying, ten times more or less at a time. If the loss jumps, take a smaller one;"
        " if it creeps, a larger one.",
        PlaygroundSettings(data="circles", activation="tanh", learning_rate=0.003, n_epochs=100),
    ),
    Lesson(
        2,
        "Learned by heart",
        (
            "A network with enough units can learn its rows by heart, noise and all. On rows that it has never seen"
            " that is of no use: it has learned what was chance.",
            "So some rows are held back. While training and validation loss fall together, the network learns what"
            " holds for all of them. Where the training loss goes on falling and the validation loss rises, it learns"
            " by heart: it overfits.",
        ),
        (
            Task("Play to the end: the validation loss ends up at more than twice the training loss.", "overfitted"),
            Task("Look at the surface: find an island around a single row. Then play with 300 rows.", "many_rows"),
            Task("Go back to 60 rows and set the weight decay to 0.01: the gap stays below a third.", "held_back"),
        ),
        "Trust the loss of rows that were held back. Against overfitting help more rows, fewer units, weight decay,"
        " dropout, or stopping in time.",
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
        "Why inputs are normalised",
        (
            "These rows are applicants for a loan: how much of their credit line they use, from 0 to 1, and their"
            " savings in euros, up to tens of thousands. A weight's gradient is its input times dL/dz: that of the"
            " savings is thousands of times as large as that of the utilisation.",
            "One learning rate has to do for both. What is right for one is far too much for the other.",
        ),
        (
            Task("Play as it is, not normalised: after 20 epochs it still tells them no better than chance.", "chance"),
            Task("Look at the numbers of a step: find the gradients of the two inputs, and compare.", "numbers"),
            Task("Set “normalise inputs” to yes and play: training loss below 0.64.", "better_than_chance"),
        ),
        "Put inputs on one scale before a network sees them. backscore's encoder does it for every model: a robust"
        " scale, and a smooth clip for what lies far out.",
        PlaygroundSettings(data="credit", normalise=False, activation="tanh", learning_rate=0.1, n_epochs=60),
    ),
)


def link_to(settings: PlaygroundSettings, path: str = "/learn", **more: object) -> str:
    """The address of a page with these settings."""
    query = urlencode({**settings.query(), **more})
    return f"{path}?{query}" if query else path
