"""`bedrock-meter webhooks` adds, lists, tests and changes receivers without a deployment."""

import io
import json
import logging
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import boto3
import pytest

from cdk.config import stack_names
from cdk.operations.terminal import CommandError
from cdk.operations.webhooks import Waiting, Webhooks, read_url
from cdk.operations.webhooks import test as run_test
from dashboards.command_line.commands import webhooks as commands
from dashboards.command_line.commands.webhooks import open_webhooks
from dashboards.command_line.entry_point import FailedCommand
from lambdas.domain.scope_field import ScopeField
from lambdas.domain.webhooks import (
    Delivery,
    DeliveryAttempt,
    DeliveryState,
    EventFilter,
    WebhookFormat,
)
from lambdas.services.manage_webhooks import WebhookManager
from tests.adapters.dynamodb.test_api_key_store import read_events
from tests.budget_store import GOVERNANCE, create_governance_table
from tests.command_line import call_command
from tests.operations.deployed import deploy
from tests.webhooks import (
    NOON,
    InMemoryDeliveries,
    InMemoryDeliveryQueue,
    InMemorySecretBox,
    InMemoryWebhooks,
    make_delivery,
    make_event,
    make_subscription,
)

MARK = "marked-url-token"
URL = f"https://receiver.example/hooks/{MARK}"
SECRET = re.compile(r"whsec_[A-Za-z0-9+/]{43}=")
DRY_RUN = "This was a dry run: nothing is changed."
HOUR = timedelta(hours=1)

WriteFile = Callable[[str], Path]


@pytest.fixture
def write_file(tmp_path: Path) -> WriteFile:
    def write(text: str) -> Path:
        path = tmp_path / "given.txt"
        path.write_text(text, encoding="utf-8")
        return path

    return write


@pytest.fixture
def deployed(aws: None) -> str:
    """Deploy webhooks, and return the URL of the queue of deliveries."""
    create_governance_table()
    queue_url = boto3.client("sqs").create_queue(QueueName="deliveries")["QueueUrl"]
    key = boto3.client("kms").create_key()["KeyMetadata"]["Arn"]
    deploy(stack_names.STORAGE, GovernanceTableName=GOVERNANCE)
    deploy(stack_names.WEBHOOKS, WebhookKeyArn=key, WebhookDeliveryQueueUrl=queue_url)
    return queue_url


@pytest.fixture
def add(
    deployed: str, write_file: WriteFile, capsys: pytest.CaptureFixture[str]
) -> Callable[..., list[str]]:
    def run(*arguments: Path | str, url: str = URL) -> list[str]:
        call_command("webhooks", "add", *arguments, "--url-from", write_file(f"{url}\n"))
        return capsys.readouterr().out.splitlines()

    return run


def read_failure(*arguments: Path | str) -> str:
    with pytest.raises(FailedCommand) as failure:
        call_command(*arguments)
    return failure.value.message


def open_deployed() -> Webhooks:
    return open_webhooks(boto3.Session(region_name="us-east-1"))


def read_messages(queue_url: str) -> list[dict[str, str]]:
    answer = boto3.client("sqs").receive_message(QueueUrl=queue_url, MaxNumberOfMessages=10)
    return [json.loads(message["Body"]) for message in answer.get("Messages", [])]


