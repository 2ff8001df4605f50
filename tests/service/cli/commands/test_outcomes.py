"""`backscore outcomes load`, `performance` and `train --from-outcomes`."""

import pandas as pd
import pytest

from data.checking import checked_frame
from models.domains._discovery import load_domains
from models.records.outcomes.predictions import PREDICTIONS
from models.registry.database.engine import open_database
from models.training.known_rows import read_known_rows
from models.training.row_digests import row_digests
from service.cli.commands.outcomes import outcomes_of


@pytest.fixture
def asked(trained, start_service):
    """600 applicants that were scored years ago; a frame with their ids and outcomes."""
    credit = load_domains()["credit"]
    client = start_service(trained.home.path).client
    frame = credit.simulate(600, 3).frame
    table = client.app.state.live_models.served("credit").live.table
    rows = frame[[column.name for column in table.inputs]].astype(object)
    rows = rows.where(rows.notna(), None).to_dict("records")
    ids = []
    for start in range(0, 600, 100):
        batch = client.post("/v1/credit/batch", json={"rows": rows[start : start + 100]}).json()
        ids += [answer["prediction_id"] for answer in batch["answers"]]
    outcomes = frame[table.target.name].astype(int)
    return pd.DataFrame({"prediction_id": ids, "outcome": outcomes, "observed": "2024-06-30T00:00:00Z"})


def test_outcomes_are_loaded_judged_and_trained_on(run, asked, tmp_path, trained):
    """The whole way, from answers to a new version."""
    file = tmp_path / "outcomes.csv"
    asked.to_csv(file, index=False)
    assert run("outcomes", "load", str(file), "--json").json == {
        "n_outcomes": 600,
        "n_new": 600,
        "n_empty": 0,
        "n_left_out": 0,
        "problems": [],
    }
    assert run("outcomes", "load", str(file), "--json").json["n_new"] == 0

    told = run("performance", "credit", "--weeks", "520", "--json").json
    assert told["total"]["n_known"] == 600
    assert 0.5 < told["total"]["realised"]["auc"]["value"] <= 1
    shown = run("performance", "credit", "--weeks", "520")
    assert "all matured" in shown.stdout

    job = run("train", "credit", "--from-outcomes", "--preset", "fast", "--promote", "never", "--json")
    assert job.exit_code == 3, job.stderr
    assert job.json["version"] == 3
    report = (trained.home.bundles / job.json["digest"] / "report.html").read_text()
    assert "120 test rows, cut in the order of the rows, the test rows last" in report


def test_recorded_rows_are_split_in_the_order_of_their_answers(run, asked, tmp_path, trained):
    """The last fifth tests; those that come later do so next time, and no row tests that trained the champion."""
    file = tmp_path / "outcomes.csv"
    train = ("train", "credit", "--from-outcomes", "--preset", "fast", "--promote", "always", "--json")
    asked[:500].to_csv(file, index=False)
    run("outcomes", "load", file)
    first = run(*train)
    asked.to_csv(file, index=False)
    run("outcomes", "load", file)
    second = run(*train)

    assert (first.exit_code, second.exit_code) == (0, 0), second.stderr
    known = [read_known_rows(trained.home.bundles, outcome.json["digest"]) for outcome in (first, second)]
    assert [one.test_rows.tolist() for one in known] == [list(range(400, 500)), list(range(480, 600))]
    credit = load_domains()["credit"]
    answered = checked_frame(credit.table, credit.simulate(600, 3).frame, "rows", training=True)  # in this order
    digests = row_digests(answered, known[1].matched)
    assert set(known[0].tested) == set(digests[400:500])
    assert set(digests[500:]) < set(known[1].tested) < set(digests[400:])
    assert "Version 3 was trained on 400 of the 600 rows, so these do not test" in " ".join(second.stderr.split())


