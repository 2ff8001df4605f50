"""Policies chosen and simulated, against a plain count of the answers to the same rows, one by one."""

from __future__ import annotations

import dataclasses
from collections import Counter

import numpy as np
import pytest

from data.windows import checked_history
from models.answers.respond import respond
from models.backtesting.past_rows import PastRows
from models.backtesting.policy_choice import PolicyRequest, choose_policy
from models.backtesting.policy_simulation import PolicySimulation, simulate_policy, simulate_request
from models.costs import Costs
from models.decisions.cut_offs import least_cost_cut_off
from models.decisions.policy_values import checked_policy, written_values
from models.domains._discovery import load_domains
from models.errors import CutOffError, PolicyError
from models.registry.live import load_live
from tests.conftest import open_store

DOMAINS = load_domains()


@pytest.fixture(scope="module")
def lives(trained_home):
    """The live model of each domain, under the policy of its bundle."""
    store = open_store(trained_home)
    found = {name: load_live(version, store.home.bundles) for name, version in store.registry.champions().items()}
    store.registry.close()
    return found


@pytest.fixture(scope="module")
def rows_of(lives):
    """Rows that no model was trained on, by domain."""
    found = {}
    for name, live in lives.items():
        raw = live.domain.simulate(800, 99).frame
        frame, labels = checked_history(live.table, raw, "past", targets=live.domain.task.targets)
        found[name] = PastRows.scored(live, frame, labels, "past rows")
    return found


@pytest.fixture
def credit(lives, rows_of):
    return lives["credit"], rows_of["credit"]


def answers_to(live, rows):
    """Each row scored on its own, as in the service."""
    inputs = [column.name for column in live.table.inputs]
    asked = rows.frame[inputs].astype(object)
    plain = asked.where(asked.notna(), None).to_dict("records")
    return [respond(live, [row], ["id"], reasons="none")[0] for row in plain]


def counted(answers, labels, costs):
    """Approval rate, bad rate, expected and observed cost of a row, counted one row at a time."""
    approved, expected, observed = [], 0.0, 0.0
    for answer, bad in zip(answers, labels.tolist(), strict=True):
        p = answer.probability_of_default
        if answer.decision == "approve":
            approved.append(bad)
            expected += p * costs.accepted_bad
            observed += bad * costs.accepted_bad
        elif answer.decision == "decline":
            expected += (1 - p) * costs.rejected_good
            observed += (not bad) * costs.rejected_good
    n_rows = len(answers)
    bad_rate = sum(approved) / len(approved) if approved else None
    return len(approved) / n_rows, bad_rate, expected / n_rows, observed / n_rows


def test_every_figure_is_that_of_the_answers_counted_one_by_one(credit):
    """Approvals, bad rate, both costs, decisions and changes, as someone with a pencil would count them."""
    live, rows = credit
    costs = Costs(10, 2)
    found = simulate_request(live, rows, PolicyRequest(approval_rate=0.5, costs=costs, refer=0.2))

    policy = live.domain.policy.model_validate(found.policy)
    after, before = answers_to(dataclasses.replace(live, policy=policy), rows), answers_to(live, rows)
    for figures, answers in ((found.figures, after), (found.active_figures, before)):
        by_hand = counted(answers, rows.labels, costs)
        per_row = (
            figures.approval_rate,
            figures.bad_rate,
            figures.expected_cost_per_row,
            figures.observed_cost_per_row,
        )
        assert per_row == pytest.approx(by_hand)
        assert (figures.expected_cost, figures.observed_cost) == pytest.approx((800 * by_hand[2], 800 * by_hand[3]))
    decisions = Counter(answer.decision for answer in after)
    assert {line.decision: (line.n_rows, line.share) for line in found.decisions} == {
        decision: (n_rows, n_rows / 800) for decision, n_rows in decisions.items()
    }
    assert found.figures.referral_rate == pytest.approx(decisions["refer"] / 800)
    moves = Counter((old.decision, new.decision) for old, new in zip(before, after, strict=True))
    assert {(change.before, change.after): change.n_rows for change in found.changes} == {
        move: n_rows for move, n_rows in moves.items() if move[0] != move[1]
    }
    assert sum(line.n_rows * line.bad_rate for line in found.decisions) == pytest.approx(rows.labels.sum())


