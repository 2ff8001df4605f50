"""Challengers over HTTP: a shadow is never heard, a canary answers its share, and neither can harm the champion."""

import threading
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from functools import partial
from types import SimpleNamespace

import pytest

from data.window import Window
from models.domains._discovery import load_domains
from models.errors import ChallengerError
from models.monitoring.performance.weekly import performance
from models.monitoring.promotion import sequential_test
from models.monitoring.promotion.comparison import promotion_test
from models.monitoring.promotion.compatibility import check_challenger
from models.records.audit_log.record import predictions_of
from models.records.audit_log.replay import replay
from models.records.outcomes.events import take_labels
from models.records.outcomes.ledger import Outcome
from models.registry.audit_settings import AuditSettings
from models.registry.id_hash import share_of
from models.registry.live import load_live
from models.tasks.binary import binary
from service.live.live_models import LiveModels
from tests.conftest import MOMENT, quick_scorer
from tests.service.live.test_live_models import altered, own_answer, without_id

judge_canary = partial(sequential_test.judge_canary, task=binary("p"))
judge_shadow = partial(sequential_test.judge_shadow, task=binary("p"))

FRAUD = load_domains()["fraud"]
AUDIT = AuditSettings()


@pytest.fixture(scope="module")
def other_fraud_scorer():
    return quick_scorer(FRAUD, seed=1)


@pytest.fixture
def start(start_service):
    """Starts a service in which version 2 of a model is the challenger."""

    def started(store, name="credit", **told):
        service = start_service(store.home.path)
        response = service.client.post(f"/v1/models/{name}/challenger", json={"version": 2, **told})
        assert response.status_code == 200, response.text
        assert response.json()["active"], response.text
        return service

    return started


def recorded(service, prediction_id):
    return service.client.app.state.predictions.records(prediction_id)


def shadow_of(service, prediction_id, eventually):
    """The shadow's answer, once it is recorded."""
    eventually(lambda: len(recorded(service, prediction_id)) == 2)
    champion, shadow = recorded(service, prediction_id)
    assert (champion.role, shadow.role) == ("champion", "shadow")
    return shadow


def probability(record):
    (one,) = predictions_of(record)
    return one.answer["probability_of_default"]


def test_a_shadow_answers_every_row_unheard(start, store, applicant, eventually):
    """The champion's answers are sent; the shadow's equal its own alone, and are replayed bit for bit."""
    service = start(store)
    answer = service.client.post("/v1/credit/score", json=applicant, params={"reasons": "all"}).json()

    assert without_id(answer)["version"] == 1
    shadow = shadow_of(service, answer["prediction_id"], eventually)
    (said,) = predictions_of(shadow)
    own = own_answer(store, 2, applicant)
    assert said.answer["probability_of_default"] == own["probability_of_default"] != answer["probability_of_default"]
    assert said.answer["decision"] == own["decision"]
    assert (shadow.version, shadow.reasons, said.answer["reasons"]) == (2, "none", [])
    assert replay(shadow, store.registry, store.home.bundles, personal_key=b"").identical


def test_a_shadow_answers_batches_too(start, store, applicant, eventually):
    """Every row that was answered, in one record, also where they are more than the shadow answers at once."""
    service = start(store)
    rows = [{**applicant, "income_eur": 1_000 + number} for number in range(70)]
    answers = service.client.post("/v1/credit/batch", json={"rows": [{}, *rows]}).json()["answers"]

    shadow = shadow_of(service, answers[1]["prediction_id"], eventually)
    said = list(predictions_of(shadow))
    assert [one.id for one in said] == [answer["prediction_id"] for answer in answers[1:]]
    for one, row in list(zip(said, rows, strict=True))[::23]:
        assert one.answer["probability_of_default"] == own_answer(store, 2, row)["probability_of_default"]
    assert replay(shadow, store.registry, store.home.bundles, personal_key=b"").identical


