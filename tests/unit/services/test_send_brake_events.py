"""Events of the brake are sent once they are due, and none is lost."""

from lambdas.domain.alerts import Notice
from lambdas.domain.brake import (
    BrakeEvent,
    EventDetail,
    EventNotDeliveredError,
    ReleaseReason,
    report_denied,
    report_released,
)
from lambdas.services.send_brake_events import BrakeEventSender
from tests.brake import Effects, InMemoryBrakeEvents
from tests.builders import NOON
from tests.unit.brake.builders import MINUTE, deny

DENIED = report_denied(deny(), NOON)
RELEASED = report_released(deny(), ReleaseReason.BY_HAND, NOON + MINUTE)


class Inbox:
    """Collects messages; refuses some, and fails at others."""

    def __init__(self) -> None:
        self.received: list[str] = []
        self.refused: set[str] = set()
        self.broken: set[str] = set()

    def publish(self, notice: Notice, detail: EventDetail) -> None:
        if detail["id"] in self.refused:
            raise EventNotDeliveredError(detail["kind"])
        if detail["id"] in self.broken:
            raise ValueError(notice.subject)
        self.received.append(detail["kind"])


def make_sender(*events: BrakeEvent) -> tuple[BrakeEventSender, Inbox]:
    store, inbox = InMemoryBrakeEvents(Effects()), Inbox()
    for event in events:
        store.add_due(event)
    return BrakeEventSender(store, inbox), inbox


def test_events_are_sent_once_the_oldest_first() -> None:
    sender, inbox = make_sender(RELEASED, DENIED)
    assert sender.send(NOON).sent == 2
    assert sender.send(NOON).sent == 0
    assert inbox.received == ["denied", "released"]


def test_an_event_that_is_not_delivered_stays_due_and_stops_no_other() -> None:
    sender, inbox = make_sender(DENIED, RELEASED)
    inbox.refused.add(DENIED.id)
    report = sender.send(NOON)
    assert (report.sent, report.failures) == (1, ("denied",))
    inbox.refused.clear()
    assert sender.send(NOON).sent == 1
    assert inbox.received == ["released", "denied"]


def test_an_event_that_fails_otherwise_is_reported_and_sent_again_later() -> None:
    sender, inbox = make_sender(DENIED, RELEASED)
    inbox.broken.add(DENIED.id)
    report = sender.send(NOON)
    assert (report.sent, [str(error) for error in report.errors]) == (
        1,
        ["Bedrock brake, daily: denied"],
    )
    inbox.broken.clear()
    assert sender.send(NOON + MINUTE).sent == 0  # the failed run may still be sending
    assert sender.send(NOON + 10 * MINUTE).sent == 1


def test_a_run_leaves_out_what_another_one_sends() -> None:
    sender, inbox = make_sender(DENIED)
    sender.events.claim(DENIED.id, NOON)
    assert sender.send(NOON).sent == 0
    assert inbox.received == []
