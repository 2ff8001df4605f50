"""Rules at work: the same decision for a row, a batch, a file and a simulation, and its reasons in words."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pandas as pd
import pytest

from data.rows import row_adapter
from data.windows import checked_history
from models.answers.frames import score_frame
from models.answers.respond import respond
from models.backtesting.past_rows import PastRows
from models.backtesting.policy_choice import PolicyRequest
from models.backtesting.policy_simulation import simulate_request
from models.contract import LiveModel
from models.decisions.rules.conditions import Rule
from models.decisions.rules.wording import rule_words
from models.domains._discovery import load_domains
from models.errors import RuleError
from tests.conftest import quick_live

FRAUD = load_domains()["fraud"]
RULES: list[dict[str, Any]] = [
    {
        "name": "many_small",
        "action": "review",
        "when": [{"column": "customer_id_count_1d", "at_least": 2}, {"column": "amount_eur", "below": 40}],
        "note": "Several small payments within a day",
    },
    {
        "name": "abroad",
        "action": "block",
        "when": [{"column": "country_mismatch", "is": True}, {"column": "amount_eur", "above": 100}],
    },
    {"name": "known", "action": "allow", "when": [{"column": "channel", "one_of": ["chip"]}]},
    {"name": "night_shadow", "action": "block", "live": False, "when": [{"column": "distance_km", "above": 50}]},
]


@pytest.fixture(scope="module")
def live() -> LiveModel:
    """A fraud model whose policy has rules, and reviews often without them."""
    policy = FRAUD.policy.model_validate({"review_from": 0.02, "block_from": 0.2, "rules": RULES})
    return dataclasses.replace(quick_live(FRAUD), policy=policy)


def asked(live: LiveModel, *, earlier: int = 0, **changes: Any) -> dict[str, Any]:
    """The example transaction with other values, after so many earlier ones of the card within a day."""
    row = row_adapter(live.table).validate_json(json.dumps({**live.table.example(), **changes}))
    return {**row, "customer_id_count_1d": float(earlier)}


def answer_to(live: LiveModel, **changes: Any) -> Any:
    return respond(live, [asked(live, **changes)], ["id"])[0]


def earlier_of_card(frame: pd.DataFrame) -> list[int]:
    """How many transactions of the same card lie in the 24 hours before each, counted pair by pair."""
    day, rows = pd.Timedelta(days=1), list(zip(frame["customer_id"], frame["time"], strict=True))
    return [sum(card == other and time - day <= then < time for other, then in rows) for card, time in rows]


def plain_rules(row: dict[str, Any]) -> list[str]:
    """The names of RULES that a row hits, written out."""
    found = {
        "many_small": row["customer_id_count_1d"] >= 2 and row["amount_eur"] < 40,
        "abroad": row["country_mismatch"] and row["amount_eur"] > 100,
        "known": row["channel"] == "chip",
        "night_shadow": row["distance_km"] is not None and row["distance_km"] > 50,
    }
    return [name for name, is_hit in found.items() if is_hit]


def plain_decision(of_model: str, hit: list[str]) -> str:
    """The decision that follows from RULES, written out."""
    if "abroad" in hit or of_model == "block":
        caught = "abroad" in hit or "many_small" in hit
        return "block" if caught or "known" not in hit else "allow"
    if "many_small" in hit:
        return "review"
    return "allow" if "known" in hit else of_model


def test_rows_files_and_simulations_are_decided_alike_and_as_written_out(live: LiveModel) -> None:
    """Each row one by one, in a frame, and in a simulation of the rules beside the policy without them."""
    frame = FRAUD.simulate(400, 11).frame
    without = dataclasses.replace(live, policy=live.policy.model_copy(update={"rules": ()}))
    checked, labels = checked_history(live.table, frame, "past")
    plain = frame[[column.name for column in live.table.inputs]].astype(object)
    bodies = json.loads(plain.where(plain.notna(), None).to_json(orient="records", date_format="iso"))
    windows = checked[[column.name for column in live.table.windows]].to_dict("records")
    rows = [{**row_adapter(live.table).validate_python(body), **w} for body, w in zip(bodies, windows, strict=True)]
    velocity = [{**body, "customer_id_count_1d": n} for body, n in zip(bodies, earlier_of_card(frame), strict=True)]
    ids = [str(i) for i in range(len(rows))]

    answers: list[Any] = [respond(live, [row], ["id"], reasons="none")[0] for row in rows]
    of_model: list[Any] = respond(without, rows, ids, reasons="none")

    assert [answer.rules for answer in answers] == [plain_rules(row) for row in velocity]
    expected = [plain_decision(alone.decision, answer.rules) for alone, answer in zip(of_model, answers, strict=True)]
    assert [answer.decision for answer in answers] == expected
    assert {answer.decision for answer in answers} == {"allow", "review", "block"}
    assert {name for answer in answers for name in answer.rules} == {rule["name"] for rule in RULES}
    assert all(alone.rules == [] for alone in of_model)

    scored = score_frame(live, frame).answers.to_pydict()
    assert scored["decision"] == expected
    assert scored["rules"] == ["; ".join(answer.rules) or None for answer in answers]

    past = PastRows.scored(live, checked, labels, "past rows")
    simulated = simulate_request(without, past, PolicyRequest(values={"rules": RULES}))
    assert {line.decision: line.n_rows for line in simulated.decisions} == {
        decision: expected.count(decision) for decision in set(expected)
    }
    assert simulated.chosen_by == "rules=many_small, abroad, known, night_shadow"
    assert FRAUD.policy.model_validate(simulated.policy) == live.policy


def test_the_rule_that_decided_is_the_first_reason(live: LiveModel) -> None:
    """By its note, or by its conditions and what the row holds; a rule moves no probability."""
    noted = answer_to(live, channel="online", distance_km=None, earlier=3, amount_eur=12.5)
    told = answer_to(live, channel="chip", country_mismatch=True, amount_eur=720)

    assert noted.rules == ["many_small"]
    first = noted.reasons[0]
    assert first.text == "Rule 'many_small': Several small payments within a day"
    assert first.column == "customer_id_count_1d"
    assert (first.value, first.typical, first.effect) == (3, live.scorer.reference_row["customer_id_count_1d"], 0)
    assert (told.rules, told.decision) == (["abroad", "known"], "block")
    assert told.reasons[0].text == (
        "Rule 'abroad': Country mismatch: yes and Amount of the transaction above 100 EUR (720 EUR)"
    )
    assert not any(reason.text.startswith("Rule") for reason in told.reasons[1:])


def test_a_rule_that_asked_for_something_milder_is_no_reason(live: LiveModel) -> None:
    """The model blocks what a rule would only review: the model's reasons come first."""
    strict = dataclasses.replace(live, policy=live.policy.model_copy(update={"review_from": 0.0, "block_from": 0.0}))
    found = answer_to(strict, channel="online", distance_km=None, earlier=3, amount_eur=12.5)

    assert (found.rules, found.decision) == (["many_small"], "block")
    assert not any(reason.text.startswith("Rule") for reason in found.reasons)


