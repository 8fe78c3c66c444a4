"""Sends the marks of limits that are due: many in one message."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice

from lambdas.domain.limit_notices import (
    DueMark,
    DueMarkStore,
    MarkPublisher,
    MarksNotDeliveredError,
    write_marks_notice,
)

RETRY_AFTER = timedelta(minutes=2)
"""The time after which marks that were not delivered are sent again."""
MAX_MARKS = 100
"""The marks of a message."""


@dataclass(slots=True)
class MarkSendReport:
    """The result of a run.

    Attributes:
        sent: The marks that were delivered.
        expired: The marks that were dropped, because their windows have ended.
        failures: Why marks were not delivered; they stay due.
    """

    sent: int = 0
    expired: int = 0
    failures: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LimitMarkSender:
    """Sends marks that are due. Each is stored before, so a run that stops loses none.

    Attributes:
        marks: The marks.
        publisher: Delivers them.
        dashboard_url: The address of a dashboard for their receivers, or `None`.
    """

    marks: DueMarkStore
    publisher: MarkPublisher
    dashboard_url: str | None = None

    def send(self, now: datetime, has_time: Callable[[], bool] = lambda: True) -> MarkSendReport:
        """Send one message for all marks that are due, or for each hundred of them.

        Marks that are not delivered are sent again after some minutes under the same ids. Those
        whose windows have ended meanwhile are dropped.

        Args:
            now: The time.
            has_time: Asked before each message. What there is no time for stays due.
        """
        report = MarkSendReport()
        marks = self._drop_expired(report, now)
        while (due := [*islice(marks, MAX_MARKS)]) and has_time():
            claimed = [mark for mark in due if self.marks.claim(mark.id, now)]
            if claimed:
                self._send_together(report, claimed, now)
        return report

    def _drop_expired(self, report: MarkSendReport, now: datetime) -> Iterator[DueMark]:
        for mark in self.marks.list_due():
            if mark.has_expired(now):
                self.marks.remove(mark.id)
                report.expired += 1
            else:
                yield mark

    def _send_together(
        self, report: MarkSendReport, marks: Sequence[DueMark], now: datetime
    ) -> None:
        details = [mark.detail for mark in marks]
        try:
            self.publisher.publish(write_marks_notice(details, self.dashboard_url), details)
        except MarksNotDeliveredError as error:
            report.failures += (str(error),)
            for mark in marks:
                self.marks.postpone(mark.id, now + RETRY_AFTER)
            return
        report.sent += len(marks)
        for mark in marks:
            self.marks.remove(mark.id)
