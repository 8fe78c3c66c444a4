"""What functions that publish metrics share: bounds on identities, models and projects."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lambdas.adapters.dynamodb_identity_registry import DynamoDbIdentityRegistry
from lambdas.domain.metering.attributed_calls import MOST_PROJECTS, AttributedCalls
from lambdas.domain.metering.identity_folding import BoundedIdentities, IdentityFolding
from lambdas.domain.metering.ledger_table import MODEL_SCOPE, PAIR_SCOPE, PROJECT_SCOPE
from lambdas.domain.metering.metric_catalog import Detail
from lambdas.domain.metering.model_folding import MAX_MODELS_OF_IDENTITIES, BoundedModels
from lambdas.functions.attributing import attributed_calls
from lambdas.functions.publishing_settings import PublishingSettings

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


def bounded_identities(settings: PublishingSettings, dynamodb: DynamoDBClient) -> BoundedIdentities:
    """Say what the dimension of identities says, within the month's bound in the ledger table."""
    return BoundedIdentities(
        IdentityFolding(settings.folding_patterns),
        DynamoDbIdentityRegistry(dynamodb, settings.ledger_table, settings.identity_bound),
    )


def bounded_models(settings: PublishingSettings, dynamodb: DynamoDBClient) -> BoundedModels:
    """Say what the dimension of models says, within the month's bounds in the ledger table."""
    table, pricing = settings.ledger_table, settings.pricing
    pairs = DynamoDbIdentityRegistry(dynamodb, table, MAX_MODELS_OF_IDENTITIES, scope=PAIR_SCOPE)
    return BoundedModels(
        DynamoDbIdentityRegistry(dynamodb, table, settings.max_models, scope=MODEL_SCOPE),
        DynamoDbIdentityRegistry(dynamodb, table, settings.max_models // 2, scope=MODEL_SCOPE),
        pairs if settings.detail is Detail.FULL else None,
        pricing.knows,
    )


def bounded_projects(settings: PublishingSettings, dynamodb: DynamoDBClient) -> AttributedCalls:
    """Put calls down to projects, within the month's bound in the ledger table."""
    table = settings.ledger_table
    registry = DynamoDbIdentityRegistry(dynamodb, table, MOST_PROJECTS, scope=PROJECT_SCOPE)
    return attributed_calls(settings, dynamodb, registry)