def test_the_shadow_of_an_event_sees_the_champions_windows(start, store, other_fraud_scorer, eventually):
    """The event is stored once, with the champion's answer, and opens no alert but the champion's."""
    store.add(FRAUD, other_fraud_scorer, promote=False)
    service = start(store, "fraud")
    rows = [{**FRAUD.table.example(), "transaction_id": number} for number in range(3)]
    first = service.client.post("/v1/fraud/score", json=rows[0]).json()
    batch = service.client.post("/v1/fraud/batch", json={"rows": rows}).json()["answers"]

    assert batch[0] == first
    assert {answer["version"] for answer in batch} == {1}
    for record_of, new in ((first, [first]), (batch[1], batch[1:])):
        shadow = shadow_of(service, record_of["prediction_id"], eventually)
        said = list(predictions_of(shadow))
        assert [one.id for one in said] == [answer["prediction_id"] for answer in new]
        assert [one.answer["windows"] for one in said] == [answer["windows"] for answer in new]
        assert replay(shadow, store.registry, store.home.bundles, personal_key=b"").identical


def test_a_canary_answers_its_share(start, store, applicant):
    """Which version answers follows from the id; each answer is exactly that version's own, and is replayed."""
    service = start(store, mode="canary", share=0.4)
    expected = {number: own_answer(store, number, applicant) for number in (1, 2)}
    answers = [service.client.post("/v1/credit/score", json=applicant).json() for _ in range(60)]

    for answer in answers:
        by_canary = share_of(answer["prediction_id"], "canary") < 0.4
        assert without_id(answer) == expected[2 if by_canary else 1]
        (record,) = recorded(service, answer["prediction_id"])
        assert (record.role, record.version) == (("canary", 2) if by_canary else ("champion", 1))
    assert {answer["version"] for answer in answers} == {1, 2}
    record = next(recorded(service, one["prediction_id"])[0] for one in answers if one["version"] == 2)
    assert replay(record, store.registry, store.home.bundles, personal_key=b"").identical


def test_batches_and_operations_are_answered_by_one_version(start, store, applicant):
    """By their ids."""
    service = start(store, mode="canary", share=0.5)
    seen = Counter()
    for _ in range(12):
        batch = service.client.post("/v1/credit/batch", json={"rows": [applicant] * 3}).json()
        assert {answer["version"] for answer in batch["answers"]} == {batch["version"]}
        explained = service.client.post("/v1/credit/explain", json={"row": applicant}).json()
        by_canary = share_of(explained["prediction_id"], "canary") < 0.5
        assert explained["version"] == (2 if by_canary else 1)
        seen[batch["version"]] += 1
    assert seen.keys() == {1, 2}


def test_the_canary_of_events_looks_back_for_itself(start, store, other_fraud_scorer):
    """Whichever version answers first, a repeated event gets the same answer and counts once."""
    store.add(FRAUD, other_fraud_scorer, promote=False)
    service = start(store, "fraud", mode="canary", share=0.5)
    example = FRAUD.table.example()
    rows = [{**example, "transaction_id": number} for number in range(20)]
    answers = [service.client.post("/v1/fraud/score", json=row).json() for row in rows]

    assert {answer["version"] for answer in answers} == {1, 2}
    assert [service.client.post("/v1/fraud/score", json=row).json() for row in rows] == answers


def test_rollouts_under_load_fail_no_request(start_service, store, applicant, eventually):
    """Shadow, canary, promotion, rollback: each of many concurrent answers is exactly that of the version it names."""
    expected = {number: own_answer(store, number, applicant) for number in (1, 2)}
    service = start_service(store.home.path, poll_seconds=0.02)
    predictions = service.client.app.state.predictions
    n_before = predictions.count("credit")
    done, wrong, seen = threading.Event(), [], []

    def ask():
        while not done.is_set():
            response = service.client.post("/v1/credit/score", json=applicant)
            answer = response.json()
            if response.status_code != 200 or without_id(answer) != expected[answer["version"]]:
                wrong.append(response.text)
            seen.append(answer.get("version"))

    def live():
        served = service.client.app.state.live_models.served("credit")
        return served.live.version, served.rollout and served.rollout.mode

    def wait_until(state):
        n_seen = len(seen)
        eventually(lambda: live() == state and len(seen) > n_seen + 10)

    rollouts, told = store.registry.rollouts, {"actor": "tests", "why": ""}
    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(2):
            rollouts.start("credit", 2, mode="shadow", **told)
            wait_until((1, "shadow"))
            rollouts.start("credit", 2, mode="canary", share=0.5, **told)
            wait_until((1, "canary"))
            store.registry.promote("credit", 2, **told)
            wait_until((2, None))
            store.registry.rollback("credit", **told)
            wait_until((1, None))
    finally:
        done.set()
        for thread in threads:
            thread.join()
    assert wrong == []
    assert set(seen) == {1, 2}
    assert predictions.count("credit") == n_before + len(seen)