def test_groups_are_counted_like_the_whole(credit):
    """Each group's figures are those of its rows alone, and the ratio compares with the best group of enough rows."""
    live, rows = credit
    found = simulate_request(live, rows, PolicyRequest())
    answers = answers_to(dataclasses.replace(live, policy=live.domain.policy.model_validate(found.policy)), rows)

    assert list(found.groups) == ["age", "gender"]
    gender = rows.frame["gender"].to_numpy()
    best = max(group.approval_rate for group in found.groups["gender"] if not group.too_few)
    for group in found.groups["gender"]:
        here = gender == group.group
        of_group = [answer for answer, is_here in zip(answers, here, strict=True) if is_here]
        approval_rate, bad_rate, expected, _ = counted(of_group, rows.labels[here], Costs(5, 1))
        assert (group.n_rows, group.approval_rate, group.bad_rate) == (len(of_group), approval_rate, bad_rate)
        assert group.expected_cost_per_row == pytest.approx(expected)
        if group.approval_rate == best and not group.too_few:
            assert group.impact is None
        else:
            assert group.impact.ratio == pytest.approx(approval_rate / best)
            assert group.impact.low <= group.impact.ratio <= group.impact.high
        assert group.too_few == (len(of_group) < 30)
    assert any(group.too_few for groups in found.groups.values() for group in groups)
    assert sum(group.n_rows for group in found.groups["age"]) == 800


def test_a_cost_of_referring_makes_the_band_and_is_counted(credit):
    """Rows are referred where a look costs less than either error; each then costs that. No share can be added."""
    live, rows = credit
    found = simulate_request(live, rows, PolicyRequest(costs=Costs(5, 1, 0.3)))
    nobody_referred = simulate_request(live, rows, PolicyRequest(costs=Costs(5, 1)))

    assert (found.policy["approve_below"], found.policy["decline_from"]) == pytest.approx((0.06, 0.7))
    assert found.figures.referral_rate > 0.2
    answers = answers_to(dataclasses.replace(live, policy=live.domain.policy.model_validate(found.policy)), rows)
    _, _, expected, observed = counted(answers, rows.labels, Costs(5, 1))
    by_persons = 0.3 * found.figures.referral_rate
    assert found.figures.expected_cost_per_row == pytest.approx(expected + by_persons)
    assert found.figures.observed_cost_per_row == pytest.approx(observed + by_persons)
    assert found.figures.expected_cost_per_row < nobody_referred.figures.expected_cost_per_row
    with pytest.raises(PolicyError, match="give one of them"):
        PolicyRequest(costs=Costs(5, 1, 0.3), refer=0.1)


def test_without_a_wish_the_cut_offs_follow_from_the_domains_costs(credit):
    """5:1 for credit: approve below one sixth, decline the others; the points stay those of the active policy."""
    live, rows = credit
    found = simulate_request(live, rows, PolicyRequest())

    assert found.policy == {**live.policy.model_dump(), "approve_below": 1 / 6, "decline_from": 1 / 6}
    assert (found.chosen_by, found.costs, found.fitted) == ("costs 5:1", Costs(5, 1), False)
    assert found.cheapest.cost <= found.figures.observed_cost_per_row


def test_the_least_cost_cut_off_has_the_least_expected_cost(credit):
    """No other cut-off is expected to cost less, by the model's own probabilities."""
    live, rows = credit
    costs = Costs(5, 1)

    def expected_cost(cut_off):
        wish = PolicyRequest(costs=costs, values={"approve_below": cut_off, "decline_from": cut_off})
        policy = checked_policy(live.domain.policy, dict(wish.values))
        candidate = dataclasses.replace(live, policy=policy)
        found = simulate_policy(candidate, live, rows, costs=costs, chosen_by="", fitted=False)
        return found.figures.expected_cost_per_row

    least = expected_cost(least_cost_cut_off(costs))
    assert all(least <= expected_cost(cut_off) for cut_off in np.linspace(0, 1, 21))