def test_what_the_file_says_is_read_as_people_write_it(run, asked, tmp_path, trained):
    """yes, no, 1.0, and empty, which takes back."""
    file = tmp_path / "outcomes.csv"
    ids = asked.prediction_id[:4]
    file.write_text(
        "prediction_id,outcome\n" + "\n".join(map(",".join, zip(ids, ["yes", "No", "1.0", ""], strict=True)))
    )
    loaded = run("outcomes", "load", str(file))
    assert "4 of 4 outcomes are new." in loaded.stdout + loaded.stderr
    assert "Empty outcomes, which withdraw earlier ones: 1." in loaded.stdout + loaded.stderr
    engine = open_database(trained.home.database_url)
    with engine.begin() as connection:
        known = PREDICTIONS.values(connection, "credit")
    assert known == {ids[0]: True, ids[1]: False, ids[2]: True}
    engine.dispose()


@pytest.mark.parametrize(
    ("texts", "words", "days"),
    [
        (["25/12/2025", "03/12/2025"], (), ["2025-12-25", "2025-12-03"]),
        (["05/12/2025", "03/12/2025"], ("--time-format", "%d/%m/%Y"), ["2025-12-05", "2025-12-03"]),
        (["05/12/2025", "03/12/2025"], ("--time-format", "%m/%d/%Y"), ["2025-05-12", "2025-03-12"]),
        (["46016", "45994"], ("--time-format", "excel days"), ["2025-12-25", "2025-12-03"]),
    ],
)
def test_days_are_read_by_one_format_for_the_whole_file(tmp_path, texts, words, days):
    """One day beyond the twelfth decides the others."""
    file = tmp_path / "outcomes.csv"
    file.write_text("prediction_id,outcome,observed\n" + "".join(f"a,1,{text}\n" for text in texts))

    found, _ = outcomes_of(file, of_events=True, time_format=words[1] if words else None)

    assert [one.known for one in found.values()] == [pd.Timestamp(day, tz="UTC") for day in days]


@pytest.mark.parametrize(
    ("texts", "words", "said"),
    [
        (["05/12/2025", "03/12/2025"], (), "5 December 2025 as '%d/%m/%Y' and 12 May 2025 as '%m/%d/%Y'"),
        (["25/12/2025", "12/25/2025"], (), "it mixes formats"),
        (["25/12/2025"], ("--time-format", "dd/mm/yyyy"), "reads no times"),
    ],
)
def test_days_in_doubt_are_refused_with_the_way_on(run, trained, tmp_path, texts, words, said):
    """The two readings are named, and the option that settles them."""
    file = tmp_path / "outcomes.csv"
    file.write_text("prediction_id,outcome,observed\n" + "".join(f"a,1,{text}\n" for text in texts))

    loaded = run("outcomes", "load", file, *words)

    assert loaded.exit_code == 2
    assert said in loaded.stderr
    assert "--time-format" in loaded.stderr


def test_models_with_events_have_labels_instead(run, trained, start_service, tmp_path):
    """As over HTTP."""
    row = {**load_domains()["fraud"].table.example(), "transaction_id": 815}
    name = start_service(trained.home.path).client.post("/v1/fraud/score", json=row).json()["prediction_id"]
    file = tmp_path / "outcomes.csv"
    file.write_text(f"prediction_id,outcome\n{name},1\n")
    loaded = run("outcomes", "load", str(file), "--json")
    assert (loaded.exit_code, loaded.json["n_new"]) == (1, 0)
    assert "/v1/fraud/labels" in loaded.json["problems"][0]["problem"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("prediction_id\na\n", "outcome"),
        ("prediction_id,outcome,observed\na,1,soon\n", "row 1, column 'observed'"),
    ],
)
def test_files_that_cannot_be_read(run, trained, tmp_path, content, said):
    file = tmp_path / "outcomes.csv"
    file.write_text(content)
    loaded = run("outcomes", "load", str(file))
    assert loaded.exit_code == 2
    assert said in loaded.stderr


def test_nothing_to_train_on_is_said(run, trained):
    """With the way to tell outcomes; and models with events have another."""
    job = run("train", "ads", "--from-outcomes")
    assert job.exit_code == 2
    assert "outcomes load" in job.stderr
    assert "--from-events" in run("train", "fraud", "--from-outcomes").stderr
    assert run("train", "ads", "--from-outcomes", "--from-events").exit_code == 2
