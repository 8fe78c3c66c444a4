"""The command `replay`."""

from __future__ import annotations

from datetime import UTC, datetime

import click


class IsoTime(click.ParamType[datetime]):
    """A time in ISO 8601; without a zone it is UTC."""

    name = "time"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        """Read a time."""
        try:
            time = datetime.fromisoformat(str(value))
        except ValueError:
            self.fail(f"{value!r} is not a time in ISO 8601, as 2026-01-31T08:00.", param, ctx)
        return time if time.tzinfo else time.replace(tzinfo=UTC)


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
