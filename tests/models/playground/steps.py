"""Many steps of a playground run at once."""

from models.playground.run import Run


def advance(run: Run, to: int) -> None:
    """Take steps until `to` have been taken or the run is over."""
    while run.step < to and not run.is_finished:
        run.take_step()
