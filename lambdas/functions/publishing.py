"""What functions that publish metrics of calls share: bounds on identities and projects."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lambdas.adapters.dynamodb_identity_registry import DynamoDbIdentityRegistry
from lambdas.domain.metering.attributed_calls import MOST_PROJECTS, AttributedCalls
from lambdas.domain.metering.identity_folding import BoundedIdentities, IdentityFolding
from lambdas.domain.metering.ledger_table import PROJECT_SCOPE
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


def bounded_projects(settings: PublishingSettings, dynamodb: DynamoDBClient) -> AttributedCalls:
    """Put calls down to projects, within the month's bound in the ledger table."""
    table = settings.ledger_table
    registry = DynamoDbIdentityRegistry(dynamodb, table, MOST_PROJECTS, scope=PROJECT_SCOPE)
    return attributed_calls(settings, dynamodb, registry)
