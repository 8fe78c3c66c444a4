"""Reports the state of the account and the deployment: `make doctor`."""

from __future__ import annotations

from collections.abc import Iterable

import boto3
from rich.table import Table

from cdk.operations.credit_state import OpenCredits
from cdk.operations.denies import OpenBrake
from cdk.operations.deployment import Deployment
from cdk.operations.deployment_checks import DeploymentChecks, Status
from cdk.operations.gateway_health import OpenGateway
from cdk.operations.settings import read_settings
from cdk.operations.terminal import CommandError, open_console, printable
from cdk.operations.webhook_health import OpenWebhooks

_UNSEEN = (
    "Not checked: whether e-mails arrive (run make test-notification), deployments in other Regions"
    " (run make doctor there), how long Bedrock takes to deliver a log, service control policies."
)


def check_account(
    session: boto3.Session,
    open_brake: OpenBrake,
    *,
    open_gateway: OpenGateway | None = None,
    open_webhooks: OpenWebhooks | None = None,
    open_credits: OpenCredits | None = None,
    settings: Iterable[str] = (),
) -> None:
    """Examine the account and Region, changing nothing.

    Args:
        session: A session with the account's credentials.
        open_brake: Opens the deployed brake.
        open_gateway: Opens keys and policies of the deployed gateway; `None` to read neither.
        open_webhooks: Opens receivers of deployed webhooks; `None` to read none.
        open_credits: Opens the stores of deployed credits; `None` to read none.
        settings: Settings that replace those of cdk.json, as `governance=true`.

    Raises:
        CommandError: There is a problem, or the settings cannot be read.
    """
    context = tuple(settings)
    config = read_settings(context)
    deployment = Deployment(session.client("cloudformation"))
    deployment_checks = DeploymentChecks(
        session,
        deployment,
        config.regions,
        config.adopted_log_group,
        config.known_log_policies,
        config.stacks,
        is_content_masked=config.is_content_masked,
        batch_output_buckets=config.batch_output_buckets,
        has_weekly_summary=config.has_weekly_summary,
        has_brake=config.brake,
        open_brake=open_brake,
        open_gateway=open_gateway,
        open_webhooks=open_webhooks,
        open_credits=open_credits,
        context=context,
        reserved_concurrency=config.reserved_concurrency if config.gateway else None,
        has_traces=config.has_gateway_traces,
    )
    findings = list(deployment_checks.examine())
    table = Table("Check", "Status", "Found")
    for finding in findings:
        table.add_row(finding.check, finding.status.value, printable(finding.text))
    console = open_console()
    console.print(table)
    console.print(_UNSEEN)
    # If even the account is unknown, for example with expired credentials, no check has succeeded.
    problems = [
        finding.check
        for finding in findings
        if finding.status is Status.PROBLEM
        or (finding.check == "account" and finding.status is Status.UNKNOWN)
    ]
    if problems:
        message = f"fix these first: {', '.join(problems)}."
        raise CommandError(message)
