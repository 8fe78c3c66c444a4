"""Loads the deployment's record of Bedrock's logging configuration."""

from __future__ import annotations

import boto3

from cdk.config import stack_names
from cdk.operations.deployment import Deployment, NotDeployedError
from lambdas.domain.ledger.state_table import COPIED_STATES, LOGGING_STATE_KEY
from lambdas.domain.ledger.table import PARTITION_KEY
from lambdas.domain.logging_configuration import LoggingState, read_copies, verify


def load_logging_state(session: boto3.Session, deployment: Deployment) -> LoggingState:
    """Load the logging state; an empty one before the first deployment.

    Raises:
        DamagedStateError: It cannot be read, or differs from its copy in the state table.
    """
    if deployment.status(stack_names.STORAGE) is None:
        return LoggingState()
    name = deployment.output(stack_names.STORAGE, "LoggingStateParameterName")
    answer = session.client("ssm").get_parameter(Name=name)
    logging_state = LoggingState.from_text(answer["Parameter"]["Value"])
    verify(logging_state, _copies(session, deployment), may_lack_copy=True)
    return logging_state


def _copies(session: boto3.Session, deployment: Deployment) -> tuple[LoggingState, ...]:
    client = session.client("dynamodb")
    try:
        answer = client.get_item(
            TableName=deployment.output(stack_names.STORAGE, "StateTableName"),
            Key={PARTITION_KEY: {"S": LOGGING_STATE_KEY}},
            ConsistentRead=True,
        )
    except (client.exceptions.ResourceNotFoundException, NotDeployedError):
        return ()  # an interrupted purge, or a deployment from before that table
    texts = answer.get("Item", {}).get(COPIED_STATES, {}).get("L", [])
    return read_copies(text.get("S", "") for text in texts)
