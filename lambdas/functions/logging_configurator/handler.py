"""Custom resource: switches Bedrock's invocation logging on, and in the end leaves it as it was."""

from __future__ import annotations

import os
from functools import cache
from typing import TYPE_CHECKING, Any

import boto3

from lambdas.adapters.bedrock.logging_api import BedrockLoggingApi
from lambdas.adapters.cloudformation_stack import get_status
from lambdas.adapters.dynamodb.memory_copy import DynamoDbMemoryCopy
from lambdas.adapters.ssm_logging_memory import SsmLoggingMemory
from lambdas.domain.logging_configuration import (
    DELETE,
    DamagedMemoryError,
    VerifiedMemory,
    check_request,
    is_rollback,
)
from lambdas.functions.logging_configurator.settings import Settings
from lambdas.observability import logger
from lambdas.services.configure_logging import ConfigureLogging

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

# Constant: a changed id would make CloudFormation delete the "old" configuration after an update.
PHYSICAL_ID = "bedrock-invocation-logging"


def lambda_handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Handle a request of CloudFormation's provider framework; an error fails the deployment.

    What to configure is in the environment. The request's properties only make CloudFormation call:
    anyone with `lambda:InvokeFunction` could send others.
    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref-requests.html
    """
    stack_status = get_status(boto3.client("cloudformation"), settings().stack_id)
    check_request(event["RequestType"], stack_status)
    respond(event["RequestType"], stack_status, settings(), configure())
    return {"PhysicalResourceId": PHYSICAL_ID}


def respond(
    request_type: str, stack_status: str, wanted: Settings, configure: ConfigureLogging
) -> None:
    """Do what is requested."""
    if request_type == DELETE:
        not_restored = configure.delete(wanted.configuration())
        if not_restored is not None:
            logger.warning(
                "The logging configuration that was there before was not put back; ours is off",
                reason=not_restored.reason,
                configuration=not_restored.configuration,
            )
        return
    try:
        configure.put(wanted.configuration(), wanted.existing_policy, wanted.metered_log_group)
    except DamagedMemoryError as error:
        if not is_rollback(stack_status):
            raise
        # An error now would leave the stack stuck. The update was refused for the same reason, so
        # nothing was changed; had it been, the watch would report it.
        logger.warning("The rollback leaves the logging configuration alone", reason=str(error))


@cache
def settings() -> Settings:
    """Return the function's settings, read once."""
    return Settings.from_environment(os.environ)


@cache
def configure() -> ConfigureLogging:
    """What configures, made once."""
    memory = VerifiedMemory(
        SsmLoggingMemory(boto3.client("ssm"), settings().memory_parameter),
        DynamoDbMemoryCopy(boto3.client("dynamodb"), settings().state_table),
    )
    return ConfigureLogging(BedrockLoggingApi(boto3.client("bedrock")), memory)
