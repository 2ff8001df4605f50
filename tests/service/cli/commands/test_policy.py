"""`policy`: simulate on past rows, store, activate, go back; a running service follows."""

from __future__ import annotations

import pytest

from models.domains._discovery import load_domains


@pytest.fixture
def simulate(run, trained, credit_csv):
    """Simulates a policy of the credit model on a file of past applicants."""
    return lambda *words: run("policy", "simulate", "credit", "--data", credit_csv, *words)


def decision_by_cli(run, trained, tmp_path):
    """What `backscore score` decides about the example applicant, and by which policy."""
    table = load_domains()["credit"].table
    example = load_domains()["credit"].restrict_inputs(table).example()
    source, out = tmp_path / "one.csv", tmp_path / "scored.csv"
    source.write_text(",".join(example) + "\n" + ",".join(map(str, example.values())) + "\n")
    scored = run("score", source, "--name", "credit", "--out", out, "--json").json
    header, values = (line.split(",") for line in out.read_text().splitlines()[:2])
    return dict(zip(header, values, strict=True))["decision"], scored["policy_version"]


def test_from_a_simulation_to_another_decision_and_back(run, simulate, trained, tmp_path):
    """The whole way: test, store, activate, decide by it, go back; nothing is trained."""
    before = decision_by_cli(run, trained, tmp_path)
    stored = simulate("--set", "approve_below=0", "--set", "decline_from=0", "--save", "--why", "stop", "--json").json
    assert (stored["stored_as"], stored["figures"]["approval_rate"]) == (1, 0.0)
    assert decision_by_cli(run, trained, tmp_path) == before

    activated = run("policy", "activate", "credit", 1, "--why", "losses", "--json")
    assert (activated.exit_code, activated.json["active"], activated.json["policy"]["why"]) == (0, 1, "stop")
    assert decision_by_cli(run, trained, tmp_path) == ("decline", 1)

    back = run("policy", "rollback", "credit", "--why", "over")
    assert (back.exit_code, "by the policy of its own bundle" in back.stdout) == (0, True)
    assert decision_by_cli(run, trained, tmp_path) == before
    events = [(event.action, event.alias, event.why) for event in trained.registry.history("credit")[-2:]]
    assert events == [("activate", "policy", "losses"), ("rollback", "policy", "over")]
    assert "activate policy" in run("models", "show", "credit").stdout


def test_a_simulation_is_told_to_people(simulate):
    """Policy, rows, figures beside the active ones, decisions, changes and groups."""
    outcome = simulate("--costs", "5:1", "--refer", "0.1")

    assert outcome.exit_code == 0
    for text in (
        "costs 5:1, 0.1 around it referred",
        "applicants.csv, all 1,500 rows",
        "active (policy 0)",
        "observed cost per row",
        "Cheapest in hindsight",
        "against policy 0",
        "20-29",
        "diverse",
        "(too few)",
    ):
        assert text in outcome.stdout


def test_a_bad_rate_of_few_rows_is_said_to_be_chance(simulate):
    """Ten of 1,500 rows can all be good without proving anything."""
    assert "only 10 row(s) are approved" in simulate("--approval-rate", 10 / 1500).stderr
    assert "mostly chance" not in simulate("--approval-rate", 0.5).stderr


def test_what_was_simulated_is_stored_and_shown(run, simulate, trained):
    """The figures printed are the figures kept, with the reason and the version that they are about."""
    printed = simulate("--approval-rate", "0.7", "--save", "--why", "growth", "--json").json
    (stored,) = trained.registry.policies.stored("credit")

    assert stored.simulation == {key: value for key, value in printed.items() if key not in ("name", "stored_as")}
    assert (stored.content, stored.why, stored.model_version) == (printed["policy"], "growth", 1)
    shown, for_people = run("policy", "show", "credit", "--json").json, run("policy", "show", "credit")
    assert (shown["active"], shown["note"], len(shown["policies"])) == (0, "", 1)
    for text in ("policy 0 is active", "approve_below", "growth", "70.0% approved"):
        assert text in for_people.stdout


