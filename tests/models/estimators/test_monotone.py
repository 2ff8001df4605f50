"""Monotone constraints: no pair of rows breaks them, and what they leave free is still learned."""

from __future__ import annotations

import math
import pickle
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit
from sklearn.metrics import r2_score

from data.column import Column
from data.errors import TableError
from data.simulators import credit
from data.table import Table
from models.encoding import TableEncoder
from models.estimators.calibration import probability
from models.estimators.classifier import BackpropClassifier
from models.estimators.regressor import BackpropRegressor
from models.estimators.table_classifier import TableClassifier
from models.nn.activations import ACTIVATIONS
from models.presets import PRESETS
from models.registry.state import ARRAYS, STATE, dump_state, load_state

N_PAIRS = 100_000

TABLE = Table(
    name="loans",
    columns=(
        Column(name="income", kind="number", missing=(-1,), optional=True, direction=-1),
        Column(name="months late", kind="number", ordered_above=0, optional=True, direction=+1),
        Column(name="age", kind="number", optional=True),
        Column(name="home", kind="category", optional=True),
        Column(name="default", kind="flag", role="target"),
    ),
)


def loans(n_rows: int) -> pd.DataFrame:
    """Rows whose defaults go against both directions: only a constraint keeps a model from following them."""
    rng = np.random.default_rng(0)
    income = np.where(rng.random(n_rows) < 0.1, -1, rng.lognormal(7, 1, n_rows))
    late = rng.choice([-2.0, -1.0, 0.0, 1.0, 2.0, 3.0], n_rows)
    age = np.where(rng.random(n_rows) < 0.1, np.nan, rng.normal(40, 10, n_rows))
    log_odds = (income > 1000) - 0.5 * late + 0.1 * np.abs(np.nan_to_num(age) - 40) - 1
    return pd.DataFrame(
        {
            "income": income,
            "months late": late,
            "age": age,
            "home": rng.choice(["own", "rent"], n_rows),
            "default": (rng.random(n_rows) < expit(log_odds)).astype(int).astype(str),
        }
    )


def train(table: Table, frame: pd.DataFrame) -> TableClassifier:
    labels, cut = table.labels(frame), len(frame) * 4 // 5
    validation = frame.iloc[cut:], labels[cut:]
    return TableClassifier(table, PRESETS["fast"], 0).fit(frame.iloc[:cut], labels[:cut], validation=validation)


def without_directions(table: Table) -> Table:
    changed = [replace(column, direction=0, ordered_above=None) for column in table.columns]
    return replace(table, columns=tuple(changed))


@pytest.fixture(scope="module")
def scored() -> dict[str, tuple[TableClassifier, pd.DataFrame]]:
    """A model of a simulated table and one of the table above, each with its rows."""
    rows = {"credit": (credit.TABLE, credit.simulate(3000, 0).frame), "loans": (TABLE, loans(3000))}
    return {name: (train(table, frame), frame) for name, (table, frame) in rows.items()}


def raised(values: np.ndarray, rng: np.random.Generator, step_type: type[np.floating[Any]]) -> np.ndarray:
    """A larger number for each: the next float, one drawn from the same numbers, and one of any size."""
    kind = rng.integers(0, 3, len(values))
    next_ones = np.nextafter(values.astype(step_type), step_type(np.inf)).astype(np.float64)
    others = np.maximum(rng.permutation(values), next_ones)
    far = np.maximum(next_ones, rng.choice([-1.0, 1.0], len(values)) * 10.0 ** rng.uniform(-15, 15, len(values)))
    larger: np.ndarray = np.choose(kind, [next_ones, others, far])
    return larger


def strange(values: np.ndarray, rng: np.random.Generator, largest: float) -> np.ndarray:
    """Numbers among which one in five was replaced by one next to another, or by one far from all."""
    kind = rng.integers(0, 15, len(values))
    near = np.nextafter(values, rng.choice([-np.inf, np.inf], len(values)))
    far = rng.choice([largest, -largest, 0.0, -0.0, 1e-300, -1.0, np.nextafter(-1.0, 0), 7.5], len(values))
    return np.select([kind == 0, kind < 3], [near, far], values)


