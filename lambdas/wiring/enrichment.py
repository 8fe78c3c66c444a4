"""The books that enrich calls, for every function that needs their labels or their cost."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING

import boto3

from lambdas.adapters.aws_tag_source import AwsTagSource
from lambdas.adapters.dynamodb.tag_cache import DynamoDbTagCache
from lambdas.domain.attribution import TagDirectory
from lambdas.domain.calls import CurrentBooks
from lambdas.observability import logger
from lambdas.wiring.call_settings import CallSettings
from lambdas.wiring.client_timeouts import BRIEF
from lambdas.wiring.pricing import current_pricing

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


def current_books(settings: CallSettings, dynamodb: DynamoDBClient) -> CurrentBooks:
    """Make the books that enrich calls at the prices in force."""
    source = AwsTagSource(
        boto3.client("bedrock", config=BRIEF),
        boto3.client("iam", config=BRIEF),
        settings.account_id,
    )
    cache = DynamoDbTagCache(dynamodb, settings.state_table)
    rules = settings.attribution_rules
    directory = TagDirectory(cache, source, rules.label_names, logger.warning, monotonic)
    return CurrentBooks(directory, rules, current_pricing(settings))
