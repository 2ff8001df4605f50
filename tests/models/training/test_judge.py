"""When a new version may go live."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from models.clock import utc_now
from models.domains._discovery import load_domains
from models.errors import DomainMismatchError
from models.evaluation.metrics import Comparison, Contender
from models.home import Home
from models.registry.registry import Registry, Version
from models.retraining import TrainingResult, train
from models.training.gates import OURS
from models.training.job import TrainingJob
from models.training.judge import Judgement
from tests.conftest import BuildOnce

CHAMPION = Version(
    name="credit", number=3, domain="credit", digest="0" * 64, created=utc_now(), created_by="tests", metrics={}
)


def judgement(*, gate: str = "", champion: Version | None = None, comparison: Comparison | None = None) -> Judgement:
    return Judgement(
        contenders={OURS: Contender(np.zeros(1), {}, seconds=0.0)},
        champion=champion,
        comparison=comparison,
        problem="the champion (version 3) cannot be loaded",
        loss="log-loss",
        gate_problems=(gate,) if gate else (),
    )


@pytest.mark.parametrize(
    ("given", "may_go_live", "words"),
    [
        (judgement(), True, "there was no champion"),
        (judgement(gate="auc 0.5400 is below the gate of 0.55"), False, "auc 0.5400 is below the gate of 0.55"),
        (judgement(champion=CHAMPION, comparison=Comparison(-0.01, -0.02, -0.005)), True, "it is not worse"),
        (judgement(champion=CHAMPION, comparison=Comparison(0.001, -0.002, 0.004)), True, "it is not worse"),
        (judgement(champion=CHAMPION, comparison=Comparison(0.01, 0.002, 0.02)), False, "it is worse"),
        (judgement(champion=CHAMPION), False, "cannot be loaded, so the two cannot be compared"),
    ],
    ids=["first", "gate", "better", "within chance", "worse", "incomparable"],
)
def test_a_version_goes_live_if_it_is_not_worse(given: Judgement, may_go_live: bool, words: str) -> None:
    """Gates first, then the champion; what chance explains does not count as worse."""
    verdict, why = given.verdict()
    assert verdict is may_go_live
    assert words in why


def job(home: Home, *, columns: Sequence[str] = (), shuffled: bool = False, **options: Any) -> TrainingResult:
    """Train simulated credit rows into a home; `columns` are left out, `shuffled` labels leave nothing to learn."""
    domain = load_domains()["credit"]
    frame = domain.simulate(6000 if shuffled else 1500, 0).frame.drop(
        columns=list(columns)
    )  # of few, chance may pass a gate
    if shuffled:
        frame["defaulted"] = np.random.default_rng(0).permutation(frame["defaulted"])
    defaults = {
        "domain": domain,
        "name": "lending",
        "table": domain.table.with_columns({name: {"role": "ignore"} for name in columns}),
        "source": "simulated rows",
        "split": domain.split,
        "preset": "fast",
    }
    registry = Registry(home.database_url)
    try:
        return train(TrainingJob(**{**defaults, **options}), frame, home=home, registry=registry)
    finally:
        registry.close()


@pytest.fixture
def home(build_once: BuildOnce, tmp_path: Path) -> Home:
    """A home in which such a job has made version 1 of `lending` the champion."""
    once = build_once("lending", lambda folder: job(Home(folder)) and None)
    return Home(shutil.copytree(once, tmp_path / "home"))


@pytest.fixture
def run(home: Home) -> Callable[..., TrainingResult]:
    """Trains another version."""
    return partial(job, home)


def test_the_same_rows_again_are_not_worse(home: Home, run: Any) -> None:
    """A second job on the same rows and seed makes the same model, which may take the place of the first."""
    registry = Registry(home.database_url)
    first = registry.version("lending", 1)
    registry.close()

    second: TrainingResult = run()

    assert second.version == 2
    assert second.promoted
    assert second.metrics == first.metrics
    assert second.contenders["champion (version 1)"]["log_loss"] == first.metrics["log_loss"]


def test_a_model_that_learned_nothing_does_not_go_live(run: Any) -> None:
    """Shuffled labels fail the gate; the version is kept, and the reason is given."""
    result: TrainingResult = run(shuffled=True)

    assert not result.promoted
    assert "below the gate" in result.why or "it is worse" in result.why


def test_a_champion_that_reads_a_column_the_rows_lack_is_not_replaced(run: Any) -> None:
    """The two cannot be compared, so a person has to decide."""
    result: TrainingResult = run(columns=["income_eur"], allow_request_change=True)

    assert not result.promoted
    assert "income_eur" in result.why
    assert "--promote always" in result.why


@pytest.mark.parametrize("promote", ["auto", "always"])
def test_a_version_that_takes_other_requests_does_not_go_live_by_itself(run: Any, promote: str) -> None:
    """Its callers would be refused; the field is named, whatever was requested."""
    capped = load_domains()["credit"].table.with_columns({"income_eur": {"maximum": 1e6}})
    result: TrainingResult = run(table=capped, promote=promote)

    assert not result.promoted
    assert "column income_eur takes other values" in result.why
    assert "--allow-request-change" in result.why


def test_a_version_without_an_input_goes_live_and_says_so(run: Any) -> None:
    """Requests may still hold it."""
    fewer = load_domains()["credit"].table.with_columns({"years_at_address": {"role": "ignore"}})
    result: TrainingResult = run(table=fewer, promote="always")

    assert result.promoted
    assert "column years_at_address is no longer an input; for three versions requests may hold it" in result.why


@pytest.mark.parametrize(("promote", "columns"), [("always", ["income_eur"]), ("never", [])])
def test_a_person_can_decide(run: Any, promote: str, columns: list[str]) -> None:
    """`always` takes what `auto` refuses, see above, and `never` what it would take."""
    result = run(columns=columns, promote=promote, allow_request_change=True)
    assert result.promoted is (promote == "always")


def test_a_person_can_decide_against_the_gates() -> None:
    """Which `auto` obeys."""
    trained: Any = SimpleNamespace(origin="")
    failed = partial(judgement(gate="its AUC may be chance").outcome, trained)
    decided = {promote: failed(promote=promote).promoted for promote in ("auto", "always", "never", "challenger")}
    assert decided == {"auto": False, "always": True, "never": False, "challenger": False}


def test_a_name_stays_with_its_domain(run: Any) -> None:
    """The endpoint of a credit model cannot turn into one of another domain; said before any training."""
    with pytest.raises(DomainMismatchError, match="'credit' model, not 'ads'"):
        run(domain=load_domains()["ads"])