def test_a_broken_challenger_harms_nobody(start_service, store, applicant, eventually):
    """It is refused with the reason, logged once, and begins when its bundle is whole again; the champion answers."""
    scorer, content = altered(store, store.registry.version("credit", 2).digest)
    service = start_service(store.home.path, poll_seconds=0.02)
    refused = service.client.post("/v1/models/credit/challenger", json={"version": 2})
    assert (refused.status_code, store.registry.rollouts.all()) == (409, {})

    store.registry.rollouts.start("credit", 2, mode="canary", share=0.99, actor="tests", why="")

    def state():
        return service.client.get("/v1/models/credit/challenger").json()

    eventually(lambda: state()["refused"] is not None)
    assert "state.json was altered" in state()["refused"]
    assert state()["active"] is False
    assert [service.client.post("/v1/credit/score", json=applicant).json()["version"] for _ in range(5)] == [1] * 5
    assert len(service.log_lines("challenger failed to load")) == 1
    assert service.client.get("/health/ready").status_code == 200

    scorer.write_bytes(content)
    eventually(lambda: state()["active"])
    assert state()["refused"] is None


def test_a_version_that_is_loaded_is_not_loaded_again(start_service, store, monkeypatch):
    """A promotion loads once; promoting the challenger loads nothing."""
    loads = []
    own = LiveModels._loaded

    def counting(self, wanted, ready=()):
        load, self._load = self._load, lambda version: loads.append(version.number) or load(version)
        try:
            return own(self, wanted, ready)
        finally:
            self._load = load

    monkeypatch.setattr(LiveModels, "_loaded", counting)
    service = start_service(store.home.path)
    loads.clear()

    service.client.post("/v1/models/credit/promote", json={"version": 2})
    assert loads == [2]
    service.client.post("/v1/models/credit/challenger", json={"version": 1})
    assert loads == [2, 1]
    service.client.post("/v1/models/credit/promote", json={"version": 1})
    assert loads == [2, 1]
    service.client.post("/v1/models/credit/rollback", json={})
    assert loads == [2, 1, 2]


def test_the_state_is_shown_and_ended(start, store):
    """Over HTTP, with the history; an unknown challenger gives a 404."""
    service = start(store, mode="canary", share=0.25, why="newer rows")
    shown = service.client.get("/v1/models/credit/challenger").json()

    assert (shown["version"], shown["champion"], shown["mode"], shown["share"]) == (2, 1, "canary", 0.25)
    assert shown["test"]["verdict"] == "undecided"
    assert service.client.get("/v1/models/credit").json()["aliases"] == {"champion": 1, "challenger": 2}
    ended = service.client.delete("/v1/models/credit/challenger", params={"why": "enough"})
    assert (ended.status_code, ended.json()["active"]) == (200, False)
    assert [(event.action, event.why) for event in store.registry.history("credit")[-2:]] == [
        ("challenge", "canary of 25 %; newer rows"),
        ("withdraw", "enough"),
    ]
    assert service.client.get("/v1/models/credit").json()["aliases"] == {"champion": 1}
    for response in (
        service.client.get("/v1/models/credit/challenger"),
        service.client.delete("/v1/models/credit/challenger"),
        service.client.delete("/v1/models/nothing/challenger"),
        service.client.get("/v1/models/nothing/challenger"),
        service.client.post("/v1/models/credit/challenger", json={"version": 7}),
    ):
        assert response.status_code == 404, response.text


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        ({"version": 1}, 409, "it is the champion"),
        ({"version": 2, "mode": "canary"}, 409, "the share of a canary must be above 0 and below 1, got 0"),
        ({"version": 2, "share": 0.1}, 409, "a shadow sends no answers, so it has no share, got 0.1"),
        ({"version": 2, "mode": "canary", "share": 1.5}, 422, "see `errors`"),
        ({"version": 2, "mode": "twin"}, 422, "see `errors`"),
    ],
)
def test_what_makes_no_challenger_is_refused(client, body, status, message):
    """With a sentence; nothing changes."""
    response = client.post("/v1/models/credit/challenger", json=body)
    assert (response.status_code, message in response.json()["detail"]) == (status, True), response.text
    assert client.get("/v1/models/credit/challenger").status_code == 404


