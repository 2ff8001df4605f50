"""/learn/odd-one-out: the picture that is farthest from the others, and numbers that add up to its distance."""

from __future__ import annotations

import re

import numpy as np

from models.estimators.odd_one_out import apart
from tests.service.pages.parsed import parsed


def numbers_of(page):
    """The table's squared differences, and its last line: the distance and its square."""
    cells = [[cell.text for cell in row.all("td")] for row in page.one("tbody").all("tr")]
    return [float(row[-1]) for row in cells[:-1]], float(cells[-1][1]), float(cells[-1][2])


def test_the_farthest_is_that_of_a_plain_loop():
    """Each vector beside the mean of the others, one by one."""
    vectors = np.random.default_rng(0).standard_normal((9, 5))
    found = apart(vectors)
    for i in range(9):
        others = np.delete(vectors, i, axis=0)
        assert np.isclose(found.distances[i], np.linalg.norm(vectors[i] - others.mean(axis=0)))
    assert found.odd == max(range(9), key=lambda i: found.distances[i])


def test_numbers_add_up_to_the_distance_under_the_picture(browser):
    """For the farthest, which is shown first, and for any other."""
    for query, place in (("", None), ("&picture=4", 4)):
        page = parsed(browser.get(f"/learn/odd-one-out?seed=3{query}"))
        below = [float(re.search(r"distance ([\d.]+)", one.text)[1]) for one in page.one("ol", class_="nine").all("li")]
        assert len(below) == 9
        squares, distance, square = numbers_of(page)
        assert np.isclose(sum(squares), square, atol=0.01)
        assert np.isclose(np.sqrt(square), distance, atol=0.01)
        assert distance == (max(below) if place is None else below[place - 1])


def test_the_odd_one_is_found_more_often_than_not(browser):
    """Of nine by chance one in nine; another seed draws other pictures, the same seed the same."""
    pages = [browser.get(f"/learn/odd-one-out?seed={seed}").text for seed in range(10)]
    assert sum("That is right" in page for page in pages) >= 8
    assert len({tuple(re.findall(r"distance ([\d.]+)", page)) for page in pages}) == 10
    again = browser.get("/learn/odd-one-out?seed=0").text
    assert re.findall(r"distance ([\d.]+)", again) == re.findall(r"distance ([\d.]+)", pages[0])


def test_strange_questions_and_no_model_are_pages_too(browser, start_service, tmp_path):
    """Numbers that are none count as 0; without a model of pictures the page says where to get one."""
    for query in ("seed=x&picture=-3", "picture=99", "seed=99999999999"):
        assert browser.get(f"/learn/odd-one-out?{query}").status_code == 200
    empty = start_service(tmp_path / "empty").client
    assert "No model of pictures is live" in empty.get("/learn/odd-one-out", headers={"Accept": "text/html"}).text
