"""POST /v1/{name}/trace: the numbers of a served row, as it was scored and as it would be learned."""

import numpy as np
import pytest

from models.answers.trace import TracedRow
from models.domains._discovery import load_domains
from models.estimators.calibration import probability

NAMES = [name for name, domain in load_domains().items() if any(one.name == "trace" for one in domain.operations)]


def traced(client, name, **asked):
    response = client.post(f"/v1/{name}/trace", json=asked)
    assert response.status_code == 200, response.text
    return TracedRow.model_validate(response.json())


def example(client, name):
    return client.app.state.live_models.served(name).example()


@pytest.mark.parametrize("name", NAMES)
def test_the_trace_ends_in_the_scored_probability_to_the_bit(client, name):
    """Of a row that is sent; the sums of all members lead to it, and the shown member's numbers to its sum."""
    row, domain = example(client, name), load_domains()[name]
    scored = client.post(f"/v1/{name}/score?reasons=none", json=row).json()
    if domain.table.windows or client.app.state.live_models.served(name).events is not None:
        found = traced(client, name, prediction_id=scored["prediction_id"])
    else:
        found = traced(client, name, row=row)
    assert found.probability == scored[domain.task.summary.field]

    assert found.vote == pytest.approx(np.mean(found.members), rel=1e-5)
    assert found.log_odds == pytest.approx(found.slope * found.vote + found.intercept)
    assert found.probability == pytest.approx(probability(np.array([found.log_odds]))[0])
    network = client.app.state.live_models.served(name).live.scorer.network.network_
    outputs = np.array([one.value for one in found.inputs])
    for layer, of in zip(found.layers, network.layers, strict=True):
        np.testing.assert_allclose(layer.sums, outputs @ of.weights[0] + of.biases[0, 0], rtol=1e-3, atol=1e-4)
        outputs = np.array(layer.outputs)
    assert found.layers[-1].sums == [found.members[0]]
    assert found.loss == pytest.approx(-np.log(outputs[0]), rel=1e-4)


@pytest.mark.parametrize("name", NAMES)
def test_gradients_have_their_difference_quotients_beside_them(client, name):
    """In every layer; and the step goes against the gradient and lowers the loss of what is to have happened."""
    scored = client.post(f"/v1/{name}/score", json=example(client, name)).json()
    for outcome in (0, 1):
        found = traced(client, name, prediction_id=scored["prediction_id"], outcome=outcome, learning_rate=0.001)
        for layer in found.layers:
            gradients = [one.gradient for one in layer.weights]
            np.testing.assert_allclose(
                gradients, [one.difference_quotient for one in layer.weights], rtol=0.01, atol=1e-5
            )
            assert np.all(np.diff(np.abs(gradients)) <= 0)
        assert found.loss_after < found.loss
        assert (found.probability_after > found.probability) == (outcome == 1)
        last = found.layers[-1]
        assert last.sum_gradients[0] == pytest.approx(last.outputs[0] - outcome, rel=1e-4)


def test_a_recorded_prediction_is_traced_by_the_version_that_made_it(start_service, store, applicant):
    """Alone and in a batch, also when another version answers by now."""
    client = start_service(store.home.path).client
    scored = client.post("/v1/credit/score", json=applicant).json()
    batch = client.post("/v1/credit/batch", json={"rows": [applicant, {**applicant, "income_eur": 900}]}).json()
    assert store.registry.champion("credit").number == scored["version"]
    other = next(one.number for one in store.registry.versions("credit") if one.number != scored["version"])
    client.post("/v1/models/credit/promote", json={"version": other}).raise_for_status()
    assert client.post("/v1/credit/score", json=applicant).json()["version"] == other

    explained = client.post("/v1/credit/explain", json={"row": applicant}).json()
    assert traced(client, "credit", prediction_id=explained["prediction_id"]).probability == explained["probability"]
    for one in (scored, *batch["answers"]):
        found = traced(client, "credit", prediction_id=one["prediction_id"])
        assert (found.version, found.probability) == (scored["version"], one["probability_of_default"])
    assert client.app.state.predictions.count("credit") == 5  # a trace decides nothing, so it is not recorded


def test_another_member_can_be_looked_at(client):
    """What is shown is another one's, what is answered stays the same."""
    row = example(client, "credit")
    network = client.app.state.live_models.served("credit").live.scorer.network.network_
    last = network.n_members - 1
    first, other = traced(client, "credit", row=row), traced(client, "credit", row=row, member=last, n_weights=3)
    assert (first.probability, first.members) == (other.probability, other.members)
    assert other.layers[-1].sums == [other.members[last]]
    assert [len(layer.weights) for layer in other.layers] == [3] * (len(other.layers) - 1) + [3]


@pytest.mark.parametrize(
    ("asked", "path", "said"),
    [
        ({}, "", "exactly one of 'row' and 'prediction_id'"),
        ({"prediction_id": "a", "row": {}}, "/row/income_eur", "is missing"),
        ({"prediction_id": "nothing"}, "/prediction_id", "no recorded row of 'credit'"),
        ({"prediction_id": "\0"}, "/prediction_id", "no recorded row"),
        ({"member": 999}, "/member", "must be less than"),
        ({"outcome": 2}, "/outcome", "less than or equal to 1"),
        ({"learning_rate": 0}, "/learning_rate", "greater than 0"),
        ({"learning_rate": "NaN"}, "/learning_rate", ""),
        ({"n_weights": 101}, "/n_weights", "100"),
    ],
)
def test_what_cannot_be_traced_is_refused(client, asked, path, said):
    """By its field and rule."""
    if "prediction_id" not in asked and asked:
        asked = {"row": example(client, "credit"), **asked}
    refused = client.post("/v1/credit/trace", json=asked)
    assert refused.status_code == 422
    (error, *_) = refused.json()["errors"]
    assert error["path"].startswith(path)
    assert said in error["message"]
