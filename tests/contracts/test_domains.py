"""What every domain keeps, and what each of them promises of its own."""

from __future__ import annotations

import json
import math
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from scipy.special import expit

from data.checking import checked_frame
from data.rows import row_adapter
from data.windows import checked_history
from models import domains
from models.answers.respond import respond
from models.contract import Columns, Domain, Gate, LiveModel
from models.domains._discovery import load_domains
from models.domains.ads.policy import AdsPolicy
from models.domains.ads.ranking import rank
from models.domains.ads.request import rank_example
from models.domains.credit.policy import CreditPolicy
from models.domains.credit.policy import decide as decide_credit
from models.domains.credit.scorecard import whole_shares
from models.domains.fraud.policy import FraudPolicy
from models.estimators.log_odds_scorer import with_probability
from tests.conftest import quick_live

DOMAINS = load_domains()


@pytest.fixture(scope="module")
def live() -> dict[str, LiveModel]:
    """A quickly trained model of each domain."""
    return {name: quick_live(domain) for name, domain in DOMAINS.items()}


def asked(model: LiveModel, **changes: Any) -> dict[str, Any]:
    """The example row with some values changed, as it comes out of the request's check."""
    return row_adapter(model.table).validate_json(json.dumps({**model.table.example(), **changes}))


def test_every_file_of_the_folder_is_a_domain() -> None:
    """Discovery leaves out none."""
    files = {path.stem for path in Path(domains.__path__[0]).iterdir() if not path.stem.startswith("_")}
    assert files == set(DOMAINS)


@pytest.mark.parametrize("domain", DOMAINS.values(), ids=lambda domain: domain.name)
def test_bounds_of_grades_ascend_between_0_and_1(domain: Domain) -> None:
    """Each grade has probabilities of its own; only a binary task has any."""
    bounds = [0.0, *domain.grades, 1.0]
    assert all(low < high for low, high in pairwise(bounds))
    assert domain.task.is_binary or not domain.grades


WITH_QUEUE = [domain for domain in DOMAINS.values() if domain.queue]


@pytest.mark.parametrize("domain", WITH_QUEUE, ids=lambda domain: domain.name)
def test_a_queue_reads_what_answers_and_policies_hold(domain: Domain, live: dict[str, LiveModel]) -> None:
    """Its fields are those of the policy and of an answer, its decisions are decisions, and alerts are explained."""
    queue, model = domain.queue, live[domain.name]
    assert queue is not None
    (answer,) = respond(model, [asked(model)], ["id"], reasons="all")
    fields = answer.model_dump()
    assert 0 <= fields[queue.probability] <= 1
    assert {"decision", "reasons", "warnings"} <= fields.keys()
    for decision in (queue.reviewed, queue.blocked, queue.passed):
        domain.answer.model_validate({**fields, "decision": decision})
    assert {queue.reviewed, queue.blocked} <= domain.adverse
    assert getattr(domain.policy(), queue.snooze_hours) > 0


@pytest.mark.parametrize("domain", DOMAINS.values(), ids=lambda domain: domain.name)
def test_rows_are_answered_in_their_order_and_alike_alone_and_together(
    domain: Domain, live: dict[str, LiveModel]
) -> None:
    """A row's decision and probability do not depend on its neighbours."""
    model = live[domain.name]
    frame = domain.simulate(40, 1).frame
    records = frame[[column.name for column in model.table.inputs]].to_dict("records")
    rows = [{name: None if pd.isna(value) else value for name, value in record.items()} for record in records]
    ids = [str(i) for i in range(len(rows))]
    together = respond(model, rows, ids, reasons="none")
    alone = [respond(model, [row], [i], reasons="none")[0] for row, i in zip(rows, ids, strict=True)]

    assert [answer.prediction_id for answer in together] == ids
    assert together == alone


@pytest.mark.parametrize(
    "domain",
    [one for one in DOMAINS.values() if any(column.kind == "category" for column in one.table.inputs)],
    ids=lambda domain: domain.name,
)
def test_an_unseen_category_is_answered_and_named(domain: Domain, live: dict[str, LiveModel]) -> None:
    """The answer says which value the model did not know."""
    model = live[domain.name]
    category = next(column for column in model.table.inputs if column.kind == "category")
    [answer] = respond(model, [asked(model, **{category.name: "from Mars"})], ["id"])

    assert len(answer.warnings) == 1
    assert category.name in answer.warnings[0]
    assert "'from Mars'" in answer.warnings[0]


