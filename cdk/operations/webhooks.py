"""Adds, lists, tests and changes receivers of events: `bedrock-meter webhooks`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import NamedTuple, Protocol, TextIO

import boto3
from rich.table import Table

from cdk.config import stack_names
from cdk.operations.deployment import Deployment
from cdk.operations.terminal import CommandError, open_console, printable, show_time
from lambdas.domain.webhooks import (
    MAX_ATTEMPTS,
    Delivery,
    DeliveryAttempt,
    DeliveryState,
    DeliveryStore,
    EventFilter,
    NewWebhook,
    WebhookFormat,
    WebhookStore,
    WebhookSubscription,
    check_receiver,
    check_webhook,
    list_valid,
)
from lambdas.domain.words import plural

STANDARD_INPUT = "-"
_DRY_RUN = "This was a dry run: nothing is changed."
_MAX_FILE_LETTERS = 100_000
_POLL_SECONDS = 1.0
_SLACK_HOST = "hooks.slack.com"


class WebhookNames(NamedTuple):
    """The names of deployed resources of webhooks.

    Attributes:
        table: The table of receivers and deliveries.
        key: The key of addresses and secrets.
        queue_url: The queue of deliveries.
    """

    table: str
    key: str
    queue_url: str


class Changed(Protocol):
    """A receiver that was added, or whose secret was replaced."""

    @property
    def subscription(self) -> WebhookSubscription:
        """The receiver."""

    @property
    def secret(self) -> str | None:
        """Its new secret, which is shown once; `None` for chat systems."""


class WebhookChanges(Protocol):
    """Changes receivers and their deliveries."""

    def add(self, new: NewWebhook, now: datetime) -> Changed:
        """Add a receiver."""

    def remove(self, webhook_id: str) -> None:
        """Remove a receiver."""

    def enable(self, webhook_id: str) -> None:
        """Switch a receiver on again."""

    def rotate(self, webhook_id: str, now: datetime, *, overlap: timedelta) -> Changed:
        """Replace the secret of a receiver."""

    def test(self, webhook_id: str, now: datetime) -> Delivery:
        """Send a test event to a receiver."""

    def resend(self, webhook_id: str, event_id: str, now: datetime) -> Delivery:
        """Start a delivery again."""


class Webhooks(NamedTuple):
    """The deployed webhooks, as commands use them.

    Attributes:
        stored: The receivers.
        deliveries: Their deliveries.
        changes: Changes both.
    """

    stored: WebhookStore
    deliveries: DeliveryStore
    changes: WebhookChanges


class Waiting(NamedTuple):
    """The wait for a result.

    Attributes:
        clock: The time in UTC.
        pause: Waits some seconds.
        timeout: The longest wait.
    """

    clock: Callable[[], datetime]
    pause: Callable[[float], None]
    timeout: timedelta


def find_webhooks(session: boto3.Session) -> WebhookNames:
    """Find the deployed webhooks, and print the account and the Region.

    Raises:
        CommandError: They are not deployed.
    """
    deployment = Deployment(session.client("cloudformation"))
    if deployment.status(stack_names.WEBHOOKS) is None:
        message = (
            f"webhooks are not deployed in {session.region_name}: there is no stack"
            f" {stack_names.WEBHOOKS}. Set AWS_REGION, and METER_NAME if the meter has a name of"
            " its own, or set webhooks to true in cdk.json and run make bootstrap and make deploy."
        )
        raise CommandError(message)
    names = WebhookNames(
        table=deployment.output(stack_names.STORAGE, "GovernanceTableName"),
        key=deployment.output(stack_names.WEBHOOKS, "WebhookKeyArn"),
        queue_url=deployment.output(stack_names.WEBHOOKS, "WebhookDeliveryQueueUrl"),
    )
    account = session.client("sts").get_caller_identity()["Account"]
    print(f"Account {account}, Region {session.region_name}")
    return names


def read_url(source: str | None, ask: Callable[[], str], stdin: TextIO | None = None) -> str:
    """Read the address of a receiver, which may be a secret, from a file or the terminal.

    Args:
        source: The name of a file, or `-` for standard input; `None` for the terminal.
        ask: Asks for it at the terminal, without showing what is typed.
        stdin: Standard input.

    Raises:
        CommandError: There is not exactly one line.
    """
    given = sys.stdin if stdin is None else stdin
    if source is None:
        if not given.isatty():
            message = "there is no terminal to ask for the URL: give it with --url-from FILE or -."
            raise CommandError(message)
        return ask().strip()
    is_input = source == STANDARD_INPUT
    text = given.read(_MAX_FILE_LETTERS) if is_input else read_text(Path(source))
    lines = text.split()
    if len(lines) != 1:
        message = f"expected one URL on one line, and found {plural(len(lines), 'word')}."
        raise CommandError(message)
    return lines[0]


def read_text(path: Path) -> str:
    """Read a file of UTF-8.

    Raises:
        CommandError: It is too large, or something else than UTF-8.
    """
    try:
        with path.open(encoding="utf-8-sig") as file:
            text = file.read(_MAX_FILE_LETTERS + 1)
    except UnicodeDecodeError:
        message = f"{path}: not a text in UTF-8."
        raise CommandError(message) from None
    if len(text) > _MAX_FILE_LETTERS:
        message = f"{path}: larger than {_MAX_FILE_LETTERS:,} characters."
        raise CommandError(message)
    return text


def read_scope(pairs: Iterable[str]) -> Mapping[str, tuple[str, ...]]:
    """Read names by label, such as `project=chat`.

    Raises:
        CommandError: One has no label.
    """
    scope: dict[str, tuple[str, ...]] = {}
    for pair in pairs:
        label, mark, name = pair.partition("=")
        if not label or not mark:
            message = f"--scope {printable(pair)}: write LABEL=NAME, such as project=chat-*."
            raise CommandError(message)
        scope[label] = (*scope.get(label, ()), name)
    return scope


def add(webhooks: Webhooks, new: NewWebhook, now: datetime, *, is_dry_run: bool) -> None:
    """Add a receiver, and print its secret once.

    Raises:
        InvalidWebhookError: It breaks a rule, or its id is taken.
    """
    host = check_webhook(new).host
    if host == _SLACK_HOST and new.format is WebhookFormat.STANDARD:
        print("Warning: Slack does not read the format standard. Use --format slack.")
    if is_dry_run and webhooks.stored.get(new.id) is not None:
        message = f"there is a receiver {new.id} already: choose another name, or remove it first."
        raise CommandError(message)
    added = None if is_dry_run else webhooks.changes.add(new, now)
    print(f"{new.id} on {printable(host)}, format {new.format}, {_describe_filter(new.filter)}.")
    if added is None:
        print(_DRY_RUN)
        return
    print(f"Added. To try it: bedrock-meter webhooks test {new.id}")
    _print_secret(added.secret, "its secret")


def list_webhooks(webhooks: Webhooks, now: datetime) -> None:
    """Print the receivers, with the hosts of their addresses and without secrets."""
    found = webhooks.stored.list_all()
    if not found:
        print("There are no receivers. Add one with bedrock-meter webhooks add.")
        return
    table = Table("Receiver", "Host", "Format", "Events", "State", "Secrets", "Added")
    for each in found:
        table.add_row(
            printable(each.id),
            printable(each.host),
            each.format,
            printable(_describe_filter(each.filter)),
            printable(_describe_state(each, now)),
            _describe_secrets(each, now),
            show_time(each.created_at),
        )
    open_console().print(table)


def remove(webhooks: Webhooks, webhook_id: str, *, is_dry_run: bool) -> None:
    """Remove a receiver, with its address and secrets.

    Raises:
        CommandError: It does not exist.
    """
    if is_dry_run:
        print(f"{_find(webhooks, webhook_id).id} would be removed.")
        print(_DRY_RUN)
        return
    webhooks.changes.remove(webhook_id)
    print("Removed. Events that are not delivered yet are dropped.")


def enable(webhooks: Webhooks, webhook_id: str, now: datetime, *, is_dry_run: bool) -> None:
    """Switch a receiver on again, or end its pause.

    Raises:
        CommandError: It does not exist.
    """
    found = _find(webhooks, webhook_id)
    is_paused = found.paused_until is not None and now < found.paused_until
    if not found.is_disabled and not is_paused:
        print(f"{found.id} is {_describe_state(found, now)}: nothing to change.")
        return
    print(f"{found.id} is {printable(_describe_state(found, now))}.")
    if is_dry_run:
        print("It would be switched on.")
        print(_DRY_RUN)
        return
    webhooks.changes.enable(found.id)
    print("Enabled. Events from now on are sent; resend sends earlier ones.")


def rotate(
    webhooks: Webhooks, webhook_id: str, now: datetime, *, overlap: timedelta, is_dry_run: bool
) -> None:
    """Replace the secret of a receiver, and print the new one once.

    Raises:
        CommandError: It does not exist, or has no secret.
    """
    found = _find(webhooks, webhook_id)
    if not found.secrets:
        message = f"{found.id} has no secret: the format {found.format} has no signatures."
        raise CommandError(message)
    end = "now" if not overlap else f"at {show_time(now + overlap)}"
    if is_dry_run:
        print(f"The current secret of {found.id} would end {end}.")
        print(_DRY_RUN)
        return
    rotated = webhooks.changes.rotate(found.id, now, overlap=overlap)
    print(f"The earlier secret of {found.id} ends {end}.")
    _print_secret(rotated.secret, "its new secret")


def test(webhooks: Webhooks, webhook_id: str, waiting: Waiting) -> None:
    """Send a test event to a receiver, and wait for the result of the first attempt.

    Raises:
        CommandError: The attempt failed, or there was none in time.
    """
    started_at = waiting.clock()
    sent = webhooks.changes.test(webhook_id, started_at)
    print(f"Sent {sent.event.id}. Waiting for the answer.")
    delivery: Delivery | None = sent
    while delivery is not None and not _has_result(delivery):
        if waiting.clock() - started_at >= waiting.timeout:
            raise CommandError(_explain_wait(webhooks, webhook_id, waiting))
        waiting.pause(_POLL_SECONDS)
        delivery = webhooks.deliveries.get(webhook_id, sent.event.id)
    if delivery is None:
        message = "the stored delivery is gone or cannot be read: run the command again."
        raise CommandError(message)
    if delivery.state is not DeliveryState.DELIVERED:
        message = f"not delivered: {_describe_result(delivery)}."
        raise CommandError(message)
    print(f"Delivered: {_describe_result(delivery)}.")


def list_deliveries(
    webhooks: Webhooks, webhook_id: str, *, state: DeliveryState | None, max_rows: int
) -> None:
    """Print the deliveries of the last 30 days, the newest first.

    A receiver that was removed may still have some.

    Raises:
        CommandError: There are none, and no such receiver.
    """
    found: Iterator[Delivery] = (
        each
        for each in webhooks.deliveries.list_for(webhook_id)
        if state is None or each.state is state
    )
    shown = list(islice(found, max_rows))
    more = sum(1 for _ in found)
    if not shown:
        _find(webhooks, webhook_id)
        print(f"There are no {'' if state is None else f'{state} '}deliveries.")
        return
    table = Table("Event", "Type", "Added", "State", "Attempts", "Last attempt", "Next attempt")
    for each in shown:
        is_pending = each.state is DeliveryState.PENDING
        table.add_row(
            printable(each.event.id),
            each.event.type,
            show_time(each.created_at),
            each.state,
            _describe_attempts(each),
            _describe_last(each.last),
            _show_seconds(each.due_at) if is_pending else "-",
        )
    open_console().print(table)
    if more:
        print(f"And {more:,} more: --max shows them.")


def resend(
    webhooks: Webhooks, webhook_id: str, event_id: str, now: datetime, *, is_dry_run: bool
) -> None:
    """Start a delivery again, with all its attempts.

    Raises:
        CommandError: The receiver or the delivery does not exist.
        InvalidWebhookError: The delivery was for an earlier receiver of this name.
    """
    if is_dry_run:
        receiver = _find(webhooks, webhook_id)
        found = webhooks.deliveries.get(receiver.id, event_id)
        if found is None:
            message = f"{webhook_id} has no such delivery: webhooks deliveries lists them."
            raise CommandError(message)
        check_receiver(found, receiver)
        print(f"{printable(found.event.id)} is {found.state}: it would be sent again.")
        print(_DRY_RUN)
        return
    webhooks.changes.resend(webhook_id, event_id, now)
    print("It is sent again, under the same id. webhooks deliveries shows the result.")


def _find(webhooks: Webhooks, webhook_id: str) -> WebhookSubscription:
    found = webhooks.stored.get(webhook_id)
    if found is None:
        message = (
            f"there is no receiver {printable(webhook_id)}: list them with"
            " `bedrock-meter webhooks list`."
        )
        raise CommandError(message)
    return found


def _print_secret(secret: str | None, name: str) -> None:
    if secret is not None:
        print(f"This is {name}, by which the receiver verifies events. It is not shown again:")
        print(secret)


def _has_result(delivery: Delivery) -> bool:
    return delivery.attempts > 0 or delivery.state is not DeliveryState.PENDING


def _explain_wait(webhooks: Webhooks, webhook_id: str, waiting: Waiting) -> str:
    found = webhooks.stored.get(webhook_id)
    now = waiting.clock()
    if found is not None and found.paused_until is not None and now < found.paused_until:
        return (
            f"it has asked for a pause until {show_time(found.paused_until)}: the test event is"
            " sent then."
        )
    return (
        f"there was no attempt within {waiting.timeout.total_seconds():g} s: run make doctor, and"
        " look at webhooks deliveries later."
    )


def _describe_result(delivery: Delivery) -> str:
    """Describe the last attempt, and the next one if there is one."""
    text = printable(_describe_attempt(delivery.last))
    if delivery.state is DeliveryState.PENDING:
        return f"{text}; the next attempt is at {_show_seconds(delivery.due_at)}"
    return text


def _describe_attempts(delivery: Delivery) -> str:
    text = f"{delivery.attempts} of {MAX_ATTEMPTS}"
    if delivery.started_at == delivery.created_at:
        return text
    return f"{text}, sent again {_show_seconds(delivery.started_at)}"


def _describe_last(attempt: DeliveryAttempt | None) -> str:
    text = printable(_describe_attempt(attempt))
    return text if attempt is None else f"{_show_seconds(attempt.at)}: {text}"


def _show_seconds(moment: datetime) -> str:
    """Show a time to the second, in UTC: the first waits take seconds."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def _describe_attempt(attempt: DeliveryAttempt | None) -> str:
    if attempt is None:
        return "no attempt"
    return attempt.error or f"answered {attempt.status}"


def _describe_filter(wanted: EventFilter) -> str:
    types = ", ".join(wanted.types) or "all events"
    scope = "; ".join(f"{label} {', '.join(names)}" for label, names in wanted.scope.items())
    return f"{types} of {scope}" if scope else types


def _describe_state(subscription: WebhookSubscription, now: datetime) -> str:
    if subscription.disabled_at is not None:
        return (
            f"disabled since {show_time(subscription.disabled_at)}: {subscription.disabled_because}"
        )
    if subscription.paused_until is not None and now < subscription.paused_until:
        return f"paused until {show_time(subscription.paused_until)}"
    return "enabled"


def _describe_secrets(subscription: WebhookSubscription, now: datetime) -> str:
    """Describe the secrets that sign, the current one first."""
    valid = reversed(list_valid(subscription.secrets, now))
    return (
        ", ".join(
            f"since {show_time(each.created_at)}"
            if each.expires_at is None
            else f"earlier one until {show_time(each.expires_at)}"
            for each in valid
        )
        or "-"
    )
