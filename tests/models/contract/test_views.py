"""Where zones, marks and bars stand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.contract.views import bars, log_odds, waterfall, zoned

thousandths = st.integers(-(10**9), 10**9).map(lambda n: n / 1000)  # smaller steps are lost when added to a large base
amounts = st.lists(thousandths, min_size=1, max_size=12)


@given(thousandths, amounts)
def test_each_bar_of_a_waterfall_begins_where_the_one_before_ends(base, steps):
    """All within the picture; as long as its amount, next to the whole way."""
    drawn = waterfall(base, [("", "", amount) for amount in steps], 0, more_is="good")
    ends = [base]
    for amount in steps:
        ends.append(ends[-1] + amount)
    width = (max(ends) - min(ends)) or 1.0
    for bar, amount, start in zip(drawn, steps, ends, strict=False):
        left = (min(start, start + amount) - min(ends)) / width * 100
        assert bar.span.start == pytest.approx(left, abs=0.02)
        assert bar.span.width == pytest.approx(max(abs(amount) / width * 100, 0.4), abs=0.02)
        assert bar.span.tone == ("plain" if amount == 0 else "good" if amount > 0 else "bad")


@given(st.floats(-100, 200), st.floats(-100, 200))
def test_zones_fill_the_scale_and_the_value_stays_on_it(value, cut):
    """Whatever lies outside stands at an end."""
    drawn = zoned(0, 100, [(cut, "low", "bad"), (100, "high", "good")], [(cut, "cut")], (value, "x"), "")
    assert sum(zone.width for zone in drawn.zones) == pytest.approx(100, abs=0.02)
    assert 0 <= drawn.value.at <= 100
    assert drawn.value.at == pytest.approx(min(max(value, 0), 100), abs=0.01)


def test_texts_at_the_ends_stay_within_the_picture():
    """Labels near the edge are placed next to their mark instead of centred."""
    drawn = [zoned(0, 100, [], [], (at, "500 points"), "").value.anchor for at in (0, 50, 100)]
    assert drawn == ["start", "middle", "end"]


@given(st.lists(st.floats(0, 1e9), min_size=1, max_size=5))
def test_the_longest_bar_fills_the_chart(values):
    """Bars are proportional to their values; no division by zero."""
    drawn = bars([("", "", value, "", "plain") for value in values])
    most = max(values) or 1.0
    assert [bar.span.width for bar in drawn] == pytest.approx([value / most * 100 for value in values], abs=0.01)


@pytest.mark.parametrize("probability", [0.0, 1e-9, 0.5, 1.0])
def test_log_odds_are_finite(probability):
    """At both ends too."""
    assert abs(log_odds(probability)) < 14
