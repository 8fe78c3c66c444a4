"""What functions that publish metrics share: bounds on identities, models and projects."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lambdas.adapters.dynamodb.identity_registry import DynamoDbIdentityRegistry
from lambdas.domain.calls.attributed_calls import MOST_PROJECTS, AttributedCalls
from lambdas.domain.ledger.state_table import MODEL_SCOPE, PAIR_SCOPE, PROJECT_SCOPE
from lambdas.domain.metrics.catalog import Detail
from lambdas.domain.metrics.model_limit import MAX_MODELS_OF_IDENTITIES, BoundedModels
from lambdas.domain.metrics.role_roll_up import BoundedIdentities, IdentityFolding
from lambdas.wiring.attribution import attributed_calls
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


def bounded_projects(settings: PublishingSettings, dynamodb: DynamoDBClient) -> AttributedCalls:
    """Put calls down to projects, within the month's bound in the state table."""
    table = settings.state_table
    registry = DynamoDbIdentityRegistry(dynamodb, table, MOST_PROJECTS, scope=PROJECT_SCOPE)
    return attributed_calls(settings, dynamodb, registry)
