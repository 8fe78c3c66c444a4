"""Objects shared by functions that count usage exactly: prices by edition, and the counters."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

import boto3

from lambdas.adapters.dynamodb.budget_store import DynamoDbBudgetStore
from lambdas.adapters.dynamodb.usage_counters import DynamoDbUsageCounters
from lambdas.adapters.s3.price_editions import S3PriceEditions
from lambdas.domain.budgets import CurrentSums
from lambdas.domain.counters import EditionBooks, SumUp, get_spans
from lambdas.wiring.client_timeouts import BRIEF
from lambdas.wiring.counting_settings import CountingSettings
from lambdas.wiring.enrichment import current_books

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


def edition_books(settings: CountingSettings, dynamodb: DynamoDBClient) -> EditionBooks:
    """Make the books that enrich calls at any edition of prices."""
    books, bucket = current_books(settings, dynamodb), settings.price_bucket
    editions = S3PriceEditions(lambda: boto3.client("s3", config=BRIEF), bucket) if bucket else None
    return EditionBooks(books.tags, books.rules, settings.pricing, settings.deployed, editions)


def usage_counters(settings: CountingSettings, dynamodb: DynamoDBClient) -> DynamoDbUsageCounters:
    """Make the store of counters."""
    return DynamoDbUsageCounters(dynamodb, settings.counter_table, settings.ledger_table)


def current_sums(settings: CountingSettings, dynamodb: DynamoDBClient) -> CurrentSums:
    """Make the sums of the budgets in force."""
    return CurrentSums(
        store=DynamoDbBudgetStore(dynamodb, settings.governance_table),
        cell_minutes=settings.cell_minutes,
        clock=partial(datetime.now, UTC),
    )


def sum_up(settings: CountingSettings, sums: CurrentSums) -> SumUp:
    """Sum changes up by the cells of this deployment, and by the budgets in force."""
    return SumUp(get_spans(settings.cell_minutes), sums.accumulate, notes_hours=settings.credits)