def test_a_receiver_is_added_and_its_secret_is_printed_once(
    add: Callable[..., list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    printed = add("pager", "--type", "budget.*", "--scope", "project=chat", "--scope", "project=x*")
    account, description, advice, _, secret = printed
    assert account == "Account 123456789012, Region us-east-1"
    assert description == (
        "pager on receiver.example, format standard, budget.* of project chat, x*."
    )
    assert advice == "Added. To try it: bedrock-meter webhooks test pager"
    assert SECRET.fullmatch(secret)
    (stored,) = open_deployed().stored.list_all()
    assert (stored.id, stored.host, stored.format) == (
        "pager",
        "receiver.example",
        WebhookFormat.STANDARD,
    )
    assert stored.filter == EventFilter(types=("budget.*",), scope={"project": ("chat", "x*")})
    capsys.readouterr()
    call_command("webhooks", "list")
    listed = capsys.readouterr().out
    assert all(text in listed for text in ("pager", "receiver.example", "enabled", "budget.*"))


def test_a_marked_secret_appears_nowhere_after_it_was_printed(
    add: Callable[..., list[str]],
    deployed: str,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    secret = add("pager")[-1]
    call_command("webhooks", "rotate", "pager")
    *_, rotated = capsys.readouterr().out.splitlines()
    assert len({secret, rotated}) == 2
    webhooks = open_deployed()
    sent = webhooks.changes.test("pager", datetime.now(UTC))
    for arguments in (
        ("list",),
        ("deliveries", "pager"),
        ("enable", "pager"),
        ("rotate", "pager", "--dry-run"),
        ("resend", "pager", sent.event.id),
        ("remove", "pager", "--dry-run"),
    ):
        call_command("webhooks", *arguments)
    (stored,) = webhooks.stored.list_all()
    failures = [
        read_failure("webhooks", "resend", "pager", "absent"),
        read_failure("webhooks", "test", "absent"),
    ]
    shown = (
        capsys.readouterr().out
        + str([vars(record) for record in caplog.records])
        + repr((stored, webhooks, failures))
        + str(boto3.client("dynamodb").scan(TableName=GOVERNANCE)["Items"])
        + str(read_messages(deployed))
    )
    for marked in (MARK, URL, secret, rotated, secret.removeprefix("whsec_")):
        assert marked not in shown


def test_a_refused_url_is_explained_without_it(deployed: str, write_file: WriteFile) -> None:
    for url, reason in (
        (f"http://receiver.example/{MARK}", "https://"),
        (f"https://ana:{MARK}@receiver.example/", "user name"),
        (f"https://169.254.169.254/{MARK}", "not a public IP address"),
        (f"https://receiver.example:22/{MARK}", "443 or 8443"),
    ):
        message = read_failure("webhooks", "add", "pager", "--url-from", write_file(url))
        assert reason in message
        assert MARK not in message
    assert list(open_deployed().stored.list_all()) == []


def test_a_key_that_is_gone_is_explained_without_the_url(aws: None, write_file: WriteFile) -> None:
    create_governance_table()
    absent = "arn:aws:kms:us-east-1:123456789012:key/00000000-0000-0000-0000-000000000000"
    deploy(stack_names.STORAGE, GovernanceTableName=GOVERNANCE)
    deploy(stack_names.WEBHOOKS, WebhookKeyArn=absent, WebhookDeliveryQueueUrl="unused")
    message = read_failure("webhooks", "add", "pager", "--url-from", write_file(URL))
    assert message.startswith("webhooks add: AWS refused:")
    assert MARK not in message
    assert list(open_deployed().stored.list_all()) == []


def test_the_url_is_read_from_a_file_from_input_or_from_the_terminal(
    write_file: WriteFile,
) -> None:
    def ask() -> str:
        return f" {URL} "

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    assert read_url(None, ask, Terminal()) == URL
    assert read_url("-", ask, io.StringIO(f"{URL}\r\n")) == URL
    assert read_url(str(write_file(f"\ufeff{URL}\n")), ask, io.StringIO()) == URL
    with pytest.raises(CommandError, match="give it with --url-from"):
        read_url(None, ask, io.StringIO(URL))
    for text in ("", f"{URL}\n{URL}"):
        with pytest.raises(CommandError, match="expected one URL") as failure:
            read_url("-", ask, io.StringIO(text))
        assert MARK not in str(failure.value)


def test_files_that_are_no_text_are_refused(deployed: str, tmp_path: Path) -> None:
    path = tmp_path / "given.bin"
    for content, reason in ((b"\xff\xfe", "not a text in UTF-8"), (b"x" * 100_001, "larger than")):
        path.write_bytes(content)
        assert reason in read_failure("webhooks", "add", "pager", "--url-from", path)
    absent = tmp_path / "absent"
    assert "No such file" in read_failure("webhooks", "add", "pager", "--url-from", absent)


def test_receivers_of_slack_have_no_secret(add: Callable[..., list[str]]) -> None:
    slack = "https://hooks.slack.com/services/T/B/x"
    printed = add("team", "--format", "slack", url=slack)
    assert printed[-1] == "Added. To try it: bedrock-meter webhooks test team"
    assert "Warning" not in "".join(printed)
    assert read_failure("webhooks", "rotate", "team").endswith("has no signatures.")
    assert any("Use --format slack" in line for line in add("other", "--dry-run", url=slack))


def test_a_template_is_read_from_a_file(add: Callable[..., list[str]], tmp_path: Path) -> None:
    template = tmp_path / "template.json"
    template.write_text('{"text": "{title}"}', encoding="utf-8")
    add("chat", "--format", "template", "--template", template)
    (stored,) = open_deployed().stored.list_all()
    assert stored.template == '{"text": "{title}"}'
    template.write_text('{"text": "{secret}"}', encoding="utf-8")
    with pytest.raises(FailedCommand, match="secret"):
        add("other", "--format", "template", "--template", template)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("Pager",), "the name is not allowed"),
        (("pager", "--type", "bugdet.*"), "no event has the type"),
        (("pager", "--scope", "project"), "write LABEL=NAME"),
        (("pager", "--scope", "team=a"), ScopeField.PROJECT.value),
        (("pager", "--format", "template"), "the template is missing"),
    ],
)
def test_wrong_options_are_explained(
    deployed: str, write_file: WriteFile, arguments: tuple[str, ...], reason: str
) -> None:
    url = write_file(URL)
    assert reason in read_failure("webhooks", "add", *arguments, "--url-from", url)


