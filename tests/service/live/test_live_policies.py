"""Policies change while requests run: no restart, no reload, no answer by half of one and half of another."""

import threading
from collections import Counter

import pytest

from models.domains._discovery import load_domains
from models.errors import UnreadablePolicyError
from models.registry.live import load_answering, policy_note

CAREFUL = {"approve_below": 0.0, "decline_from": 0.0}
GENEROUS = {"approve_below": 1.0, "decline_from": 1.0}


def add_policy(store, content, *, name="credit", domain="credit", model_version=1):
    stored = store.registry.policies.add(
        name=name,
        domain=domain,
        content=content,
        model_version=model_version,
        simulation={"n_rows": 100},
        actor="tests",
        why="stored for tests",
    )
    return stored.number


def activate(store, number, name="credit"):
    store.registry.policies.activate(name, number, actor="tests", why="")


def answer(service, row, name="credit"):
    return service.client.post(f"/v1/{name}/score", json=row).json()


def deciding(service):
    return service.client.get("/v1/models/credit").json()["policy_version"]


def test_an_activation_elsewhere_takes_over_without_a_restart_or_a_reload(start_service, store, applicant, eventually):
    """The next poll sees it: the decision changes, the probability does not, and the bundle is not even looked at."""
    number = add_policy(store, CAREFUL)
    service = start_service(store.home.path, poll_seconds=0.02)
    before = answer(service, applicant)
    store.home.bundles.rename(store.home.path / "away")

    activate(store, number)
    eventually(lambda: deciding(service) == number)

    after = answer(service, applicant)
    assert (before["version"], before["policy_version"], after["version"], after["policy_version"]) == (1, 0, 1, number)
    assert before["decision"] != "decline" == after["decision"]
    assert before["probability_of_default"] == after["probability_of_default"]
    store.registry.policies.rollback("credit", actor="tests", why="")
    eventually(lambda: deciding(service) == 0)
    assert answer(service, applicant)["decision"] == before["decision"]
    assert [line["policy"] for line in service.log_lines("policy went live")] == [number, 0]


def test_every_answer_is_decided_by_the_policy_it_names(start_service, store, applicant, eventually):
    """Under load, while policies and versions change, decision and number always fit."""
    decisions = {add_policy(store, CAREFUL): "decline", add_policy(store, GENEROUS): "approve"}
    service = start_service(store.home.path, poll_seconds=0.02)
    activate(store, 1)
    eventually(lambda: deciding(service) == 1)
    done, wrong, seen = threading.Event(), [], Counter()

    def ask():
        while not done.is_set():
            found = answer(service, applicant)
            if found.get("decision") != decisions.get(found.get("policy_version")):
                wrong.append(found)
            seen[found.get("policy_version")] += 1

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        for number in (2, 1, 2):
            activate(store, number)
            eventually(lambda number=number: deciding(service) == number)
    finally:
        done.set()
        for thread in threads:
            thread.join()
    assert wrong == []
    assert seen.keys() == {1, 2}


def test_a_promotion_keeps_the_active_policy(start_service, store, applicant):
    """The new version decides by the policy that was active before."""
    activate(store, add_policy(store, CAREFUL))
    client = start_service(store.home.path).client

    promoted = client.post("/v1/models/credit/promote", json={"version": 2}).json()

    assert (promoted["live_version"], promoted["active_policy"], promoted["policy_version"]) == (2, 1, 1)
    found = client.post("/v1/credit/score", json=applicant).json()
    assert (found["version"], found["policy_version"], found["decision"]) == (2, 1, "decline")


