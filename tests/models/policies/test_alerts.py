"""Policies that make alerts: chosen by a budget or by costs on past rows, and replayed beside the active one."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest

from data.checking import checked_frame
from models.alerting.costs import AlertCosts
from models.alerting.cut_offs import cut_off_for_reviews
from models.alerting.transactions import ALL_ROWS, ScoredTransactions, Transactions
from models.contract import load_domains, respond
from models.errors import CutOffError, PolicyError
from models.policies.choice import PolicyWish
from models.policies.cut_offs import Costs
from models.policies.past_rows import PastRows
from models.policies.simulation import PolicySimulation, simulate_wish
from tests.conftest import quick_live


@pytest.fixture(scope="module")
def live():
    """A fraud model under its default policy."""
    return quick_live(load_domains()["fraud"])


@pytest.fixture(scope="module")
def rows(live):
    """Past transactions that it was not trained on."""
    frame = checked_frame(live.table, live.domain.simulate(1_500, 99).frame, "past", training=True)
    return PastRows(frame, live.table.labels(frame), "past rows")


def decisions_one_by_one(live, rows, policy):
    """What the service would decide on each row, asked alone."""
    asked = rows.frame[[column.name for column in live.table.inputs]].astype(object)
    plain = asked.where(asked.notna(), None).to_dict("records")
    decided = dataclasses.replace(live, policy=live.domain.policy.model_validate(policy))
    return np.array([respond(decided, [row], ["id"], reasons="none")[0].decision for row in plain])


def test_a_budget_of_reviews_is_kept_by_the_decisions_that_the_service_would_take(live, rows):
    """Cards with a reviewed transaction and without a blocked one, counted by day with a data frame."""
    found = simulate_wish(live, rows, PolicyWish(reviews_per_day=2))
    decided = decisions_one_by_one(live, rows, found.policy)
    frame = rows.frame.assign(decision=decided, fraud=rows.labels, day=rows.frame["time"].dt.date)

    stopped, n_reviewed = set(), {}
    for day, of_day in frame.groupby("day"):
        cards = of_day[~of_day["customer_id"].isin(stopped)].groupby("customer_id")
        strongest = {card: set(rows_of["decision"]) for card, rows_of in cards}
        n_reviewed[str(day)] = sum("review" in said and "block" not in said for said in strongest.values())
        stopped |= {card for card, rows_of in cards if rows_of["fraud"].any() and strongest[card] != {"allow"}}
    totals, days = found.alerts.by_policy.totals, found.alerts.by_policy.days
    assert {day.day: day.n_reviewed for day in days} == n_reviewed
    assert totals.n_reviewed <= 2 * len(days)
    assert (found.chosen_by, found.fitted) == ("2 reviews a day", True)
    assert found.policy["block_from"] == live.policy.block_from


def test_more_reviews_find_no_fewer_cards(live, rows):
    """And the active policy stands beside them, always the same."""
    few, many = (simulate_wish(live, rows, PolicyWish(reviews_per_day=n)).alerts for n in (1, 10))

    assert few.by_policy.totals.n_reviewed < many.by_policy.totals.n_reviewed
    assert few.by_policy.totals.n_missed > many.by_policy.totals.n_missed
    assert few.by_active == many.by_active


def test_the_active_policy_against_itself_changes_nothing(live, rows):
    """A value that is as it was: the same figures twice."""
    found = simulate_wish(live, rows, PolicyWish(values={"review_from": live.policy.review_from}))

    assert found.alerts.by_policy.totals == found.alerts.by_active
    assert (found.changes, found.fitted, found.figures) == ([], False, None)


def test_what_the_anomaly_score_alerts_counts_for_the_budget(live, rows):
    """Reviewed for being unusual, a card takes the place of one that is reviewed for its probability."""
    values = {"review_anomaly_from": 99.0}
    wide = simulate_wish(live, rows, PolicyWish(reviews_per_day=3, values={"review_anomaly_from": 100.0}))
    shared = simulate_wish(live, rows, PolicyWish(reviews_per_day=3, values=values))

    assert shared.policy["review_from"] > wide.policy["review_from"]
    assert shared.alerts.by_policy.totals.n_reviewed <= 3 * len(shared.alerts.by_policy.days)
    assert shared.chosen_by == "3 reviews a day, review_anomaly_from=99.0"
    with pytest.raises(CutOffError, match="cards a day are reviewed whatever the cut-off"):
        simulate_wish(live, rows, PolicyWish(reviews_per_day=3, values={"review_anomaly_from": 0.0}))


def test_another_block_cut_off_goes_with_a_budget(live, rows):
    """It is given, and the review cut-off is found below it."""
    found = simulate_wish(live, rows, PolicyWish(reviews_per_day=2, values={"block_from": 0.9}))
    probabilities = live.scorer.probabilities(rows.frame)
    nobody = np.zeros(len(rows.labels), np.bool_)
    scored = ScoredTransactions(Transactions.of(live.table, rows.frame, rows.labels), probabilities, nobody)

    assert found.policy["block_from"] == 0.9
    assert found.policy["review_from"] >= cut_off_for_reviews(scored, 2, block_from=0.9)


def test_a_stored_policy_is_replayed_as_it_is(live, rows):
    """Beside it a number of reviews would contradict it."""
    stored = dataclasses.replace(live, policy=live.domain.policy(review_from=0.4), policy_version=7)
    found = simulate_wish(live, rows, PolicyWish(), stored=stored)
    as_values = simulate_wish(live, rows, PolicyWish(values={"review_from": 0.4}))

    assert (found.chosen_by, found.alerts) == ("policy 7 as it is", as_values.alerts)
    with pytest.raises(PolicyError, match="simulated as it is"):
        simulate_wish(live, rows, PolicyWish(reviews_per_day=3), stored=stored)


def test_a_simulation_with_alerts_is_json_and_back(live, rows):
    """As a policy keeps it."""
    found = simulate_wish(live, rows, PolicyWish(reviews_per_day=5))
    assert PolicySimulation.model_validate_json(found.model_dump_json()) == found


@pytest.mark.parametrize("wish", [PolicyWish(costs=Costs(5, 1)), PolicyWish(bad_rate=0.1), PolicyWish(refer=0.1)])
def test_wishes_for_another_kind_of_domain_are_refused_with_what_to_say(live, rows, wish):
    """Fraud has alerts, credit has none."""
    with pytest.raises(PolicyError, match=r"--reviews-per-day.*--review-cost.*FIELD=VALUE: review_from, block_from"):
        simulate_wish(live, rows, wish)


def test_a_cut_off_is_not_chosen_and_given_as_well(live, rows):
    """By a budget only the lower one is chosen."""
    with pytest.raises(PolicyError, match="review_from: chosen and given as well"):
        simulate_wish(live, rows, PolicyWish(reviews_per_day=3, values={"review_from": 0.1}))


def test_credit_makes_no_alerts():
    """The error says so."""
    credit = load_domains()["credit"]
    live = quick_live(credit)
    frame = checked_frame(live.table, credit.simulate(100, 1).frame, "past", training=True)
    past = PastRows(frame, live.table.labels(frame), "past rows")
    costs = AlertCosts(review=5, blocked_good=30)
    for wish in (PolicyWish(reviews_per_day=3), PolicyWish(alert_costs=costs)):
        with pytest.raises(PolicyError, match="a policy for credit makes no alerts"):
            simulate_wish(live, past, wish)


def test_rows_without_a_card_are_cards_of_their_own_and_without_times_of_one_day(live):
    """Two rows of one card, and two without one."""
    frame = pd.DataFrame({"customer_id": ["C1", None, "C1", None], "time": pd.Timestamp("2024-05-01 10:00")})
    whole = Transactions.of(live.table, frame, np.zeros(4, np.int64))
    untimed = live.table.with_columns({"time": {"kind": "text", "role": "ignore"}})
    bare = Transactions.of(untimed, frame, np.zeros(4, np.int64))

    assert (len(set(whole.cards)), whole.cards[0] == whole.cards[2]) == (3, True)
    assert set(whole.days.astype(str)) == {"2024-05-01"}
    assert set(bare.days) == {ALL_ROWS}
