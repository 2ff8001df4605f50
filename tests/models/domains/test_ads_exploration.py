"""Exploration: the propensities are those of the draws, and the draws can be found out again."""

from __future__ import annotations

from fractions import Fraction
from hashlib import sha256
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import chisquare

from models.domains.ads.exploration import choose, draws
from models.domains.ads.pairs import click_probabilities, distinct_ads
from models.domains.ads.policy import AdsPolicy
from models.domains.ads.ranking import rank
from models.domains.ads.request import shared_columns
from tests.models.domains.live_ads import checked_body, live_ads

worths = st.sampled_from([0.0, 0.5, 1.0, 2.0])


@given(
    data=st.data(),
    n_candidates=st.integers(1, 6),
    n_members=st.integers(1, 4),
    exploration=st.sampled_from(["none", "epsilon-greedy", "thompson"]),
    epsilon=st.sampled_from([0.0, 0.1, 1.0]),
)
def test_propensities_are_the_formula_and_add_up(
    data: Any, n_candidates: int, n_members: int, exploration: Any, epsilon: float
) -> None:
    """(1 - epsilon) * share of the voters whose best it is + epsilon / number of eligible ads, counted in fractions."""
    of_members = data.draw(arrays(float, (n_members, n_candidates), elements=worths))
    values = data.draw(arrays(float, n_candidates, elements=worths))
    eligible = data.draw(arrays(bool, n_candidates))
    policy = AdsPolicy(exploration=exploration, epsilon=epsilon)

    choice = choose(policy, values, of_members, eligible, data.draw(st.text()))

    allowed = [i for i in range(n_candidates) if eligible[i]]
    if not allowed:
        assert choice.shown is None
        assert not choice.propensities.any()
        return
    voters = of_members if exploration == "thompson" else [values]
    bests = [max(allowed, key=lambda i: (vote[i], -i)) for vote in voters]
    share = Fraction(0) if exploration == "none" else Fraction(str(epsilon))
    expected = [
        float((1 - share) * Fraction(bests.count(i), len(bests)) + share / len(allowed)) if i in allowed else 0.0
        for i in range(n_candidates)
    ]
    np.testing.assert_allclose(choice.propensities, expected, rtol=1e-12)
    assert choice.propensities.sum() == pytest.approx(1, abs=1e-12)
    assert choice.shown in allowed
    assert choice.propensities[choice.shown] > 0


@pytest.mark.parametrize("exploration", ["epsilon-greedy", "thompson"])
@pytest.mark.parametrize("epsilon", [0.0, 0.3])
def test_ads_are_shown_as_often_as_their_propensity_says(exploration: Any, epsilon: float) -> None:
    """Over many prediction ids, by a chi-squared test, and each way of choosing has its share."""
    values = np.array([3.0, 5.0, 4.0, 9.0])
    of_members = np.array([[1.0, 2, 3, 9], [3, 2, 1, 9], [5, 4, 3, 9], [1, 5, 3, 9], [1, 5, 3, 9]])
    eligible = np.array([True, True, True, False])
    policy = AdsPolicy(exploration=exploration, epsilon=epsilon)
    n_ids = 8_000

    choices = [choose(policy, values, of_members, eligible, f"prediction {i}") for i in range(n_ids)]

    counts = np.bincount([choice.shown for choice in choices], minlength=4)  # type: ignore[arg-type]
    expected = choices[0].propensities * n_ids
    possible = expected > 0
    assert not counts[~possible].any()
    if possible.sum() > 1:
        assert chisquare(counts[possible], expected[possible]).pvalue > 1e-3
    n_explored = sum(choice.chosen_by == "epsilon" for choice in choices)
    assert abs(n_explored - epsilon * n_ids) <= 4 * np.sqrt(epsilon * (1 - epsilon) * n_ids)
    others = {choice.chosen_by for choice in choices} - {"epsilon"}
    assert others == {"thompson" if exploration == "thompson" else "greedy"}


def test_the_draws_are_read_off_the_digest() -> None:
    """The first two runs of 16 hexadecimal digits of what `sha256sum` prints for the id."""
    digest = sha256(b"0192f3a8c1d27d3e9b1a").hexdigest()
    assert draws("0192f3a8c1d27d3e9b1a") == (int(digest[:16], 16), int(digest[16:32], 16))


@pytest.mark.parametrize("exploration", ["none", "epsilon-greedy", "thompson"])
def test_what_was_shown_can_be_found_out_again(exploration: Any) -> None:
    """The same request with the same id is answered alike; from id, epsilon and the answer an uniform draw follows."""
    live = live_ads(AdsPolicy(exploration=exploration, epsilon=0.5))
    body = checked_body(live, [{"id": str(i), "bid": 1 + i % 3} for i in range(7)])
    ways = set()
    for number in range(12):
        answer = rank(live, body, f"id {number}")
        assert rank(live, body, f"id {number}") == answer
        ways.add(answer.chosen_by)
        digest = sha256(f"id {number}".encode()).hexdigest()
        explores = exploration != "none" and int(digest[:16], 16) / 16**16 < 0.5
        assert explores == (answer.chosen_by == "epsilon")
        if explores:
            assert answer.shown == str(int(digest[16:32], 16) * 7 // 16**16)
    assert len(ways) == (1 if exploration == "none" else 2)


def test_members_vote_with_their_own_calibrated_probabilities() -> None:
    """Thompson sampling has the shares of the members' bests, each member computed by itself in double precision."""
    live = live_ads(AdsPolicy(exploration="thompson", epsilon=0))
    kinds = [(c, t) for c in ("sport", "fashion", "technology") for t in ("budget", "middle", "premium")]
    candidates = [
        {"id": f"{c}-{t}", "bid": 1, "ad": {"ad_category": c, "ad_price_tier": t, "ad_format": "native"}}
        for c, t in kinds
    ]
    body = checked_body(live, candidates, main_interest="technology")
    rows = [{**body["person"], **body["context"], **candidate["ad"]} for candidate in body["candidates"]]
    X = live.scorer.encoder.encode_rows(rows).astype(float)
    network, calibrator = live.scorer.network.network_, live.scorer.calibrator
    expected = []
    for member in range(network.n_members):
        outputs = X
        for layer in network.layers[:-1]:
            outputs = outputs @ layer.weights[member] + layer.biases[member]
            layer.activation.apply(outputs, outputs)
        sums = (outputs @ network.layers[-1].weights[member] + network.layers[-1].biases[member])[:, 0]
        expected.append(1 / (1 + np.exp(-(calibrator.slope * sums + calibrator.intercept))))

    joint, of_members = click_probabilities(live, shared_columns(body), distinct_ads(live.table, body["candidates"]))
    answer = rank(live, body, "id")

    np.testing.assert_allclose(of_members, expected, rtol=1e-4)
    np.testing.assert_array_equal(joint, [ad.click_probability for ad in sorted(answer.ads, key=by_place(candidates))])
    bests = [candidates[int(np.argmax(votes))]["id"] for votes in expected]
    assert {ad.id: ad.propensity for ad in answer.ads if ad.propensity} == {
        best: bests.count(best) / len(bests) for best in bests
    }


def by_place(candidates: list[dict[str, Any]]) -> Any:
    """Sorts ranked ads back into the order in which they were sent."""
    places = {candidate["id"]: i for i, candidate in enumerate(candidates)}
    return lambda ad: places[ad.id]
