"""`events`: the past is loaded, labelled, counted, exported, trained on and tested on."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from data.errors import SourceError
from data.files.sources import read_frame
from data.window_events import KnownPositives
from data.windows import checked_history
from models.answers.respond import respond
from models.backtesting.past_rows import answered_rows
from models.domains._discovery import load_domains
from models.records.events.backfill import plain_rows
from models.records.events.event_json import EventSerializer
from models.records.events.event_log import EventLog
from models.records.events.history import StoredRows, checked_rows, stored_rows, with_levels_of
from models.records.outcomes.events import take_labels
from models.records.outcomes.ledger import Outcome
from models.registry.bundles import read_manifest
from models.registry.database.engine import open_database
from models.registry.live import load_live
from service.cli.commands import quickstart
from service.cli.context import live_model, read_settings

FRAUD = load_domains()["fraud"]
N_ROWS = 3_000


@pytest.fixture
def rows():
    """Simulated transactions, moved to the last 60 days, as a frame."""
    frame = FRAUD.simulate(N_ROWS, 1).frame
    ends = pd.Timestamp(datetime.now(UTC).replace(tzinfo=None, microsecond=0)) - frame["time"].max()
    return frame.assign(time=frame["time"] + ends.floor("D"))


@pytest.fixture
def file(rows, tmp_path):
    path = tmp_path / "rows.parquet"
    rows.to_parquet(path, index=False)
    return path


def reach_days(live) -> float:
    return live.table.reach_seconds / 86_400


def test_the_past_is_loaded_once_and_counted(run, trained, rows, file):
    """What windows cannot reach is left out; what is there already is not loaded twice."""
    first = run("events", "load", "fraud", "--data", file, "--json")
    again = run("events", "load", "fraud", "--data", file)
    shown, for_people = run("events", "show", "fraud", "--json").json, run("events", "show", "fraud")

    live = live_model(read_settings(), "fraud")
    kept = rows[rows["time"] >= rows["time"].max().floor("s") - pd.Timedelta(days=reach_days(live) + 7)]
    assert first.json == {"name": "fraud", "n_rows": N_ROWS, "n_new": len(kept)}
    assert f"0 of {N_ROWS:,} rows loaded" in again.stdout
    assert (shown["n_events"], shown["n_answered"]) == (len(kept), 0)
    assert shown["last"] == kept["time"].max().isoformat()
    assert shown["first"] == kept["time"].min().isoformat()
    assert (shown["n_labels"], shown["n_frauds"], shown["n_genuine"]) == (kept["fraud"].sum(), kept["fraud"].sum(), 0)
    assert f"{len(kept):,}, 0 of them scored" in for_people.stdout


def test_rows_from_a_time_on_can_be_left_out(run, trained, rows, file):
    """So that the rest may be sent as events."""
    until = rows["time"].max().floor("D") - pd.Timedelta(days=1)

    run("events", "load", "fraud", "--data", file, "--until", until.date())

    assert (
        pd.Timestamp(run("events", "show", "fraud", "--json").json["last"]) == rows["time"][rows["time"] < until].max()
    )


def test_without_rows_that_can_be_had_again_a_file_is_asked_for(run, trained):
    """The version of this home was trained on rows that cannot be reproduced."""
    outcome = run("events", "load", "fraud")

    assert outcome.exit_code == 2
    assert "--data FILE" in outcome.stderr


def test_an_empty_store_says_how_to_fill_it(run, trained):
    """Also where rows with outcomes are asked for."""
    assert "backscore events load fraud" in run("events", "show", "fraud").stdout
    for words in (("events", "export", "fraud", "rows.csv"), ("train", "fraud", "--from-events")):
        outcome = run(*words)
        assert outcome.exit_code == 2
        assert "holds no events older than 7 days" in outcome.stderr


def test_a_model_without_windows_has_no_events(run, trained):
    """Nothing would look back on them."""
    outcome = run("events", "show", "credit")

    assert outcome.exit_code == 2
    assert "the table of 'credit' has no windows" in outcome.stderr


def test_labels_say_what_became_of_events(run, trained, rows, file, tmp_path):
    """In several spellings, at once or since a time; repeated ones change nothing, unknown events are named."""
    run("events", "load", "fraud", "--data", file)
    genuine = rows[~rows["fraud"]]["transaction_id"].iloc[-3:].tolist()
    path = tmp_path / "labels.csv"
    path.write_text(
        f"event_id,fraud,known_at\n{genuine[0]},yes,\n{genuine[1]},No,2024-01-01\n{genuine[2]},TRUE,2024-01-01\n99999,1,\n"
    )

    first, again = run("events", "labels", "fraud", path, "--json"), run("events", "labels", "fraud", path)

    assert first.json == {"name": "fraud", "n_labels": 4, "n_new": 3, "unknown": ["99999"]}
    assert "1 of the events are not stored, or no longer: 99999" in again.stderr
    assert "0 of 4 labels are new" in again.stdout
    shown = run("events", "show", "fraud", "--json").json
    assert shown["n_genuine"] == 1
    assert shown["n_labels"] == shown["n_frauds"] + 1


def test_a_bad_label_is_named(run, trained, tmp_path):
    """Row, column and value; nothing is stored."""
    path = tmp_path / "labels.csv"
    path.write_text("event_id,fraud\n1,perhaps\n")

    outcome = run("events", "labels", "fraud", path)

    assert outcome.exit_code == 2
    assert "row 1, column 'fraud': 'perhaps'" in outcome.stderr


@pytest.mark.parametrize("name", ["out.csv", "out.parquet"])
def test_exported_events_are_rows_of_the_table(run, trained, rows, file, tmp_path, name):
    """Those whose outcome is known by now, with the outcome; checked again they are the rows that were loaded."""
    run("events", "load", "fraud", "--data", file)

    outcome = run("events", "export", "fraud", tmp_path / name, "--json")

    live = live_model(read_settings(), "fraud")
    exported, frauds = checked_history(live.table, read_frame(tmp_path / name), name)
    loaded, labels = checked_history(live.table, rows, "rows")
    matured = loaded["transaction_id"].isin(exported["transaction_id"]).to_numpy()
    written = EventSerializer(live.table)
    assert outcome.json["n_rows"] == len(exported) == matured.sum() > 0
    assert list(map(written, plain_rows(live.table, exported))) == list(
        map(written, plain_rows(live.table, loaded[matured]))
    )
    assert frauds.tolist() == labels[matured].tolist()
    latest = pd.Timestamp(datetime.now(UTC).replace(tzinfo=None)) - pd.Timedelta(days=7)
    assert exported["time"].max() < latest <= loaded["time"].max()


def test_a_version_is_trained_on_stored_events(run, trained, file):
    """The next version has the table of the live one, and says where its rows are from."""
    run("events", "load", "fraud", "--data", file)

    outcome = run("train", "fraud", "--from-events", "--preset", "fast", "--promote", "never", "--json")

    assert outcome.exit_code == 3
    assert outcome.json["version"] == 2
    version = trained.registry.version("fraud", 2)
    assert load_live(version, trained.home.bundles).table == live_model(read_settings(), "fraud").table


def test_rows_come_from_one_place(run, trained, file, tmp_path):
    """Stored events and a file together are a mistake."""
    rules = tmp_path / "rules.toml"
    rules.write_text('[[rules]]\nname = "large"\naction = "block"\nwhen = [{column = "amount_eur", above = 150}]\n')
    for words, said in [
        (("train", "fraud"), "cannot be combined with --data"),
        (("policy", "simulate", "fraud"), "cannot be combined with --data"),
        (("rules", "backtest", "fraud", "--rules", rules), "cannot be combined with --data"),
    ]:
        outcome = run(*words, "--from-events", "--data", file)
        assert outcome.exit_code == 2
        assert said in outcome.stderr


def test_a_level_that_came_in_events_is_learned(trained):
    """Requests may hold levels that no table lists; they must not keep the next version from being trained."""
    live = live_model(read_settings(), "fraud")
    frame = FRAUD.simulate(20, 0).frame
    frame.loc[3, "channel"] = "phone"
    rows = StoredRows(frame, np.zeros(20, np.int64), KnownPositives(*np.zeros((3, 0), np.int64)), frame["time"])

    table = with_levels_of(live.table, rows.frame)

    assert table["channel"].levels == (*live.table["channel"].levels, "phone")
    assert table["merchant_category"] == live.table["merchant_category"]


def test_a_training_says_that_windows_are_empty(run, trained, tmp_path):
    """And how to fill them."""
    FRAUD.simulate(2_500, 2).frame.to_csv(tmp_path / "rows.csv", index=False)

    outcome = run("train", "fraud", "--data", tmp_path / "rows.csv", "--preset", "fast", "--promote", "always")

    assert outcome.exit_code == 0
    assert "`backscore events load fraud` loads the rows" in outcome.stderr


def test_quickstart_loads_the_simulated_past(run, trained, monkeypatch):
    """Right after the training, so that the first request finds a history."""
    settings = read_settings()
    loaded = []
    monkeypatch.setattr(quickstart, "load_rows", lambda _, live, **named: loaded.append((live.name, named)))

    for name in ("credit", "fraud"):
        quickstart._load_past(settings, name)

    assert loaded == [("fraud", {"data": None, "table": None, "until": None})]


class TestHistory:
    """Stored events with their windows, as rules and policies are tested on them."""

    @pytest.fixture
    def log(self, trained):
        live = live_model(read_settings(), "fraud")
        engine = open_database(trained.home.database_url)
        yield EventLog(engine, "fraud", live.table)
        engine.dispose()

    def test_has_the_windows_that_were_answered(self, log, rows):
        """Sent in order, with labels that came between them, events have the same windows again, bit for bit."""
        live = live_model(read_settings(), "fraud")
        checked, _ = checked_history(live.table, rows.iloc[-400:], "rows")
        names = [column.name for column in live.table.windows]
        inputs = checked[[column.name for column in live.table.inputs]].astype(object)
        answered = {}

        def answer(new, places):
            answered.update({row["transaction_id"]: [row[name] for name in names] for row in new})
            return respond(live, new, ["id"] * len(new))

        events = inputs.where(inputs.notna(), None).to_dict("records")
        for i, event in enumerate(events):
            log.answer([event], answer)
            if i % 5 == 0:  # labels at once, so that the windows' delay has passed for some events; some taken back
                known = event["time"]
                became = [Outcome(event["transaction_id"], True, known + timedelta(seconds=i), "feedback")]
                became += (
                    [replace(became[0], value=False, known=known + timedelta(seconds=10**5))] if i % 10 == 0 else []
                )
                take_labels(log.engine, "fraud", became, now=datetime.now(UTC))
        stored = stored_rows(log, datetime.now(UTC) + timedelta(days=30))
        frame = checked_rows(log, stored)

        assert len(frame) == len(events)
        assert stored.labels.sum() == 40
        assert frame["terminal_id_frauds_7d"].max() > 0
        for event_id, *values in frame[["transaction_id", *names]].itertuples(index=False):
            expected = np.array(answered[event_id], np.float64)
            assert np.array_equal(np.array(values), expected, equal_nan=True), event_id

    def test_of_answered_events_tests_policies(self, trained, log, rows):
        """Those that were answered after the version was trained, and are old enough."""
        live = live_model(read_settings(), "fraud")
        inputs = rows[[column.name for column in live.table.inputs]].iloc[-800:-400].astype(object)
        ids = inputs["transaction_id"].tolist()

        def answer(new, places):
            return respond(live, new, ["id"] * len(new))

        log.load(inputs.where(inputs.notna(), None).iloc[:100].to_dict("records"), [])
        log.answer(inputs.where(inputs.notna(), None).iloc[100:].to_dict("records"), answer)
        frauds = [Outcome(str(ids[i]), True, source="verdict") for i in (1, 101, 102)]
        take_labels(log.engine, "fraud", frauds, now=datetime.now(UTC))

        rows = answered_rows(live, manifest_of(trained), log, datetime.now(UTC) + timedelta(seconds=2))

        assert len(rows.frame) == 300
        assert rows.labels.sum() == 2
        assert rows.source == "stored events of 'fraud', the 300 scored since version 1 was trained"
        later = manifest_of(trained).model_copy(update={"created": datetime.now(UTC) + timedelta(hours=1)})
        with pytest.raises(SourceError, match="scored after version 1 was trained"):
            answered_rows(live, later, log, datetime.now(UTC))


def manifest_of(store):
    return read_manifest(store.home.bundles, store.registry.champion("fraud").digest)