def test_a_target_rate_is_reached_and_said_to_be_fitted(credit):
    """Simulated rates equal the requested ones, as closely as ties allow."""
    live, rows = credit
    by_approvals = simulate_request(live, rows, PolicyRequest(approval_rate=0.7))
    by_bad_rate = simulate_request(live, rows, PolicyRequest(bad_rate=0.05))

    assert by_approvals.figures.approval_rate == 0.7
    assert 0 < by_bad_rate.figures.bad_rate <= 0.05
    assert by_approvals.fitted
    assert by_bad_rate.fitted


def test_a_band_to_refer_takes_its_share(credit):
    """A fifth of the rows goes to a person, half of them from below the cut-off."""
    live, rows = credit
    plain = simulate_request(live, rows, PolicyRequest(approval_rate=0.7))
    found = simulate_request(live, rows, PolicyRequest(approval_rate=0.7, refer=0.2))

    shares = {line.decision: line.share for line in found.decisions}
    assert shares == pytest.approx({"approve": 0.6, "refer": 0.2, "decline": 0.2})
    assert found.figures.approval_rate == pytest.approx(plain.figures.approval_rate - 0.1)
    assert found.chosen_by == "approval rate 0.7, 0.2 around it referred"


def test_a_stored_policy_is_simulated_as_it_is(credit):
    """Its values, not new ones; wishes for others contradict that."""
    live, rows = credit
    stored = dataclasses.replace(live, policy=live.domain.policy(approve_below=0.1, decline_from=0.2), policy_version=3)
    found = simulate_request(live, rows, PolicyRequest(costs=Costs(1, 1)), stored=stored)

    assert found.policy == stored.policy.model_dump()
    assert (found.chosen_by, found.costs) == ("policy 3, unchanged", Costs(1, 1))
    with pytest.raises(PolicyError, match="only costs can be given with it"):
        simulate_request(live, rows, PolicyRequest(refer=0.1), stored=stored)


def test_a_simulation_is_json_and_back(credit):
    """It survives storage with the policy, and holds no NaN even if no row is approved."""
    live, rows = credit
    nobody = PolicyRequest(values={"approve_below": 0.0, "decline_from": 0.0})
    found = simulate_request(live, rows, nobody)

    assert found.figures.bad_rate is None
    assert {group.impact for group in found.groups["gender"]} == {None}
    assert PolicySimulation.model_validate_json(found.model_dump_json()) == found


@pytest.mark.parametrize("name", sorted(name for name, domain in DOMAINS.items() if domain.task.is_binary))
def test_every_domains_policy_can_be_given_values(name, lives, rows_of):
    """Whatever the domain decides is counted against the active policy; where it takes no decision nothing is."""
    live, rows = lives[name], rows_of[name]
    field, default = next(iter(live.policy.model_dump().items()))
    found = simulate_request(live, rows, PolicyRequest(values={field: default}))

    assert found.policy == live.policy.model_dump(mode="json")
    assert found.changes == []
    assert (found.figures is None) == (live.domain.cut_offs is None)
    if "decision" in live.domain.answer.model_fields:
        assert sum(line.n_rows for line in found.decisions) == 800
    assert found.chosen_by == f"{field}={default}"


def test_no_domain_has_cut_offs_and_alerts():
    """The objective would be ambiguous."""
    assert not [name for name, domain in DOMAINS.items() if domain.cut_offs and domain.alert_budget]


@pytest.mark.parametrize(
    "name",
    sorted(
        name
        for name, domain in DOMAINS.items()
        if domain.task.is_binary and not (domain.cut_offs or domain.alert_budget)
    ),
)
def test_a_domain_without_cut_offs_says_what_can_be_set(name, lives, rows_of):
    """Costs and rates choose nothing there; the fields are named."""
    first = next(iter(lives[name].domain.policy.model_fields))
    for wish in (PolicyRequest(), PolicyRequest(costs=Costs(5, 1)), PolicyRequest(approval_rate=0.5)):
        with pytest.raises(PolicyError, match=f"a policy for {name} has no cut-offs to choose .*{first}"):
            simulate_request(lives[name], rows_of[name], wish)