def scored_shuffled(score: Callable[[Any], np.ndarray], rows: Any, rng: np.random.Generator) -> np.ndarray:
    """Scores of the rows in another order: where a row stands must not matter either."""
    order = rng.permutation(len(rows))
    found = np.empty(len(rows))
    found[order] = score(rows.iloc[order] if isinstance(rows, pd.DataFrame) else rows[order])
    return found


def table_pairs(table: Table, frame: pd.DataFrame, n_pairs: int) -> tuple[pd.DataFrame, pd.DataFrame, np.ndarray]:
    """Rows, the same rows with one directed number raised, and that number's direction."""
    rng = np.random.default_rng(1)
    numbers = [column for column in table.inputs if column.kind == "number"]
    directed = [column for column in numbers if column.direction]
    low = frame.iloc[rng.integers(0, len(frame), n_pairs)].reset_index(drop=True)
    for column in table.inputs:  # a cocktail of rows, a tenth of the cells of them empty
        cells = low[column.name].sample(frac=1, random_state=2).to_numpy()
        if column.kind == "number":
            cells = strange(cells.astype(np.float64), rng, 1e308)
            cells[rng.random(n_pairs) < 0.1] = np.nan
        low[column.name] = cells
    high, chosen = low.copy(), rng.integers(0, len(directed), n_pairs)
    for i, column in enumerate(directed):
        rows = np.flatnonzero(chosen == i)
        values = low[column.name].to_numpy(np.float64).copy()
        gaps = np.isnan(values) | np.isin(values, column.missing)
        values[gaps] = 1.5
        # Among the codes below `ordered_above` there is no order: the higher number of a pair lies above them
        floor = -np.inf if column.ordered_above is None else column.ordered_above
        larger = np.maximum(raised(values, rng, np.float64), np.nextafter(floor, np.inf))
        larger[np.isin(larger, column.missing)] = 2.5
        low.loc[rows, column.name], high.loc[rows, column.name] = values[rows], np.maximum(larger, values)[rows]
    return low, high, np.array([column.direction for column in directed])[chosen]


@pytest.mark.parametrize("name", ["credit", "loans"])
def test_no_pair_of_rows_breaks_a_tables_directions(name: str, scored: dict[str, Any]) -> None:
    """100,000 pairs with gaps, codes and numbers of any size: log-odds and probability, without any tolerance."""
    model, frame = scored[name]
    low, high, directions = table_pairs(model.table, frame, N_PAIRS)
    rng = np.random.default_rng(2)

    for score in (lambda rows: model.log_odds(model.encoder.transform(rows)), model.probabilities):
        moved = scored_shuffled(score, high, rng) - scored_shuffled(score, low, rng)

        assert (directions * moved >= 0).all()
        assert (moved != 0).mean() > 0.2
    assert not np.array_equal(low, high)


@pytest.mark.parametrize("name", ["credit", "loans"])
def test_without_the_directions_pairs_do_break_them(name: str, scored: dict[str, Any]) -> None:
    """The pairs above can fail: an unconstrained network on the same rows violates hundreds of them."""
    table, frame = scored[name][0].table, scored[name][1]
    free = train(without_directions(table), frame)
    low, high, directions = table_pairs(table, frame, 20_000)
    moved = free.probabilities(high) - free.probabilities(low)

    assert (directions * moved < 0).sum() > 200


