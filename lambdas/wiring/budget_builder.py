"""The builder of `budget_builder`, over the tables of budgets and counters."""

from __future__ import annotations

import boto3

from lambdas.adapters.dynamodb.budget_store import DynamoDbBudgetStore
from lambdas.adapters.dynamodb.budget_sums import DynamoDbBudgetSums
from lambdas.domain.change_marks import BUDGET_BUILDER
from lambdas.services.build_budgets import BudgetBuilder
from lambdas.wiring.client_timeouts import PROMPT
from lambdas.wiring.governing_settings import GoverningSettings


def make_builder(settings: GoverningSettings) -> BudgetBuilder:
    """Make a builder that reads and writes in the account that the function runs in."""
    dynamodb = boto3.client("dynamodb", config=PROMPT)
    return BudgetBuilder(
        budgets=DynamoDbBudgetStore(dynamodb, settings.governance_table, changed_by=BUDGET_BUILDER),
        sums=DynamoDbBudgetSums(dynamodb, settings.counter_table, settings.governance_table),
        cell_minutes=settings.cell_minutes,
    )