def test_dry_runs_change_nothing(
    add: Callable[..., list[str]], deployed: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert add("pager", "--dry-run")[-1] == DRY_RUN
    webhooks = open_deployed()
    assert list(webhooks.stored.list_all()) == []
    add("pager")
    webhooks.stored.disable("pager", NOON, "gone")
    before = webhooks.stored.get("pager")
    assert before is not None
    sent = make_delivery(state=DeliveryState.FAILED, attempts=10, subscribed_at=before.created_at)
    webhooks.deliveries.add(sent)
    for arguments in (
        ("rotate", "pager"),
        ("enable", "pager"),
        ("remove", "pager"),
        ("resend", "pager", sent.event.id),
    ):
        call_command("webhooks", *arguments, "--dry-run")
        assert capsys.readouterr().out.splitlines()[-1] == DRY_RUN
    assert webhooks.stored.get("pager") == before
    assert webhooks.deliveries.get("pager", sent.event.id) == sent
    assert read_messages(deployed) == []
    with pytest.raises(FailedCommand, match="there is a receiver pager already"):
        add("pager", "--dry-run")


def test_changes_are_recorded_where_governance_is_on(add: Callable[..., list[str]]) -> None:
    add("other")
    assert read_events() == []
    deploy(stack_names.GOVERNANCE, UsageCounterName="counter")
    add("pager", "--dry-run")
    assert read_events() == []
    add("pager", "--scope", "identity=ana")
    call_command("webhooks", "rotate", "pager")
    call_command("webhooks", "remove", "pager")
    events = read_events()
    assert sorted(event.action.value for event in events) == [
        "webhook.add",
        "webhook.remove",
        "webhook.rotate",
    ]
    assert all(str(event.changed_by).startswith("person-") for event in events)
    assert not any(text in str(events) for text in (MARK, "whsec_", "ana"))


def test_a_name_is_taken_once(
    add: Callable[..., list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    add("pager")
    with pytest.raises(FailedCommand, match="there is a receiver pager already"):
        add("pager")
    assert "pager on receiver.example" not in capsys.readouterr().out


def test_both_secrets_are_listed_while_they_are_rotated(
    add: Callable[..., list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    add("pager")
    call_command("webhooks", "rotate", "pager", "--overlap-hours", "2")
    assert "The earlier secret of pager ends at 20" in capsys.readouterr().out
    call_command("webhooks", "list")
    assert "earlier one until" in capsys.readouterr().out
    call_command("webhooks", "rotate", "pager", "--overlap-hours", "0")
    assert "The earlier secret of pager ends now." in capsys.readouterr().out
    call_command("webhooks", "list")
    assert "earlier one until" not in capsys.readouterr().out
    (stored,) = open_deployed().stored.list_all()
    assert len(stored.secrets) == 1


def test_a_disabled_receiver_is_enabled_and_a_removed_one_is_gone(
    add: Callable[..., list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    add("pager")
    webhooks = open_deployed()
    call_command("webhooks", "enable", "pager")
    assert "pager is enabled: nothing to change." in capsys.readouterr().out
    webhooks.stored.disable("pager", NOON, "it answered 410")
    call_command("webhooks", "list")
    assert "disabled since 2026-09-08 12:00 UTC: it answered 410" in capsys.readouterr().out
    assert "is switched off" in read_failure("webhooks", "test", "pager")
    call_command("webhooks", "enable", "pager")
    assert "Enabled." in capsys.readouterr().out
    (stored,) = webhooks.stored.list_all()
    assert not stored.is_disabled
    call_command("webhooks", "remove", "pager")
    assert "Removed." in capsys.readouterr().out
    call_command("webhooks", "list")
    assert "There are no receivers." in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments",
    [
        ("remove", "absent"),
        ("remove", "absent", "--dry-run"),
        ("enable", "absent"),
        ("rotate", "absent"),
        ("test", "absent"),
        ("deliveries", "absent"),
        ("resend", "absent", "evt_1"),
        ("resend", "absent", "evt_1", "--dry-run"),
    ],
)
def test_an_unknown_receiver_is_explained(deployed: str, arguments: tuple[str, ...]) -> None:
    message = read_failure("webhooks", *arguments)
    assert "there is no receiver absent: list them with `bedrock-meter webhooks list`." in message


def test_deliveries_are_listed_with_their_results_and_sent_again(
    add: Callable[..., list[str]], deployed: str, capsys: pytest.CaptureFixture[str]
) -> None:
    add("pager")
    call_command("webhooks", "deliveries", "pager")
    assert "There are no deliveries." in capsys.readouterr().out
    webhooks = open_deployed()
    deliveries, receiver = webhooks.deliveries, webhooks.stored.get("pager")
    assert receiver is not None
    failed = make_delivery(
        subscribed_at=receiver.created_at,
        state=DeliveryState.FAILED,
        attempts=10,
        last=DeliveryAttempt(NOON, 500, "it answered 500"),
        event=make_event(id="evt_failed"),
    )
    deliveries.add(failed)
    deliveries.add(
        make_delivery(
            state=DeliveryState.DELIVERED,
            attempts=1,
            last=DeliveryAttempt(NOON, 204),
            event=make_event(id="evt_delivered"),
            created_at=NOON + HOUR,
        )
    )
    deliveries.add(make_delivery(event=make_event(id="evt_new"), created_at=NOON + 2 * HOUR))
    call_command("webhooks", "deliveries", "pager")
    rows = [line for line in capsys.readouterr().out.splitlines() if "evt_" in line]
    assert [re.findall(r"evt_\w+", row)[0] for row in rows] == [
        "evt_new",
        "evt_delivered",
        "evt_failed",
    ]
    assert "no attempt" in rows[0]
    assert "2026-09-08 12:00:00 UTC" in rows[0]
    assert "2026-09-08 12:00:00 UTC: answered 204" in rows[1]
    assert "10 of 10" in rows[2]
    assert "sent again" not in rows[2]
    assert "2026-09-08 12:00:00 UTC: it answered 500" in rows[2]
    call_command("webhooks", "deliveries", "pager", "--max", "1")
    assert "And 2 more: --max shows them." in capsys.readouterr().out
    call_command("webhooks", "deliveries", "pager", "--state", "failed")
    printed = capsys.readouterr().out
    assert "evt_failed" in printed
    assert "evt_new" not in printed
    call_command("webhooks", "deliveries", "pager", "--state", "disabled")
    assert "There are no disabled deliveries." in capsys.readouterr().out
    call_command("webhooks", "resend", "pager", "evt_failed")
    assert "It is sent again, under the same id." in capsys.readouterr().out
    found = deliveries.get("pager", "evt_failed")
    assert found is not None
    assert (found.state, found.attempts) == (DeliveryState.PENDING, 0)
    call_command("webhooks", "deliveries", "pager", "--max", "9")
    (row,) = [line for line in capsys.readouterr().out.splitlines() if "evt_failed" in line]
    assert f"0 of 10, sent again {found.started_at:%Y-%m-%d %H:%M:%S} UTC" in row
    assert read_messages(deployed) == [{"webhook": "pager", "event": "evt_failed", "number": 0}]
    for options in ((), ("--dry-run",)):
        arguments = ("webhooks", "resend", "pager", "evt_delivered", *options)
        assert "an earlier receiver pager" in read_failure(*arguments)
    assert "no such delivery" in read_failure("webhooks", "resend", "pager", "absent")
    assert "no such delivery" in read_failure("webhooks", "resend", "pager", "a", "--dry-run")


def test_deliveries_of_a_removed_receiver_are_listed(
    add: Callable[..., list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    add("pager")
    webhooks = open_deployed()
    webhooks.deliveries.add(make_delivery(event=make_event(id="evt_left")))
    call_command("webhooks", "remove", "pager")
    call_command("webhooks", "deliveries", "pager")
    assert "evt_left" in capsys.readouterr().out


@pytest.mark.usefixtures("aws")
def test_commands_say_how_to_switch_webhooks_on() -> None:
    deploy(stack_names.STORAGE, GovernanceTableName=GOVERNANCE)
    message = read_failure("webhooks", "list")
    assert "webhooks are not deployed in us-east-1" in message
    assert f"there is no stack {stack_names.WEBHOOKS}. Set AWS_REGION, and METER_NAME" in message
    assert "set webhooks to true in cdk.json" in message


def test_choices_are_those_of_the_domain() -> None:
    assert set(commands._FORMATS) == set(WebhookFormat)  # noqa: SLF001
    assert set(commands._STATES) == set(DeliveryState)  # noqa: SLF001


class Sender:
    """A sender whose results come with the time that passes."""

    def __init__(self, *results: Callable[[Delivery], Delivery | None]) -> None:
        self.now = NOON
        self.queue = InMemoryDeliveryQueue()
        self.deliveries = InMemoryDeliveries()
        self.stored = InMemoryWebhooks(make_subscription())
        self._results: Iterator[Callable[[Delivery], Delivery | None]] = iter(results)
        manager = WebhookManager(
            webhooks=self.stored,
            deliveries=self.deliveries,
            queue=self.queue,
            box=InMemorySecretBox(),
            make_random=bytes,
        )
        self.webhooks = Webhooks(self.stored, self.deliveries, manager)

    def pause(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)
        queued = self.queue.messages[0][:2]
        change = next(self._results, None)
        if change is not None:
            changed = change(self.deliveries.stored[queued])
            del self.deliveries.stored[queued]
            if changed is not None:
                self.deliveries.stored[queued] = changed

    def run(self) -> None:
        waiting = Waiting(lambda: self.now, self.pause, timedelta(seconds=5))
        run_test(self.webhooks, "pager", waiting)


def same(delivery: Delivery) -> Delivery:
    return delivery


def deliver(delivery: Delivery) -> Delivery:
    last = DeliveryAttempt(NOON, 200)
    return replace(delivery, state=DeliveryState.DELIVERED, attempts=1, last=last)


def fail(delivery: Delivery) -> Delivery:
    last = DeliveryAttempt(NOON, 500, "it answered 500")
    return replace(delivery, attempts=1, last=last, due_at=NOON + HOUR)


def test_a_test_event_waits_for_its_answer(capsys: pytest.CaptureFixture[str]) -> None:
    sender = Sender(same, same, deliver)
    sender.run()
    sent, result = capsys.readouterr().out.splitlines()
    assert re.fullmatch(r"Sent evt_\w+\. Waiting for the answer\.", sent)
    assert result == "Delivered: answered 200."
    assert sender.now == NOON + timedelta(seconds=3)


@pytest.mark.parametrize(
    ("results", "reason"),
    [
        (
            (same, fail),
            "not delivered: it answered 500; the next attempt is at 2026-09-08 13:00:00 UTC.",
        ),
        (
            (lambda delivery: replace(fail(delivery), state=DeliveryState.DISABLED),),
            "not delivered: it answered 500.",
        ),
        ((lambda _: None,), "the stored delivery is gone"),
        ((), "there was no attempt within 5 s: run make doctor"),
    ],
)
def test_a_test_event_without_success_says_why(
    results: tuple[Callable[[Delivery], Delivery | None], ...], reason: str
) -> None:
    sender = Sender(*results)
    with pytest.raises(CommandError) as failure:
        sender.run()
    assert reason in str(failure.value)
    assert sender.now <= NOON + timedelta(seconds=5)


def test_a_test_event_of_a_paused_receiver_says_when_it_is_sent() -> None:
    sender = Sender()
    sender.stored.pause("pager", NOON + HOUR)
    with pytest.raises(CommandError, match="asked for a pause until 2026-09-08 13:00 UTC"):
        sender.run()
