"""What functions that publish metrics of calls share: clients' patience, identities, projects."""

from __future__ import annotations

from typing import TYPE_CHECKING

import boto3
from botocore.config import Config

from lambdas.adapters.aws_tag_source import AwsTagSource
from lambdas.adapters.dynamodb_identity_registry import DynamoDbIdentityRegistry
from lambdas.adapters.dynamodb_tag_memory import DynamoDbTagMemory
from lambdas.domain.attribution import TagDirectory
from lambdas.domain.metering.attributed_calls import MOST_PROJECTS, AttributedCalls
from lambdas.domain.metering.identity_folding import BoundedIdentities, IdentityFolding
from lambdas.functions.publishing_settings import PublishingSettings
from lambdas.observability import logger

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

PROMPT = Config(
    connect_timeout=2, read_timeout=10, retries={"mode": "standard", "total_max_attempts": 3}
)
"""For clients: one call with all its tries takes less than `LONGEST_CALL_MS`."""
LONGEST_CALL_MS = 45_000
"""With less time left than that, nothing more is begun."""


def bounded_identities(settings: PublishingSettings, dynamodb: DynamoDBClient) -> BoundedIdentities:
    """Say what the dimension of identities says, within the month's bound in the ledger table."""
    return BoundedIdentities(
        IdentityFolding(settings.folding_patterns),
        DynamoDbIdentityRegistry(dynamodb, settings.ledger_table, settings.identity_bound),
    )


def attributed_calls(settings: PublishingSettings, dynamodb: DynamoDBClient) -> AttributedCalls:
    """Put calls down to projects, by tags that are remembered in the ledger table.

    Args:
        settings: Which table, and the rules.
        dynamodb: A client.
    """
    table = settings.ledger_table
    source = AwsTagSource(
        boto3.client("bedrock", config=PROMPT),
        boto3.client("iam", config=PROMPT),
        settings.account_id,
    )
    rules = settings.attribution
    return AttributedCalls(
        TagDirectory(DynamoDbTagMemory(dynamodb, table), source, rules.label_names, logger.warning),
        rules,
        DynamoDbIdentityRegistry(dynamodb, table, MOST_PROJECTS, scope="project-"),
    )
