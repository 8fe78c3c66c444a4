"""The recounter of `usage_recounter`, over the ledger and the table of counters."""

from __future__ import annotations

import boto3

from lambdas.adapters.dynamodb.recorded_calls import DynamoDbRecordedCalls
from lambdas.services.recount_usage import UsageRecounter
from lambdas.wiring.client_timeouts import PROMPT
from lambdas.wiring.counting import current_sums, edition_books, sum_up, usage_counters
from lambdas.wiring.counting_settings import CountingSettings


def make_recounter(settings: CountingSettings) -> UsageRecounter:
    """Make a recounter that reads and writes in the account that the function runs in."""
    dynamodb = boto3.client("dynamodb", config=PROMPT)
    return UsageRecounter(
        calls=DynamoDbRecordedCalls(dynamodb, settings.ledger_table),
        store=usage_counters(settings, dynamodb),
        books=edition_books(settings, dynamodb),
        sums=sum_up(settings, current_sums(settings, dynamodb)),
        deployment=settings.stack_id,
    )
