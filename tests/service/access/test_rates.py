"""Rates: what can be written, and a bucket that gives out no more than it should and no less."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import KeyRateError
from service.access.rates import Rate, TokenBucket


@pytest.mark.parametrize(
    ("text", "rate"), [("100/s", Rate(100, 1)), ("6000/min", Rate(6_000, 60)), ("1/h", Rate(1, 3_600))]
)
def test_rates_are_read(text, rate):
    assert Rate.parse(text) == rate


@pytest.mark.parametrize("text", ["", "100", "0/s", "-1/s", "1.5/s", "1/day", "1 / s", "9999999999/s", "1/s\n"])
def test_what_is_no_rate_is_refused(text):
    """The message shows what came and what is allowed."""
    with pytest.raises(KeyRateError, match="100/s"):
        Rate.parse(text)


@given(
    n_requests=st.integers(1, 20),
    per=st.sampled_from([1, 60]),
    share=st.sampled_from([1.0, 0.5, 0.25]),
    gaps=st.lists(st.integers(0, 40), max_size=60),
)
def test_a_bucket_does_as_exact_arithmetic_does(n_requests, per, share, gaps):
    """Requests at multiples of an eighth of a second, against tokens counted in fractions."""
    bucket = TokenBucket(Rate(n_requests, per), share, now=0.0)
    capacity = max(Fraction(1), n_requests * Fraction(share))
    rate = Fraction(n_requests, per) * Fraction(share)
    tokens, now = capacity, Fraction(0)
    for gap in gaps:
        now += Fraction(gap, 8)
        tokens = min(capacity, tokens + Fraction(gap, 8) * rate)
        wait = bucket.take(float(now))
        if abs(tokens - 1) < Fraction(1, 10**9):  # where rounding may decide
            return
        assert (wait == 0) == (tokens >= 1)
        if tokens >= 1:
            tokens -= 1
        else:
            assert wait == pytest.approx(float((1 - tokens) / rate))


def test_a_clock_that_steps_back_changes_nothing():
    """Neither tokens for nothing nor a key that is shut out."""
    bucket = TokenBucket(Rate(2, 1), 1.0, now=100.0)
    assert bucket.take(50.0) == 0
    assert bucket.take(50.0) == 0
    assert bucket.take(50.0) == pytest.approx(0.5)
    assert bucket.take(50.6) == 0
