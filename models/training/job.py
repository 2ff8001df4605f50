"""The specification of a training job, and its progress callbacks."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol, TypeAlias

from data.splits import Split
from data.table import Table
from models.contract import Domain
from models.nn.training import Epoch
from models.presets import PresetName

Promote: TypeAlias = Literal["auto", "always", "never", "challenger"]


@dataclass(frozen=True, kw_only=True)
class TrainingJob:
    """The specification of a training job: model, rows, and when the result may go live.

    Parameters
    ----------
    name : of the model; the endpoint is /v1/{name}/score.
    table, source, split, note, n_train_only : see `TrainingRows`.
    refine : start from the weights of this model's champion, with rows that it has not seen, not from scratch.
    preset : None is "balanced", or that of the champion to refine, which allows no other.
    negative_sample_rate : train on this share of the negative rows, in (0, 1], see `negative_sampling`;
        None is 1, or the share of the champion to refine, which allows no other.
    promote : "auto" if it passes the gates and is not worse than the champion, "always", "never", or "challenger",
        which the job treats as never: its caller begins the rollout.
    new_test_set : begin a new common test set with the test rows of this job, see `models.training.common_test`.
    allowed_leaks : inputs that may be suspected to hold the target, see `models.evaluation.leaks`; without being
        named, they keep a version from going live, whatever `promote` says.
    allow_request_change : whether the version may go live although it takes other requests than the champion.
    sentences : folder of a sentence encoder, for models of texts; None for n-grams alone. See `SentenceEncoder`.
    actor : name of who started the job, for the history.
    wait_seconds : how long to wait for another job of the same name.
    """

    domain: Domain
    name: str
    table: Table
    source: str
    split: Split
    note: str = ""
    n_train_only: int = 0
    refine: bool = False
    preset: PresetName | None = None
    seed: int = 0
    negative_sample_rate: float | None = None
    promote: Promote = "auto"
    new_test_set: bool = False
    allowed_leaks: tuple[str, ...] = ()
    allow_request_change: bool = False
    sentences: Path | None = None
    actor: str = "command line"
    wait_seconds: float = 0.0


class Progress(Protocol):
    """Callbacks for the progress of a job."""

    def stage(self, text: str) -> None:
        """Called when a stage of the job begins."""

    def epoch(self, epoch: Epoch) -> None:
        """Called after every epoch of the network."""


class _Silent:
    def stage(self, text: str) -> None:
        """Do nothing."""

    def epoch(self, epoch: Epoch) -> None:
        """Do nothing."""


SILENT: Progress = _Silent()
