"""Three domains that a package adds, one file each: whatever they predict, they live the life of the built-in ones.

So does the built-in one whose answers and outcomes are lists.
"""

from __future__ import annotations

import importlib
import json
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from data.errors import TableError
from data.windows import checked_history
from models.backtesting.policy_choice import PolicyRequest
from models.backtesting.policy_simulation import simulate_request
from models.contract import Domain
from models.domains import domain_names
from models.domains._discovery import load_domains
from models.errors import PolicyError
from models.home import Home
from models.records.audit_log.record import milliseconds
from models.records.audit_log.replay import replay
from models.registry.database.schema import predictions
from models.registry.id_hash import share_of
from models.registry.registry import Registry
from models.retraining import train
from models.training.job import TrainingJob
from service.cli import app
from tests.conftest import MOMENT
from tests.guide_blocks import file_in_guide

NAMES = ("churn", "delivery", "routing")
LIVED = (*NAMES, "forecast")
N_ROWS = 300


@pytest.fixture(scope="module")
def added(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Domain]]:
    """The domains of a package that is installed while these tests run; churn is the one that the guide shows."""
    folder = tmp_path_factory.mktemp("site")
    (folder / "others-1.0.dist-info").mkdir()
    (folder / "others-1.0.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: others\nVersion: 1.0\n")
    (folder / "churn.py").write_text(file_in_guide("churn.py"))
    modules = {"churn": "churn", **{name: f"tests.contracts.domains.{name}" for name in NAMES[1:]}}
    lines = [f"{name} = {module}" for name, module in modules.items()]
    (folder / "others-1.0.dist-info" / "entry_points.txt").write_text("\n".join(["[backscore.domains]", *lines, ""]))
    sys.path.insert(0, str(folder))
    importlib.invalidate_caches()
    yield load_domains()
    sys.path.remove(str(folder))
    del sys.modules["churn"]
    importlib.invalidate_caches()


@dataclass(frozen=True)
class Life:
    """A model of one of the domains: trained twice by the job, served, asked, and told what came of it."""

    domain: Domain
    client: Any
    home: Home
    rows: list[dict[str, Any]]
    answers: list[dict[str, Any]]
    targets: np.ndarray[Any, Any]
    outcomes: list[Any]
    unused: Path
    """The home before the service started."""

    def get(self, path: str) -> Any:
        return checked(self.client.get(path))

    def post(self, path: str, body: Any) -> Any:
        return checked(self.client.post(path, json=body))


def checked(response: Any) -> Any:
    assert response.status_code == 200, response.text
    return response.json()


@pytest.fixture(scope="module", params=LIVED)
def life(
    request: pytest.FixtureRequest,
    added: dict[str, Domain],
    start_service: Callable[..., Any],
    eventually: Callable[[Callable[[], bool]], None],
    tmp_path_factory: pytest.TempPathFactory,
) -> Life:
    domain = added[request.param]
    home = Home(tmp_path_factory.mktemp(domain.name) / "home")
    registry = Registry(home.database_url)
    for seed, promote in ((0, "auto"), (1, "never")):
        frame = domain.simulate(1_500, seed).frame
        job = TrainingJob(
            domain=domain, name=domain.name, table=domain.table, source="simulated rows", split=domain.split,
            preset="fast", seed=seed, promote=promote,  # type: ignore[arg-type]
        )  # fmt: skip
        result = train(job, frame, home=home, registry=registry)
        assert result.promoted is (promote == "auto"), result.why
    registry.close()
    unused = Path(shutil.copytree(home.path, home.path.with_name("unused")))
    client = start_service(home.path).client
    _, targets = checked_history(
        domain.table, domain.simulate(N_ROWS, 7).frame, "fresh rows", targets=domain.task.targets
    )
    plain = domain.simulate(N_ROWS, 7).frame
    inputs = plain[[column.name for column in domain.table.inputs]]
    rows = json.loads(inputs.to_json(orient="records", date_format="iso"))
    started = client.post(f"/v1/models/{domain.name}/challenger", json={"version": 2, "mode": "shadow"})
    assert started.json()["active"], started.text
    answered = client.post(f"/v1/{domain.name}/batch", json={"rows": rows}).json()
    assert answered["errors"] == []
    eventually(lambda: shadow_has_answered(client, domain.name))
    outcomes = json.loads(plain[[domain.table.target.name]].to_json(orient="values"))
    outcomes = [outcome for (outcome,) in outcomes]
    return Life(domain, client, home, rows, answered["answers"], targets, outcomes, unused)


def shadow_has_answered(client: Any, name: str) -> bool:
    by_shadow = predictions.select().where(predictions.c.model == name, predictions.c.role == "shadow")
    with client.app.state.predictions.engine.connect() as connection:
        return connection.execute(by_shadow).first() is not None


def said_by(life: Life, answers: list[dict[str, Any]]) -> np.ndarray[Any, Any]:
    return np.array([life.domain.task.answered(answer) for answer in answers], float)


