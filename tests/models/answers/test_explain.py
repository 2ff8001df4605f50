"""The full account of a row: it adds up, its curve is what the model answers, its bands are what became of rows."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from pydantic import TypeAdapter, ValidationError

from data.windows import checked_history
from models.answers.respond import respond
from models.contract import LiveModel, Operation
from models.domains._discovery import load_domains
from models.estimators.background import N_BANDS
from tests.conftest import quick_live

DOMAINS = load_domains()


@pytest.fixture(
    scope="module",
    params=[name for name, domain in DOMAINS.items() if any(one.name == "explain" for one in domain.operations)],
)
def live(request: pytest.FixtureRequest) -> LiveModel:
    """A live model of each domain."""
    return quick_live(DOMAINS[request.param])


def explain(live: LiveModel) -> Operation:
    return next(operation for operation in live.domain.operations if operation.name == "explain")


def account(live: LiveModel, **body: Any) -> Any:
    """The answer to a body that went through the request's check."""
    operation = explain(live)
    checked = TypeAdapter(operation.body(live.table)).validate_json(json.dumps({"row": live.table.example(), **body}))
    return operation.respond(live, checked, "id")


def test_the_account_adds_up_to_the_score(live: LiveModel) -> None:
    """Base and shares are the log-odds, these the probability that `score` answers; each input has its share."""
    answer = account(live)
    assert answer.base + sum(share.share for share in answer.shares) == pytest.approx(answer.log_odds, abs=1e-9)
    assert answer.probability == pytest.approx(1 / (1 + np.exp(-answer.log_odds)), rel=1e-12)
    assert answer.probability in answer.answer.model_dump().values()
    assert sorted(share.column for share in answer.shares) == sorted([column.name for column in live.scorer.columns])
    sizes = [abs(share.share) for share in answer.shares]
    assert sizes == sorted(sizes, reverse=True)
    assert (answer.prediction_id, answer.model, answer.version) == ("id", live.name, 1)


def test_a_curve_is_what_the_model_answers_to_each_value(live: LiveModel) -> None:
    """Each point equals a score of its own; exactly one is the row's; numbers rise."""
    for column in [column for column in live.table.of_role("feature") if column.kind != "time"]:
        curve = account(live, column=column.name).curve
        values = [point.value for point in curve.points]
        assert [point.is_own for point in curve.points].count(True) == 1
        assert len(values) == len(set(map(str, values)))
        if column.kind == "number":
            given = [value for value in values if value is not None]
            assert given == sorted(given)
        for point in curve.points[::5]:
            row = {**account_row(live), column.name: point.value}
            X = live.scorer.encoder.encode_rows([row])
            assert point.probability == pytest.approx(1 / (1 + np.exp(-live.scorer.log_odds(X)[0])), rel=1e-12)
        if column.direction:
            steps = np.diff([point.probability for point in curve.points if _in_order(column, point.value)])
            assert (column.direction * steps >= 0).all()


def _in_order(column: Any, value: Any) -> bool:
    return value is not None and (column.ordered_above is None or value > column.ordered_above)


def account_row(live: LiveModel) -> dict[str, Any]:
    operation = explain(live)
    body = json.dumps({"row": live.table.example()})
    row: dict[str, Any] = TypeAdapter(operation.body(live.table)).validate_json(body)["row"]
    return row


def test_bands_tell_what_became_of_the_training_rows(live: LiveModel) -> None:
    """Bands add up to the training rows, in order, each with its number of events."""
    domain = live.domain
    frame, labels = checked_history(live.table, domain.simulate(2_000, 0).frame, "simulated rows")
    frame, labels = frame.iloc[:1_500], labels[:1_500]
    probabilities = live.scorer.probabilities(frame)
    bands = account(live).neighbours

    assert sum(band.n_rows for band in bands) == len(frame)
    assert N_BANDS // 2 <= len(bands) <= N_BANDS
    assert [band.is_own for band in bands].count(True) == 1
    for band in bands:
        inside = (probabilities >= band.low) & (probabilities <= band.high)
        assert (band.n_rows, band.n_events) == (inside.sum(), labels[inside].sum())
        assert band.event_rate_low <= band.event_rate == band.n_events / band.n_rows <= band.event_rate_high
    assert [band.low for band in bands] == sorted(band.low for band in bands)


@pytest.mark.parametrize(("far", "place"), [(-50.0, 0), (50.0, -1)])
def test_a_score_beyond_all_training_rows_belongs_to_the_outermost_band(far: float, place: int) -> None:
    """Lower or higher than any training row."""
    live = quick_live(DOMAINS["credit"])
    live.scorer.calibrator.intercept += far
    assert account(live).neighbours[place].is_own


def test_a_column_that_the_model_does_not_read_is_refused() -> None:
    """Protected and unknown columns have no curve; the allowed ones are named."""
    live = quick_live(DOMAINS["credit"])
    adapter = TypeAdapter(explain(live).body(live.table))
    for name in ("age", "gender", "no such column"):
        with pytest.raises(ValidationError, match="income_eur"):
            adapter.validate_python({"row": account_row(live), "column": name})


def test_the_nested_answer_is_the_one_of_score(live: LiveModel) -> None:
    """All reasons, the same decision."""
    [scored] = respond(live, [account_row(live)], ["id"], reasons="all")
    assert account(live).answer == scored
