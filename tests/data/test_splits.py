from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.model_selection import train_test_split

from data.errors import DataError
from data.splits import Split, SplitRows, random_split, split_rows, time_split, with_whole_windows

START = np.datetime64("2024-01-01T00:00:00")
NO_DELAY = pd.Timedelta(0)


def days_after_start(days) -> np.ndarray:
    return START + (np.asarray(days, float) * 86_400).astype("timedelta64[s]")


def two_classes(n_rows: int, n_positive: int) -> np.ndarray:
    return np.random.default_rng(n_rows).permutation(np.arange(n_rows) < n_positive).astype(int)


class TestRandomSplit:
    @pytest.mark.parametrize("seed", [0, 1, 7])
    def test_rows_are_those_of_scikit_learn(self, seed):
        """The fixed comparison tasks cut their rows with train_test_split; ours are the same, in the same order."""
        labels = two_classes(1000, 300)

        rest, test = random_split(labels, test_fraction=0.2, seed=seed)

        expected = train_test_split(np.arange(1000), test_size=0.2, random_state=seed, stratify=labels)
        assert rest.tolist() == expected[0].tolist()
        assert test.tolist() == expected[1].tolist()

    @given(
        n_rows=st.integers(20, 300),
        share=st.floats(0.2, 0.8),
        fraction=st.sampled_from([0.1, 0.2, 0.5]),
        seed=st.integers(0, 99),
    )
    def test_every_row_is_on_one_side_and_class_shares_agree(self, n_rows, share, fraction, seed):
        """A stratified cut is a partition in which no class is off by more than one row."""
        labels = two_classes(n_rows, max(10, min(n_rows - 10, int(share * n_rows))))

        rest, test = random_split(labels, test_fraction=fraction, seed=seed)

        assert sorted([*rest, *test]) == list(range(n_rows))
        assert abs(labels[test].sum() - labels.mean() * len(test)) <= 1

    def test_amounts_are_not_stratified(self):
        """Floating point labels are amounts: all different, and still a split."""
        rest, test = random_split(np.linspace(0, 1, 50), test_fraction=0.2, seed=0)

        assert (len(rest), len(test)) == (40, 10)

    def test_a_class_that_would_miss_a_side_is_refused_with_both_counts(self):
        """Two rows of a class cannot be on both sides of a one-in-ten cut reliably: say how many are needed."""
        with pytest.raises(DataError, match=r"only 1 of 100 rows are of class 1; about 10 are needed"):
            random_split(two_classes(100, 1), test_fraction=0.1, seed=0)

    @given(n_positive=st.integers(1, 30), fraction=st.sampled_from([0.05, 0.1, 0.2, 0.9]))
    def test_both_classes_are_on_both_sides_or_it_is_refused(self, n_positive, fraction):
        """There is no silent third way, and as many rows as the message asks for are enough."""
        labels = two_classes(200, n_positive)
        try:
            rest, test = random_split(labels, test_fraction=fraction, seed=0)
        except DataError:
            assert n_positive < 1 / min(fraction, 1 - fraction)
        else:
            assert 0 < labels[rest].mean() < 1
            assert 0 < labels[test].mean() < 1

    @pytest.mark.parametrize("labels", [[], [1], [1, 1, 1, 1]])
    def test_too_little_to_cut_is_refused(self, labels):
        """No row, one row, one class."""
        with pytest.raises(DataError, match="needed"):
            random_split(np.array(labels, int), test_fraction=0.5, seed=0)


