"""`backscore audit`: predictions are shown and answered again, settings change, and what is not kept goes."""

import pytest

from models.records.audit_log.log import PredictionLog
from models.registry.database.engine import open_database
from models.registry.registry import Registry


@pytest.fixture
def answered(trained, start_service, applicant):
    """A home with two recorded answers of credit; their ids."""
    service = start_service(trained.home.path)
    return [service.client.post("/v1/credit/score", json=applicant).json()["prediction_id"] for _ in range(2)]


def test_a_prediction_is_shown_and_answered_again(run, answered):
    """With what was asked and answered, for people and for programs."""
    shown = run("audit", "show", answered[0])
    assert shown.exit_code == 0
    assert "identical to the bit" in shown.stderr + shown.stdout
    assert "probability_of_default" in shown.stdout
    (told,) = run("audit", "show", answered[0], "--json").json["predictions"]
    assert told["replay"] == {"identical": True, "same_features": True, "differences": {}, "notes": []}
    assert told["answer"]["prediction_id"] == answered[0]


def test_an_altered_record_is_an_exit_code(run, answered, trained):
    """1, with the fields that differ."""
    engine = open_database(trained.home.database_url)
    with engine.begin() as connection:
        connection.exec_driver_sql(
            "UPDATE predictions SET answer = replace(answer, 'decision\":\"', 'decision\":\"not ')"
        )
    engine.dispose()
    shown = run("audit", "show", answered[0])
    assert shown.exit_code == 1
    assert "decision was 'not " in shown.stderr


def test_what_was_never_recorded_is_bad_input(run, answered):
    """The message says why it can be so."""
    shown = run("audit", "show", "nothing")
    assert shown.exit_code == 2
    assert "'nothing'" in shown.stderr


def test_the_newest_are_listed(run, answered):
    """In a table and as JSON, the newest first."""
    assert answered[1] in run("audit", "list", "credit").stdout
    told = run("audit", "list", "credit", "--last", "1", "--json").json["requests"]
    assert [one["id"] for one in told] == [answered[1]]
    assert run("audit", "list", "nothing").exit_code == 0


def test_settings_are_changed_and_shown(run, answered, trained):
    """Only what is given changes; 0 takes a limit away; the history tells of it."""
    defaults = {"name": "credit", "level": "durable", "sample": 1.0, "keep_days": None, "keep_megabytes": None}
    assert run("audit", "settings", "credit", "--json").json == defaults
    changed = run("audit", "settings", "credit", "--level", "async", "--keep-days", "30", "--why", "test", "--json")
    assert changed.json == {**defaults, "level": "async", "keep_days": 30.0}
    assert run("audit", "settings", "credit", "--keep-days", "0", "--json").json == {**defaults, "level": "async"}
    registry = Registry(trained.home.database_url)
    assert [event.action for event in registry.history("credit")].count("audit") == 2
    registry.close()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--level", "sometimes"), "--level"),
        (("--sample", "1.5"), "--sample"),
        (("--keep-days", "-1"), "--keep-days"),
        (("--keep-megabytes", "nan"), "--keep-megabytes"),
    ],
)
def test_settings_that_cannot_be(run, answered, options, said):
    """The option is named, and nothing changes."""
    changed = run("audit", "settings", "credit", *options)
    assert changed.exit_code == 2
    assert said in changed.stderr
    assert run("audit", "settings", "credit", "--json").json["level"] == "durable"


def test_what_is_not_kept_can_be_deleted_at_once(run, answered, trained):
    """The answers of the tests' clock are years old."""
    assert run("audit", "prune", "credit", "--json").json == {"name": "credit", "n_deleted": 0}
    run("audit", "settings", "credit", "--keep-days", "1")
    assert run("audit", "prune", "credit", "--json").json["n_deleted"] == 2
    engine = open_database(trained.home.database_url)
    assert PredictionLog(engine).count("credit") == 0
    engine.dispose()
