"""Digits: the policy, the pixels of a table, and the form."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest

from data.column import Column
from data.errors import TableError
from data.simulators import digits as simulator
from data.table import Table
from models.answers.respond import respond
from models.contract import LiveModel
from models.domains._discovery import load_domains
from models.domains.digits.form import digits_form
from models.domains.digits.pixels import only_pixels
from models.domains.digits.policy import DigitsPolicy, decide
from models.domains.digits.view import digits_view
from tests.conftest import quick_live

DIGITS = load_domains()["digits"]


@pytest.fixture(scope="module")
def live() -> LiveModel:
    return quick_live(DIGITS)


@pytest.mark.parametrize(
    ("sure", "unusual", "decision"),
    [(0.9, 98.9, "read"), (0.89, 0.0, "check"), (0.99, 99.0, "check"), (0.5, 100.0, "check")],
)
def test_doubtful_and_unusual_pictures_are_checked(sure: float, unusual: float, decision: str) -> None:
    """A reading is taken from 0.9 on, of pictures below the 99th percentile."""
    probabilities = np.full((1, 10), (1 - sure) / 9)
    probabilities[0, 7] = sure
    scores = {"probabilities": probabilities, "unusual": np.array([unusual])}
    found = decide(DigitsPolicy(), scores, [{}], simulator.TABLE)
    assert (found["decision"], found["reading"], found["probability"]) == ([decision], ["7"], [sure])


def test_the_second_is_the_next_most_probable() -> None:
    """And both are levels of the table, whatever they are called."""
    columns = [dataclasses.replace(one, levels=("x", "y", "z")) if one.role == "target" else one for one in
               simulator.TABLE.columns]  # fmt: skip
    table = dataclasses.replace(simulator.TABLE, columns=tuple(columns))
    scores = {"probabilities": np.array([[0.2, 0.1, 0.7]]), "unusual": np.zeros(1)}
    found = decide(DigitsPolicy(), scores, [{}], table)
    assert (found["reading"], found["second"]) == (["z"], ["x"])
    assert found["probabilities"] == [{"x": 0.2, "y": 0.1, "z": 0.7}]


def pixels(n: int, *more: Column) -> Table:
    target = Column(name="letter", kind="category", role="target", levels=("a", "b", "c"))
    return Table(name="t", columns=(*(Column(name=f"p{i}", kind="number") for i in range(n)), *more, target))


@pytest.mark.parametrize("n", [0, 1, 8, 63, 65])
def test_pixels_that_are_no_square_are_refused_with_what_to_do(n: int) -> None:
    """With the number that there is."""
    other = Column(name="pen", kind="category", levels=("ink", "lead"))
    with pytest.raises(TableError, match=f"the table has {n}. Set role = 'ignore'"):
        only_pixels(pixels(n, other))


def test_what_is_no_number_is_no_pixel() -> None:
    """It is ignored; the pixels keep their order."""
    table = only_pixels(pixels(9, Column(name="pen", kind="category", levels=("ink", "lead"))))
    assert [column.name for column in table.features] == [f"p{i}" for i in range(9)]
    assert table["pen"].role == "ignore"


def test_the_form_is_one_picture_with_an_example_of_each_digit(live: LiveModel) -> None:
    """Each example is read as what it is called; a table of other pixels has none."""
    form = digits_form(live.table)
    (section,) = form.sections
    assert (section.width, len(section.inputs)) == (8, 64)
    assert [one.label for one in form.examples] == list("0123456789")
    answers = respond(live, [dict(one.values) for one in form.examples], list("0123456789"))
    assert sum(answer.reading == answer.prediction_id for answer in answers) >= 9  # type: ignore[attr-defined]
    assert digits_form(only_pixels(pixels(9))).examples == ()


def test_the_view_draws_the_saliency_and_names_its_strongest_pixels(live: LiveModel) -> None:
    """The strongest pixel of the picture is the largest share, and the alternative text begins with it."""
    (answer,) = respond(live, [live.table.example()], ["id"], reasons="all")
    given = json.loads(answer.model_dump_json())
    view = digits_view(live, given)
    picture = next(part.picture for part in view.parts if part.picture)
    shares = np.array(given["saliency"])
    best = int(shares.argmax())
    assert f"row {best // 8 + 1} column {best % 8 + 1}" in picture.says
    assert [cell.strength for cell in picture.cells] == pytest.approx((abs(shares) / abs(shares).max()), abs=1e-3)
    assert {cell.tone for cell, share in zip(picture.cells, shares, strict=True) if share > 0} == {"accent"}
    assert (picture.width, picture.height) == (8, 8)
    assert given["reading"] in view.title