class TestTimeSplit:
    @given(
        days=st.lists(st.integers(0, 40), min_size=10, max_size=80),
        fraction=st.sampled_from([0.1, 0.2, 0.5]),
        delay=st.integers(0, 10),
    )
    def test_training_labels_were_known_when_testing_began(self, days, fraction, delay):
        """Only rows in the gap are left out, times never cross the cut, and the test share is at least as asked."""
        try:
            rest, test = time_split(
                days_after_start(days), test_fraction=fraction, label_delay=pd.Timedelta(days=delay)
            )
        except DataError:
            first = sorted(days)[int(len(days) * (1 - fraction))]
            assert min(days) == first or min(days) + delay > first
            return

        day = np.asarray(days)
        left_out = np.setdiff1d(np.arange(len(days)), [*rest, *test])
        assert len(rest) + len(test) + len(left_out) == len(days)
        assert day[rest].max() + delay <= day[test].min()
        assert day[rest].max() < day[test].min()
        assert all(day[test].min() - delay < day[left_out])
        assert all(day[left_out] < day[test].min())
        assert len(test) >= fraction * len(days) - 1e-9
        assert (np.diff(day[rest]) >= 0).all()
        assert (np.diff(day[test]) >= 0).all()

    def test_cut_is_that_of_the_fixed_tasks(self):
        """With distinct times in file order the cut lies at int(0.8 n), as in the comparison tasks."""
        rest, test = time_split(days_after_start(np.arange(103)), test_fraction=0.2, label_delay=NO_DELAY)

        assert rest.tolist() == list(range(82))
        assert test.tolist() == list(range(82, 103))

    def test_time_zones_are_compared_by_moment(self):
        """One o'clock in Berlin is before half past twelve in London."""
        times = np.array(["2024-01-05T12:30:00+00:00", "2024-01-05T13:00:00+01:00"])

        rest, test = time_split(times, test_fraction=0.5, label_delay=NO_DELAY)

        assert (rest.tolist(), test.tolist()) == ([1], [0])

    def test_a_delay_longer_than_the_history_is_refused(self):
        """Nothing to train on is said with the times and the delay."""
        with pytest.raises(DataError, match="labels take 30 days"):
            time_split(days_after_start(np.arange(20)), test_fraction=0.2, label_delay=pd.Timedelta(days=30))

    def test_a_missing_time_is_refused(self):
        """A row without a time cannot be put in order."""
        times = days_after_start(np.arange(5))
        times[2] = np.datetime64("NaT")

        with pytest.raises(DataError, match="1 of 5 rows have none"):
            time_split(times, test_fraction=0.2, label_delay=NO_DELAY)


