"""The credits by which the brake denies callers, over the table of credits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lambdas.adapters.dynamodb.credit_store import DynamoDbCreditStore
from lambdas.adapters.dynamodb.credit_switch import DynamoDbCreditSwitch
from lambdas.adapters.dynamodb.exhausted_scopes import DynamoDbExhaustedScopes
from lambdas.domain.credits import StoredCreditState
from lambdas.wiring.brake_settings import BrakingSettings

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


def make_credit_state(
    settings: BrakingSettings, dynamodb: DynamoDBClient
) -> StoredCreditState | None:
    """Make the credits; `None` where exhausted ones deny no caller."""
    if not settings.deny_exhausted:
        return None
    table = settings.governance_table
    return StoredCreditState(
        DynamoDbExhaustedScopes(dynamodb, table),
        DynamoDbCreditStore(dynamodb, table),
        DynamoDbCreditSwitch(dynamodb, table),
    )
