"""Progress bars of training and of scoring files, on standard error."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING

from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.text import Text

from service.cli import console

if TYPE_CHECKING:
    from models.nn.training import Epoch


class TrainingProgress:
    """A line for each stage of a training job, and a bar for each network in training.

    The bar counts epochs and shows the losses of the last one; networks are numbered within their stage. When the next
    stage or network begins, a line with these figures replaces the bar, also where standard error is not a terminal.
    Use it as a context manager.

    Parameters
    ----------
    label : before each line, where other jobs write to the same terminal; then there are no bars.
    """

    def __init__(self, label: str = "") -> None:
        self._label = label
        self._bars = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TextColumn("{task.fields[losses]}"),
            TimeElapsedColumn(),
            console=console.remarks,
            disable=bool(label) or not console.remarks.is_terminal,
        )
        self._bar: TaskID | None = None
        self._last: Epoch | None = None
        self._n_networks = 0

    def __enter__(self) -> TrainingProgress:
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end_bar()
        self._bars.stop()

    def stage(self, text: str) -> None:
        """Print the next stage of the job."""
        self._end_bar()
        self._n_networks = 0
        self._print(f"- {text}")

    def epoch(self, epoch: Epoch) -> None:
        """Show a finished epoch."""
        if self._last is not None and epoch.number <= self._last.number:
            self._end_bar()  # the next network of the same stage
        if self._bar is None:
            self._n_networks += 1
            self._bar = self._bars.add_task(f"  network {self._n_networks}", total=epoch.n_epochs, losses="")
        self._bars.update(self._bar, completed=epoch.number, losses=_losses(epoch))
        self._last = epoch

    def _end_bar(self) -> None:
        if self._bar is not None and self._last is not None:
            self._bars.remove_task(self._bar)
            self._print(
                f"  network {self._n_networks}: {self._last.number} of at most {self._last.n_epochs} epochs, "
                f"{_losses(self._last)}"
            )
        self._bar = self._last = None

    def _print(self, text: str) -> None:
        self._bars.console.print(Text(self._label + text), soft_wrap=True)


def _losses(epoch: Epoch) -> str:
    text = f"loss: training {epoch.training_loss:.4f}"
    return text if epoch.validation_loss is None else f"{text}, validation {epoch.validation_loss:.4f}"


class RowsProgress:
    """A bar that counts the rows of a file, whose number may be unknown."""

    def __init__(self, n_rows: int | None) -> None:
        self._bars = Progress(
            SpinnerColumn(),
            BarColumn(bar_width=24),
            TextColumn("{task.completed:,.0f} rows"),
            TextColumn("{task.fields[rate]}"),
            TimeElapsedColumn(),
            console=console.remarks,
            disable=not console.remarks.is_terminal,
        )
        self._rows = self._bars.add_task("", total=n_rows, rate="")

    def __enter__(self) -> RowsProgress:
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()

    def __call__(self, n_rows: int) -> None:
        """Count rows as done."""
        task = self._bars.tasks[self._rows]
        rate = f"{(task.completed + n_rows) / task.elapsed:,.0f} rows/s" if task.elapsed else ""
        self._bars.update(self._rows, advance=n_rows, rate=rate)