def test_another_version_than_the_tested_one_is_pointed_out(run, simulate, trained):
    """The policy stays active but is marked untested; simulating and storing it again fixes that."""
    simulate("--save", "--why", "first")
    run("policy", "activate", "credit", 1, "--why", "go")
    run("models", "promote", "credit", 2, "--why", "better")
    assert "policy 1 was simulated with version 1, but version 2 answers" in run("policy", "show", "credit").stderr

    again = simulate("--policy", 1, "--save", "--why", "tested with version 2", "--json").json
    activated = run("policy", "activate", "credit", again["stored_as"], "--why", "same rules", "--json").json

    assert (again["chosen_by"], again["changes"], again["model_version"]) == ("policy 1, unchanged", [], 2)
    assert (activated["active"], activated["note"]) == (2, "")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--costs", "5:-1"], "must be a finite number of at least 0, got -1"),
        (["--costs", "0:0"], "one of the two costs must be above 0"),
        (["--costs", "much"], "written 5:1 or 5:1:0.6; got 'much'"),
        (["--approval-rate", "1.2"], "approval rate must be above 0 and at most 1, got 1.2"),
        (["--bad-rate", "-0.1"], "bad rate must be at least 0 and below 1, got -0.1"),
        (["--approval-rate", "0.5", "--bad-rate", "0.1"], "not both"),
        (["--refer", "1"], "share to refer must be at least 0 and below 1, got 1"),
        (["--set", "approve_below=0.9"], "approve_below (0.9) must not exceed decline_from (0.3)"),
        (["--set", "cutoff=0.9"], "'cutoff' is not a field of this policy"),
        (["--policy", "4"], "'credit' has no policy 4; none is stored"),
        (["--policy", "0", "--refer", "0.1"], "only costs can be given with it"),
        (["--save"], "--save needs --why REASON"),
        (["--table", "german"], "name only one of them"),
    ],
)
def test_bad_input_is_explained_and_stores_nothing(simulate, trained, words, message):
    """Exit code 2, and what is allowed."""
    outcome = simulate(*words)

    assert (outcome.exit_code, outcome.stdout) == (2, "")
    assert message in outcome.stderr
    assert trained.registry.policies.stored("credit") == []


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["show", "nobody"], "'nobody' has no live model"),
        (["simulate", "nobody"], "'nobody' has no live model"),
        (["activate", "credit", "3", "--why", "x"], "'credit' has no policy 3; none is stored"),
        (["activate", "nobody", "0", "--why", "x"], "'nobody' has no policy 0"),
        (["rollback", "credit", "--why", "x"], "cannot be rolled back: the policy of its bundle is active"),
        (["simulate", "credit", "--table", "loans"], "'loans' is no public table"),
        (["simulate", "credit"], "are not available here (simulated rows)"),
    ],
)
def test_what_is_not_there_is_named(run, trained, words, message):
    """Models, policies and rows."""
    outcome = run("policy", *words)

    assert outcome.exit_code == 2
    assert message in outcome.stderr


def test_a_policy_that_cannot_be_read_is_not_activated(run, trained):
    """It was stored by another version of backscore, say; the active one stays."""
    trained.registry.policies.add(
        name="credit", domain="credit", content={"x": 1}, model_version=1, simulation={}, actor="tests", why=""
    )

    outcome = run("policy", "activate", "credit", 1, "--why", "try")

    assert (outcome.exit_code, trained.registry.policies.active("credit")) == (2, None)
    assert "policy 1 of 'credit' cannot be used here: 'x' is not a field" in outcome.stderr


