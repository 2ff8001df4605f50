"""Policies that make alerts: chosen by a budget or by costs on past rows, and replayed beside the active one."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest

from data.tables._catalogue import public_tables
from data.windows import checked_history
from models.backtesting.past_rows import PastRows
from models.backtesting.policy_choice import PolicyRequest
from models.backtesting.policy_simulation import PolicySimulation, simulate_request
from models.costs import AlertCosts, Costs
from models.decisions.alerts.cut_offs import cut_off_for_reviews
from models.decisions.alerts.transactions import ALL_ROWS, ScoredTransactions, Transactions
from models.domains._discovery import load_domains
from models.errors import CutOffError, PolicyError, RuleError
from tests.conftest import quick_live

ULB = public_tables()["ulb"].table
COSTS = AlertCosts(review=2, blocked_good=20, missed_share=0.5)


@pytest.fixture(scope="module")
def live():
    """A fraud model under its default policy."""
    return quick_live(load_domains()["fraud"])


@pytest.fixture(scope="module")
def rows(live):
    """Past transactions that it was not trained on."""
    return PastRows.scored(
        live, *checked_history(live.table, live.domain.simulate(1_500, 99).frame, "past"), "past rows"
    )


def decisions_one_by_one(live, rows, policy):
    """What the fields of a policy say about each row."""
    percentiles = live.scorer.anomaly_percentiles(live.scorer.encoder.transform(rows.frame))
    decided = []
    for p, a in zip(live.scorer.probabilities(rows.frame), percentiles, strict=True):
        if p >= policy["block_from"]:
            decided.append("block")
        else:
            suspicious = p >= policy["review_from"] or a >= policy["review_anomaly_from"]
            decided.append("review" if suspicious else "allow")
    return np.array(decided)


def test_a_budget_of_reviews_is_kept_by_the_decisions_that_follow(live, rows):
    """Cards with a reviewed transaction and without a blocked one, counted by day with a data frame."""
    found = simulate_request(live, rows, PolicyRequest(reviews_per_day=2))
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
    """The active policy is always simulated as well, with the same result."""
    few, many = (simulate_request(live, rows, PolicyRequest(reviews_per_day=n)).alerts for n in (1, 10))

    assert few.by_policy.totals.n_reviewed < many.by_policy.totals.n_reviewed
    assert few.by_policy.totals.n_missed > many.by_policy.totals.n_missed
    assert few.by_active == many.by_active


def test_the_active_policy_against_itself_changes_nothing(live, rows):
    """A value that is as it was: the same figures twice."""
    found = simulate_request(live, rows, PolicyRequest(values={"review_from": live.policy.review_from}))

    assert found.alerts.by_policy.totals == found.alerts.by_active
    assert (found.changes, found.fitted, found.figures) == ([], False, None)


def test_what_the_anomaly_score_alerts_counts_for_the_budget(live, rows):
    """Reviewed for being unusual, a card takes the place of one that is reviewed for its probability."""
    values = {"review_anomaly_from": 95.0}
    wide = simulate_request(live, rows, PolicyRequest(reviews_per_day=3, values={"review_anomaly_from": 100.0}))
    shared = simulate_request(live, rows, PolicyRequest(reviews_per_day=3, values=values))

    assert shared.policy["review_from"] > wide.policy["review_from"]
    assert shared.alerts.by_policy.totals.n_reviewed <= 3 * len(shared.alerts.by_policy.days)
    assert shared.chosen_by == "3 reviews a day, review_anomaly_from=95.0"
    with pytest.raises(CutOffError, match="subjects a day are reviewed at any cut-off"):
        simulate_request(live, rows, PolicyRequest(reviews_per_day=3, values={"review_anomaly_from": 0.0}))


@pytest.mark.parametrize("action", ["review", "block", "allow"])
def test_rules_decide_beside_the_cut_offs_that_are_chosen(live, rows, action):
    """The budget is kept with the rule at work, and the costs that are named are those of the replay."""
    rule = {"name": "large", "action": action, "when": [{"column": "amount_eur", "above": 150.0}], "live": True}
    by_reviews = simulate_request(live, rows, PolicyRequest(reviews_per_day=3, values={"rules": [rule]}))
    by_costs = simulate_request(live, rows, PolicyRequest(alert_costs=COSTS, values={"rules": [rule]}))
    large = (rows.frame["amount_eur"] > 150).to_numpy()
    n_days = len(by_reviews.alerts.by_policy.days)

    assert large.any()
    assert by_reviews.alerts.by_policy.totals.n_reviewed <= 3 * n_days
    for found in (by_reviews, by_costs):
        decided = rows.decisions(dataclasses.replace(live, policy=live.domain.policy(**found.policy)))
        assert set(decided[large]) <= ({"review", "block"} if action == "review" else {action})
    for lower, upper in ((0.02, 0.5), (0.1, 0.5), (0.05, 1.0), (1.0, 1.0)):
        policy = live.domain.policy(review_from=lower, block_from=upper, rules=[rule])
        stored = dataclasses.replace(live, policy=policy)
        tried = simulate_request(live, rows, PolicyRequest(alert_costs=COSTS), stored=stored)
        assert by_costs.alerts.by_policy.totals.cost <= tried.alerts.by_policy.totals.cost + 1e-6


def test_a_rule_that_does_not_fit_the_table_is_refused(live, rows):
    """Before any cut-off is looked for."""
    rule = {"name": "far", "action": "review", "when": [{"column": "altitude", "above": 1.0}]}
    with pytest.raises(RuleError, match="altitude"):
        simulate_request(live, rows, PolicyRequest(reviews_per_day=3, values={"rules": [rule]}))


def test_another_block_cut_off_goes_with_a_budget(live, rows):
    """It is given, and the review cut-off is found below it."""
    found = simulate_request(live, rows, PolicyRequest(reviews_per_day=2, values={"block_from": 0.9}))
    p = live.scorer.probabilities(rows.frame)
    scored = ScoredTransactions(Transactions.of(live.table, rows.frame, rows.labels), p, p)

    assert found.policy["block_from"] == 0.9
    assert found.policy["review_from"] >= cut_off_for_reviews(scored, 2, block_from=0.9)


def test_a_stored_policy_is_replayed_as_it_is(live, rows):
    """A number of reviews in addition would contradict it."""
    stored = dataclasses.replace(live, policy=live.domain.policy(review_from=0.4), policy_version=7)
    found = simulate_request(live, rows, PolicyRequest(), stored=stored)
    as_values = simulate_request(live, rows, PolicyRequest(values={"review_from": 0.4}))

    assert (found.chosen_by, found.alerts) == ("policy 7, unchanged", as_values.alerts)
    with pytest.raises(PolicyError, match="simulated unchanged"):
        simulate_request(live, rows, PolicyRequest(reviews_per_day=3), stored=stored)


def test_a_simulation_with_alerts_is_json_and_back(live, rows):
    """As a policy keeps it."""
    found = simulate_request(live, rows, PolicyRequest(reviews_per_day=5))
    assert PolicySimulation.model_validate_json(found.model_dump_json()) == found


@pytest.mark.parametrize(
    "wish", [PolicyRequest(costs=Costs(5, 1)), PolicyRequest(bad_rate=0.1), PolicyRequest(refer=0.1)]
)
def test_wishes_for_another_kind_of_domain_are_refused_with_what_to_say(live, rows, wish):
    """Fraud has alerts, credit has none."""
    with pytest.raises(PolicyError, match=r"--reviews-per-day.*--review-cost.*FIELD=VALUE: review_from, block_from"):
        simulate_request(live, rows, wish)


def test_a_cut_off_is_not_chosen_and_given_as_well(live, rows):
    """By a budget only the lower one is chosen."""
    with pytest.raises(PolicyError, match="review_from: both chosen and given"):
        simulate_request(live, rows, PolicyRequest(reviews_per_day=3, values={"review_from": 0.1}))


def test_credit_makes_no_alerts():
    """The error says so."""
    credit = load_domains()["credit"]
    live = quick_live(credit)
    past = PastRows.scored(live, *checked_history(live.table, credit.simulate(100, 1).frame, "past"), "past rows")
    for wish in (PolicyRequest(reviews_per_day=3), PolicyRequest(alert_costs=COSTS)):
        with pytest.raises(PolicyError, match="a policy for credit makes no alerts"):
            simulate_request(live, past, wish)


def test_costs_choose_both_cut_offs_and_nothing_that_was_tried_costs_less(live, rows):
    """The simulated cost is the least of a grid of policies, and the domain's own costs stand in for none."""
    found = simulate_request(live, rows, PolicyRequest(alert_costs=COSTS))
    by_default = simulate_request(live, rows, PolicyRequest())

    assert found.chosen_by == f"costs: {COSTS}"
    assert by_default.chosen_by == f"costs: {live.domain.alert_budget.costs}"
    for lower, upper in ((0.02, 0.5), (0.1, 0.5), (0.05, 1.0), (0.3, 0.3), (1.0, 1.0)):
        other = PolicyRequest(alert_costs=COSTS, values={"review_from": lower, "block_from": upper})
        with pytest.raises(PolicyError, match="block_from and review_from: both chosen and given"):
            simulate_request(live, rows, other)
        stored = dataclasses.replace(live, policy=live.domain.policy(review_from=lower, block_from=upper))
        tried = simulate_request(live, rows, PolicyRequest(alert_costs=COSTS), stored=stored)
        assert found.alerts.by_policy.totals.cost <= tried.alerts.by_policy.totals.cost + 1e-6


