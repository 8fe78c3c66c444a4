"""A receiver that the operator names is added, gets a test event, and is removed in any case."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cdk.config import Config
from cdk.operations.terminal import CommandError
from cdk.operations.verification.check import CheckFailedError, CheckSkippedError
from cdk.operations.verification.verified_meter import VerifiedMeter
from cdk.operations.verification.verify_account import VerificationRequest, verify_account
from cdk.operations.verification.waiting import Waiting
from cdk.operations.verification.webhook_check import check_webhooks
from cdk.operations.webhooks import Webhooks
from dashboards.command_line.commands.verify_account import read_file_url
from dashboards.command_line.entry_point import FailedCommand
from lambdas.domain.webhooks import DeliveryMessage, Origin, ReceiverAnswer, ReceiverError
from lambdas.services.deliver_webhook import WebhookSender
from lambdas.services.manage_webhooks import WebhookManager
from tests.command_line import call_command
from tests.webhooks import (
    URL,
    InMemoryDeliveries,
    InMemoryDeliveryQueue,
    InMemorySecretBox,
    InMemoryWebhooks,
    ScriptedReceiver,
)

ON = Config.from_context({"webhooks": True})


class Account:
    """Webhooks of an account, whose sender works while the check waits."""

    def __init__(self, *answers: ReceiverAnswer | ReceiverError, is_working: bool = True) -> None:
        self.stored, self.deliveries = InMemoryWebhooks(), InMemoryDeliveries()
        self.queue, self.box = InMemoryDeliveryQueue(), InMemorySecretBox()
        self.receiver = ScriptedReceiver(list(answers))
        self._is_working, self._seconds = is_working, 0.0
        manager = WebhookManager(
            webhooks=self.stored,
            deliveries=self.deliveries,
            queue=self.queue,
            box=self.box,
            make_random=bytes,
        )
        self.webhooks = Webhooks(self.stored, self.deliveries, manager)

    def pause(self, seconds: float) -> None:
        self._seconds += seconds
        while self._is_working and self.queue.messages:
            self._send(self.queue.messages.pop())

    def _send(self, queued: DeliveryMessage) -> None:
        now = self.deliveries.stored[queued[:2]].due_at
        sender = WebhookSender(
            webhooks=self.stored,
            deliveries=self.deliveries,
            queue=InMemoryDeliveryQueue(),
            box=self.box,
            receiver=self.receiver,
            origin=Origin("1", "r"),
            clock=lambda: now,
        )
        sender.send(queued, now)

    def check(self, config: Config = ON, url: str | None = URL) -> str:
        unused: Any = None
        waiting = Waiting(60, clock=lambda: self._seconds, pause=self.pause)
        meter = VerifiedMeter(
            unused,
            config,
            waiting,
            unused,
            open_webhooks=lambda _: self.webhooks,
            receiver_url=url,
        )
        assert "url-token" not in repr(meter)
        return check_webhooks(meter)


def test_the_receiver_gets_a_test_event_and_is_removed() -> None:
    account = Account()
    assert account.check() == "the receiver answered a test event with 200"
    (request,) = account.receiver.requests
    assert request.url == URL
    assert b'"type":"webhook.test"' in request.body
    assert "webhook-signature" in request.headers
    assert account.stored.stored == {}


def test_only_the_test_event_is_sent_to_it() -> None:
    account = Account()
    account.queue.send = lambda *_: seen.extend(account.stored.list_all())  # type: ignore[method-assign]
    seen: list[Any] = []
    with pytest.raises(CheckFailedError):
        account.check()
    assert [each.filter.types for each in seen] == [("webhook.test",)]


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (ReceiverAnswer(500), "answered 500"),
        (ReceiverAnswer(302), "302"),
        (ReceiverAnswer(410), "410"),
        (ReceiverError("its name is unknown"), "its name is unknown"),
    ],
)
def test_a_refused_event_fails_the_check_with_its_reason(
    answer: ReceiverAnswer | ReceiverError, reason: str
) -> None:
    account = Account(answer)
    with pytest.raises(CheckFailedError, match=f"did not accept a test event: .*{reason}") as error:
        account.check()
    assert "url-token" not in str(error.value)
    assert account.stored.stored == {}


def test_a_sender_that_does_not_work_fails_the_check() -> None:
    account = Account(is_working=False)
    with pytest.raises(CheckFailedError, match="WebhookSender made no attempt"):
        account.check()
    assert account.stored.stored == {}


def test_webhooks_that_are_off_are_skipped() -> None:
    with pytest.raises(CheckSkippedError, match="webhooks are off"):
        Account().check(Config())


def test_without_a_receiver_nothing_is_sent() -> None:
    account = Account()
    with pytest.raises(CheckSkippedError, match="WEBHOOK=FILE"):
        account.check(url=None)
    assert account.deliveries.stored == {}


def test_webhooks_that_nothing_opens_fail_the_check() -> None:
    unused: Any = None
    with pytest.raises(CheckFailedError, match="nothing opens the receivers"):
        check_webhooks(VerifiedMeter(unused, ON, Waiting(0), unused, receiver_url=URL))


@pytest.mark.parametrize(
    ("context", "url", "reason"),
    [
        ((), URL, "webhooks are off: add -c webhooks=true"),
        (("webhooks=true",), "http://receiver.example/url-token", "the address cannot be called"),
    ],
)
def test_a_receiver_that_cannot_be_called_is_refused_before_anything_is_made(
    tmp_path: Path, context: tuple[str, ...], url: str, reason: str
) -> None:
    request = VerificationRequest(
        tmp_path / "cdk", context, tmp_path / "report.json", receiver_url=url
    )
    assert "url-token" not in repr(request)
    with pytest.raises(CommandError, match=reason) as error:
        verify_account(None, request)  # type: ignore[arg-type]  # not used
    assert "url-token" not in str(error.value)


def test_the_address_is_the_only_line_of_a_file(tmp_path: Path) -> None:
    file = tmp_path / "url"
    file.write_text(f"{URL}\n")
    assert read_file_url(file) == URL
    file.write_text(f"{URL}\n{URL}\n")
    with pytest.raises(CommandError, match="one URL on one line"):
        read_file_url(file)


def test_a_file_that_is_missing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FailedCommand, match="does not exist"):
        call_command(
            "verify-account", "--cdk", "cdk", "--webhook-url-from", str(tmp_path / "absent")
        )
