"""Batches: many rows in one request, each answered or named, in their order."""

import io
import json

import pandas as pd
import pytest

CSV = {"content-type": "text/csv"}
PARQUET = {"content-type": "application/vnd.apache.parquet"}


def csv_of(rows):
    return pd.DataFrame(rows).to_csv(index=False).encode()


def parquet_of(rows):
    file = io.BytesIO()
    pd.DataFrame(rows).to_parquet(file)
    return file.getvalue()


def post_json(client, rows):
    return client.post("/v1/credit/batch", json={"rows": rows})


def post_csv(client, rows):
    return client.post("/v1/credit/batch", content=csv_of(rows), headers=CSV)


def post_parquet(client, rows):
    return client.post("/v1/credit/batch", content=parquet_of(rows), headers=PARQUET)


@pytest.fixture(params=[post_json, post_csv, post_parquet], ids=lambda post: post.__name__)
def post(request):
    return request.param


def test_answers_keep_the_order_of_the_rows(client, applicant, post):
    """The i-th answer is that of the i-th row alone."""
    rows = [{**applicant, "income_eur": income} for income in (900, 5_000, 900, 2_000)]

    body = post(client, rows).json()

    alone = [client.post("/v1/credit/score", json=row).json()["probability_of_default"] for row in rows]
    assert [answer["probability_of_default"] for answer in body["answers"]] == alone
    assert len(set(alone)) == 3
    assert (body["model"], body["version"], body["n_rows"], body["n_answered"]) == ("credit", 1, 4, 4)


def test_a_bad_row_does_not_take_the_others_with_it(client, applicant, post):
    """A row that breaks a rule is null among the answers and named among the errors."""
    rows = [applicant, {**applicant, "income_eur": -5}, applicant]

    body = post(client, rows).json()

    assert [answer is None for answer in body["answers"]] == [False, True, False]
    (error,) = body["errors"]
    assert error["path"] == "/rows/1/income_eur"
    assert error["message"] == "must be a number from 400 to 40000"
    assert float(error["value"]) == -5
    assert (body["n_rows"], body["n_answered"]) == (3, 2)


def test_a_batch_of_bad_rows_only_is_answered_with_errors_only(client, applicant, post):
    """Nothing to score is no failure."""
    body = post(client, [{**applicant, "income_eur": -5}] * 2).json()

    assert body["answers"] == [None, None]
    assert [error["path"] for error in body["errors"]] == ["/rows/0/income_eur", "/rows/1/income_eur"]


def test_an_empty_cell_is_a_gap_in_every_form(client, applicant, post):
    """An optional value may be absent, and then counts as in a single request without it."""
    without = {name: value for name, value in applicant.items() if name != "savings_eur"}
    rows = [applicant, {**without, "savings_eur": None}]

    answers = post(client, rows).json()["answers"]

    alone = client.post("/v1/credit/score", json=without).json()
    assert answers[1]["probability_of_default"] == alone["probability_of_default"]


def test_an_empty_batch_is_refused(client):
    """A batch holds at least one row."""
    for response in (post_json(client, []), client.post("/v1/credit/batch", content=b"income_eur\n", headers=CSV)):
        assert response.status_code == 422
        assert response.json()["errors"][0]["path"] == "/rows"


def test_too_many_rows_are_refused(client, applicant, post):
    """A batch over the limit is refused as a whole."""
    small = {name: applicant[name] for name in list(applicant)}

    response = post(client, [small] * 101)

    assert response.status_code == 413
    assert "100 rows" in response.json()["detail"]


def test_a_document_of_very_many_values_is_refused_before_it_is_parsed(client):
    """Parsing could take a hundred times the bytes that came; separators are counted first."""
    response = client.post(
        "/v1/credit/batch", content=b'{"rows":[' + b"0," * 50_000 + b"0]}", headers={"content-type": "application/json"}
    )
    assert response.status_code == 413


def test_a_batch_over_the_size_limit_is_refused(client):
    """Batches have a limit of their own, above that of single rows."""
    response = client.post("/v1/credit/batch", content=b" " * 200_001, headers=CSV)

    assert response.status_code == 413
    assert "200,000 bytes" in response.json()["detail"]


def test_a_file_without_a_needed_column_is_refused(client, applicant):
    """A missing column is a mistake of the whole file."""
    response = post_csv(client, [{name: value for name, value in applicant.items() if name != "amount_eur"}])

    assert response.status_code == 422
    (error,) = response.json()["errors"]
    assert error["path"] == "/amount_eur"


def test_columns_that_the_model_does_not_know_are_named(client, applicant):
    """Files often hold more columns than a model reads; ignored ones are listed."""
    body = post_csv(client, [{**applicant, "customer_name": "x"}]).json()

    assert body["warnings"] == ["unknown column 'customer_name' was ignored"]
    assert body["n_answered"] == 1


@pytest.mark.parametrize(
    ("headers", "content"), [(CSV, b""), (CSV, b"\xff\xfe\x00"), (PARQUET, b"PAR1 but no more")], ids=repr
)
def test_an_unreadable_file_is_refused_without_naming_our_folders(client, headers, content):
    """The caller learns what is wrong with the body and nothing about where it was put."""
    response = client.post("/v1/credit/batch", content=content, headers=headers)

    assert response.status_code == 422
    assert response.json()["detail"].startswith("the body: ")


def test_nothing_of_a_batch_stays_on_disk(service, applicant):
    """Files that were written to read a batch are gone when it is answered."""
    before = sorted(service.home.iterdir())
    post_csv(service.client, [applicant])
    assert sorted(path for path in service.home.iterdir() if path.suffix == "") == [p for p in before if p.suffix == ""]


def test_reasons_can_be_left_out_of_a_batch(client, applicant):
    """The query parameter means the same for batches as for single rows."""
    risky = {**applicant, "income_eur": 500, "payments_late_12m": 6}
    of_adverse = client.post("/v1/credit/batch", json={"rows": [risky]}).json()["answers"][0]
    none = client.post("/v1/credit/batch?reasons=none", json={"rows": [risky]}).json()["answers"][0]

    assert of_adverse["decision"] == "decline"
    assert of_adverse["reasons"]
    assert none["reasons"] == []


def test_prediction_ids_differ_within_a_batch(client, applicant):
    """Every answer has its own name."""
    answers = json.loads(post_json(client, [applicant] * 20).content)["answers"]
    assert len({answer["prediction_id"] for answer in answers}) == 20