def test_one_call_rolls_a_canary_back(start, store, applicant):
    """From then on the champion answers alone."""
    service = start(store, mode="canary", share=0.9)
    state = service.client.post("/v1/models/credit/rollback", json={"why": "complaints"}).json()

    assert (state["champion"], state["live_version"]) == (1, 1)
    assert {service.client.post("/v1/credit/score", json=applicant).json()["version"] for _ in range(20)} == {1}


def with_columns(live, change):
    """What is asked of a version, had it other columns."""
    table = replace(live.table, columns=tuple(changed for column in live.table.columns if (changed := change(column))))
    return SimpleNamespace(name=live.name, version=2, domain=live.domain, table=table)


def test_a_challenger_must_take_the_champions_requests(store):
    """Other bounds or a column that must be there are named; levels and descriptions are not asked for."""
    live = load_live(store.registry.version("credit", 1), store.home.bundles)

    def with_income(**changes):
        return with_columns(live, lambda one: replace(one, **changes) if one.name == "income_eur" else one)

    for challenger in (with_income(maximum=5_000.0), with_income(name="income")):
        with pytest.raises(ChallengerError, match=r"it accepts other requests \(column income.*\) than champion 1"):
            check_challenger(live, challenger, "canary", AUDIT)
    gone = with_columns(live, lambda one: one if one.name != "income_eur" else None)
    for challenger in (gone, with_income(optional=True)):
        check_challenger(live, challenger, "canary", AUDIT)
    check_challenger(live, with_income(description="Else said.", example=5), "shadow", AUDIT)
    check_challenger(live, with_income(), "canary", AuditSettings(level="off"))
    with pytest.raises(ChallengerError, match="a shadow is only recorded, and the audit log of this model is off"):
        check_challenger(live, with_income(), "shadow", AuditSettings(level="off"))


def test_a_shadow_must_look_back_through_the_champions_windows(store):
    """Fewer will do, others will not; a canary may have any."""
    live = load_live(store.registry.version("fraud", 1), store.home.bundles)
    first = live.table.windows[0]
    longer = replace(first, window=Window(**{**vars(first.window), "days": first.window.days + 1}))

    other = with_columns(live, lambda one: longer if one.name == first.name else one)
    with pytest.raises(ChallengerError, match=rf"would need other windows \({first.name}"):
        check_challenger(live, other, "shadow", AUDIT)
    check_challenger(live, other, "canary", AUDIT)
    check_challenger(live, with_columns(live, lambda one: None if one.name == first.name else one), "shadow", AUDIT)


