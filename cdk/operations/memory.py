"""Loads the deployment's record of Bedrock's logging configuration."""

from __future__ import annotations

import boto3

from cdk.config import stack_names
from cdk.operations.deployment import Deployment, NotDeployedError
from lambdas.domain.ledger.state_table import MEMORIES, MEMORY_KEY
from lambdas.domain.ledger.table import PARTITION_KEY
from lambdas.domain.logging_configuration import LoggingMemory, read_copies, verify


def remembered(session: boto3.Session, deployment: Deployment) -> LoggingMemory:
    """Load what was written, found or adopted; empty before the first deployment.

    Raises:
        DamagedMemoryError: It cannot be read, or differs from its copy in the state table.
    """
    if deployment.status(stack_names.STORAGE) is None:
        return LoggingMemory()
    name = deployment.output(stack_names.STORAGE, "MemoryParameterName")
    answer = session.client("ssm").get_parameter(Name=name)
    memory = LoggingMemory.from_text(answer["Parameter"]["Value"])
    verify(memory, _copies(session, deployment), may_lack_copy=True)
    return memory


def _copies(session: boto3.Session, deployment: Deployment) -> tuple[LoggingMemory, ...]:
    client = session.client("dynamodb")
    try:
        answer = client.get_item(
            TableName=deployment.output(stack_names.STORAGE, "StateTableName"),
            Key={PARTITION_KEY: {"S": MEMORY_KEY}},
            ConsistentRead=True,
        )
    except (client.exceptions.ResourceNotFoundException, NotDeployedError):
        return ()  # an interrupted purge, or a deployment from before that table
    texts = answer.get("Item", {}).get(MEMORIES, {}).get("L", [])
    return read_copies(text.get("S", "") for text in texts)