class TestSplitRows:
    @given(n_rows=st.integers(60, 400), seed=st.integers(0, 99))
    def test_random_sets_are_a_stratified_partition(self, n_rows, seed):
        """Every row is in one set, the same again for the same seed, with near equal class shares."""
        labels = two_classes(n_rows, n_rows // 3)

        rows = split_rows(Split(), labels=labels, times=None, seed=seed)
        again = split_rows(Split(), labels=labels, times=None, seed=seed)

        assert sorted([*rows.train, *rows.validation, *rows.test]) == list(range(n_rows))
        assert rows.train.dtype == rows.validation.dtype == rows.test.dtype == np.intp
        for name in ("train", "validation", "test"):
            part = getattr(rows, name)
            assert part.tolist() == getattr(again, name).tolist()
            assert abs(labels[part].sum() - labels.mean() * len(part)) <= 2

    def test_another_seed_gives_other_rows(self):
        """The seed is what chooses."""
        labels = two_classes(200, 60)
        first, second = (split_rows(Split(), labels=labels, times=None, seed=seed) for seed in (0, 1))

        assert set(first.test) != set(second.test)

    @given(seed=st.integers(0, 99), delay=st.sampled_from([0.0, 2.0, 5.0]))
    def test_sets_by_time_follow_each_other_with_a_gap(self, seed, delay):
        """Training ends a label delay before validation, validation a label delay before the test rows."""
        days = np.random.default_rng(seed).uniform(0, 100, 500)
        labels = np.arange(500) % 2

        rows = split_rows(
            Split(kind="time", label_delay_days=delay), labels=labels, times=days_after_start(days), seed=seed
        )

        second = 1 / 86_400
        assert days[rows.train].max() + delay <= days[rows.validation].min() + second
        assert days[rows.validation].max() + delay <= days[rows.test].min() + second
        everything = [*rows.train, *rows.validation, *rows.test]
        assert len(set(everything)) == len(everything)
        assert len(rows.test) == 100

    def test_gap_before_validation_gives_way_when_rows_are_few(self):
        """A gap that would take more than half of the training rows is left out, and the description says so."""
        rows = split_rows(
            Split(kind="time", label_delay_days=7),
            labels=np.arange(200) % 2,
            times=days_after_start(np.arange(200) / 10),
            seed=0,
        )

        assert "before the test rows only" in rows.description
        assert rows.train.max() + 1 == rows.validation.min()

    def test_description_tells_sizes_and_cut(self):
        """The sentence holds what a report needs."""
        rows = split_rows(Split(), labels=two_classes(1000, 300), times=None, seed=3)

        assert rows.description == "680 training, 120 validation and 200 test rows, cut at random with seed 3"

    def test_class_missing_in_the_test_rows_is_refused_with_counts(self):
        """If all the positives are early, a cut by time has nothing to judge by."""
        labels = (np.arange(100) < 30).astype(int)

        with pytest.raises(DataError, match=r"class 1: 30 training, 0 validation, 0 test rows"):
            split_rows(Split(kind="time"), labels=labels, times=days_after_start(np.arange(100)), seed=0)

    @given(n_rows=st.integers(20, 300), test_fraction=st.sampled_from([0.1, 0.2, 0.5]), seed=st.integers(0, 9))
    def test_sets_in_order_follow_each_other_without_a_gap(self, n_rows, test_fraction, seed):
        """The rows as they come: training, validation, test, whatever the seed."""
        labels = np.arange(n_rows) % 2

        rows = split_rows(Split(kind="order", test_fraction=test_fraction), labels=labels, times=None, seed=seed)

        assert [*rows.train, *rows.validation, *rows.test] == list(range(n_rows))
        assert len(rows.test) == n_rows - int(n_rows * (1 - test_fraction))
        assert rows.description.endswith("cut in the order of the rows, the test rows last")

    @pytest.mark.parametrize(
        ("labels", "said"),
        [
            ([0, 1] * 30 + [0] * 40, "a split by order needs at least 1 row .* class 1: .* 0 test rows"),
            ([1] * 50, "all 50 rows are of class 1"),
            ([], "there are no rows"),
        ],
    )
    def test_an_order_that_leaves_a_set_without_a_class_is_refused(self, labels, said):
        """With the counts of each set."""
        with pytest.raises(DataError, match=said):
            split_rows(Split(kind="order"), labels=np.array(labels, int), times=None, seed=0)

    def test_split_by_time_without_times_is_refused(self):
        """The message says which role to give a column."""
        with pytest.raises(DataError, match="role = 'time'"):
            split_rows(Split(kind="time"), labels=[0, 1, 0, 1], times=None, seed=0)

    @pytest.mark.parametrize(
        "wrong", [{"kind": "rows"}, {"test_fraction": 0.0}, {"test_fraction": 1.0}, {"label_delay_days": -1.0}]
    )
    def test_impossible_splits_are_refused(self, wrong):
        """A split that cannot be is an error when it is written, not when it is used."""
        with pytest.raises(DataError, match=next(iter(wrong)).replace("kind", "random")):
            Split(**wrong)


class TestWholeWindows:
    """Training rows whose windows would not be full are history only."""

    def rows(self, n_days: int) -> tuple[SplitRows, pd.Series, np.ndarray]:
        times = pd.Series(pd.date_range("2024-01-01", periods=24 * n_days, freq="h"))
        labels = np.arange(len(times)) % 2
        return split_rows(Split(kind="time"), labels=labels, times=times, seed=0), times, labels

    def test_the_first_rows_are_left_out_and_counted(self):
        """Of 100 days the first ten: validation and test stay."""
        rows, times, labels = self.rows(100)

        whole = with_whole_windows(rows, times, labels, reach_seconds=10 * 86_400)

        assert set(rows.train) - set(whole.train) == set(range(240))
        assert (whole.validation is rows.validation, whole.test is rows.test) == (True, True)
        assert whole.description.startswith(rows.description)
        assert "240 earlier rows" in whole.description

    @pytest.mark.parametrize("reach_days", [0, 40])
    def test_all_stay_where_nothing_is_cut_off_or_too_much_would_be(self, reach_days):
        """Without windows, and where more than half of the training rows would go."""
        rows, times, labels = self.rows(100)

        assert with_whole_windows(rows, times, labels, reach_seconds=reach_days * 86_400) is rows

    def test_all_stay_where_a_class_would_be_missing(self):
        """The only frauds are early ones."""
        rows, times, labels = self.rows(100)
        early = np.where(np.arange(len(labels)) < 200, labels, 0)

        assert with_whole_windows(rows, times, early, reach_seconds=10 * 86_400) is rows
