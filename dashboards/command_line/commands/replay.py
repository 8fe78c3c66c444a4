"""The command `replay`."""

from __future__ import annotations

from datetime import UTC, datetime

import click

from dashboards.command_line.parameters import IsoTime


@click.command(epilog="With make: make replay FROM=2026-01-31T08:00 [TO=2026-02-01]")
@click.option(
    "--from",
    "start",
    type=IsoTime(),
    required=True,
    help="The first time to read, in ISO 8601; UTC without a zone.",
)
@click.option("--to", "end", type=IsoTime(), help="The end, in the same format; by default now.")
def command(start: datetime, end: datetime | None) -> None:
    """Read the log group again. Each call is still counted once."""
    from cdk.operations.account import in_account
    from cdk.operations.replay import replay_logs

    end = end or datetime.now(UTC)
    if start >= end:
        message = "--from has to be before --to."
        raise click.UsageError(message)
    in_account(lambda session: replay_logs(session, start, end))
