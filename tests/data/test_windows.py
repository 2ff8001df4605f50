"""Windows: what they say, against a plain loop; that they see only what came before; one by one as all at once."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.column import Column
from data.errors import BadRowsError
from data.window_events import FOREVER, scale_of, whole_amounts, whole_number, whole_seconds
from data.window_measures import window_values
from data.windows import checked_history, with_windows
from tests.data.window_tables import (
    DELAY_SECONDS,
    TABLE,
    WINDOWS,
    Payment,
    as_events,
    frame_of,
    labelled,
    naive_values,
    payments,
)


def bits(frame: pd.DataFrame) -> list[bytes]:
    """The windows of each row, bit for bit."""
    return [row.tobytes() for row in frame[WINDOWS].to_numpy(np.float64)]


def labels_of(rows: list[Payment], draw: st.DataObject) -> np.ndarray:
    return np.array(draw.draw(st.lists(st.integers(0, 1), min_size=len(rows), max_size=len(rows))), np.int64)


class TestValues:
    @given(st.data())
    def test_are_those_of_a_plain_loop(self, data):
        """Every measure, over two entities, with ties within a second, missing entities and times before 1970."""
        rows = data.draw(payments())
        labels = labels_of(rows, data)
        known = [
            replace(row, known=[(row.second, FOREVER)] if fraud else [])
            for row, fraud in zip(rows, labels, strict=True)
        ]

        found = with_windows(TABLE, frame_of(rows), labels)

        for i, row in enumerate(known):
            for name, value in naive_values(row, known).items():
                assert found[name].iloc[i] == pytest.approx(value, rel=1e-9, abs=1e-9, nan_ok=True), (i, name)

    @given(labelled())
    def test_count_labels_for_the_time_that_they_stand(self, rows):
        """A label that comes late counts from then on; one that is taken back counts until then."""
        asked = {entity: as_events(rows, entity) for entity in ("card", "shop")}

        found = window_values(TABLE, asked, asked)

        for i, row in enumerate(rows):
            for name, value in naive_values(row, rows).items():
                assert found[name][i] == pytest.approx(value, rel=1e-9, abs=1e-9, nan_ok=True), (i, name)

    @settings(max_examples=40)
    @given(payments())
    def test_of_labels_are_missing_where_none_is_known(self, rows):
        """No label is not the label `genuine`."""
        found = with_windows(TABLE, frame_of(rows))

        for name in WINDOWS:
            if "positives" in name or "positive_rate" in name:
                assert found[name].isna().all()

    def test_add_up_cents_exactly(self):
        """Ten times ten cents are one, in every order."""
        start = datetime(2024, 3, 1)
        rows = [Payment(i, start + timedelta(seconds=i), "a", "s", 0.1) for i in range(11)]

        assert with_windows(TABLE, frame_of(rows))["card_sum_20s"].iloc[10] == 1.0

    def test_a_table_without_windows_is_left_as_it_is(self):
        """Nothing is copied."""
        frame = frame_of([])
        table = replace(TABLE, columns=tuple(column for column in TABLE.columns if column.window is None))

        assert with_windows(table, frame) is frame


class TestOrder:
    @settings(max_examples=40)
    @given(st.data())
    def test_what_comes_later_changes_nothing(self, data):
        """Whatever happens after t, whether it is rewritten or removed: all values up to t are the same bits."""
        rows = data.draw(payments(start=datetime(2024, 3, 1)))
        labels = labels_of(rows, data)
        until = datetime(2024, 3, 1) + timedelta(seconds=data.draw(st.integers(0, 150)), microseconds=999_999)
        earlier = np.array([row.at <= until for row in rows], np.bool_)
        later = [row for row in data.draw(payments(start=datetime(2024, 3, 1))) if row.at > until]
        rewritten = [row for row, kept in zip(rows, earlier, strict=True) if kept] + later
        new_labels = np.concatenate([labels[earlier], np.ones(len(later), np.int64)])

        before = bits(with_windows(TABLE, frame_of(rows), labels)[earlier])

        n_kept = int(earlier.sum())
        assert bits(with_windows(TABLE, frame_of(rewritten), new_labels)[:n_kept]) == before
        assert bits(with_windows(TABLE, frame_of(rewritten[:n_kept]), labels[earlier])) == before

    @settings(max_examples=40)
    @given(st.data())
    def test_the_order_of_rows_does_not_matter(self, data):
        """Shuffled rows have the same values, bit for bit."""
        rows = data.draw(payments())
        labels = labels_of(rows, data)
        order = data.draw(st.permutations(range(len(rows))))

        in_order = bits(with_windows(TABLE, frame_of(rows), labels))
        shuffled = bits(with_windows(TABLE, frame_of([rows[i] for i in order]), labels[list(order)]))

        assert shuffled == [in_order[i] for i in order]

    @settings(max_examples=30)
    @given(labelled())
    def test_one_by_one_gives_the_same_bits_as_all_at_once(self, rows):
        """Also beside no more than the events of the entity itself, in the reach of the table, up to the event."""
        all_past = {entity: as_events(rows, entity) for entity in ("card", "shop")}
        at_once = window_values(TABLE, all_past, all_past)

        for i, row in enumerate(rows):
            alone = {entity: as_events([row], entity) for entity in ("card", "shop")}
            own_past = {
                entity: as_events(
                    [
                        one
                        for one in rows
                        if getattr(one, entity) == getattr(row, entity)
                        and row.second - TABLE.reach_seconds <= one.second <= row.second
                    ],
                    entity,
                )
                for entity in ("card", "shop")
            }
            for past in (all_past, own_past):
                found = window_values(TABLE, past, alone)
                assert {name: found[name].tobytes() for name in WINDOWS} == {
                    name: at_once[name][i : i + 1].tobytes() for name in WINDOWS
                }

    def test_rows_of_one_second_do_not_see_each_other(self):
        """Nor does a row see itself; the next second sees them all."""
        at = datetime(2024, 3, 1, 12)
        moments = [at, at.replace(microsecond=1), at.replace(microsecond=999_999), at + timedelta(seconds=1)]
        rows = [Payment(i, moment, "a", "s", 1.0) for i, moment in enumerate(moments)]

        assert with_windows(TABLE, frame_of(rows))["card_count_20s"].tolist() == [0, 0, 0, 3]

    def test_a_label_counts_once_the_delay_has_passed(self):
        """Strictly later than that, as events are strictly earlier."""
        at = datetime(2024, 3, 1)
        moments = [0, DELAY_SECONDS, DELAY_SECONDS + 1, DELAY_SECONDS + 20, DELAY_SECONDS + 21]
        rows = [Payment(i, at + timedelta(seconds=second), "a", "s", 1.0) for i, second in enumerate(moments)]

        found = with_windows(TABLE, frame_of(rows), np.array([1, 0, 0, 0, 0]))["card_positives_20s"]

        assert found.tolist() == [0, 0, 1, 1, 0]


class TestHistory:
    def rows(self, ids: list[int]) -> pd.DataFrame:
        at = datetime(2024, 3, 1)
        rows = [Payment(one, at + timedelta(seconds=i), "a", "s", 5.0) for i, one in enumerate(ids)]
        return frame_of(rows).assign(fraud=[i % 2 == 0 for i in range(len(rows))])

    def test_is_checked_and_has_its_windows(self):
        """From rows as they came to rows with labels and windows."""
        checked, labels = checked_history(TABLE, self.rows([3, 2, 1]), "rows")

        assert labels.tolist() == [1, 0, 1]
        assert checked["id"].tolist() == ["3", "2", "1"]
        assert checked["card_sum_60s"].tolist() == [0, 5, 10]

    def test_a_repeated_event_is_refused_by_name(self):
        """It would be in its own history."""
        with pytest.raises(BadRowsError, match=r"row 3, column 'id': '3' is also the id of an earlier row"):
            checked_history(TABLE, self.rows([3, 2, 3]), "rows")

    def test_a_file_with_a_computed_column_is_refused_by_name(self):
        """Whoever put it there computed it otherwise."""
        with pytest.raises(BadRowsError, match=r"column 'card_sum_60s': is computed from earlier rows"):
            checked_history(TABLE, self.rows([1, 2]).assign(card_sum_60s=1.0), "rows")


class TestWholeNumbers:
    @pytest.mark.parametrize(
        ("minimum", "maximum", "scale"),
        [(0, 1, 10_000), (0, 10_000, 10_000), (-50_000, 5, 1_000), (0, 10**8, 1), (0, 10**10, 0.01)],
    )
    def test_amounts_are_scaled_by_what_they_may_be(self, minimum, maximum, scale):
        """At most four digits behind the point, and never above a hundred million."""
        column = Column(name="x", kind="number", minimum=minimum, maximum=maximum)

        assert scale_of(column) == scale
        assert whole_amounts(column, [minimum, maximum]).tolist() == [minimum * scale, maximum * scale]

    @given(st.datetimes(datetime(1678, 1, 1), datetime(2261, 12, 31)))
    def test_seconds_are_rounded_down_everywhere(self, moment):
        """As a frame's times are, to the last microsecond."""
        expected = math.floor((moment - datetime(1970, 1, 1)) / timedelta(microseconds=1) // 1_000_000)

        assert whole_seconds(moment) == whole_seconds(moment.replace(tzinfo=UTC)) == expected
        in_a_frame = pd.Series([moment], dtype="datetime64[us]").to_numpy("datetime64[s]").astype(np.int64)
        assert in_a_frame.tolist() == [expected]

    @given(st.floats(-1e9, 1e9), st.sampled_from([1, 100, 10_000, 10**8, 10**10]))
    def test_one_amount_becomes_what_many_become(self, amount, maximum):
        """Halves are rounded alike, and what is out of bounds is cut off alike."""
        column = Column(name="x", kind="number", minimum=0, maximum=maximum)

        assert whole_number(amount, scale_of(column)) == whole_amounts(column, [amount])[0]

    def test_a_moment_is_the_same_in_every_zone(self):
        """Times without a zone are in UTC."""
        moment = datetime(2024, 3, 1, 12, tzinfo=UTC)

        assert whole_seconds(moment.astimezone(timezone(timedelta(hours=9)))) == whole_seconds(datetime(2024, 3, 1, 12))
