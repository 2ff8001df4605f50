from __future__ import annotations

import functools
from types import ModuleType

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import roc_auc_score

from data.checking import check_frame
from data.simulators import Simulation, ads, credit, fraud

SIMULATORS = {"ads": ads, "credit": credit, "fraud": fraud}
USUAL_ROWS = {"ads": 40_000, "credit": 20_000, "fraud": 60_000}
CONTEXT = ("seconds_since_previous", "transactions_24h", "mean_amount_30d_eur", "terminal_confirmed_frauds_28d")
"""Columns that the fraud simulator goes by and no request holds; a model has its table's windows instead."""
each_simulator = pytest.mark.parametrize("name", SIMULATORS)


@functools.cache
def simulated(name: str, n_rows: int, seed: int) -> Simulation:
    return SIMULATORS[name].simulate(n_rows, seed)


def labels(name: str, simulation: Simulation) -> np.ndarray:
    return SIMULATORS[name].TABLE.labels(simulation.frame)


def deviation(outcomes: np.ndarray, probability: np.ndarray) -> float:
    """How many standard errors the number of positives is away from what the probabilities promise."""
    return float((outcomes - probability).sum() / np.sqrt((probability * (1 - probability)).sum()))


def model_inputs(simulator: ModuleType, frame: pd.DataFrame) -> pd.DataFrame:
    """What the truth depends on: every feature (no protected one for credit), context, and the hour of the time."""
    table = simulator.TABLE
    given = [column for column in table.file_columns if column.role == "feature" or column.name in CONTEXT]
    features = [column for column in given if not (column.protected and simulator is credit)]
    numbers = {column.name: frame[column.name].astype(float) for column in features if column.kind != "category"}
    if table.time is not None:
        numbers["hour"] = frame[table.time.name].dt.hour
    levels = pd.get_dummies(frame[[column.name for column in features if column.kind == "category"]], dtype=float)
    return pd.concat([pd.DataFrame(numbers), levels], axis=1)


@each_simulator
def test_rows_satisfy_their_own_table(name):
    """A simulated frame has exactly the columns of its table, and no cell that breaks a rule."""
    table, frame = SIMULATORS[name].TABLE, simulated(name, USUAL_ROWS[name], 0).frame

    problems = check_frame(table, frame, training=True)[1]

    assert frame.columns.tolist() == [column.name for column in table.file_columns]
    assert len(frame) == USUAL_ROWS[name]
    assert [str(problem) for problem in problems] == []


@each_simulator
@pytest.mark.parametrize("n_rows", [1, 50])
def test_short_tables_have_the_asked_number_of_rows(name, n_rows):
    """A handful of rows is a table as well."""
    simulation = SIMULATORS[name].simulate(n_rows, 0)

    assert len(simulation.frame) == len(simulation.probability) == n_rows


@each_simulator
def test_the_seed_alone_decides(name):
    """The same seed gives the same rows and truth, another seed other ones."""
    first, again, other = (SIMULATORS[name].simulate(2_000, seed) for seed in (3, 3, 4))

    pd.testing.assert_frame_equal(first.frame, again.frame)
    assert (first.probability == again.probability).all()
    assert not np.array_equal(first.probability, other.probability)


@each_simulator
def test_truth_is_a_function_of_what_the_row_shows(name):
    """Computed from the columns alone, without ids, protected columns and the label, the probability is the same."""
    simulator, simulation = SIMULATORS[name], simulated(name, USUAL_ROWS[name], 0)
    unused = ("target", "entity", "event", "ignore", "time")
    hidden = [c.name for c in simulator.TABLE.columns if c.role in unused and c.name not in CONTEXT]
    hidden += ["age", "gender"] if name == "credit" else []

    from_row = simulator.true_probability(simulation.frame.drop(columns=hidden))

    np.testing.assert_allclose(from_row, simulation.probability, rtol=1e-9)


@each_simulator
def test_labels_come_as_often_as_the_truth_says(name):
    """In each tenth of the rows by true probability, the positives are within binomial error of the promise."""
    simulation = simulated(name, 200_000, 1)
    outcomes, order = labels(name, simulation), np.argsort(simulation.probability)

    errors = [deviation(outcomes[rows], simulation.probability[rows]) for rows in np.array_split(order, 10)]

    assert max(map(abs, errors)) < 3.5
    assert abs(deviation(outcomes, simulation.probability)) < 3


@pytest.mark.parametrize(
    ("name", "lowest", "highest"), [("ads", 0.08, 0.11), ("credit", 0.17, 0.22), ("fraud", 0.007, 0.012)]
)
def test_positives_are_as_frequent_as_documented(name, lowest, highest):
    """About 9 % click, 19 % default, 1 % are fraud."""
    assert lowest < labels(name, simulated(name, 200_000, 1)).mean() < highest


@pytest.mark.parametrize(("name", "documented"), [("ads", 0.81), ("credit", 0.85), ("fraud", 0.96)])
def test_truth_ranks_as_well_as_documented(name, documented):
    """The best AUC that any model can have is the one its module names."""
    simulation = simulated(name, 200_000, 1)

    assert roc_auc_score(labels(name, simulation), simulation.probability) == pytest.approx(documented, abs=0.01)


