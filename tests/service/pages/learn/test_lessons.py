"""The lessons keep their promises: what they tell people to do shows what they say it shows."""

import pytest

from models.playground.run import Run
from service.pages.learn.lessons import LESSONS
from tests.models.playground.steps import advance

STEP, BY_HEART, SCALE = (lesson.settings for lesson in LESSONS)


def losses_after(settings, epochs=10**6, **changes):
    run = Run(settings.model_copy(update=changes))
    advance(run, epochs * run.steps_per_epoch)
    state = run.state()
    return state.losses.training, state.losses.validation, state.accuracies.training


def test_a_step_is_too_small_right_or_too_large():
    """It creeps, it learns, it jumps."""
    assert losses_after(STEP, 40)[0] > 0.6
    assert losses_after(STEP, learning_rate=0.5)[0] < 0.1
    assert losses_after(STEP, learning_rate=100)[0] > 0.7


def test_few_rows_are_learned_by_heart():
    """More rows or weight decay narrow the gap."""
    training, validation, _ = losses_after(BY_HEART)
    assert validation > 2 * training
    of_many = losses_after(BY_HEART, n_rows=300)
    decayed = losses_after(BY_HEART, weight_decay=0.01)
    assert decayed[1] - decayed[0] < 1 / 3 < validation - training
    assert of_many[1] < validation


def test_without_normalising_nothing_is_learned():
    """No better than chance, with steps that are right for normalised inputs."""
    assert losses_after(SCALE, 20)[2] < 0.6
    training, _, right = losses_after(SCALE, normalise=True)
    assert (training < 0.64, right > 0.6) == (True, True)


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.title)
def test_each_lesson_is_a_page(client, lesson):
    """With its tasks, and a playground that begins as it says."""
    page = client.get(lesson.path)
    assert page.status_code == 200
    for task in lesson.tasks:
        assert task.text in page.text
    assert f'name="learning_rate" value="{lesson.settings.learning_rate}"' in page.text
    assert client.get("/learn/lessons/9").status_code == 404
