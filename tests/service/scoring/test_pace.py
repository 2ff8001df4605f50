"""Pace: a training takes its share of what others leave, and no more."""

import pytest

from service.pages.learn.pace import MAX_REST, SHARE, SLICE_SECONDS, Pace


class Core:
    """A core on which others work all the time, as far as they need it, and the thread besides."""

    def __init__(self, others_share):
        self.now = self.own = self.others = 0.0
        self.others_share, self.longest = others_share, 0.0

    def work(self, seconds):
        self.own += seconds
        self.pass_time(seconds / (1 - self.others_share))

    def sleep(self, seconds):
        self.longest = max(self.longest, seconds)
        self.pass_time(seconds)

    def pass_time(self, seconds):
        self.now += seconds
        self.others += seconds * self.others_share


@pytest.mark.parametrize("others_share", [0.0, 0.25, 0.5, 0.75])
@pytest.mark.parametrize("step", [SLICE_SECONDS / 7, 3 * SLICE_SECONDS])
def test_it_takes_its_share_of_what_others_leave(others_share, step):
    """Whether its steps are small or longer than a slice; some go by without a question for rest."""
    core = Core(others_share)
    pace = Pace(
        own_seconds=lambda: core.own,
        all_seconds=lambda: core.own + core.others,
        clock=lambda: core.now,
        sleep=core.sleep,
    )
    for _ in range(2_000):
        with pace.at_work():
            core.work(step)
            pace.rest()
            core.work(step)
    assert core.own / core.now == pytest.approx((1 - others_share) * SHARE, rel=0.02)


def test_it_never_stops_for_long():
    """Other cores may be so busy that there is nothing left to halve."""
    core = Core(0.5)
    pace = Pace(
        own_seconds=lambda: core.own,
        all_seconds=lambda: core.own + 8 * core.now,
        clock=lambda: core.now,
        sleep=core.sleep,
    )
    for _ in range(100):
        with pace.at_work():
            core.work(0.01)
            pace.rest()
    assert core.longest == MAX_REST
