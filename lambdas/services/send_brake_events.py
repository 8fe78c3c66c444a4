"""Sends the events of the brake that are due, and marks them sent."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from lambdas.domain.brake import (
    BrakeEvent,
    BrakeEventPublisher,
    BrakeEventStore,
    EventNotDeliveredError,
    write_brake_notice,
)


@dataclass(frozen=True, slots=True)
class BrakeSendReport:
    """The result of a run.

    Attributes:
        sent: The number of messages.
        failures: Why messages were not delivered; their events stay due.
        errors: Errors that nothing explains, each of one message.
    """

    sent: int
    failures: tuple[str, ...] = ()
    errors: tuple[Exception, ...] = ()


@dataclass(frozen=True, slots=True)
class BrakeEventSender:
    """Sends events that are due. Each is stored before, so a run that stops loses none.

    Attributes:
        events: The stored events.
        publisher: Delivers them.
        dashboard_url: The address of a dashboard for their receivers, or `None`.
    """

    events: BrakeEventStore
    publisher: BrakeEventPublisher
    dashboard_url: str | None = None

    def send(self, now: datetime) -> BrakeSendReport:
        """Send each event that is due, the oldest first. One that fails stops no other."""
        sent, failures, errors = 0, list[str](), list[Exception]()
        for event in self.events.list_due():
            try:
                sent += self._send(event, now)
            except EventNotDeliveredError as error:
                failures.append(str(error))
            except Exception as error:  # noqa: BLE001  # the caller reports each
                errors.append(error)
        return BrakeSendReport(sent, tuple(failures), tuple(errors))

    def _send(self, event: BrakeEvent, now: datetime) -> bool:
        if not self.events.claim(event.id, now):
            return False
        try:
            notice = write_brake_notice(event.detail, self.dashboard_url)
            self.publisher.publish(notice, event.detail)
        except EventNotDeliveredError:
            self.events.release(event.id)
            raise
        self.events.mark_sent(event.id, now)
        return True
