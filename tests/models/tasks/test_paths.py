"""Metrics of paths by hand: errors in usual steps, coverage, and what is said of the last value."""

from __future__ import annotations

import numpy as np
import pytest

from models.contract.rows import are_known, stacked
from models.domains._discovery import load_domains
from models.errors import OutcomeError
from models.series.paths import N_VALUES, paths_of, usual_step
from models.series.settings import LEVELS
from models.series.skill import skill_of
from models.tasks.paths import CAP, bounded_scores, compared_with_last_value, evaluate_paths, scaled_pinball, seasonal

DOMAIN = load_domains()["forecast"]


def paths(medians: list[list[float]], last: list[float], scale: list[float], half: float = 3.0) -> np.ndarray:
    """Paths whose quantiles lie at fixed distances: the 95 % interval is the median +- half."""
    middle = np.array(medians)
    distances = half * np.array([-1, -2 / 3, -1 / 3, 0, 1 / 3, 2 / 3, 1])
    found = np.empty((*middle.shape, N_VALUES))
    found[:, :, :7] = middle[:, :, None] + distances
    found[:, :, 7], found[:, :, 8] = np.array(last)[:, None], np.array(scale)[:, None]
    return found


TARGETS = np.array([[10.0, 13.0], [5.0, np.nan]])
PATHS = paths([[11.0, 9.0], [5.0, 7.0]], last=[10.0, 4.0], scale=[2.0, 1.0])


def test_errors_are_means_over_known_steps_in_usual_steps() -> None:
    found = evaluate_paths(TARGETS, PATHS)
    mine = (1 / 2 + 4 / 2) / 2, 0.0
    naive = (0 + 3 / 2) / 2, 1.0
    assert found["mase"] == pytest.approx(np.mean(mine))
    assert found["skill"] == pytest.approx(1 - np.mean(mine) / np.mean(naive))
    assert found["smape"] == pytest.approx(np.mean([(200 / 21 + 800 / 22) / 2, 0]))
    assert found["coverage_95"] == pytest.approx(np.mean([0.5, 1]))
    assert found["coverage_80"] == pytest.approx(np.mean([0.5, 1]))
    # widths 6; the second value lies 1 above the interval of 95 %: 2 / 0.05 for each unit
    assert found["msis"] == pytest.approx(np.mean([(6 + 6 + 40) / 2 / 2, 6.0]))


def test_pinball_is_the_mean_over_levels_and_known_steps() -> None:
    by_hand = []
    for y, row in zip(TARGETS, PATHS, strict=True):
        losses = [
            np.mean([max(q * (one - v), (q - 1) * (one - v)) for q, v in zip(LEVELS, step[:7], strict=True)]) / step[8]
            for one, step in zip(y, row, strict=True)
            if not np.isnan(one)
        ]
        by_hand.append(np.mean(losses))
    np.testing.assert_allclose(scaled_pinball(TARGETS, PATHS), by_hand)


def test_the_bounded_loss_is_the_interval_score_of_80_per_cent_with_a_cap() -> None:
    score = (4 + 4 + 10 * 2) / 2 / 2  # widths 4, and the second value lies 2 outside
    far = paths([[0.0]], last=[0.0], scale=[1.0])
    np.testing.assert_allclose(bounded_scores(TARGETS, PATHS), [score / CAP, 4 / CAP])
    assert bounded_scores(np.array([[1e6]]), far).tolist() == [1.0]


def test_the_usual_step_is_the_mean_change_over_a_season() -> None:
    values = np.array([1.0, 5.0, 2.0, 8.0])
    assert usual_step(values, 2) == pytest.approx((1 + 3) / 2)
    assert usual_step(values, 4) == pytest.approx((4 + 3 + 6) / 3)  # no more than a season: from value to value
    assert usual_step(np.array([3.0, 3.0]), 1) == 3.0
    assert usual_step(np.zeros(5), 1) == 1.0
    assert usual_step(np.array([-4.0]), 1) == 4.0
    assert paths_of(np.zeros((1, 2, 7)), [values], 2)[0, :, 7:].tolist() == [[8.0, 2.0]] * 2


def test_skill_and_its_interval_are_those_of_the_bootstrap() -> None:
    rng = np.random.default_rng(0)
    n, naive = 400, rng.gamma(2, 1, 400)
    ours = naive * rng.uniform(0.4, 1.2, n)
    made = paths([[x] for x in ours], last=naive.tolist(), scale=[1.0] * n)
    found = skill_of(np.zeros((n, 1)), made)
    draws = rng.integers(0, n, (4_000, n))
    resampled = 1 - ours[draws].sum(axis=1) / naive[draws].sum(axis=1)
    assert found.value == pytest.approx(1 - ours.sum() / naive.sum())
    np.testing.assert_allclose([found.low, found.high], np.quantile(resampled, [0.025, 0.975]), atol=0.005)


def test_naive_is_said_not_to_be_beaten_where_the_interval_holds_0() -> None:
    rng = np.random.default_rng(1)
    targets = rng.normal(0, 1, (50, 1))
    noise = rng.normal(0, 0.5, (50, 1))
    same = paths(noise.tolist(), last=[0.0] * 50, scale=[1.0] * 50)
    better = paths((targets + noise / 5).tolist(), last=[0.0] * 50, scale=[1.0] * 50)
    assert compared_with_last_value(targets, same)[0].startswith("Naive is not beaten on 50 test rows")
    assert compared_with_last_value(targets, better)[0].startswith("The forecast beats the last value")


def test_the_last_season_is_repeated() -> None:
    assert seasonal(np.arange(1.0, 6.0), 5, 3).tolist() == [3, 4, 5, 3, 4]
    assert seasonal(np.array([7.0]), 2, 3).tolist() == [7, 7]


def test_constant_predictions_are_the_last_value_with_the_spread_of_the_training_rows() -> None:
    frame = DOMAIN.simulate(200, 2).frame
    targets = DOMAIN.task.targets(DOMAIN.table, frame)
    found = DOMAIN.task.constant(DOMAIN.table, frame, targets, PATHS)
    assert found.shape == PATHS.shape
    np.testing.assert_array_equal(found[:, :, 3], PATHS[:, :, 7])
    changes = (found[:, :, :7] - PATHS[:, :, [7]]) / PATHS[:, :, [8]]
    np.testing.assert_allclose(changes[0], changes[1])  # the same for every row, in its units


@pytest.mark.parametrize("given", [(1.0, 2.0), [1, 2.0], "[1, 2]"])
def test_outcomes_are_read_as_lists(given: object) -> None:
    assert DOMAIN.task.read_outcome(DOMAIN.table, given) == (1.0, 2.0)


@pytest.mark.parametrize("given", [[], [1.0] * 11, "soon", 3.0, None, True, [float("inf")], ["a"]])
def test_other_outcomes_are_refused(given: object) -> None:
    with pytest.raises(OutcomeError, match="list of 1 to 10 numbers"):
        DOMAIN.task.read_outcome(DOMAIN.table, given)


def test_rows_of_several_shapes_are_stacked() -> None:
    found = stacked([None, [1.0], [2.0, 3.0]])
    np.testing.assert_array_equal(found, [[np.nan, np.nan], [1, np.nan], [2, 3]])
    assert are_known(found).tolist() == [False, True, True]
    assert stacked([None, 1.0]).shape == (2,)
    assert are_known(stacked([])).shape == (0,)
