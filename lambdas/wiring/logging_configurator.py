"""The configurator of `logging_configurator`, over Bedrock, SSM and DynamoDB."""

from __future__ import annotations

import boto3

from lambdas.adapters.bedrock.logging_api import BedrockLoggingApi
from lambdas.adapters.cloudformation_stack import get_status
from lambdas.adapters.dynamodb.memory_copy import DynamoDbMemoryCopy
from lambdas.adapters.ssm_logging_memory import SsmLoggingMemory
from lambdas.domain.logging_configuration import VerifiedMemory
from lambdas.services.configure_logging import LoggingConfigurator


def make_configurator(memory_parameter: str, state_table: str) -> LoggingConfigurator:
    """Make a configurator with two memories of what it replaced."""
    memory = VerifiedMemory(
        SsmLoggingMemory(boto3.client("ssm"), memory_parameter),
        DynamoDbMemoryCopy(boto3.client("dynamodb"), state_table),
    )
    return LoggingConfigurator(BedrockLoggingApi(boto3.client("bedrock")), memory)


def read_stack_status(stack_id: str) -> str:
    """Read the status of a stack, which changes from one request to the next."""
    return get_status(boto3.client("cloudformation"), stack_id)
