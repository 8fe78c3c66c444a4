"""What the deployment remembers of Bedrock's logging configuration."""

from __future__ import annotations

import boto3

from cdk import stack_names
from cdk.operations.deployment import Deployment
from lambdas.domain.logging_configuration import LoggingMemory


def remembered(session: boto3.Session, deployment: Deployment) -> LoggingMemory:
    """What was written, found or adopted; nothing before the first deployment.

    Raises:
        DamagedMemoryError: It cannot be read.
    """
    if deployment.status(stack_names.STORAGE) is None:
        return LoggingMemory()
    name = deployment.output(stack_names.STORAGE, "MemoryParameterName")
    answer = session.client("ssm").get_parameter(Name=name)
    return LoggingMemory.from_text(answer["Parameter"]["Value"])