def test_discovery_finds_them_behind_the_built_in_ones(added: dict[str, Domain]) -> None:
    """By name, without importing them, and loaded."""
    assert [name for name in domain_names() if name in NAMES] == list(NAMES)
    assert {name for name, domain in added.items() if domain.name == name} >= set(NAMES)


def test_rows_are_scored_alone_as_in_a_batch(life: Life) -> None:
    """The documented example too; each answer to the bit as among others."""
    name = life.domain.name
    life.domain.answer.model_validate(life.post(f"/v1/{name}/score", life.domain.table.example()))
    for row, among in list(zip(life.rows, life.answers, strict=True))[:5]:
        alone = life.post(f"/v1/{name}/score", row)
        assert {**alone, "prediction_id": ""} == {**among, "prediction_id": ""}


def test_an_audited_answer_is_replayed_to_the_bit(life: Life) -> None:
    """By the bundle as it was stored."""
    registry = Registry(life.home.database_url)
    answer = life.post(f"/v1/{life.domain.name}/score", life.rows[0])
    (record, *_) = life.client.app.state.predictions.records(answer["prediction_id"])
    assert replay(record, registry, life.home.bundles, personal_key=b"").identical
    registry.close()


def test_answers_are_about_what_happens(life: Life) -> None:
    """The task's metrics of the answers that were given, on rows that no version has seen."""
    found = life.domain.task.evaluate(life.targets, said_by(life, life.answers))
    for gate in life.domain.gates:
        assert gate.problem(found[gate.metric]) == ""


def test_outcomes_are_taken_and_judge_the_answers(life: Life) -> None:
    """An outcome that the target cannot have is refused; performance and the promotion test count the others."""
    name, task, ids = life.domain.name, life.domain.task, [answer["prediction_id"] for answer in life.answers]
    wrong = {"churn": "maybe", "routing": "kitchen", "delivery": "soon", "forecast": [1.0] * 11}[name]
    refused = life.post("/v1/outcomes", {"outcomes": [{"prediction_id": ids[0], "outcome": wrong}]})
    assert refused["n_new"] == 0
    assert "must be" in refused["errors"][0]["message"]
    told = [{"prediction_id": one, "outcome": outcome} for one, outcome in zip(ids, life.outcomes, strict=True)]
    assert life.post("/v1/outcomes", {"outcomes": told})["n_new"] == N_ROWS
    assert life.post("/v1/outcomes", {"outcomes": told})["n_new"] == 0

    test = life.get(f"/v1/models/{name}/challenger")["test"]
    losses = task.bounded_losses(life.targets, said_by(life, life.answers))
    assert test["loss"] == task.bounded_loss
    assert test["n_predictions"] == N_ROWS
    assert test["champion_brier"] == pytest.approx(losses.mean())
    assert 0 <= losses.min() <= losses.max() <= 1

    with life.client.app.state.predictions.engine.begin() as connection:
        at = milliseconds(MOMENT - timedelta(days=1))
        connection.execute(predictions.update().where(predictions.c.model == name).values(at=at))
    total = life.get(f"/v1/models/{name}/performance?maturity_days=0")["total"]
    metrics = task.evaluate(life.targets, said_by(life, life.answers))
    for key in task.live_metrics:
        assert total["realised"][key]["value"] == pytest.approx(metrics[key], abs=1e-6)
    monitor = life.get(f"/v1/models/{name}/monitor?days=2")
    assert monitor["n_recent"] >= N_ROWS
    assert monitor["score"]["label"].startswith(task.summary.title)
    assert monitor["state"] in ("ok", "watch", "too_few")


@pytest.fixture
def fresh(life: Life, start_service: Callable[..., Any], tmp_path: Path) -> Any:
    """A service on a copy of the home, which has answered nothing yet."""
    return start_service(Path(shutil.copytree(life.unused, tmp_path / "home")))


