"""The company's receiver of webhooks: it verifies each event, and fails at the first attempt."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus
from threading import Lock
from typing import NamedTuple

from standardwebhooks import Webhook, WebhookVerificationError

from cdk.local_cloud.cloud import LocalCloud
from cdk.local_cloud.receiver import ReceivedWebhook, open_receiver
from cdk.operations.terminal import CommandError
from dashboards.demo.commands import run_command

NAME = "finance"
"""The name of the receiver."""
WANTED = ("usage.threshold_reached", "budget.*", "brake.denied", "credits.*")
"""The types of events that it wants."""
_PAUSE_SECONDS = 0.2


class ReceivedEvent(NamedTuple):
    """An event that a receiver got and verified.

    Attributes:
        at: The time.
        id: The id of the event, which a repeat has too.
        type: Its type.
        title: What happened, in one line.
        attempt: The number of the attempt that delivered it.
        status: The answer.
    """

    at: datetime
    id: str
    type: str
    title: str
    attempt: int
    status: HTTPStatus

    @property
    def is_accepted(self) -> bool:
        """True if the answer says that it is delivered."""
        return self.status < HTTPStatus.MULTIPLE_CHOICES


class Retry(NamedTuple):
    """An event that failed first, and its repeat."""

    failed: ReceivedEvent
    repeated: ReceivedEvent


@dataclass(slots=True)
class CompanyWebhook:
    """A receiver over HTTPS, as the company would run one.

    Attributes:
        secret: Its secret, as the command has printed it.
        events: What it has received and verified, in order.
        refused: The number of requests whose signature was wrong.
    """

    secret: str = field(default="", repr=False)
    events: list[ReceivedEvent] = field(default_factory=list)
    refused: int = 0
    _lock: Lock = field(default_factory=Lock, repr=False)

    @classmethod
    @contextmanager
    def open(cls, cloud: LocalCloud) -> Iterator[CompanyWebhook]:
        """Open a receiver and add it, as a person does, until the block ends.

        Raises:
            CommandError: It could not be added.
        """
        webhook = cls()
        with open_receiver(cloud, webhook.answer) as receiver:
            types = [word for each in WANTED for word in ("--type", each)]
            command = ("webhooks", "add", NAME, "--url-from", "-", *types)
            *_, webhook.secret = run_command(cloud, *command, typed=receiver.url).split()
            yield webhook

    def answer(self, request: ReceivedWebhook) -> HTTPStatus:
        """Verify a request and note it; the first one is answered as by a receiver in trouble."""
        with self._lock:
            try:
                payload = Webhook(self.secret).verify(request.body, dict(request.headers))
            except WebhookVerificationError:
                self.refused += 1
                return HTTPStatus.UNAUTHORIZED
            name = request.headers["webhook-id"]
            status = HTTPStatus.NO_CONTENT if self.events else HTTPStatus.SERVICE_UNAVAILABLE
            attempt = 1 + sum(event.id == name for event in self.events)
            title = payload["data"]["title"]
            self.events.append(
                ReceivedEvent(datetime.now(UTC), name, payload["type"], title, attempt, status)
            )
            return status

    def wait_for(self, types: Collection[str], seconds_to_settle: float) -> Sequence[ReceivedEvent]:
        """Wait until an event of each type is delivered, and the one that failed first is, too.

        Args:
            types: The types.
            seconds_to_settle: The time to wait for the next event.

        Raises:
            CommandError: One did not arrive, or had a wrong signature.
        """
        count, deadline = 0, time.monotonic() + seconds_to_settle
        while missing := self._find_missing(types):
            if len(self.events) > count:
                count, deadline = len(self.events), time.monotonic() + seconds_to_settle
            if time.monotonic() > deadline:
                message = f"the webhook {NAME} did not receive {', '.join(missing)}."
                raise CommandError(message)
            time.sleep(_PAUSE_SECONDS)
        if self.refused:
            message = f"{self.refused} requests to the webhook {NAME} had a wrong signature."
            raise CommandError(message)
        return list(self.events)

    def _find_missing(self, types: Collection[str]) -> Sequence[str]:
        delivered = {event.type for event in self.events if event.is_accepted}
        missing = sorted({*types} - delivered)
        return missing if find_retry(self.events) else [*missing, "the repeat of the first event"]


def find_retry(events: Sequence[ReceivedEvent]) -> Retry | None:
    """Find the first event that failed and was delivered later, under the same id."""
    for failed in (event for event in events if not event.is_accepted):
        for event in events:
            if event.id == failed.id and event.is_accepted:
                return Retry(failed, event)
    return None