def test_nobody_rolls_back_to_a_policy_that_cannot_be_read(run, trained):
    """The active one stays; policy 0 is the way on."""
    told = {"actor": "tests", "why": ""}
    for content in ({"x": 1}, {}):
        trained.registry.policies.add(
            name="credit", domain="credit", content=content, model_version=1, simulation={}, **told
        )
    trained.registry.policies.activate("credit", 1, **told)
    trained.registry.policies.activate("credit", 2, **told)

    outcome = run("policy", "rollback", "credit", "--why", "complaints")

    assert (outcome.exit_code, trained.registry.policies.active("credit").number) == (2, 2)
    assert "policy 1 of 'credit' cannot be used here: 'x' is not a field" in outcome.stderr
    assert run("policy", "activate", "credit", 0, "--why", "back to the bundle's").exit_code == 0


@pytest.fixture
def simulate_fraud(run, trained, tmp_path):
    """Simulates a policy of the fraud model on a file of past transactions."""
    rows = tmp_path / "transactions.csv"
    load_domains()["fraud"].simulate(800, 5).frame.to_csv(rows, index=False)
    return lambda *words: run("policy", "simulate", "fraud", "--data", rows, *words)


def test_a_fraud_policy_is_chosen_by_reviews_a_day_stored_and_activated(run, simulate_fraud, trained):
    """Day by day and in all, beside the active one; what was simulated is kept and told again."""
    outcome = simulate_fraud("--reviews-per-day", "0.5", "--save", "--why", "a small team")
    activated = run("policy", "activate", "fraud", 1, "--why", "go")
    (stored,) = trained.registry.policies.stored("fraud")
    totals = stored.simulation["alerts"]["by_policy"]["totals"]
    n_days = len(stored.simulation["alerts"]["by_policy"]["days"])

    assert (outcome.exit_code, activated.exit_code) == (0, 0)
    for text in ("Policy by 0.5 reviews a day", "2024-04-", "cards reviewed a day", "active (policy 0)", "precision"):
        assert text in outcome.stdout
    assert 0 < totals["n_reviewed"] <= 0.5 * n_days
    assert f"On past rows: {totals['n_reviewed'] / n_days:,.1f} cards reviewed" in activated.stdout
    assert stored.simulation["chosen_by"] in outcome.stdout


def test_a_fraud_policy_goes_live_over_http_with_its_simulation(simulate_fraud, start_service, trained):
    """The service hands out the days it was tested on."""
    printed = simulate_fraud("--reviews-per-day", "1", "--save", "--why", "budget", "--json").json
    service = start_service(trained.home.path, poll_seconds=0.02)

    activated = service.client.post("/v1/models/fraud/policy", json={"version": 1, "why": "go"})
    told = service.client.get("/v1/models/fraud").json()

    assert activated.status_code == 200
    assert (told["active_policy"], told["policies"][0]["simulation"]["alerts"]) == (1, printed["alerts"])


def test_fraud_policies_take_values_too(simulate_fraud):
    """What changes is counted by decision."""
    outcome = simulate_fraud("--set", "review_from=0.3")

    assert outcome.exit_code == 0
    assert "review -> allow" in outcome.stdout


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--costs", "5:1"], "by setting its fields as FIELD=VALUE: review_from, block_from"),
        (["--reviews-per-day", "0"], "the reviews a day must be a finite number above 0, got 0"),
        (["--reviews-per-day", "3", "--set", "review_from=0.1"], "review_from: both chosen and given"),
        (["--review-cost", "5"], "--review-cost and --blocked-good-cost are needed together"),
        (["--missed-share", "0.5"], "needs --review-cost and --blocked-good-cost"),
        (
            ["--review-cost", "-5", "--blocked-good-cost", "30"],
            "cost of a review must be a finite number of at least 0",
        ),
        (["--policy", "0", "--reviews-per-day", "3"], "only costs can be given with it"),
    ],
)
def test_budgets_that_are_none_are_explained(simulate_fraud, trained, words, message):
    """Exit code 2, and what is allowed."""
    outcome = simulate_fraud(*words)

    assert (outcome.exit_code, outcome.stdout) == (2, "")
    assert message in outcome.stderr


