"""Publishes notices in several ways; a failure of one does not stop the others."""

from __future__ import annotations

from botocore.exceptions import BotoCoreError, ClientError

from lambdas.adapters.notifiers.eventbridge_notifier import EventRefusedError
from lambdas.domain.alerts import Notice, Notifier
from lambdas.observability import logger

_FAILURES = (BotoCoreError, ClientError, EventRefusedError)


class AllNotifiers:
    """Publishes with several notifiers."""

    def __init__(self, *notifiers: Notifier) -> None:
        """Publish with notifiers, in this order."""
        self._notifiers = notifiers

    def publish(self, notice: Notice) -> None:
        """Publish a notice in every way, then raise the first failure.

        After a failure, the caller publishes it again, marked as repeated.
        """
        failures = list[Exception]()
        for notifier in self._notifiers:
            try:
                notifier.publish(notice)
            except _FAILURES as error:
                logger.error(  # raised below, with its traceback
                    "A notice could not be published",
                    by=type(notifier).__name__,
                    reason=str(error),
                )
                failures.append(error)
        if failures:
            raise failures[0]
