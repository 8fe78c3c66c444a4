"""The services of `limit_settler`, over the tables of limits, calls and budgets."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial

import boto3

from lambdas.adapters.dynamodb.budget_store import DynamoDbBudgetStore
from lambdas.adapters.dynamodb.budget_sums import DynamoDbBudgetSums
from lambdas.adapters.dynamodb.limits_store import DynamoDbLimits
from lambdas.adapters.dynamodb.reserved_calls import DynamoDbReservedCalls
from lambdas.services.enforce_budgets import BudgetEnforcer
from lambdas.services.settle_calls import LedgerUse, OpenCallSettler
from lambdas.wiring.client_timeouts import PROMPT
from lambdas.wiring.enrichment import current_books
from lambdas.wiring.settling_settings import SettlingSettings


def make_settler(settings: SettlingSettings) -> OpenCallSettler:
    """Make a settler of the account that the function runs in."""
    dynamodb = boto3.client("dynamodb", config=PROMPT)
    recorded = LedgerUse(
        calls=DynamoDbReservedCalls(dynamodb, settings.ledger_table),
        caller_role=settings.caller_role,
        get_books=current_books(settings, dynamodb).get,
        clock=partial(datetime.now, UTC),
    )
    return OpenCallSettler(DynamoDbLimits(dynamodb, settings.limits_table), recorded)


def make_enforcer(settings: SettlingSettings) -> BudgetEnforcer:
    """Make an enforcer of budgets of the account that the function runs in."""
    dynamodb = boto3.client("dynamodb", config=PROMPT)
    return BudgetEnforcer(
        budgets=DynamoDbBudgetStore(dynamodb, settings.governance_table),
        sums=DynamoDbBudgetSums(dynamodb, settings.counter_table, settings.governance_table),
        limits=DynamoDbLimits(dynamodb, settings.limits_table),
    )
