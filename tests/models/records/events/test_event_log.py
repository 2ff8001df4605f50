"""The event store: it answers as the bulk computation does, whatever comes in whatever order, on both databases."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, timedelta, timezone
from threading import Event

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from data.window_events import FOREVER
from models.contract import Row
from models.errors import ConflictingEventError, EventError
from models.records.events import entity_series
from models.records.outcomes.ledger import Outcome
from models.registry.database.engine import open_database, writing
from tests.data.window_tables import TABLE, WINDOWS, Payment, labelled, payments, window_columns
from tests.models.records.conftest import LATE_SECONDS, START, Seen, answered, in_bulk, payment, seen_in
from tests.models.records.labels import add, label

on_one_database = settings(max_examples=15)
"""Every example has a model of its own in the database of its test."""


def ask(log, *rows: Payment) -> list[object]:
    return log.answer([row.row for row in rows], answered)


def nobody(rows: Sequence[Row], places: Sequence[int]) -> list[Seen]:
    """A scorer that must not be called."""
    assert not rows
    return []


def labels_of(row: Payment) -> list[tuple[float, Outcome]]:
    """Its labels, each with the time at which it becomes known."""
    found: list[tuple[float, Outcome]] = []
    for since, until in row.known:
        for fraud, known in ((True, since), (False, until)):
            if known != FOREVER:
                found.append((int(known), label(row.id, fraud, int(known))))
    return found


class TestAnswers:
    @on_one_database
    @given(st.data())
    def test_in_order_are_the_bits_of_the_bulk_computation(self, open_log, data):
        """In batches of any size, events of one second in any order."""
        log = open_log()
        rows = sorted(data.draw(payments()), key=lambda row: row.second)
        found: list[object] = []
        while len(found) < len(rows):
            found += ask(log, *rows[len(found) : len(found) + data.draw(st.integers(1, 9))])

        assert [seen_in(text) for text in found] == in_bulk(rows)

    @on_one_database
    @given(st.data())
    def test_in_any_order_see_what_had_come_and_lay_before(self, open_log, data):
        """Late events, shuffles and steps of a sender's clock: each is the bulk computation over what had come."""
        log, rows = open_log(), data.draw(payments(max_size=12))
        come: list[Payment] = []
        while len(come) < len(rows):
            batch = rows[len(come) : len(come) + data.draw(st.integers(1, 4))]
            come += batch
            assert [seen_in(text) for text in ask(log, *batch)] == in_bulk(come)[-len(batch) :]

    @on_one_database
    @given(labelled(max_size=12))
    def test_know_labels_from_the_time_on_at_which_they_came(self, open_log, rows):
        """Early, late and revised labels, delivered as they become known."""
        log = open_log()
        rows = sorted(rows, key=lambda row: row.second)
        labels = sorted((pair for row in rows for pair in labels_of(row)), key=lambda pair: pair[0])
        for row, expected in zip(rows, in_bulk(rows), strict=True):
            with writing(log.engine) as connection:
                while labels and labels[0][0] < row.second:
                    add(connection, log.model, [labels.pop(0)[1]])
            assert seen_in(ask(log, row)[0]) == expected

    def test_of_many_entities_at_once_are_right(self, open_log):
        """More than one statement may ask for."""
        log = open_log()
        early = [payment(i, 1, card=f"c{i}", shop="a" if i % 2 else "b") for i in range(1_100)]
        late = [payment(2_000 + i, 2, card=f"c{i}") for i in range(1_100)]
        ask(log, *early)

        assert {seen_in(text)["card_count_20s"] for text in ask(log, *late)} == {1}

    def test_of_rows_with_a_blank_entity_say_nothing_of_it(self, open_log):
        """A text of blanks is no card, as it is none in a file."""
        found = ask(open_log(), payment(1, 1, card=" "), payment(2, 2, card=" "))

        assert [seen_in(text)["card_count_20s"] for text in found] == [None, None]
        assert seen_in(found[1])["shop_count_20s"] == 1

    def test_that_fail_leave_nothing_behind(self, open_log, count):
        """The event may be sent again, and nothing saw it meanwhile."""
        log, row = open_log(), payment(1, 1)

        def fail(rows, places):
            raise RuntimeError("no answer")

        with pytest.raises(RuntimeError, match="no answer"):
            log.answer([row.row], fail)
        assert set(count().values()) == {0}
        assert seen_in(ask(log, row)[0])["card_count_20s"] == 0

    def test_are_stored_with_their_events(self, open_log):
        """Another log on the same database, as after a restart, gives the answer without asking anyone."""
        (text,) = ask(open_log("payments"), payment(1, 1))

        assert open_log("payments").answer([payment(1, 1).row], nobody) == [text]

    def test_of_one_model_see_no_events_of_another(self, open_log):
        """Though ids and cards are the same."""
        ask(open_log(), payment(1, 1))

        assert seen_in(ask(open_log(), payment(1, 1), payment(2, 2))[1])["card_count_20s"] == 1

    def test_go_through_the_desk(self, open_log):
        """It is told of new events alone, in their order, and its answers are the ones that are sent and stored."""
        told = []

        class Renaming:
            def on_stored(self, connection, arrivals):
                told.extend(arrivals)
                return [one.answer.model_copy(update={"prediction_id": f"of {one.event_id}"}) for one in arrivals]

        log = open_log(listener=Renaming())
        first = ask(log, payment(1, 1))
        found = ask(log, payment(2, 2), payment(1, 1), payment(2, 2))

        assert [(one.event_id, one.row["card_count_20s"]) for one in told] == [("1", 0), ("2", 1)]
        assert told[1].seconds == payment(2, 2).second
        assert found == [found[0], first[0], found[0]]
        assert '"prediction_id":"of 2"' in str(found[0])


