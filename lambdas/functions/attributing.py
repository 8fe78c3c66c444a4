"""What functions that publish metrics of calls share: who says what calls are put down to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import boto3

from lambdas.adapters.aws_tag_source import AwsTagSource
from lambdas.adapters.dynamodb_identity_registry import DynamoDbIdentityRegistry
from lambdas.adapters.dynamodb_tag_memory import DynamoDbTagMemory
from lambdas.domain.attribution import TagDirectory
from lambdas.domain.metering.attributed_calls import MOST_PROJECTS, AttributedCalls
from lambdas.functions.publishing_settings import PublishingSettings
from lambdas.observability import logger

if TYPE_CHECKING:
    from botocore.config import Config
    from mypy_boto3_dynamodb import DynamoDBClient


def attributed_calls(
    settings: PublishingSettings, dynamodb: DynamoDBClient, config: Config | None = None
) -> AttributedCalls:
    """Put calls down to projects, by tags that are remembered in the ledger table.

    Args:
        settings: Which table, and the rules.
        dynamodb: A client.
        config: How long clients of Bedrock and IAM wait, and how often they try.
    """
    table = settings.ledger_table
    source = AwsTagSource(
        boto3.client("bedrock", config=config),
        boto3.client("iam", config=config),
        settings.account_id,
    )
    rules = settings.attribution
    return AttributedCalls(
        TagDirectory(DynamoDbTagMemory(dynamodb, table), source, rules.label_names, logger.warning),
        rules,
        DynamoDbIdentityRegistry(dynamodb, table, MOST_PROJECTS, scope="project-"),
    )