def test_an_allowed_row_is_explained_by_its_rule_if_asked(live: LiveModel) -> None:
    """Only then: what is allowed has no reasons unasked."""
    row = asked(live, channel="chip", amount_eur=60)
    (unasked,), (explained,) = (respond(live, [row], ["id"], reasons=wanted) for wanted in ("adverse", "all"))

    assert (unasked.decision, unasked.rules, unasked.reasons) == ("allow", ["known"], [])  # type: ignore[attr-defined]
    assert explained.reasons[0].text == (  # type: ignore[attr-defined]
        "Rule 'known': Payment channel: one of chip (chip)"
    )


def test_a_file_with_reasons_names_the_rule_first(live: LiveModel) -> None:
    """As an answer does."""
    frame = FRAUD.simulate(5, 1).frame.assign(country_mismatch=True, amount_eur=500.0)
    scored = score_frame(live, frame, reasons=True).answers.to_pydict()

    assert scored["decision"] == ["block"] * 5
    assert all(json.loads(text)[0]["text"].startswith("Rule 'abroad': ") for text in scored["reasons"])


@pytest.mark.parametrize(
    ("when", "words"),
    [
        ({"column": "amount_eur", "at_most": 1}, "Amount of the transaction at most 1 EUR"),
        ({"column": "distance_km", "below": 1500}, "Distance from the customer's home to the terminal below 1,500 km"),
        (
            {"column": "customer_id_count_1d", "above": 10},
            "Transactions of the card in the day before above 10",
        ),
        ({"column": "channel", "is": "online"}, "Payment channel: online"),
        ({"column": "channel", "not_one_of": ["chip", "online"]}, "Payment channel: none of chip, online"),
        (
            {"column": "terminal_id", "one_of": [f"T{i}" for i in range(1, 1206)]},
            "Terminal ID: one of T1, T2, T3, T4, T5 and 1,200 more",
        ),
    ],
)
def test_conditions_are_said_in_the_words_of_the_table(when: dict[str, Any], words: str) -> None:
    """Labels and units of the columns; of long lists the beginning."""
    assert rule_words(Rule.model_validate({"name": "r", "action": "block", "when": [when]}), FRAUD.table) == words


def test_rules_that_do_not_fit_are_not_simulated(live: LiveModel) -> None:
    """The text names the rule, its column and a near one."""
    checked, labels = checked_history(live.table, FRAUD.simulate(300, 3).frame, "past")
    past = PastRows.scored(live, checked, labels, "past rows")
    wish = PolicyRequest(
        values={"rules": [{"name": "r", "action": "block", "when": [{"column": "amount", "above": 1}]}]}
    )

    with pytest.raises(RuleError, match=r"rule 'r', column 'amount': .*did you mean 'amount_eur'"):
        simulate_request(live, past, wish)