@pytest.mark.parametrize(
    ("content", "domain", "words"),
    [
        (
            {"approve_under": 0.1},
            "credit",
            "'approve_under' is not a field of this policy; did you mean 'approve_below'",
        ),
        ({"approve_below": 0.5, "decline_from": 0.2}, "credit", "must not exceed decline_from"),
        ({"review_from": 0.1}, "fraud", "it is a policy for 'fraud', the model is one for 'credit'"),
    ],
)
def test_a_policy_that_this_installation_cannot_read_stays_out(
    start_service, store, applicant, eventually, content, domain, words
):
    """What answers goes on answering by the policy before; the model's page says why, the log says it once."""
    activate(store, add_policy(store, CAREFUL))
    service = start_service(store.home.path, poll_seconds=0.02)
    number = add_policy(store, content)
    if domain != "credit":
        with store.registry._engine.begin() as connection:  # no method of ours stores such a thing
            connection.exec_driver_sql("UPDATE policies SET domain = 'fraud' WHERE number = 2")

    activate(store, number)

    eventually(lambda: service.client.get("/v1/models/credit").json()["refused"] is not None)
    state = service.client.get("/v1/models/credit").json()
    assert words in state["refused"]
    assert (state["active_policy"], state["policy_version"]) == (2, 1)
    assert answer(service, applicant)["policy_version"] == 1
    assert len(service.log_lines("champion failed to load")) == 1
    activate(store, 1)
    eventually(lambda: service.client.get("/v1/models/credit").json()["refused"] is None)


def test_a_service_does_not_start_to_answer_by_other_rules_than_those_that_are_active(start_service, store):
    """With an unreadable active policy a model stays out, rather than deciding by its default unnoticed."""
    activate(store, add_policy(store, {"approve_under": 0.1}))

    ready = start_service(store.home.path).client.get("/health/ready").json()

    assert ready["live"] == {"ads": 1, "chat": 1, "digits": 1, "forecast": 1, "fraud": 1}
    with pytest.raises(UnreadablePolicyError, match="policy 1 of 'credit' cannot be used here"):
        load_answering(
            store.registry.version("credit", 1), store.registry.policies.active("credit"), store.home.bundles
        )


def test_a_policy_is_activated_over_http(start_service, store, applicant):
    """It takes effect at once in the process that was asked, and is in the history with its reason."""
    number = add_policy(store, CAREFUL)
    client = start_service(store.home.path).client

    activated = client.post("/v1/models/credit/policy", json={"version": number, "why": "losses"})
    assert (activated.status_code, activated.json()["policy_version"]) == (200, number)
    assert client.post("/v1/credit/score", json=applicant).json()["decision"] == "decline"
    batch = client.post("/v1/credit/batch", json={"rows": [applicant]}).json()
    assert (batch["policy_version"], batch["answers"][0]["policy_version"]) == (number, number)

    details = client.get("/v1/models/credit").json()
    assert details["policy"]["approve_below"] == 0.0
    assert [(entry["policy_version"], entry["simulation"], entry["why"]) for entry in details["policies"]] == [
        (number, {"n_rows": 100}, "stored for tests")
    ]
    last = details["history"][-1]
    assert (last["action"], last["alias"], last["from_version"], last["to_version"], last["why"]) == (
        "activate",
        "policy",
        0,
        number,
        "losses",
    )
    back = client.post("/v1/models/credit/policy", json={"version": 0, "why": "enough"})
    assert (back.status_code, back.json()["policy_version"]) == (200, 0)


@pytest.mark.parametrize(
    ("name", "body", "status", "words"),
    [
        ("credit", {"version": 9}, 404, "'credit' has no policy 9; it has 1, and 0"),
        ("nobody", {"version": 0}, 404, "no live model 'nobody'"),
        ("credit", {"version": -1}, 422, "/version"),
        ("credit", {"version": "1"}, 422, "/version"),
        ("credit", {}, 422, "/version"),
        ("credit", {"version": 1, "number": 1}, 422, "/number"),
        ("credit", {"version": 1}, 409, "'approve_under' is not a field of this policy"),
    ],
)
def test_a_bad_activation_is_refused_and_changes_nothing(start_service, store, name, body, status, words):
    """Unknown numbers, bodies that are none, and policies that could not decide."""
    add_policy(store, {"approve_under": 0.1})
    client = start_service(store.home.path).client

    response = client.post(f"/v1/models/{name}/policy", json=body)

    assert response.status_code == status
    assert words in response.text
    assert store.registry.policies.all_active() == {}