@pytest.mark.parametrize(
    ("texts", "words"),
    [
        (["approve_below=0.4", "decline_from=0.2"], r"approve_below \(0.4\) must not exceed decline_from \(0.2\)"),
        (["approve_below=1.5"], "approve_below: input should be less than or equal to 1, got 1.5"),
        (["approve_below=low"], "approve_below: input should be a valid number, .*, got 'low'"),
        (["base_points=NaN"], "base_points: .*got nan"),
        (["points_to_double_odds=1e308"], "points_to_double_odds: input should be less than or equal to 10000"),
        (["aprove_below=0.1"], "'aprove_below' is not a field of this policy; did you mean 'approve_below'?"),
        (["zzz=0.1"], "'zzz' is not a field of this policy; its fields are base_points, base_odds"),
        (["approve_below"], "a value is written FIELD=VALUE, .*; got 'approve_below'"),
        (["=1"], "a value is written FIELD=VALUE"),
    ],
)
def test_values_that_make_no_policy_are_explained(credit, texts, words):
    """Field, rule and value; crossed cut-offs by both their names."""
    live, rows = credit
    with pytest.raises(PolicyError, match=words):
        simulate_request(live, rows, PolicyRequest(values=written_values(texts)))


def test_wishes_that_contradict_each_other_are_refused(credit):
    """Two targets at once, and a cut-off that is chosen and given."""
    live, rows = credit
    with pytest.raises(PolicyError, match="give one of them"):
        PolicyRequest(approval_rate=0.5, bad_rate=0.1)
    with pytest.raises(PolicyError, match="approve_below: both chosen and given"):
        simulate_request(live, rows, PolicyRequest(costs=Costs(5, 1), values={"approve_below": 0.1}))
    with pytest.raises(CutOffError, match=r"share to refer must be at least 0 and below 1, got -0\.1"):
        simulate_request(live, rows, PolicyRequest(refer=-0.1, values={"base_points": 500}))


def test_values_come_on_top_of_a_choice_and_of_the_active_policy(credit):
    """The points scale can be changed with the cut-offs, and what is not mentioned stays as it is."""
    live, rows = credit
    base = live.domain.policy(base_points=500)
    wish = PolicyRequest(costs=Costs(1, 1), values={"points_to_double_odds": 40})
    chosen = choose_policy(live.domain, base, wish, live.scorer.probabilities(rows.frame), rows.labels)

    assert chosen.policy == live.domain.policy(
        base_points=500, points_to_double_odds=40, approve_below=0.5, decline_from=0.5
    )
    assert chosen.chosen_by == "costs 1:1, points_to_double_odds=40"


@pytest.mark.parametrize("name", ["credit", "fraud"])
def test_a_simulation_runs_the_network_once_on_each_row(name, lives, monkeypatch):
    """Choosing cut-offs, deciding by both policies and counting costs all read the scores of one pass."""
    live, n_rows = lives[name], []
    network = live.scorer.network.network_
    mean_sums = network.mean_sums
    monkeypatch.setattr(network, "mean_sums", lambda inputs: n_rows.append(len(inputs)) or mean_sums(inputs))
    frame, labels = checked_history(live.table, live.domain.simulate(800, 99).frame, "past")
    rows = PastRows.scored(live, frame, labels, "past rows")

    assert sum(n_rows) == 800
    for wish in (PolicyRequest(), PolicyRequest(values={next(iter(live.domain.policy.model_fields)): 0.05})):
        simulate_request(live, rows, wish)
    assert sum(n_rows) == 800


def test_a_value_that_no_parser_follows_is_text():
    """Nested too deeply, or of too many digits; the policy then refuses it by its rule."""
    deep, long = "[" * 50_000, "9" * 5_000
    assert written_values([f"a={deep}", f"b={long}"]) == {"a": deep, "b": long}
