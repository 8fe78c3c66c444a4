"""Says what is there, what is missing and what nobody can see from here: `make doctor`."""

from __future__ import annotations

import boto3
from rich.table import Table

from cdk.config import ConfigurationError, read_config
from cdk.operations.deployment import Deployment
from cdk.operations.examination import Examination, Status
from cdk.operations.terminal import CommandError, open_console, printable

_UNSEEN = (
    "Not visible from here: whether e-mails arrive (make test-notification), deployments in other"
    " Regions (run it there), how long Bedrock takes to deliver a log, service control policies."
)


def examine_account(session: boto3.Session) -> None:
    """Examine the account and Region, changing nothing.

    Raises:
        CommandError: There is a problem, or the settings cannot be read.
    """
    try:
        config = read_config()
    except ConfigurationError as error:
        raise CommandError(*error.lines) from None
    deployment = Deployment(session.client("cloudformation"))
    examination = Examination(
        session,
        deployment,
        config.regions,
        config.adopted_log_group,
        config.known_log_policies,
        config.stacks,
    )
    findings = list(examination.examine())
    table = Table("Check", "Status", "Found")
    for it in findings:
        table.add_row(it.check, it.status.value, printable(it.text))
    console = open_console()
    console.print(table)
    console.print(_UNSEEN)
    # Who cannot tell the account, with credentials that have expired, has seen nothing at all.
    blind = [it for it in findings if it.check == "account" and it.status is Status.UNKNOWN]
    problems = [it.check for it in findings if it.status is Status.PROBLEM or it in blind]
    if problems:
        message = f"fix these first: {', '.join(problems)}."
        raise CommandError(message)