class TestTheSameEvent:
    def test_sent_again_has_the_same_answer_and_counts_once(self, open_log, count):
        """Later, within one request, as another spelling of the same values."""
        log, row = open_log(), payment(7, 1)
        zone = timezone(timedelta(hours=9))
        again = {**row.row, "id": "7", "at": row.at.replace(tzinfo=UTC).astimezone(zone), "amount": 10}
        first = ask(log, row, row)
        ask(log, payment(8, 2))

        assert [*first, *log.answer([again], answered)] == [first[0]] * 3
        assert count() == {"events": 2, "event_entities": 4, "event_labels": 0}

    @pytest.mark.parametrize("together", [True, False])
    def test_with_other_contents_is_refused(self, open_log, together):
        """The sentence says what was otherwise; what was answered stands."""
        log, other = open_log(), payment(7, 1, amount=99.5)
        if together:
            answer, refused = ask(log, payment(7, 1), other)
        else:
            (answer,) = ask(log, payment(7, 1))
            (refused,) = ask(log, other)

        assert isinstance(refused, ConflictingEventError)
        assert (refused.column, refused.value) == ("id", "7")
        assert "is the id of another event: amount was 10.0" in str(refused)
        assert ask(log, payment(7, 1)) == [answer]

    def test_that_was_loaded_cannot_be_asked_about(self, open_log):
        """It has no answer."""
        log = open_log()
        log.load([payment(7, 1).row], [])

        (refused,) = ask(log, payment(7, 1))

        assert isinstance(refused, ConflictingEventError)
        assert "an event that was loaded as history" in str(refused)


class TestTime:
    def test_later_than_a_day_from_now_is_refused(self, open_log):
        """The sentence names the column and the latest time; the others of the request are answered."""
        log = open_log(now=lambda: START.replace(tzinfo=UTC))

        in_a_day, too_late, before = ask(log, payment(1, 86_400), payment(2, 86_401), payment(3, 86_390))

        assert isinstance(too_late, EventError)
        assert str(too_late) == (
            "at must not lie after 2024-03-02 00:00 (UTC), a day from now, got 2024-03-02T00:00:01"
        )
        assert seen_in(in_a_day)["card_count_20s"] == 1
        assert seen_in(before)["card_count_20s"] == 0

    def test_so_long_ago_that_its_windows_are_not_kept_is_refused(self, open_log):
        """Up to the last second at which they are full it is answered."""
        log, newest = open_log(), 100_000
        ask(log, payment(1, newest))
        earliest = newest - LATE_SECONDS

        in_time, too_late = ask(log, payment(2, earliest), payment(3, earliest - 1))

        assert seen_in(in_time)["card_count_20s"] == 0
        assert isinstance(too_late, EventError)
        assert too_late.column == "at"
        assert "must not lie before 2024-03-02T01:46:40: the events that its windows need are no longer kept" in str(
            too_late
        )


class TestTwoAtOnce:
    def first_and_second(self, open_log, url, first: Payment, second: Payment) -> tuple[object, object]:
        """The answer to an event, and to one that came on another connection before the first was stored."""
        asked, may_go_on, other = Event(), Event(), open_database(url)

        def slowly(rows, places):
            asked.set()
            may_go_on.wait(0.3)  # the other one cannot end before this one, so nobody sets it
            return answered(rows, places)

        log, other_log = open_log("payments"), open_log("payments", engine=other)
        with ThreadPoolExecutor(2) as pool:
            slow = pool.submit(lambda: log.answer([first.row], slowly)[0])
            assert asked.wait(10)
            quick = pool.submit(lambda: ask(other_log, second)[0])
            results = slow.result(), quick.result()
        other.dispose()
        return results

    def test_of_one_card_are_answered_one_after_the_other(self, open_log, url):
        """Also if one request spells the card as a number: the second one sees the first."""
        _, second = self.first_and_second(
            open_log, url, payment(1, 1, card="7", shop="s"), payment(2, 2, card=7, shop="t")
        )

        assert seen_in(second)["card_count_20s"] == 1

    def test_with_one_id_have_one_answer(self, open_log, url, count):
        """And count once."""
        first, second = self.first_and_second(open_log, url, payment(1, 1), payment(1, 1))

        assert first == second
        assert count()["events"] == 1

    def test_in_many_threads_lose_and_double_nothing(self, open_log, url, count):
        """Every event is sent by two threads, in opposite orders and with several cards at once."""
        rows = [payment(i, i, card="abc"[i % 3], shop="st"[i % 2]) for i in range(24)]
        batches = [rows[i : i + 4] for i in range(0, 24, 4)]
        log = open_log("payments")

        def send(batch: Sequence[Payment]) -> list[object]:
            return ask(log, *batch)

        with ThreadPoolExecutor(4) as pool:
            forward, backward = [], []
            for batch, opposite in zip(batches, batches[::-1], strict=True):
                forward.append(pool.submit(send, batch))
                backward.append(pool.submit(send, opposite[::-1]))
            texts = [text for future in forward for text in future.result()]
            again = [text for future in reversed(backward) for text in future.result()[::-1]]

        assert texts == again
        assert count() == {"events": 24, "event_entities": 48, "event_labels": 0}


