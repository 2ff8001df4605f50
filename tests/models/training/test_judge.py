"""When a new version may go live."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from models.clock import utc_now
from models.contract import Gate
from models.domains._discovery import load_domains
from models.errors import DomainMismatchError
from models.evaluation.metrics import Comparison, Contender
from models.home import Home
from models.registry.registry import Registry, Version
from models.retraining import TrainingResult, train
from models.training.job import TrainingJob
from models.training.judge import OURS, Judgement

CHAMPION = Version(
    name="credit", number=3, domain="credit", digest="0" * 64, created=utc_now(), created_by="tests", metrics={}
)


def judgement(*, auc: float = 0.8, champion: Version | None = None, comparison: Comparison | None = None) -> Judgement:
    return Judgement(
        contenders={OURS: Contender(np.zeros(1), {"auc": auc}, seconds=0.0)},
        champion=champion,
        comparison=comparison,
        problem="the champion (version 3) cannot be loaded",
        loss="log-loss",
    )


@pytest.mark.parametrize(
    ("given", "may_go_live", "words"),
    [
        (judgement(), True, "there was no champion"),
        (judgement(auc=0.54), False, "auc 0.5400 is below the gate of 0.55"),
        (judgement(auc=float("nan")), False, "below the gate"),
        (judgement(champion=CHAMPION, comparison=Comparison(-0.01, -0.02, -0.005)), True, "it is not worse"),
        (judgement(champion=CHAMPION, comparison=Comparison(0.001, -0.002, 0.004)), True, "it is not worse"),
        (judgement(champion=CHAMPION, comparison=Comparison(0.01, 0.002, 0.02)), False, "it is worse"),
        (judgement(champion=CHAMPION), False, "cannot be loaded, so the two cannot be compared"),
    ],
    ids=["first", "gate", "undefined", "better", "within chance", "worse", "incomparable"],
)
def test_a_version_goes_live_if_it_is_not_worse(given: Judgement, may_go_live: bool, words: str) -> None:
    """Gates first, then the champion; what chance explains does not count as worse."""
    verdict, why = given.verdict([Gate("auc", at_least=0.55)])
    assert verdict is may_go_live
    assert words in why


@pytest.fixture
def run(tmp_path: Any) -> Any:
    """Trains simulated credit rows into a home of the test's own; `shuffled` labels leave nothing to learn."""
    home, domain = Home(tmp_path), load_domains()["credit"]
    registry = Registry(home.database_url)

    def start(*, seed: int = 0, columns: list[str] | None = None, shuffled: bool = False, **options: Any) -> Any:
        frame = domain.simulate(6000 if shuffled else 1500, seed).frame  # on few rows chance may pass a gate
        table = domain.table
        if columns is not None:
            table = table.with_columns({name: {"role": "ignore"} for name in columns})
            frame = frame.drop(columns=columns)
        if shuffled:
            frame["defaulted"] = np.random.default_rng(0).permutation(frame["defaulted"])
        job = TrainingJob(
            **{
                "domain": domain,
                "name": "lending",
                "table": table,
                "source": "simulated rows",
                "split": domain.split,
                "preset": "fast",
                **options,
            }
        )
        return train(job, frame, home=home, registry=registry)

    yield start
    registry.close()


def test_the_same_rows_again_are_not_worse(run: Any) -> None:
    """A second job on the same rows and seed makes the same model, which may take the place of the first."""
    first: TrainingResult = run()
    second: TrainingResult = run()

    assert (first.version, second.version) == (1, 2)
    assert second.promoted
    assert second.metrics == first.metrics
    assert second.contenders["champion (version 1)"]["log_loss"] == first.metrics["log_loss"]


def test_a_model_that_learned_nothing_does_not_go_live(run: Any) -> None:
    """Shuffled labels fail the gate; the version is kept, and the reason is given."""
    run()
    result: TrainingResult = run(shuffled=True)

    assert not result.promoted
    assert "below the gate" in result.why or "it is worse" in result.why


def test_a_champion_that_reads_a_column_the_rows_lack_is_not_replaced(run: Any) -> None:
    """The two cannot be compared, so a person has to decide."""
    run()
    result: TrainingResult = run(columns=["income_eur"])

    assert not result.promoted
    assert "income_eur" in result.why
    assert "--promote always" in result.why


@pytest.mark.parametrize(("promote", "expected"), [("always", True), ("never", False)])
def test_a_person_can_decide(run: Any, promote: str, expected: bool) -> None:
    """`always` and `never` do not ask the test rows."""
    assert run(shuffled=True, promote=promote).promoted is expected


def test_a_name_stays_with_its_domain(run: Any) -> None:
    """The endpoint of a credit model cannot turn into one of another domain; said before any training."""
    run()
    with pytest.raises(DomainMismatchError, match="'credit' model, not 'ads'"):
        run(domain=load_domains()["ads"])
