"""The commands of `webhooks`."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cdk.operations.terminal import CommandError
from dashboards.command_line.actors import find_person
from dashboards.command_line.entry_point import CommandGroup
from dashboards.command_line.parameters import NamedPath

if TYPE_CHECKING:
    import boto3

    from cdk.operations.webhooks import Webhooks

_FORMATS = ("standard", "slack", "template")
_STATES = ("pending", "delivered", "failed", "disabled")
_MAX_OVERLAP_HOURS = 24 * 7
_MAX_WAIT_SECONDS = 600
_MAX_ROWS = 100_000
_name = click.argument("name", metavar="NAME")
_dry_run = click.option("--dry-run", is_flag=True, help="Only print what would change.")


@click.group(cls=CommandGroup)
def command() -> None:
    """Send events of the meter to receivers over HTTPS.

    The secret of a receiver is printed once, and stored encrypted. docs/webhooks.md has more.
    """


@command.command()
@_name
@click.option(
    "--url-from",
    metavar="FILE",
    help="The file with the URL, or - for standard input. Without it, the terminal asks for the"
    " URL, which may be a secret and so is no option.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(_FORMATS),
    default=_FORMATS[0],
    show_default=True,
    help="The form of what is sent: by Standard Webhooks, for Slack, or by a template.",
)
@click.option(
    "--template",
    type=NamedPath(exists=True, dir_okay=False, path_type=Path),
    help="The JSON file with the template, for the format template.",
)
@click.option(
    "--type",
    "types",
    multiple=True,
    metavar="TYPE",
    help="A type of events, or a pattern such as budget.*; repeat it for several. All by default.",
)
@click.option(
    "--scope",
    multiple=True,
    metavar="LABEL=NAME",
    help="A name or pattern that events have to have, such as project=chat-*; repeat it for"
    " several. Of one label, any of them matches.",
)
@_dry_run
def add(  # noqa: PLR0913  # click passes each option
    *,
    name: str,
    url_from: str | None,
    form: str,
    template: Path | None,
    types: tuple[str, ...],
    scope: tuple[str, ...],
    dry_run: bool,
) -> None:
    """Add a receiver, and print its secret once."""
    from cdk.operations.webhooks import add as add_webhook
    from cdk.operations.webhooks import read_scope, read_text, read_url
    from lambdas.domain.webhooks import EventFilter, NewWebhook, WebhookFormat

    ask = partial(click.prompt, "URL", hide_input=True, type=str)
    new = NewWebhook(
        id=name,
        url=read_url(url_from, ask),
        format=WebhookFormat(form),
        filter=EventFilter(types=types, scope=read_scope(scope)),
        template=None if template is None else read_text(template),
    )
    _run(
        lambda webhooks: add_webhook(webhooks, new, datetime.now(UTC), is_dry_run=dry_run),
        is_change=not dry_run,
    )


@command.command("list")
def list_() -> None:
    """List receivers, without their URLs and secrets."""
    from cdk.operations.webhooks import list_webhooks

    _run(lambda webhooks: list_webhooks(webhooks, datetime.now(UTC)))


@command.command()
@_name
@_dry_run
def remove(name: str, *, dry_run: bool) -> None:
    """Remove a receiver, with its URL and secrets."""
    from cdk.operations.webhooks import remove as remove_webhook

    _run(lambda webhooks: remove_webhook(webhooks, name, is_dry_run=dry_run), is_change=not dry_run)


@command.command()
@_name
@_dry_run
def enable(name: str, *, dry_run: bool) -> None:
    """Switch on a receiver again that has answered 410, or end its pause."""
    from cdk.operations.webhooks import enable as enable_webhook

    _run(
        lambda webhooks: enable_webhook(webhooks, name, datetime.now(UTC), is_dry_run=dry_run),
        is_change=not dry_run,
    )


@command.command()
@_name
@click.option(
    "--overlap-hours",
    type=click.IntRange(0, _MAX_OVERLAP_HOURS),
    default=24,
    show_default=True,
    help="The time in which both secrets sign; 0 if the current one has leaked.",
)
@_dry_run
def rotate(name: str, *, overlap_hours: int, dry_run: bool) -> None:
    """Replace the secret of a receiver, and print the new one once."""
    from cdk.operations.webhooks import rotate as rotate_secret

    overlap = timedelta(hours=overlap_hours)
    _run(
        lambda webhooks: rotate_secret(
            webhooks, name, datetime.now(UTC), overlap=overlap, is_dry_run=dry_run
        ),
        is_change=not dry_run,
    )


@command.command()
@_name
@click.option(
    "--wait-seconds",
    type=click.IntRange(1, _MAX_WAIT_SECONDS),
    default=60,
    show_default=True,
    help="The longest wait for the answer.",
)
def test(name: str, *, wait_seconds: int) -> None:
    """Send a test event to a receiver, whatever events it wants, and print its answer."""
    from cdk.operations.webhooks import Waiting
    from cdk.operations.webhooks import test as test_webhook

    waiting = Waiting(partial(datetime.now, UTC), time.sleep, timedelta(seconds=wait_seconds))
    _run(lambda webhooks: test_webhook(webhooks, name, waiting))


@command.command()
@_name
@click.option("--state", type=click.Choice(_STATES), help="Only deliveries in this state.")
@click.option(
    "--max",
    "max_rows",
    type=click.IntRange(1, _MAX_ROWS),
    default=50,
    show_default=True,
    help="The most deliveries that are listed.",
)
def deliveries(name: str, *, state: str | None, max_rows: int) -> None:
    """List deliveries to a receiver in the last 30 days, the newest first."""
    from cdk.operations.webhooks import list_deliveries
    from lambdas.domain.webhooks import DeliveryState

    wanted = None if state is None else DeliveryState(state)
    _run(lambda webhooks: list_deliveries(webhooks, name, state=wanted, max_rows=max_rows))


@command.command()
@_name
@click.argument("event", metavar="EVENT")
@_dry_run
def resend(name: str, event: str, *, dry_run: bool) -> None:
    """Send an event to a receiver again, under the same id.

    EVENT is an id that webhooks deliveries lists.
    """
    from cdk.operations.webhooks import resend as resend_event

    _run(
        lambda webhooks: resend_event(webhooks, name, event, datetime.now(UTC), is_dry_run=dry_run)
    )


def _run(work: Callable[[Webhooks], None], *, is_change: bool = False) -> None:
    from cdk.operations.account import in_account

    def run(session: boto3.Session) -> None:
        webhooks = open_webhooks(session, is_change=is_change)
        with _explained_refusals():
            work(webhooks)

    in_account(run)


def open_webhooks(session: boto3.Session, *, is_change: bool = False) -> Webhooks:
    """Open the deployed webhooks.

    Args:
        session: The credentials.
        is_change: Record changes of receivers for the audit trail, where governance is on.

    Raises:
        CommandError: They are not deployed.
    """
    from cdk.operations.webhooks import Webhooks, find_webhooks
    from lambdas.adapters.dynamodb.delivery_store import DynamoDbDeliveryStore
    from lambdas.adapters.dynamodb.webhook_changes import AuditedWebhookStore
    from lambdas.adapters.dynamodb.webhook_store import DynamoDbWebhookStore
    from lambdas.adapters.kms_secret_box import KmsSecretBox
    from lambdas.adapters.sqs_delivery_queue import SqsDeliveryQueue
    from lambdas.services.manage_webhooks import WebhookManager

    names = find_webhooks(session)
    dynamodb = session.client("dynamodb")
    actor = find_person(session) if is_change else None
    stored = (
        DynamoDbWebhookStore(dynamodb, names.table)
        if actor is None
        else AuditedWebhookStore(dynamodb, names.table, actor, partial(datetime.now, UTC))
    )
    deliveries = DynamoDbDeliveryStore(dynamodb, names.table)
    manager = WebhookManager(
        webhooks=stored,
        deliveries=deliveries,
        queue=SqsDeliveryQueue(session.client("sqs"), names.queue_url),
        box=KmsSecretBox(session.client("kms"), names.key),
        make_random=secrets.token_bytes,
    )
    return Webhooks(stored, deliveries, manager)


@contextmanager
def _explained_refusals() -> Iterator[None]:
    from lambdas.domain.webhooks import InvalidWebhookError, UnreadableWebhookError
    from lambdas.services.manage_webhooks import UnknownWebhookError, WebhookChangedError

    try:
        yield
    except (
        *(InvalidWebhookError, UnknownWebhookError),
        *(UnreadableWebhookError, WebhookChangedError),
    ) as error:
        message = f"{error}."
        raise CommandError(message) from None
