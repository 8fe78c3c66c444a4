"""The command `test-notification`."""

from __future__ import annotations

import click


@click.command(epilog="With make: make test-notification")
def command() -> None:
    """Test that alarms reach you.

    Puts an alarm into ALARM for a moment, and lists who is notified.
    """
    from cdk.operations.account import in_account
    from cdk.operations.send_test_notification import send_test_notification

    in_account(send_test_notification)
