"""The refresher of `price_refresher`, over DynamoDB, CloudWatch and the prices in force."""

from __future__ import annotations

import boto3

from lambdas.adapters.dynamodb.cost_corrections import DynamoDbCostCorrections
from lambdas.adapters.dynamodb.recorded_calls import DynamoDbRecordedCalls
from lambdas.adapters.dynamodb.unpriced_calls import DynamoDbUnpricedCalls
from lambdas.services.correct_costs import CostCorrector
from lambdas.services.refresh_costs import CostRefresher
from lambdas.services.reprice_calls import CallRepricer
from lambdas.wiring.client_timeouts import PROMPT
from lambdas.wiring.enrichment import current_books
from lambdas.wiring.publishing import dimension_namer, metric_publishing
from lambdas.wiring.publishing_settings import PublishingSettings


def make_refresher(settings: PublishingSettings, *, ledger_table: str) -> CostRefresher:
    """Make a refresher that reads and writes in the account that the function runs in."""
    dynamodb = boto3.client("dynamodb", config=PROMPT)
    books = current_books(settings, dynamodb)
    namer, publishing = dimension_namer(settings, dynamodb), metric_publishing(settings)
    unpriced = DynamoDbUnpricedCalls(dynamodb, settings.state_table, ledger_table)
    return CostRefresher(
        CallRepricer(books, namer, publishing, unpriced),
        CostCorrector(
            books=books,
            namer=namer,
            publishing=publishing,
            pricing=settings.pricing,
            calls=DynamoDbRecordedCalls(dynamodb, ledger_table),
            corrections=DynamoDbCostCorrections(dynamodb, settings.state_table),
            lock=unpriced,
        ),
        books.pricing,
    )
