"""Custom resource: switches Bedrock's invocation logging on, and in the end leaves it as it was."""

from __future__ import annotations

import os
from functools import cache
from typing import TYPE_CHECKING, Any

import boto3

from lambdas.adapters.bedrock_logging_api import BedrockLoggingApi
from lambdas.adapters.ssm_logging_memory import SsmLoggingMemory
from lambdas.functions.logging_configurator.settings import Properties, Settings
from lambdas.observability import logger
from lambdas.services.configure_logging import ConfigureLogging

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

# Constant: a changed id would make CloudFormation delete the "old" configuration after an update.
PHYSICAL_ID = "bedrock-invocation-logging"


def lambda_handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Handle a request of CloudFormation's provider framework; an error fails the deployment.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref-requests.html
    """
    return respond(event, configure())


def respond(event: dict[str, Any], configure: ConfigureLogging) -> dict[str, Any]:
    """Do what is requested."""
    if event["RequestType"] == "Delete":
        not_restored = configure.delete()
        if not_restored is not None:
            logger.warning(
                "Bedrock refused the logging configuration that was there before; logging is off",
                reason=not_restored.reason,
                configuration=not_restored.configuration,
            )
    else:
        properties = Properties.model_validate(event["ResourceProperties"])
        configure.put(
            properties.configuration(), properties.existing_policy, properties.adopted_log_group
        )
    return {"PhysicalResourceId": PHYSICAL_ID}


@cache
def configure() -> ConfigureLogging:
    """What configures, made once."""
    settings = Settings.from_environment(os.environ)
    return ConfigureLogging(
        BedrockLoggingApi(boto3.client("bedrock")),
        SsmLoggingMemory(boto3.client("ssm"), settings.memory_parameter),
    )