def test_outcomes_are_loaded_from_a_file(
    life: Life, fresh: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As texts that the task reads: wrong ones are named by row, the others stored; exit code 1 if all are wrong."""
    name, task, n = life.domain.name, life.domain.task, 150
    monkeypatch.setenv("BACKSCORE_HOME", str(fresh.home))
    answers = checked(fresh.client.post(f"/v1/{name}/batch", json={"rows": life.rows[:n]}))["answers"]
    told = pd.DataFrame({"prediction_id": [one["prediction_id"] for one in answers], "outcome": life.outcomes[:n]})

    def load(frame: pd.DataFrame) -> tuple[int, Any]:
        frame.to_csv(tmp_path / "outcomes.csv", index=False)
        result = CliRunner().invoke(app, ["outcomes", "load", str(tmp_path / "outcomes.csv"), "--json"])
        return result.exit_code, json.loads(result.stdout) if result.stdout else result.stderr

    assert load(told) == (0, {"n_outcomes": n, "n_new": n, "n_empty": 0, "n_left_out": 0, "problems": []})
    assert load(told)[1]["n_new"] == 0
    wrong = told.astype({"outcome": object}).iloc[:3]
    wrong.loc[1, "outcome"], wrong.loc[2, "outcome"] = "elsewhere", None
    code, said = load(wrong)
    if task.is_binary:  # all models are, so the file itself is wrong
        assert (code, "row 2, column 'outcome'" in said) == (2, True)
        return
    assert (code, said["n_new"], said["n_empty"]) == (0, 1, 1)  # what is empty takes the outcome back
    assert [(one["row"], one["field"]) for one in said["problems"]] == [(2, "outcome")]
    assert load(wrong.iloc[1:2])[0] == 1

    arguments = ["performance", name, "--weeks", "520", "--maturity-days", "0", "--json"]
    total = json.loads(CliRunner().invoke(app, arguments).stdout)["total"]
    kept = np.arange(n) != 2
    metrics = task.evaluate(life.targets[:n][kept], said_by(life, answers)[kept])
    assert (total["n_predictions"], total["n_known"]) == (n, n - 1)
    for key in task.live_metrics:
        assert total["realised"][key]["value"] == pytest.approx(metrics[key], abs=1e-6)


def test_a_canary_answers_its_share_and_is_compared(life: Life, fresh: Any) -> None:
    """By the loss of the rows that were sent one by one, each counted for the version that it was given to."""
    name, task, n, share = life.domain.name, life.domain.task, 60, 0.4
    started = fresh.client.post(f"/v1/models/{name}/challenger", json={"version": 2, "mode": "canary", "share": share})
    assert checked(started)["active"]
    answers = [checked(fresh.client.post(f"/v1/{name}/score", json=row)) for row in life.rows[:n]]
    by_canary = np.array([share_of(answer["prediction_id"], "canary") < share for answer in answers])
    assert [answer["version"] for answer in answers] == [2 if one else 1 for one in by_canary]
    assert 5 < by_canary.sum() < n - 5
    for answer, champion, given in zip(answers, life.answers, by_canary, strict=False):
        same = {**answer, "prediction_id": ""} == {**champion, "prediction_id": ""}
        assert same is not bool(given)

    batch = checked(fresh.client.post(f"/v1/{name}/batch", json={"rows": life.rows[n : n + 9]}))["answers"]
    told = [
        {"prediction_id": answer["prediction_id"], "outcome": outcome}
        for answer, outcome in zip([*answers, *batch], life.outcomes, strict=False)
    ]
    assert checked(fresh.client.post("/v1/outcomes", json={"outcomes": told}))["n_new"] == n + 9

    test = checked(fresh.client.get(f"/v1/models/{name}/challenger"))["test"]
    losses = task.bounded_losses(life.targets[:n], said_by(life, answers))
    assert (test["loss"], test["n_predictions"]) == (task.bounded_loss, n)
    assert test["champion_brier"] == pytest.approx(losses[~by_canary].mean())
    assert test["challenger_brier"] == pytest.approx(losses[by_canary].mean())
    assert test["low"] < test["improvement"] < test["high"]


def test_its_documents_and_pages_are_there(life: Life) -> None:
    """Report and card name the task's metrics; the pages of the model show them, and the histogram counts answers."""
    name, task = life.domain.name, life.domain.task
    card = life.get(f"/v1/models/{name}/versions/1/card.json")
    assert {metric.key for metric in task.metrics} <= card["metrics"]["this version"].keys()
    report = life.client.get(f"/v1/models/{name}/versions/1/report.html")
    assert report.status_code == 200
    for page in ("/", f"/models/{name}", f"/models/{name}/monitor"):
        shown = life.client.get(page)
        assert shown.status_code == 200, shown.text[:500]
    assert next(metric.title for metric in task.metrics if metric.headline) in life.client.get("/").text
    for metric in task.metrics:
        assert metric.title in report.text
    buckets = f'model="{name}",version="1"'
    assert any(buckets in line and "_bucket" in line for line in life.client.get("/metrics").text.splitlines())


def test_policies_are_simulated_for_events_alone(life: Life) -> None:
    """The error names what the domain predicts."""
    if life.domain.task.is_binary:
        return
    live = life.client.app.state.live_models.served(life.domain.name).live
    with pytest.raises(PolicyError, match=f"'{life.domain.name}' predicts {life.domain.task.name}"):
        simulate_request(live, None, PolicyRequest())  # type: ignore[arg-type]


@pytest.mark.parametrize(("name", "other"), [("routing", "delivery"), ("delivery", "routing")])
def test_a_target_of_another_task_is_refused(name: str, other: str, added: dict[str, Domain]) -> None:
    """Before anything is trained."""
    table = added[other].table
    with pytest.raises(TableError, match=f"column '{table.target.name}': the target must be"):
        added[name].task.targets(table, added[other].simulate(10, 0).frame)
