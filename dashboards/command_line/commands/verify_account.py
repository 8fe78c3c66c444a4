"""The command `verify-account`."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dashboards.command_line.parameters import PATH, NamedPath, context_option

if TYPE_CHECKING:
    import boto3

    from cdk.operations.verification.gateway import Gateway
    from cdk.operations.verification.governance import Governance
    from cdk.operations.webhooks import Webhooks
    from lambdas.domain.credits import CreditStore

_KEY_VARIABLE = "AWS_BEARER_TOKEN_BEDROCK"


@click.command(
    epilog="With make: make verify-account [REGION=eu-west-1] [REPORT=FILE] [METRICS=FOLDER]"
    " [WEBHOOK=FILE] [YES=1] [REMOVE=1]"
)
@click.option("--cdk", type=PATH, required=True, metavar="FILE", help="The CDK's command line.")
@click.option("--region", help="The Region; by default that of your credentials.")
@click.option(
    "--report",
    type=PATH,
    default=Path("verification.json"),
    show_default=True,
    metavar="FILE",
    help="Where to write the report, as JSON without account ids.",
)
@click.option(
    "--store-metrics",
    type=PATH,
    metavar="FOLDER",
    help="Where to store CloudWatch's answers, to replay them in tests.",
)
@click.option(
    "--webhook-url-from",
    type=NamedPath(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="The file with the URL of a receiver for a test event. Without it, none is sent.",
)
@context_option
@click.option("--profile", help="The profile with the credentials.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--remove", is_flag=True, help="Only remove what an aborted verification left.")
def command(  # noqa: PLR0913  # each is an option
    *,
    cdk: Path,
    region: str | None,
    report: Path,
    store_metrics: Path | None,
    webhook_url_from: Path | None,
    context: tuple[str, ...],
    profile: str | None,
    yes: bool,
    remove: bool,
) -> None:
    """Verify the meter in your account.

    Deploys a meter of its own into a Region without one, calls a model, checks everything that can
    only be seen on AWS, and removes it all. Asks first, and says what it costs.
    """
    from cdk.operations.verification import VERIFICATION_NAME

    # Names derive from this variable when they are imported.
    os.environ["METER_NAME"] = VERIFICATION_NAME
    from cdk.config import stack_names
    from cdk.operations.account import in_account
    from cdk.operations.terminal import CommandError
    from cdk.operations.verification.verify_account import (
        VerificationRequest,
        remove_verification,
        verify_account,
    )

    if stack_names.PREFIX != VERIFICATION_NAME:  # it would remove another deployment
        message = f"this process works on {stack_names.PREFIX}: start the command by itself."
        raise CommandError(message)
    for ended in (signal.SIGTERM, signal.SIGHUP):  # CI cancels a job so; a terminal is closed
        signal.signal(ended, signal.default_int_handler)
    if remove:
        in_account(lambda session: remove_verification(session, is_confirmed=yes), profile, region)
        return
    request = VerificationRequest(
        cdk,
        context,
        report,
        store_metrics,
        is_confirmed=yes,
        open_governance=open_governance,
        open_gateway=open_gateway,
        open_credits=open_credits,
        open_webhooks=open_webhooks,
        receiver_url=None if webhook_url_from is None else read_file_url(webhook_url_from),
    )
    in_account(lambda session: verify_account(session, request), profile, region)


def open_governance(session: boto3.Session) -> Governance:
    """Open the budgets and the brake of the deployment.

    Raises:
        CommandError: The brake is not deployed.
    """
    from cdk.operations.budgets import find_tables
    from cdk.operations.verification.governance import Governance
    from dashboards.command_line.commands.deny import open_brake
    from lambdas.adapters.dynamodb.budget_store import DynamoDbBudgetStore

    budgets = DynamoDbBudgetStore(session.client("dynamodb"), find_tables(session).budgets)
    return Governance(budgets, open_brake(session))


def open_credits(session: boto3.Session) -> CreditStore:
    """Open the books of the deployment's credits."""
    from cdk.operations.credits import find_tables
    from dashboards.command_line.actors import find_person
    from lambdas.adapters.dynamodb.credit_store import DynamoDbCreditStore

    table = find_tables(session).governance
    return DynamoDbCreditStore(session.client("dynamodb"), table, changed_by=find_person(session))


def open_webhooks(session: boto3.Session) -> Webhooks:
    """Open the receivers of the deployment's webhooks."""
    from dashboards.command_line.commands.webhooks import open_webhooks

    return open_webhooks(session, is_change=True)


def read_file_url(file: Path) -> str:
    """Read the address of a receiver from a file."""
    from cdk.operations.webhooks import read_url

    return read_url(str(file), str)


def open_gateway(session: boto3.Session) -> Gateway:
    """Open the keys and policies of the deployment, and its URL as callers do."""
    from cdk.operations.limits import find_governance_table
    from cdk.operations.verification.gateway import Gateway
    from dashboards.command_line.actors import find_person
    from dashboards.command_line.commands.limits import open_gateway
    from lambdas.adapters.dynamodb.api_key_changes import DynamoDbApiKeyChanges
    from lambdas.adapters.dynamodb.policy_writer import DynamoDbPolicyWriter

    dynamodb, table = session.client("dynamodb"), find_governance_table(session)
    actor = find_person(session)
    return Gateway(
        open_gateway(session, table),
        DynamoDbApiKeyChanges(dynamodb, table, actor),
        DynamoDbPolicyWriter(dynamodb, table, actor),
        partial(open_client, str(session.region_name)),
    )


@contextmanager
def open_client(region: str, url: str, key: str) -> Iterator[Any]:
    """Open a client as a caller of the gateway does: by an address and a key alone.

    boto3 looks for the variable with each request, and prefers it to credentials.
    """
    import boto3

    before = os.environ.get(_KEY_VARIABLE)
    os.environ[_KEY_VARIABLE] = key
    try:
        yield boto3.Session(region_name=region).client("bedrock-runtime", endpoint_url=url)
    finally:
        if before is None:
            del os.environ[_KEY_VARIABLE]
        else:
            os.environ[_KEY_VARIABLE] = before
