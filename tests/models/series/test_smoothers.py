"""The bank in lockstep is each smoother alone on each series alone, and sees no later value."""

import numpy as np
import pytest

from models.series.histories import Histories
from models.series.smoothers import MEMORY, Bank, damped_steps, first_seasons, run_bank


def alone(bank, number, values):
    """One smoother over one series, as its formulas read: level, trend, running error, seasons by position."""
    alpha, beta, phi, gamma = (float(getattr(bank, name)[number]) for name in ("alpha", "beta", "phi", "gamma"))
    level, trend, error, seasons, ahead = float(values[0]), 0.0, 0.0, [0.0] * bank.season, {}
    for t, x in enumerate(values):
        missed = x - (level + phi * trend + seasons[t % bank.season])
        far = x - ahead.pop(t) if t in ahead else 0.0
        error = MEMORY * error + (1 - MEMORY) * (abs(missed) + abs(far))
        level, trend = level + phi * trend + alpha * missed, phi * trend + alpha * beta * missed
        seasons[t % bank.season] += gamma * (1 - alpha) * missed
        if bank.season > 1 and t + 1 == 2 * bank.season and number >= bank.first_seasonal:
            slope, start = np.polyfit(np.arange(t + 1), values[: t + 1], 1)
            apart = values[: t + 1] - start - slope * np.arange(t + 1)
            seasons = apart.reshape(2, -1).mean(axis=0).tolist()
            level, trend = start + slope * t, slope if beta else 0.0
        steps = range(1, bank.middle + 1)
        ahead[t + bank.middle] = (
            level + trend * sum(phi**step for step in steps) + seasons[(t + bank.middle) % bank.season]
        )
    return level, trend, error / (1 - MEMORY ** len(values)), seasons


@pytest.mark.parametrize(("season", "horizon"), [(1, 1), (1, 6), (4, 3), (4, 9), (7, 7)])
def test_lockstep_is_every_smoother_alone(season, horizon):
    rng = np.random.default_rng(season)
    bank, lengths = Bank.of(season, horizon), [40, 5, 1, 23]
    series = [rng.standard_normal(n).cumsum() for n in lengths]
    of, origins = np.array([0, 1, 2, 3, 0, 3]), np.array([39, 4, 0, 22, 17, 9])
    states = run_bank(bank, Histories.of(series), origins, of)
    for place, (row, origin) in enumerate(zip(of, origins, strict=True)):
        for number in range(len(bank)):
            level, trend, error, seasons = alone(bank, number, series[row][: origin + 1])
            found = states.level[place, number], states.trend[place, number], states.error[place, number]
            np.testing.assert_allclose(found, (level, trend, error), rtol=1e-9, atol=1e-9)
            if number >= bank.first_seasonal:
                coming = [seasons[(origin + step) % season] for step in range(1, min(season, horizon) + 1)]
                np.testing.assert_allclose(states.seasons[place, number - bank.first_seasonal], coming, atol=1e-9)


def test_damped_steps_are_sums_of_powers():
    found = damped_steps(np.array([0.0, 0.5, 1.0]), 3)
    np.testing.assert_allclose(found, [[0, 0, 0], [0.5, 0.75, 0.875], [1, 2, 3]])


def test_first_seasons_take_a_line_and_a_pattern_apart():
    """A line plus a pattern that a line cannot explain comes back exactly; a series without two seasons has none."""
    pattern = np.array([1.0, -1.0, -1.0, 1.0])
    values = 3 + 0.5 * np.arange(8) + np.tile(pattern, 2)
    found = first_seasons(np.stack([values, values]), np.array([8, 7]), 4)
    assert found.slope[0] == pytest.approx(np.polyfit(np.arange(8), values, 1)[0])
    np.testing.assert_allclose(found.parts[0], pattern, atol=1e-12)
    assert found.level[0] == pytest.approx(3 + 0.5 * 7)
    assert not found.parts[1].any()
    assert found.level[1] == 0