def decided(log_odds: list[float], policy: CreditPolicy) -> Columns:
    """What a policy makes of rows with these log-odds of default."""
    return decide_credit(
        policy, with_probability(np.asarray(log_odds, float)), [{}] * len(log_odds), DOMAINS["credit"].table
    )


def points(log_odds_of_good: list[float], policy: CreditPolicy) -> list[int]:
    return decided([-z for z in log_odds_of_good], policy)["points"]


def test_points_follow_the_pdo_scale() -> None:
    """600 points at odds of 50 to 1, 20 more each time the odds double: higher points are safer."""
    assert points([math.log(odds) for odds in (50, 100, 200, 25, 12.5)], CreditPolicy()) == [600, 620, 640, 580, 560]


def test_the_policy_sets_the_scale() -> None:
    """Another base and another PDO."""
    policy = CreditPolicy(base_points=500, base_odds=10, points_to_double_odds=50)
    assert points([math.log(odds) for odds in (10, 20, 5)], policy) == [500, 550, 450]


@pytest.mark.parametrize(
    ("probability", "decision"), [(0.1499, "approve"), (0.1501, "refer"), (0.2999, "refer"), (0.3001, "decline")]
)
def test_cut_offs_decide(probability: float, decision: str) -> None:
    """Below 0.15 approve, from 0.30 on decline, a person in between."""
    log_odds = math.log(probability / (1 - probability))
    assert decided([log_odds], CreditPolicy())["decision"] == [decision]


@pytest.mark.parametrize(
    ("policy", "values"),
    [
        (CreditPolicy, {"approve_below": 0.4, "decline_from": 0.3}),
        (CreditPolicy, {"points_to_double_odds": 0}),
        (FraudPolicy, {"review_from": 0.6, "block_from": 0.5}),
        (AdsPolicy, {"reserve": -1}),
    ],
)
def test_a_policy_that_contradicts_itself_is_refused(policy: Any, values: dict[str, float]) -> None:
    """Crossed thresholds and impossible scales, with the field named."""
    with pytest.raises(ValidationError, match=next(iter(values))):
        policy(**values)


def test_protected_columns_are_no_inputs_of_a_credit_decision(live: dict[str, LiveModel]) -> None:
    """They are known, and neither asked for nor read."""
    protected = {column.name for column in DOMAINS["credit"].table.columns if column.protected}
    assert protected
    assert not protected & {column.name for column in live["credit"].table.inputs}
    assert not protected & set(live["credit"].scorer.column_names)


def test_reasons_only_name_what_hurt_and_add_up(live: dict[str, LiveModel]) -> None:
    """At most four, strongest first, each against the reference; all shares together are the distance to it."""
    model = live["credit"]
    row = asked(model, payments_late_12m=6, utilisation=0.95)
    [answer] = respond(model, [row], ["id"], reasons="all")
    effects = [reason.effect for reason in answer.reasons]  # type: ignore[attr-defined]
    X = model.scorer.encoder.encode_rows([row, model.scorer.reference_row])
    log_odds = model.scorer.log_odds(X)

    assert 1 <= len(effects) <= 4
    assert effects == sorted(effects, reverse=True)
    assert min(effects) > 0
    assert "payments_late_12m" in [reason.column for reason in answer.reasons]  # type: ignore[attr-defined]
    assert model.scorer.shares(X[0]).sum() == pytest.approx(log_odds[0] - log_odds[1], abs=1e-4)
    points_per_log_odds = 20 / math.log(2)
    for reason in answer.reasons:  # type: ignore[attr-defined]
        assert abs(reason.points + points_per_log_odds * reason.effect) < 1


def test_a_scorecard_adds_up_to_the_points(live: dict[str, LiveModel]) -> None:
    """Base and shares are the points to the last one; a worse row has fewer, its reasons are lines of its scorecard."""
    model = live["credit"]
    rows = [asked(model, payments_late_12m=late, utilisation=late / 8) for late in range(8)]
    answers: list[Any] = respond(model, [*rows, model.scorer.reference_row], [str(i) for i in range(9)], reasons="all")
    for answer in answers:
        assert answer.scorecard.base + sum(answer.scorecard.shares.values()) == answer.points
        assert list(answer.scorecard.shares) == model.scorer.column_names
        for reason in answer.reasons:
            assert answer.scorecard.shares[reason.column] == reason.points <= 0
    assert answers[-1].points == answers[0].scorecard.base
    assert set(answers[-1].scorecard.shares.values()) == {0}
    assert answers[7].points < answers[0].points - 20
    assert respond(model, rows[:1], ["id"], reasons="none")[0].scorecard is None  # type: ignore[attr-defined]


