"""Objects shared by functions that publish metrics: limits of dimensions, and CloudWatch."""

from __future__ import annotations

from typing import TYPE_CHECKING

import boto3

from lambdas.adapters.cloudwatch.metric_sink import CloudWatchMetricSink
from lambdas.adapters.dynamodb.identity_registry import DynamoDbIdentityRegistry
from lambdas.domain.metrics import DimensionLimits, DimensionNamer, MetricPublishing
from lambdas.domain.metrics.catalog import Detail
from lambdas.wiring.client_timeouts import PROMPT
from lambdas.wiring.publishing_settings import PublishingSettings

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


def dimension_namer(settings: PublishingSettings, dynamodb: DynamoDBClient) -> DimensionNamer:
    """Name the dimensions of calls within the limits of a month, which the state table keeps."""

    def open_registry(bound: int, scope: str) -> DynamoDbIdentityRegistry:
        return DynamoDbIdentityRegistry(dynamodb, settings.state_table, bound, scope=scope)

    limits = DimensionLimits(
        role_rollup_patterns=settings.role_rollup_patterns,
        max_identities=settings.max_identities,
        max_models=settings.max_models,
        has_pairs=settings.detail is Detail.FULL,
    )
    return limits.make_namer(open_registry, settings.pricing.knows)


def metric_publishing(settings: PublishingSettings) -> MetricPublishing:
    """Make the publisher that sends calls to CloudWatch."""
    sink = CloudWatchMetricSink(boto3.client("cloudwatch", config=PROMPT))
    return MetricPublishing(sink, settings.detail)