def plain_rows(n_rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Five features; the target falls with the first, against the constraint below."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n_rows, 5))
    return X, (rng.random(n_rows) < expit(X[:, 1] - X[:, 0] + X[:, 2] * X[:, 3])).astype(int)


PLAIN_DIRECTIONS = np.array([1, 1, -1, 0, 0])


def plain_pairs(n_pairs: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(1)
    scales = 10.0 ** rng.uniform(-3, 3, (n_pairs, 1))
    low = np.apply_along_axis(strange, 0, rng.standard_normal((n_pairs, 5)) * scales, rng, 1e15)
    low = low.astype(np.float32).astype(np.float64)
    high, chosen, rows = low.copy(), rng.integers(0, 3, n_pairs), np.arange(n_pairs)
    high[rows, chosen] = np.minimum(raised(low[rows, chosen], rng, np.float32), 1e15)
    return low, high, PLAIN_DIRECTIONS[chosen]


@pytest.mark.parametrize("estimator", [BackpropClassifier, BackpropRegressor])
@pytest.mark.parametrize("n_members", [1, 9])
def test_no_pair_of_rows_breaks_monotonic_cst(estimator: Any, n_members: int) -> None:
    """100,000 pairs of plain features, also against the trend of the target."""
    X, y = plain_rows(2000)
    model = estimator(
        (30, 20), monotonic_cst=PLAIN_DIRECTIONS, n_members=n_members, max_epochs=5, learning_rate=5e-3, random_state=0
    ).fit(X, y)
    low, high, directions = plain_pairs(N_PAIRS)
    rng = np.random.default_rng(2)
    scores = [model.predict]
    if estimator is BackpropClassifier:
        scores = [model.decision_function, lambda rows: model.predict_proba(rows)[:, 1]]
        assert (directions * (model.predict_proba(high)[:, 0] - model.predict_proba(low)[:, 0]) <= 0).all()

    for score in scores:
        moved = scored_shuffled(score, high, rng) - scored_shuffled(score, low, rng)

        assert (directions * moved >= 0).all()
        assert (moved != 0).mean() > 0.2


def test_single_rows_keep_the_directions_too() -> None:
    """One row a call, as in a request: the same bits as in a batch, so the same order."""
    X, y = plain_rows(1000)
    model = BackpropClassifier((30, 20), monotonic_cst=PLAIN_DIRECTIONS, n_members=9, max_epochs=3, random_state=0)
    model.fit(X, y)
    rows = plain_pairs(300)[0]

    alone = np.concatenate([model.decision_function(row[None]) for row in rows])
    assert alone.tobytes() == model.decision_function(rows).tobytes()


def test_a_free_network_follows_the_rows() -> None:
    """Without the constraint thousands of the pairs of plain features go the other way."""
    X, y = plain_rows(2000)
    free = BackpropClassifier((30, 20), max_epochs=5, learning_rate=5e-3, random_state=0).fit(X, y)
    low, high, directions = plain_pairs(20_000)

    assert (directions * (free.decision_function(high) - free.decision_function(low)) < 0).sum() > 2000


def test_a_staircase_is_learned_though_it_is_neither_convex_nor_concave() -> None:
    """With a direction and a second feature of any shape: what the kinds of units are for."""
    X = np.random.default_rng(0).uniform(-2, 2, (4000, 2))
    y = np.tanh(4 * (X[:, 0] + 1)) + np.tanh(4 * (X[:, 0] - 1)) + np.sin(3 * X[:, 1])
    model = BackpropRegressor(
        (48, 24), monotonic_cst=[1, 0], learning_rate=3e-3, dropout=0.0, weight_decay=0.01, random_state=0
    ).fit(X[:3000], y[:3000])

    assert r2_score(y[3000:], model.predict(X[3000:])) > 0.99


def rho(z: np.ndarray) -> np.ndarray:
    """The convex function that the kinds are made of, in its plain form."""
    return np.select([z < -1, z < 1], [0, (z + 1) ** 2 / 4], z)


def test_the_activation_is_made_of_three_kinds() -> None:
    """rho(z), -rho(-z), and rho(z) as far as 1."""
    z = np.random.default_rng(0).uniform(-4, 4, (50, 7))
    expected = [rho(z), -rho(-z), np.minimum(rho(z), 1)]
    apart, in_place = np.empty_like(z), z.copy()
    ACTIVATIONS["monotone"].apply(z, apart)
    ACTIVATIONS["monotone"].apply(in_place, in_place)

    for kind, units in zip(expected, [slice(0, 3), slice(3, 5), slice(5, 7)], strict=True):
        np.testing.assert_allclose(apart[:, units], kind[:, units], atol=1e-15)
    np.testing.assert_array_equal(apart, in_place)


def test_the_activation_never_falls_between_floats() -> None:
    """Every float32 near where the pieces meet, a million in all, and numbers of any size between them."""
    near = [at + np.arange(-100_000, 100_000) * np.spacing(np.float32(abs(at))) for at in (-2, -1, 1, 2)]
    any_size = np.random.default_rng(0).choice([-1, 1], 200_000) * 10.0 ** np.random.default_rng(1).uniform(
        -45, 38, 200_000
    )
    z = np.sort(np.concatenate([*near, any_size]).astype(np.float32))
    outputs = np.repeat(z[:, None], 3, axis=1)
    ACTIVATIONS["monotone"].apply(outputs, outputs)

    assert (np.diff(outputs, axis=0) >= 0).all()


@given(st.floats(-40, 40), st.integers(1, 50))
def test_the_probability_never_falls_between_floats(log_odds: float, n_steps: int) -> None:
    """From any log-odds up by a few floats, and it is the logistic function."""
    steps = log_odds + np.arange(n_steps + 1) * np.spacing(abs(log_odds))

    assert (np.diff(probability(steps)) >= 0).all()
    np.testing.assert_allclose(probability(steps), expit(steps), rtol=1e-13)


ENCODER = TableEncoder(TABLE, n_bins=8).fit(loans(500))
present = st.floats(allow_nan=False) | st.sampled_from(loans(50)["income"].tolist())


@given(present, present | st.none(), st.sampled_from(["income", "months late", "age"]))
def test_every_feature_moves_one_way_as_its_number_rises(value: float, other: float | None, name: str) -> None:
    """The scaled value and the bins rise, the flags of codes only go out once the number is above all codes."""
    larger = math.nextafter(value, math.inf) if other is None else max(value, other)
    if name == "months late":
        larger = max(larger, 5e-324)
    if name == "income" and -1 in (value, larger):
        return
    low, high = (
        ENCODER.encode_rows([{name: value}, {name: larger}]) if value < larger else ENCODER.encode_rows([{}] * 2)
    )
    names = ENCODER.get_feature_names_out()
    owned = np.array([feature.startswith(name) for feature in names])
    falls = np.array(["=" in feature for feature in names])

    assert (np.where(falls, low - high, high - low)[owned] >= 0).all()


def test_each_feature_has_the_direction_of_its_column() -> None:
    """All features of income fall, those of months late rise but for the codes' flags, flags of gaps have no order."""
    of_feature = dict(zip(ENCODER.get_feature_names_out(), ENCODER.directions_.tolist(), strict=True))

    assert {of_feature[name] for name in of_feature if name.startswith("income") and "missing" not in name} == {-1}
    assert {name: of_feature[name] for name in of_feature if name.startswith("months late")} == {
        "months late": 1,
        "months late>0": 1,
        "months late>1": 1,
        "months late>2": 1,
        "months late=-2": -1,
        "months late=-1": -1,
        "months late=0": -1,
    }
    assert of_feature["income missing"] == of_feature["age"] == of_feature["home=own"] == 0


@pytest.mark.parametrize(("value", "state"), [(-2, -2), (-1.5, -1), (-1, -1), (-0.3, 0), (0, 0), (-9, -2), (1, None)])
def test_a_number_without_order_has_the_flag_of_its_code(value: float, state: int | None) -> None:
    """One that training did not see has the flag of the next code above; no code comes before another in the bins."""
    features = dict(zip(ENCODER.get_feature_names_out(), ENCODER.encode_rows([{"months late": value}])[0], strict=True))

    assert {code: features[f"months late={code}"] for code in (-2, -1, 0)} == {
        c: float(c == state) for c in (-2, -1, 0)
    }
    assert features["months late>0"] == max(value, 0)


def test_codes_without_order_are_told_apart() -> None:
    """The middle code may have the highest probability of the codes, though the numbers above only rise."""
    rng = np.random.default_rng(0)
    late = rng.choice([-2.0, -1.0, 0.0, 1.0, 2.0], 4000)
    rate = pd.Series({-2.0: 0.1, -1.0: 0.4, 0.0: 0.1, 1.0: 0.6, 2.0: 0.8})
    frame = pd.DataFrame({"months late": late, "default": (rng.random(4000) < rate[late]).astype(int).astype(str)})
    frame = frame.assign(income=1.0, age=30.0, home="own")
    model = train(TABLE, frame)
    rows = frame.iloc[:5].assign(**{"months late": rate.index})

    np.testing.assert_allclose(model.probabilities(rows), rate, atol=0.06)


def test_a_directed_column_has_a_share_of_its_sign(scored: dict[str, Any]) -> None:
    """Integrated gradients never blame a number that is better than the reference's, nor praise a worse one."""
    model, frame = scored["credit"]
    X, reference = model.encoder.transform(frame.iloc[:200]), model.encoder.encode_rows([model.reference_row])[0]
    shares = np.array([model.shares(x) for x in X])
    for column in model.table.inputs:
        if not column.direction:
            continue
        position = model.column_names.index(column.name)
        features = (model.encoder.owners_ == position) & (model.encoder.directions_ != 0)
        moved = column.direction * (X - reference)[:, features].sum(axis=1)
        is_present = frame[column.name].iloc[:200].notna().to_numpy()

        assert (np.sign(moved) * shares[:, position] >= 0)[is_present].all(), column.name
        assert (shares[is_present, position] != 0).any(), column.name


def test_a_stored_model_keeps_its_directions(scored: dict[str, Any]) -> None:
    """Stored and loaded again: the same answers, and the bounds for further training."""
    model, frame = scored["loans"]
    files = dump_state(model, "loans")
    again = load_state(files[STATE], files[ARRAYS], "digest")

    np.testing.assert_array_equal(again.probabilities(frame), model.probabilities(frame))
    np.testing.assert_array_equal(again.network.network_.directions, model.encoder.directions_)


def test_further_training_keeps_the_directions() -> None:
    """partial_fit of a loaded model, with rows that say the contrary and large steps."""
    X, y = plain_rows(500)
    model = BackpropClassifier((12,), monotonic_cst=PLAIN_DIRECTIONS, max_epochs=2, learning_rate=0.1, random_state=0)
    model = pickle.loads(pickle.dumps(model.fit(X, y)))  # noqa: S301
    for _ in range(3):
        model.partial_fit(X, (X[:, 0] < 0).astype(int))
    low, high, directions = plain_pairs(2000)

    assert (directions * (model.decision_function(high) - model.decision_function(low)) >= 0).all()
    with pytest.raises(ValueError, match="monotonic_cst=None was requested"):
        model.set_params(monotonic_cst=None).partial_fit(X, y)


def test_features_may_be_named() -> None:
    """A dictionary by column name, as scikit-learn's boosted trees take it."""
    X, y = plain_rows(300)
    frame = pd.DataFrame(X, columns=list("abcde"))
    by_name = BackpropClassifier((8,), monotonic_cst={"a": 1, "c": -1}, max_epochs=2, random_state=0).fit(frame, y)
    by_place = BackpropClassifier((8,), monotonic_cst=[1, 0, -1, 0, 0], max_epochs=2, random_state=0).fit(frame, y)

    np.testing.assert_array_equal(by_name.decision_function(frame), by_place.decision_function(frame))


@pytest.mark.parametrize(
    ("directions", "n_classes", "words"),
    [
        ([1, 0, 0, 0, 0], 3, "more than two classes; the target has 3"),
        ([1, 0], 2, r"monotonic_cst has shape \(2,\) but the input data X has 5 features"),
        ([2, 0, 0, 0, 0], 2, r"-1, 0 or 1. Observed values: \[2\]"),
    ],
)
def test_constraints_that_make_no_sense_are_refused(directions: list[int], n_classes: int, words: str) -> None:
    """With the reason, before any training."""
    X, _ = plain_rows(90)
    with pytest.raises(ValueError, match=words):
        BackpropClassifier((4,), monotonic_cst=directions).fit(X, np.arange(90) % n_classes)


def test_constraints_that_say_nothing_change_nothing() -> None:
    """All zeros are the network without constraints, to the bit; also for three classes."""
    X, y = plain_rows(200)
    for target in (y, np.arange(200) % 3):
        none, zeros = (
            BackpropClassifier((8,), monotonic_cst=directions, max_epochs=2, random_state=0).fit(X, target)
            for directions in (None, [0] * 5)
        )
        assert none.network_.parameters.tobytes() == zeros.network_.parameters.tobytes()


@pytest.mark.parametrize("wrong", [{"direction": 0}, {"ordered_above": float("inf")}], ids=["undirected", "infinite"])
def test_an_order_needs_a_direction_and_a_beginning(wrong: dict[str, Any]) -> None:
    """`ordered_above` says where a direction begins; without one it means nothing."""
    with pytest.raises(TableError, match="needs a direction"):
        Column(**{"name": "x", "kind": "number", "direction": 1, "ordered_above": 0, **wrong})