class TestStatements:
    def test_compare_a_single_entity_without_a_list(self, open_log):
        """Lists are planned anew each time; many entities are looked up together."""
        log, statements = open_log(), []

        def keep(_connection, _cursor, statement, *_):
            if statement.startswith("SELECT") and "FROM event_entities" in statement:
                statements.append(statement)

        sa.event.listen(log.engine, "before_cursor_execute", keep)
        ask(log, payment(1, 1))
        ask(log, payment(2, 2), payment(3, 3, card="b"))
        sa.event.remove(log.engine, "before_cursor_execute", keep)

        assert [" IN (" in statement for statement in statements] == [False, False, True, True]


class TestVersions:
    def test_with_the_same_windows_wait_for_no_writer(self, open_log, monkeypatch):
        """A service that starts only reads what an earlier one has registered."""
        ask(open_log("payments"), payment(1, 1))
        monkeypatch.setattr(entity_series, "writing", lambda _: pytest.fail("it wrote"))

        assert seen_in(ask(open_log("payments"), payment(2, 2))[0])["card_count_20s"] == 1
        with pytest.raises(pytest.fail.Exception, match="it wrote"):
            open_log("new")

    def test_with_other_windows_find_them_full(self, open_log):
        """A new version's windows begin with every stored event, and events that the old one answers count in them."""
        amounts = window_columns("card", amount="tip", distinct="id")
        tip = replace(TABLE["amount"], name="tip", amount=False)
        plain = [column for column in TABLE.columns if column.window is None]
        newer = replace(TABLE, columns=(*plain, tip, *amounts))
        rows = [{**payment(i, i).row, "tip": 0.5} for i in range(6)]
        before = replace(TABLE, columns=(*plain, tip, *window_columns("card"), *window_columns("shop")))
        old = open_log("payments", table=before)
        old.answer(rows[:2], answered)
        new = open_log("payments", table=newer)
        old.answer(rows[2:4], answered)
        last = new.answer(rows[4:5], answered)[0]

        assert seen_in(last)["card_sum_20s"] == 4 * 0.5
        assert seen_in(last)["card_distinct_20s"] == 4
        assert seen_in(old.answer(rows[5:], answered)[0])["card_sum_20s"] == 5 * 10

    def test_with_other_columns_know_an_event_again(self, open_log):
        """An event that an earlier version answered has its answer, if what both know of it is the same."""
        tip = replace(TABLE["amount"], name="tip", amount=False, optional=True)
        newer = replace(TABLE, columns=(*TABLE.columns, tip))
        old, new = open_log("payments"), open_log("payments", table=newer)
        answers = ask(old, payment(1, 1))

        assert new.answer([{**payment(1, 1).row, "tip": 1.0}], nobody) == answers
        (refused,) = new.answer([{**payment(1, 1).row, "amount": 9.0, "tip": 1.0}], nobody)
        assert "is the id of another event: amount was 10.0, got 1" in str(refused)

    def test_without_a_column_of_the_others_still_answer(self, open_log):
        """Its events lack what the other version's windows add up, and are not in them."""
        tip = replace(TABLE["amount"], name="tip", amount=False)
        plain = [column for column in TABLE.columns if column.window is None]
        newer = replace(TABLE, columns=(*plain, tip, *window_columns("card", amount="tip")))
        new, old = open_log("payments", table=newer), open_log("payments")
        ask(old, payment(1, 1))

        (text,) = new.answer([{**payment(2, 2).row, "tip": 1.0}], answered)

        assert seen_in(text)["card_count_20s"] == 0
        assert Seen.model_fields.keys() >= {"seen"}
        assert set(seen_in(text)) == {name for name in WINDOWS if name.startswith("card")}

    def test_whose_table_has_no_windows_store_events_too(self, open_log, count):
        """Ids are idempotent there as well."""
        table = replace(TABLE, columns=tuple(column for column in TABLE.columns if column.window is None))
        log = open_log(table=table)

        assert ask(log, payment(1, 1)) == ask(log, payment(1, 1))
        assert count() == {"events": 1, "event_entities": 0, "event_labels": 0}
