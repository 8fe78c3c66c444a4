"""The counter of `usage_counter`, from the ledger's stream to the table of counters."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

import boto3

from lambdas.adapters.dynamodb.usage_stream import read_stream
from lambdas.services.count_usage import UsageCounter
from lambdas.wiring.client_timeouts import PROMPT
from lambdas.wiring.counting import edition_books, sum_up, usage_counters
from lambdas.wiring.counting_settings import CountingSettings


def make_counter(settings: CountingSettings, *, retention_days: int) -> UsageCounter:
    """Make a counter that reads and writes in the account that the function runs in."""
    dynamodb = boto3.client("dynamodb", config=PROMPT)
    return UsageCounter(
        read=partial(read_stream, retention=timedelta(days=retention_days)),
        store=usage_counters(settings, dynamodb),
        books=edition_books(settings, dynamodb),
        sums=sum_up(settings, dynamodb),
        deployment=settings.stack_id,
    )
