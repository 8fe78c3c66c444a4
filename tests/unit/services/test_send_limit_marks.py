"""Marks of limits are sent once they are due, many in one message, and none is lost."""

from datetime import timedelta

from lambdas.services.send_limit_marks import MAX_MARKS, RETRY_AFTER, LimitMarkSender
from tests.builders import NOON
from tests.limit_marks import HOUR, InMemoryDueMarks, MarkInbox, due_mark

MINUTE = timedelta(minutes=1)


def make_sender(*callers: str) -> tuple[LimitMarkSender, InMemoryDueMarks, MarkInbox]:
    store, inbox = InMemoryDueMarks(*map(due_mark, callers)), MarkInbox()
    return LimitMarkSender(store, inbox), store, inbox


def test_marks_are_sent_once_and_many_share_a_message() -> None:
    sender, store, inbox = make_sender("ana", "ben")
    assert sender.send(NOON + MINUTE).sent == 2
    assert sender.send(NOON + MINUTE).sent == 0
    (notice,) = inbox.notices
    assert notice.subject == "Bedrock limits: 2 nearly used up"
    assert len(inbox.events) == 2
    assert store.marks == {}


def test_marks_that_are_not_delivered_are_sent_again_under_the_same_ids() -> None:
    sender, store, inbox = make_sender("ana")
    inbox.is_down = True
    report = sender.send(NOON)
    assert (report.sent, report.failures) == (0, ("SNS: down",))
    inbox.is_down = False
    assert sender.send(NOON + MINUTE).sent == 0
    assert sender.send(NOON + RETRY_AFTER).sent == 1
    assert [event["id"] for event in inbox.events] == [due_mark("ana").id]
    assert store.marks == {}


def test_a_run_leaves_out_what_another_one_sends() -> None:
    sender, store, inbox = make_sender("ana", "ben")
    store.claim(due_mark("ana").id, NOON)
    assert sender.send(NOON).sent == 1
    assert [event["id"] for event in inbox.events] == [due_mark("ben").id]


def test_a_run_that_dies_leaves_its_marks_due() -> None:
    sender, store, inbox = make_sender("ana")
    store.claim(due_mark("ana").id, NOON)  # and no more
    assert sender.send(NOON + 10 * MINUTE).sent == 1
    assert len(inbox.events) == 1


def test_a_mark_whose_window_has_ended_is_dropped_and_counted() -> None:
    sender, store, inbox = make_sender("ana")
    report = sender.send(NOON + HOUR)
    assert (report.sent, report.expired) == (0, 1)
    assert (store.marks, inbox.notices) == ({}, [])


def test_a_mark_of_the_end_of_a_window_is_still_worth_sending() -> None:
    late = due_mark("ana", at=NOON + HOUR - MINUTE)
    inbox = MarkInbox()
    sender = LimitMarkSender(InMemoryDueMarks(late), inbox)
    assert sender.send(NOON + HOUR + MINUTE).sent == 1


def test_many_marks_take_several_messages_as_far_as_there_is_time() -> None:
    sender, store, inbox = make_sender(*(f"caller-{number}" for number in range(MAX_MARKS + 1)))
    answers = iter([True, False])
    assert sender.send(NOON, lambda: next(answers)).sent == MAX_MARKS
    assert len(store.marks) == 1
    assert sender.send(NOON).sent == 1
    assert len(inbox.notices) == 2
