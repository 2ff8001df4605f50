"""Rating grades in the report: the table's words, and a chart that shows the rates of the grades with rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from models.evaluation.diagnostics.grades import grade_calibration
from models.reports.grade_chart import TICKS, grade_chart, grade_range
from models.reports.training_report import render_report
from tests.models.reports.test_training_report import Page, report_data, small_diagnostics, values

BOUNDS = (0.005, 0.1, 0.3)
LABELS = np.repeat([0, 1, 0, 1], [190, 10, 40, 160])
PROBABILITIES = np.repeat([0.05, 0.5], 200)
GRADES = grade_calibration(BOUNDS, LABELS, PROBABILITIES)


def page(**changes: Any) -> Page:
    return Page(render_report(report_data(diagnostics=small_diagnostics(grades=GRADES), **changes)))


def test_the_table_has_a_line_for_each_grade():
    """Range, rows, rates with the exact interval, both p values, and the verdict; those without rows, too."""
    text = page().text

    assert "Predicted and observed rate by rating grade" in text
    assert "1 below 0.5 % 0 – – – – no rows" in text
    assert "2 0.5 % to below 10 % 200 5 % 5 % 2.4 % to 9 % 1.0000 1.0000 in line" in text
    assert "4 from 30 % 200 50.0 % 80.0 % 73.8 % to 85.3 % < 0.0001 < 0.0001 observed above predicted" in text
    assert "adjusted for the number of grades by Holm" in text
    assert "Pale grades have fewer than 30 rows." in text


def test_the_chart_has_the_rates_as_square_roots():
    """Grades without rows are left out, and what is off has another colour and is counted in the title."""
    chart = grade_chart(GRADES)
    observed, predicted = chart.figure["data"]

    assert chart.title == "1 of 2 rating grades differ from their prediction beyond chance"
    assert list(observed["x"]) == ["2", "4"]
    assert np.square(values(observed["y"])) == pytest.approx([0.05, 0.8])
    assert np.square(values(predicted["y"])) == pytest.approx([0.05, 0.5])
    high = np.square(values(observed["y"]) + values(observed["error_y"]["array"]))
    low = np.square(values(observed["y"]) - values(observed["error_y"]["arrayminus"]))
    filled = [GRADES[1], GRADES[3]]
    assert low == pytest.approx([grade.observed_low for grade in filled])
    assert high == pytest.approx([grade.observed_high for grade in filled])
    assert len(set(observed["marker"]["color"])) == 2
    ticks = np.square(values(chart.figure["layout"]["yaxis"]["tickvals"]))
    assert ticks[0] == 0
    assert all(np.abs(np.array(TICKS) - tick).min() < 1e-9 for tick in ticks)


def test_grades_in_line_are_said_to_be():
    assert grade_chart(GRADES[:2]).title == "No difference beyond chance in 1 rating grade"


def test_each_probability_is_in_the_words_of_one_grade():
    assert [grade_range(grade).replace("\N{NO-BREAK SPACE}", " ") for grade in GRADES] == [
        "below 0.5 %",
        "0.5 % to below 10 %",
        "10 % to below 30 %",
        "from 30 %",
    ]


def test_weighted_rows_are_said_to_be_an_approximation():
    weights = np.ones(len(report_data().labels))

    assert "which is an approximation" in page(weights=weights).text
    assert "which is an approximation" not in page().text


def test_a_domain_without_grades_has_no_such_part():
    seen = Page(render_report(report_data()))

    assert "rating grade" not in seen.text
    assert "chart-grades" not in seen.figures