def test_a_policy_tested_with_another_version_is_pointed_out(start_service, store):
    """The model's page says so if the active policy was simulated with another version than the one that answers."""
    activate(store, add_policy(store, CAREFUL, model_version=2))
    client = start_service(store.home.path).client

    note = client.get("/v1/models/credit").json()["policy_note"]
    assert "policy 1 was simulated with version 2, but version 1 answers" in note
    client.post("/v1/models/credit/promote", json={"version": 2})
    assert client.get("/v1/models/credit").json()["policy_note"] == ""
    assert policy_note(None, store.registry.version("credit", 1)) == ""


@pytest.mark.parametrize("name", sorted(load_domains()))
def test_every_answer_of_every_domain_names_its_policy(start_service, store, name):
    """Rows, batches and operations alike."""
    domain = load_domains()[name]
    activate(store, add_policy(store, domain.policy().model_dump(mode="json"), name=name, domain=name), name)
    client = start_service(store.home.path).client
    table = domain.restrict_inputs(domain.table)

    answers = [client.post(f"/v1/{name}/score", json=table.example()).json()]
    answers += [
        client.post(f"/v1/{name}/{operation.name}", json=operation.example(table)).json()
        for operation in domain.operations
    ]

    assert [found["policy_version"] for found in answers] == [1] * (1 + len(domain.operations))


def rule(column):
    return {"name": "large", "action": "block", "when": [{"column": column, "at_least": 1}], "note": "Too large"}


def test_rules_decide_over_http_from_the_activation_on(start_service, store):
    """Rows and batches say which rules they hit, and a row why."""
    number = add_policy(store, {"rules": [rule("amount_eur")]}, name="fraud", domain="fraud")
    client = start_service(store.home.path).client
    example = load_domains()["fraud"].table.example()
    before, row, smaller = (
        {**example, "transaction_id": number, "amount_eur": amount} for number, amount in enumerate((2.0, 2.0, 0.5))
    )
    before = client.post("/v1/fraud/score", json=before).json()

    activated = client.post("/v1/models/fraud/policy", json={"version": number, "why": "attack"})
    after = client.post("/v1/fraud/score", json=row).json()
    batch = client.post("/v1/fraud/batch", json={"rows": [row, smaller]}).json()
    account = client.post("/v1/fraud/explain", json={"row": row}).json()

    assert activated.status_code == 200
    assert (before["rules"], after["rules"], after["decision"]) == ([], ["large"], "block")
    assert after["reasons"][0]["text"] == "Rule 'large': Too large"
    assert [found["rules"] for found in batch["answers"]] == [["large"], []]
    assert account["answer"]["reasons"][0]["text"] == "Rule 'large': Too large"
    assert client.get("/v1/models/fraud").json()["policy"]["rules"][0]["when"] == [
        {"column": "amount_eur", "at_least": 1.0}
    ]


def test_rules_that_do_not_fit_the_version_are_not_let_loose(start_service, store):
    """The activation is refused, and a service that finds them active goes on as before."""
    number = add_policy(store, {"rules": [rule("amount")]}, name="fraud", domain="fraud")
    client = start_service(store.home.path).client

    refused = client.post("/v1/models/fraud/policy", json={"version": number})

    assert refused.status_code == 409
    assert "policy 1 of 'fraud' cannot be used here: rule 'large', column 'amount'" in refused.json()["detail"]
    activate(store, number, "fraud")
    assert start_service(store.home.path).client.get("/health/ready").json()["live"] == {
        "ads": 1,
        "chat": 1,
        "credit": 1,
        "digits": 1,
        "forecast": 1,
    }