def test_beside_a_number_of_reviews_costs_only_measure(live, rows):
    """The cut-offs are those of the budget."""
    plain = simulate_request(live, rows, PolicyRequest(reviews_per_day=2))
    found = simulate_request(live, rows, PolicyRequest(reviews_per_day=2, alert_costs=COSTS))
    totals = found.alerts.by_policy.totals

    assert (found.policy, found.chosen_by) == (plain.policy, plain.chosen_by)
    assert totals.cost == pytest.approx(2 * totals.n_reviewed + 20 * totals.n_good_blocked + 0.5 * totals.value_missed)


def test_rows_without_a_card_are_cards_of_their_own(live):
    """Two rows of one card, and two without one; days are those of their times."""
    times = pd.to_datetime(["2024-05-01 00:00", "2024-05-01 23:59", "2024-05-02 00:00", "2024-05-03 12:00"])
    frame = pd.DataFrame({"customer_id": ["C1", None, "C1", None], "time": times, "amount_eur": [1.0, 2.0, 3.0, 4.0]})
    found = Transactions.of(live.table, frame, np.zeros(4, np.int64))

    assert (len(set(found.subjects)), found.subjects[0] == found.subjects[2]) == (3, True)
    assert found.days.astype(str).tolist() == ["2024-05-01", "2024-05-01", "2024-05-02", "2024-05-03"]
    assert found.amounts.tolist() == [1.0, 2.0, 3.0, 4.0]


