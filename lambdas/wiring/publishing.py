"""What functions that publish metrics share: limits of dimensions, and the way to CloudWatch."""

from __future__ import annotations

from typing import TYPE_CHECKING

import boto3

from lambdas.adapters.cloudwatch.metric_sink import CloudWatchMetricSink
from lambdas.adapters.dynamodb.identity_registry import DynamoDbIdentityRegistry
from lambdas.domain.ledger.state_table import MODEL_SCOPE, PAIR_SCOPE, PROJECT_SCOPE
from lambdas.domain.metrics import DimensionNamer, MetricPublishing
from lambdas.domain.metrics.catalog import Detail
from lambdas.domain.metrics.model_limit import MAX_MODELS_OF_IDENTITIES, BoundedModels
from lambdas.domain.metrics.project_limit import MAX_PROJECTS, BoundedProjects
from lambdas.domain.metrics.role_roll_up import BoundedIdentities, IdentityFolding
from lambdas.wiring.client_timeouts import PROMPT
from lambdas.wiring.publishing_settings import PublishingSettings

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


def bounded_identities(settings: PublishingSettings, dynamodb: DynamoDBClient) -> BoundedIdentities:
    """Say what the dimension of identities says, within the month's bound in the state table."""
    return BoundedIdentities(
        IdentityFolding(settings.folding_patterns),
        DynamoDbIdentityRegistry(dynamodb, settings.state_table, settings.identity_bound),
    )


def bounded_models(settings: PublishingSettings, dynamodb: DynamoDBClient) -> BoundedModels:
    """Say what the dimension of models says, within the month's bounds in the state table."""
    table, pricing = settings.state_table, settings.pricing
    pairs = DynamoDbIdentityRegistry(dynamodb, table, MAX_MODELS_OF_IDENTITIES, scope=PAIR_SCOPE)
    return BoundedModels(
        DynamoDbIdentityRegistry(dynamodb, table, settings.max_models, scope=MODEL_SCOPE),
        DynamoDbIdentityRegistry(dynamodb, table, settings.max_models // 2, scope=MODEL_SCOPE),
        pairs if settings.detail is Detail.FULL else None,
        pricing.knows,
    )


def bounded_projects(settings: PublishingSettings, dynamodb: DynamoDBClient) -> BoundedProjects:
    """Say what the dimension of projects says, within the month's bound in the state table."""
    table = settings.state_table
    return BoundedProjects(
        DynamoDbIdentityRegistry(dynamodb, table, MAX_PROJECTS, scope=PROJECT_SCOPE)
    )


def dimension_namer(settings: PublishingSettings, dynamodb: DynamoDBClient) -> DimensionNamer:
    """Name the dimensions of calls within the limits of a month."""
    return DimensionNamer(
        bounded_identities(settings, dynamodb),
        bounded_models(settings, dynamodb),
        bounded_projects(settings, dynamodb),
    )


def metric_publishing(settings: PublishingSettings) -> MetricPublishing:
    """Make what sends calls to CloudWatch."""
    sink = CloudWatchMetricSink(boto3.client("cloudwatch", config=PROMPT))
    return MetricPublishing(sink, settings.detail)
