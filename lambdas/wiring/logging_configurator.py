"""The resource of `logging_configurator`, over Bedrock, SSM and DynamoDB."""

from __future__ import annotations

from functools import partial

import boto3

from lambdas.adapters.bedrock.logging_api import BedrockLoggingApi
from lambdas.adapters.cloudformation_stack import get_status
from lambdas.adapters.dynamodb.state_copy import DynamoDbStateCopy
from lambdas.adapters.ssm_logging_state import SsmLoggingState
from lambdas.domain.logging_configuration import (
    ExistingPolicy,
    LoggingConfiguration,
    VerifiedState,
)
from lambdas.services.configure_logging import LoggingConfigurator, LoggingResource


def make_resource(
    *,
    wanted: LoggingConfiguration,
    policy: ExistingPolicy,
    metered_log_group: str,
    logging_state_parameter: str,
    state_table: str,
    stack_id: str,
) -> LoggingResource:
    """Make a resource with two copies of the state that it replaced."""
    logging_state = VerifiedState(
        SsmLoggingState(boto3.client("ssm"), logging_state_parameter),
        DynamoDbStateCopy(boto3.client("dynamodb"), state_table),
    )
    return LoggingResource(
        configurator=LoggingConfigurator(BedrockLoggingApi(boto3.client("bedrock")), logging_state),
        wanted=wanted,
        policy=policy,
        metered_log_group=metered_log_group,
        read_stack_status=partial(get_status, boto3.client("cloudformation"), stack_id),
    )