def test_an_amount_that_is_not_given_counts_as_nothing():
    """Whether it is empty or a code for unknown."""
    table = ULB.with_columns({"Amount": {"missing": (-1,), "optional": True}})
    found = Transactions.of(table, pd.DataFrame({"Amount": [5.0, -1.0, np.nan]}), np.zeros(3, np.int64))

    assert found.amounts.tolist() == [5.0, 0.0, 0.0]


def test_a_table_without_cards_and_times_has_costs_but_no_budget(live, rows):
    """All its rows are one period, so a daily budget does not apply."""
    frame = pd.DataFrame({"Amount": [1.0, 2.0]})
    found = Transactions.of(ULB, frame, np.zeros(2, np.int64))
    untimed = dataclasses.replace(live, scorer=_ReadsUlb(live.scorer))

    assert (found.subjects.tolist(), found.days.tolist()) == ([0, 1], [ALL_ROWS, ALL_ROWS])
    with pytest.raises(PolicyError, match="the table 'ulb' has no time"):
        simulate_request(untimed, rows, PolicyRequest(reviews_per_day=3))


class _ReadsUlb:
    """A scorer whose table is that of the ulb data."""

    table = ULB

    def __init__(self, scorer):
        self.encoder, self.probabilities = scorer.encoder, scorer.probabilities