@pytest.mark.parametrize("name", ["ads", "credit"])
def test_truth_moves_in_the_direction_the_table_states(name):
    """Raising a number that has a direction never moves the true probability against it."""
    simulator, frame = SIMULATORS[name], simulated(name, USUAL_ROWS[name], 0).frame
    directed = [column for column in simulator.TABLE.inputs if column.direction]
    assert directed

    for column in directed:
        raised = frame.assign(**{column.name: frame[column.name] * 1.1 + (1 if column.whole else 0.01)})
        change = simulator.true_probability(raised) - simulator.true_probability(frame)
        assert (column.direction * change >= -1e-12).all(), column.name
        assert (column.direction * change > 0).any(), column.name


@each_simulator
def test_a_learner_comes_close_to_the_truth_and_not_beyond(name):
    """Gradient boosting covers 97 % of the way from chance to the true AUC, and no column lets it go further."""
    simulator, training, fresh = SIMULATORS[name], simulated(name, 40_000, 2), simulated(name, 200_000, 1)
    # The match of interest and ad has no effect of either alone: greedy trees find it if not always shown all columns.
    learner = HistGradientBoostingClassifier(
        max_leaf_nodes=8,
        max_features=0.4,
        learning_rate=0.08,
        max_iter=1000,
        n_iter_no_change=20,
        l2_regularization=5,
        early_stopping=True,
        random_state=0,
    )
    learner.fit(model_inputs(simulator, training.frame), labels(name, training))

    scores = learner.predict_proba(model_inputs(simulator, fresh.frame))[:, 1]

    reached, best = (roc_auc_score(labels(name, fresh), values) for values in (scores, fresh.probability))
    assert reached - 0.5 >= 0.97 * (best - 0.5)
    assert reached <= best + 0.002


def test_protected_groups_default_as_the_other_columns_say():
    """Given the true probability, neither gender nor age tells more; without it, both do."""
    simulation = simulated("credit", 200_000, 1)
    outcomes, probability = labels("credit", simulation), simulation.probability
    groups = {"women": simulation.frame["gender"] == "female", "young": simulation.frame["age"] < 30}

    for rows in groups.values():
        assert abs(deviation(outcomes[rows], probability[rows])) < 3
        assert deviation(outcomes[rows], np.full(rows.sum(), outcomes.mean())) > 3


def test_undisclosed_savings_are_more_often_missing_where_the_risk_is_higher():
    """The missing cell itself carries information."""
    simulation = simulated("credit", 200_000, 1)
    undisclosed, outcomes = simulation.frame["savings_eur"].isna(), labels("credit", simulation)

    assert 0.05 < undisclosed.mean() < 0.25
    assert outcomes[undisclosed].mean() > outcomes[~undisclosed].mean() + 0.03


def test_the_best_ad_depends_on_the_person():
    """Who likes fashion clicks more on fashion ads than on others, and the other way round."""
    frame = simulated("ads", 200_000, 1).frame
    fond = frame["main_interest"] == "fashion"
    rates = {
        (who, what): frame.loc[rows & ((frame["ad_category"] == "fashion") == what), "clicked"].mean()
        for who, rows in (("fond", fond), ("cool", ~fond))
        for what in (True, False)
    }

    assert rates["fond", True] > 1.5 * rates["fond", False]
    assert rates["cool", True] < rates["cool", False]


class TestFraudHistory:
    """The history columns, computed once more by a slow and plain way."""

    def rows(self) -> pd.DataFrame:
        frame = simulated("fraud", 6_000, 5).frame
        assert frame["time"].is_monotonic_increasing
        assert 59 <= (frame["time"].iloc[-1] - frame["time"].iloc[0]).days <= 61
        return frame

    def test_velocity_columns_count_the_customers_own_rows(self):
        """Seconds since the previous and rows in 24 hours follow from time and customer."""
        frame = self.rows()
        last = frame[frame["time"] >= frame["time"].iloc[0] + pd.Timedelta(days=2)]

        for index, row in last.iloc[::40].iterrows():
            before = frame.loc[: index - 1]
            times = before.loc[before["customer_id"] == row["customer_id"], "time"]
            assert (times > row["time"] - pd.Timedelta(days=1)).sum() == row["transactions_24h"]
            if len(times):
                assert (row["time"] - times.iloc[-1]).total_seconds() == row["seconds_since_previous"]

    def test_day_columns_know_nothing_of_the_day_and_of_late_labels(self):
        """Habits end the midnight before, confirmed frauds a week before that."""
        frame = self.rows()
        midnight = frame["time"].dt.normalize()
        start = frame["time"].iloc[0].normalize() + pd.Timedelta(days=1)

        for index, row in frame[midnight >= start + pd.Timedelta(days=35)].iloc[::40].iterrows():
            today = midnight[index]
            own = frame["customer_id"] == row["customer_id"]
            habit = frame.loc[own & (midnight < today) & (midnight >= today - pd.Timedelta(days=30)), "amount_eur"]
            there = frame["terminal_id"] == row["terminal_id"]
            known = (midnight < today - pd.Timedelta(days=7)) & (midnight >= today - pd.Timedelta(days=35))
            assert row["terminal_confirmed_frauds_28d"] == frame.loc[there & known, "fraud"].sum()
            assert row["mean_amount_30d_eur"] == pytest.approx(habit.mean(), abs=0.006, nan_ok=True)

    def test_fraud_kind_is_part_of_the_label(self):
        """A kind is named exactly where the row is fraud, and all three kinds occur."""
        frame = simulated("fraud", 60_000, 0).frame

        assert ((frame["fraud_kind"] != "none") == frame["fraud"]).all()
        assert (frame["fraud_kind"].value_counts() > 30).all()
        assert frame["fraud_kind"].nunique() == 4
        assert fraud.TABLE["fraud_kind"].role == "ignore"
