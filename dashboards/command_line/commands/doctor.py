"""The command `doctor`."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import click

from dashboards.command_line.parameters import context_option

if TYPE_CHECKING:
    import boto3

    from cdk.operations.credit_state import CreditStores
    from cdk.operations.webhook_health import WebhookStores


@click.command(epilog='With make: make doctor [SET="-c NAME=VALUE"]')
@context_option
def command(context: tuple[str, ...]) -> None:
    """Check the account without changing anything.

    Run it before and after deploying.
    """
    from cdk.operations.account import in_account
    from cdk.operations.doctor import check_account
    from dashboards.command_line.commands.deny import open_brake
    from dashboards.command_line.commands.limits import open_gateway

    in_account(
        partial(
            check_account,
            open_brake=open_brake,
            open_gateway=open_gateway,
            open_webhooks=open_webhooks,
            open_credits=open_credits,
            settings=context,
        )
    )


def open_webhooks(session: boto3.Session, table: str) -> WebhookStores:
    """Open receivers and their deliveries in the table `Governance`."""
    from cdk.operations.webhook_health import WebhookStores
    from lambdas.adapters.dynamodb.delivery_store import DynamoDbDeliveryStore
    from lambdas.adapters.dynamodb.webhook_store import DynamoDbWebhookStore

    dynamodb = session.client("dynamodb")
    return WebhookStores(
        DynamoDbWebhookStore(dynamodb, table), DynamoDbDeliveryStore(dynamodb, table)
    )


def open_credits(session: boto3.Session, governance: str, counters: str) -> CreditStores:
    """Open the stores of credits in the tables `Governance` and `UsageCounters`."""
    from cdk.operations.credit_state import CreditStores
    from lambdas.adapters.dynamodb.changed_hours import DynamoDbChangedHours
    from lambdas.adapters.dynamodb.credit_store import DynamoDbCreditStore
    from lambdas.adapters.dynamodb.credit_switch import DynamoDbCreditSwitch
    from lambdas.adapters.dynamodb.exhausted_scopes import DynamoDbExhaustedScopes

    dynamodb = session.client("dynamodb")
    return CreditStores(
        DynamoDbCreditStore(dynamodb, governance),
        DynamoDbChangedHours(dynamodb, counters),
        DynamoDbExhaustedScopes(dynamodb, governance),
        DynamoDbCreditSwitch(dynamodb, governance),
    )