def test_credit_makes_no_alerts(simulate):
    """The requested option is refused by name."""
    assert "a policy for credit makes no alerts" in simulate("--reviews-per-day", "10").stderr


RULES = """
[[rules]]
name = "large"
action = "block"
when = [{column = "amount_eur", above = 150}]
"""


@pytest.fixture
def rules_file(tmp_path):
    """One rule, as a person writes it."""
    path = tmp_path / "rules.toml"
    path.write_text(RULES)
    return path


@pytest.fixture(scope="module")
def transactions(tmp_path_factory):
    """Past transactions."""
    path = tmp_path_factory.mktemp("rows") / "transactions.csv"
    load_domains()["fraud"].simulate(800, 5).frame.to_csv(path, index=False)
    return path


def test_a_policy_takes_the_rules_of_a_file_and_shows_them(run, trained, transactions, rules_file):
    """Simulated with its thresholds as they are, stored, activated, shown in words; then taken out again."""
    simulated = run(
        "policy", "simulate", "fraud", "--data", transactions, "--rules", rules_file, "--save", "--why", "x"
    )
    activated = run("policy", "activate", "fraud", 1, "--why", "attack")
    shown, as_json = run("policy", "show", "fraud"), run("policy", "show", "fraud", "--json").json
    without = run("policy", "simulate", "fraud", "--data", transactions, "--set", "rules=[]", "--json").json

    assert (simulated.exit_code, activated.exit_code) == (0, 0)
    assert "Policy by rules=large" in simulated.stdout
    assert "allow -> block" in simulated.stdout
    assert as_json["policy"]["rules"] == [
        {
            "name": "large",
            "action": "block",
            "when": [{"column": "amount_eur", "above": 150.0}],
            "live": True,
            "note": "",
        }
    ]
    for text in ("large", "block", "above 150"):
        assert text in shown.stdout
    assert (without["policy"]["rules"], without["chosen_by"]) == ([], "rules=none")
    assert {change["before"] for change in without["changes"]} == {"block"}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--set", "rules=[]"], "--rules cannot be combined with --set rules=..."),
        (["--rules", "nowhere.toml"], "nowhere.toml: cannot be read"),
    ],
)
def test_rules_that_contradict_or_are_missing_are_refused(run, trained, transactions, rules_file, words, message):
    """Exit code 2 and why."""
    outcome = run("policy", "simulate", "fraud", "--data", transactions, "--rules", rules_file, *words)

    assert (outcome.exit_code, outcome.stdout) == (2, "")
    assert message in outcome.stderr


def test_rules_that_do_not_fit_the_version_are_not_activated(run, trained):
    """They may have been stored for a version with another table."""
    rule = {"name": "r", "action": "block", "when": [{"column": "amount", "above": 1}]}
    trained.registry.policies.add(
        name="fraud", domain="fraud", content={"rules": [rule]}, model_version=1, simulation={}, actor="tests", why=""
    )

    outcome = run("policy", "activate", "fraud", 1, "--why", "try")

    assert (outcome.exit_code, trained.registry.policies.active("fraud")) == (2, None)
    assert "policy 1 of 'fraud' cannot be used here: rule 'r', column 'amount': table " in outcome.stderr


def test_a_running_service_follows(start_service, simulate, run, trained, applicant, eventually):
    """The command switches it within a poll; answers say so."""
    service = start_service(trained.home.path, poll_seconds=0.02)
    simulate("--set", "approve_below=1", "--set", "decline_from=1", "--save", "--why", "all in")
    run("policy", "activate", "credit", 1, "--why", "go")

    def answer():
        return service.client.post("/v1/credit/score", json=applicant).json()

    eventually(lambda: answer()["policy_version"] == 1)
    assert (answer()["version"], answer()["decision"]) == (1, "approve")
