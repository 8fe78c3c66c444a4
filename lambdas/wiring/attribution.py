"""What functions that put calls down to projects share."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING

import boto3

from lambdas.adapters.aws_tag_source import AwsTagSource
from lambdas.adapters.dynamodb.tag_memory import DynamoDbTagMemory
from lambdas.domain.attribution import TagDirectory
from lambdas.domain.calls.attributed_calls import AttributedCalls
from lambdas.domain.metrics.role_roll_up import IdentityRegistry
from lambdas.observability import logger
from lambdas.wiring.call_settings import CallSettings
from lambdas.wiring.client_timeouts import BRIEF

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


def attributed_calls(
    settings: CallSettings, dynamodb: DynamoDBClient, projects: IdentityRegistry | None = None
) -> AttributedCalls:
    """Put calls down to projects, by tags that are remembered in the state table.

    Args:
        settings: Which table, and the rules.
        dynamodb: A client.
        projects: Admits projects to metrics; `None` for reports, which have every one.
    """
    source = AwsTagSource(
        boto3.client("bedrock", config=BRIEF),
        boto3.client("iam", config=BRIEF),
        settings.account_id,
    )
    memory = DynamoDbTagMemory(dynamodb, settings.state_table)
    rules = settings.attribution_rules
    directory = TagDirectory(memory, source, rules.label_names, logger.warning, monotonic)
    return AttributedCalls(directory, rules, projects)
