"""The text of the demo about webhooks: what a receiver got, and the attempt that failed."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from cdk.operations.terminal import printable
from dashboards.demo.company_webhook import NAME, WANTED, ReceivedEvent, find_retry

_ID_LETTERS = 12


def describe_webhook() -> str:
    """Describe how the receiver was added."""
    return (
        f"Received by the webhook {NAME}, an HTTPS server that was added with bedrock-meter"
        f" webhooks add, for {', '.join(WANTED)}:"
    )


def event_table(events: Sequence[ReceivedEvent]) -> Table:
    """Make a table of what was received, in order."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for name in ("Received (UTC)", "Id", "Attempt", "Answer", "Type", "Title"):
        table.add_column(name, no_wrap=name != "Title", overflow="fold")
    for event in events:
        table.add_row(
            f"{event.at:%Y-%m-%d %H:%M:%S}",
            f"{printable(event.id[:_ID_LETTERS])}...",
            str(event.attempt),
            Text(str(event.status.value), "" if event.is_accepted else "red"),
            printable(event.type),
            Text(printable(event.title)),
        )
    return table


def describe_retry(events: Sequence[ReceivedEvent]) -> str:
    """Describe the check of signatures, and the event that failed first."""
    text = "Each signature was verified with the library standardwebhooks and the printed secret."
    retry = find_retry(events)
    if retry is None:
        return text
    failed, repeated = retry
    seconds = (repeated.at - failed.at).total_seconds()
    return (
        f"{text} The receiver answered {failed.status.value} once: that event came again after"
        f" {seconds:.0f} s, under the same id {printable(failed.id)}."
    )