@pytest.mark.parametrize(("mode", "share"), [("shadow", 0.0), ("canary", 0.5)])
def test_the_promotion_test_counts_what_became_of_events(start, store, other_fraud_scorer, mode, share, eventually):
    """The same figures as from the answers one by one; an event that nobody called fraud is genuine once it is old."""
    store.add(FRAUD, other_fraud_scorer, promote=False)
    service = start(store, "fraud", mode=mode, share=share)
    state = service.client.app.state
    rows = [{**FRAUD.table.example(), "transaction_id": number, "amount_eur": 5.0 * number} for number in range(1, 31)]
    answers = [service.client.post("/v1/fraud/score", json=row).json() for row in rows[:20]]
    answers += service.client.post("/v1/fraud/batch", json={"rows": rows[20:]}).json()["answers"]
    log = state.live_models.served("fraud").events
    frauds = {str(number) for number in range(1, 31, 4)}
    labels = [Outcome(one, True, MOMENT, "feedback") for one in frauds]
    take_labels(log.engine, "fraud", labels, now=MOMENT)
    if mode == "shadow":
        eventually(lambda: state.predictions.count("fraud", roles=["shadow"]) == 30)

    shown = service.client.get("/v1/models/fraud/challenger").json()["test"]
    assert shown["n_predictions"] == 0  # the labels are not mature
    served = state.live_models.served("fraud")
    live = served.live
    later = MOMENT + timedelta(days=live.table.label_delay_days + 0.01)
    test = promotion_test(log.engine, served.rollout, 1, live.domain, live.table, now=later)
    assert sum(week.n_known for week in performance(log.engine, live, now=later).by_week) == 30

    # the clock of these tests stands still, so that requests stand in the order of their ids
    recorded_as = [recorded(service, answer["prediction_id"])[0].id for answer in answers]
    places = sorted(range(30), key=lambda place: (recorded_as[place], place))
    happened = [str(rows[place]["transaction_id"]) in frauds for place in places]
    sent = [answers[place]["fraud_probability"] for place in places]
    if mode == "shadow":
        said = {
            one.id: one.answer["fraud_probability"]
            for answer in answers
            for one in predictions_of(recorded(service, answer["prediction_id"])[1])
        }
        assert test == judge_shadow(sent, [said[answers[place]["prediction_id"]] for place in places], happened)
        assert test.n_predictions == 30
    else:
        alone = [i for i, place in enumerate(places) if place < 20]
        by_canary = [answers[places[i]]["version"] == 2 for i in alone]
        assert test == judge_canary([sent[i] for i in alone], by_canary, [happened[i] for i in alone], share=share)
        assert test.n_predictions == 20


def test_the_promotion_test_compares_rows_that_both_approve_in_their_order(start, store, applicant, eventually):
    """By the path that takes outcomes, which come in any order; an unknown one keeps its place."""
    service = start(store)
    safe = {"income_eur": 9_000, "amount_eur": 1_000, "duration_months": 12}
    rows = [{**applicant, **(safe if number % 3 else {})} for number in range(12)]
    ids = [service.client.post("/v1/credit/score", json=row).json()["prediction_id"] for row in rows]
    shadows = {one: next(predictions_of(shadow_of(service, one, eventually))).answer for one in ids}
    champions = {one: service.client.app.state.predictions.prediction(one).answer for one in ids}
    both = [one for one in sorted(ids) if "approve" == champions[one]["decision"] == shadows[one]["decision"]]
    assert 2 < len(both) < 12, "the rows must differ in what is decided"
    known = {one: i % 2 for i, one in enumerate(ids) if one != both[-2]}
    told = [{"prediction_id": one, "outcome": bool(known[one])} for one in reversed(ids) if one in known]
    assert service.client.post("/v1/outcomes", json={"outcomes": told}).json()["n_new"] == 11

    champion, shadow = ([said[one]["probability_of_default"] for one in both] for said in (champions, shadows))
    outcomes = [known.get(one, float("nan")) for one in both]
    live = service.client.app.state.live_models.served("credit").live
    note = "Compared are rows with the decision “approve” from both."
    expected = judge_shadow(champion, shadow, outcomes, note=note)
    found = promotion_test(
        service.client.app.state.predictions.engine,
        store.registry.rollouts.rollout("credit"), 1, live.domain, live.table, now=MOMENT + timedelta(days=1),
    )  # fmt: skip
    assert found == expected
    assert found.n_predictions + found.n_unknown + found.n_waiting == len(both)