@given(st.lists(st.floats(-300, 300), min_size=1, max_size=30), st.sampled_from([-0.999, -0.5, 0.0, 0.5, 0.999]))
def test_rounded_shares_add_up_and_stay_near(exact: list[float], off: float) -> None:
    """To any whole number within 1 of their sum, each less than 1 from where it was."""
    total = round(sum(exact) + off / 2)
    shares = whole_shares(np.array(exact), total)
    assert sum(shares) == total
    assert np.abs(np.array(shares) - exact).max() < 1 + 1e-9


def test_only_adverse_answers_are_explained_unasked(live: dict[str, LiveModel]) -> None:
    """An approval has no reasons unless all are wanted, and none are given where none are wanted."""
    model = live["credit"]
    answers = respond(model, [model.scorer.reference_row], ["id"])
    assert answers[0].decision == "approve"  # type: ignore[attr-defined]
    assert answers[0].reasons == []  # type: ignore[attr-defined]
    bad = asked(model, payments_late_12m=8, utilisation=1.0)
    assert respond(model, [bad], ["id"])[0].reasons  # type: ignore[attr-defined]
    assert not respond(model, [bad], ["id"], reasons="none")[0].reasons  # type: ignore[attr-defined]


def test_ads_are_ranked_by_probability_times_bid(live: dict[str, LiveModel]) -> None:
    """Equal ads are ordered by their bids, ties keep their order, and each value is its probability times its bid."""
    model = live["ads"]
    body = rank_example(model.table)
    ad = body["candidates"][0]["ad"]
    bids = [0.5, 2.0, 1.0, 2.0]
    body["candidates"] = [{"id": f"ad-{i}", "bid": bid, "ad": ad} for i, bid in enumerate(bids)]
    answer = rank(model, body, "id")

    assert [ranked.id for ranked in answer.ads] == ["ad-1", "ad-3", "ad-2", "ad-0"]
    assert [ranked.rank for ranked in answer.ads] == [1, 2, 3, 4]
    for ranked in answer.ads:
        assert ranked.expected_value == ranked.click_probability * ranked.bid
    single = {**body["person"], **body["context"], **ad}
    [scored] = respond(model, [single], ["id"])
    assert scored.click_probability == answer.ads[0].click_probability  # type: ignore[attr-defined]


def test_anomaly_scores_are_percentiles_of_genuine_rows(live: dict[str, LiveModel]) -> None:
    """Among genuine rows they are spread evenly from 0 to 100; an absurd row is at the top."""
    model, domain = live["fraud"], DOMAINS["fraud"]
    frame, labels = checked_history(model.table, domain.simulate(2_000, 0).frame, "simulated rows")
    genuine = frame.iloc[1_500:][labels[1_500:] == 0]
    percentiles = model.scorer.anomaly_percentiles(model.scorer.encoder.transform(genuine))  # type: ignore[attr-defined]
    absurd = asked(model, amount_eur=9_999.0, distance_km=400.0)

    np.testing.assert_allclose(np.quantile(percentiles, [0.1, 0.5, 0.9]), [10, 50, 90], atol=1)
    assert respond(model, [absurd], ["id"])[0].anomaly_score > 99  # type: ignore[attr-defined]


def test_a_calibrated_probability_is_the_logistic_of_the_log_odds(live: dict[str, LiveModel]) -> None:
    """What the frame's way says is what the row's way says."""
    model = live["credit"]
    frame = checked_frame(model.table, DOMAINS["credit"].simulate(50, 3).frame, "simulated rows", training=False)
    X = model.scorer.encoder.transform(frame)
    np.testing.assert_allclose(model.scorer.probabilities(frame), expit(model.scorer.log_odds(X)), rtol=1e-13)


def test_a_gate_bounds_a_metric_from_below_or_from_above() -> None:
    """NaN passes none, and one without a bound is a mistake of its author."""
    assert [bool(Gate("auc", at_least=0.6).problem(value)) for value in (0.59, 0.6, 0.7, math.nan)] == [1, 0, 0, 1]
    assert [bool(Gate("mase", at_most=1.0).problem(value)) for value in (0.9, 1.0, 1.01, math.nan)] == [0, 0, 1, 1]
    assert Gate("mase", at_most=1.0).problem(1.25) == "mase 1.2500 is above the gate of 1"
    with pytest.raises(ValueError, match="'auc' has no bound"):
        Gate("auc")
