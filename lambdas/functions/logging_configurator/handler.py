"""Custom resource: switches Bedrock's invocation logging on, and restores it in the end."""

from __future__ import annotations

import os
from functools import cache
from typing import TYPE_CHECKING, Any

from lambdas.functions.logging_configurator.settings import Settings
from lambdas.observability import log_request_id
from lambdas.services.configure_logging import LoggingResource
from lambdas.wiring.logging_configurator import make_resource

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

# Constant: a changed id would make CloudFormation delete the "old" configuration after an update.
PHYSICAL_ID = "bedrock-invocation-logging"


@log_request_id
def lambda_handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Handle a request of CloudFormation's provider framework; an error fails the deployment.

    What to configure is in the environment. The request's properties only make CloudFormation call:
    anyone with `lambda:InvokeFunction` could send others.
    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref-requests.html
    """
    resource().respond(event["RequestType"])
    return {"PhysicalResourceId": PHYSICAL_ID}


@cache
def resource() -> LoggingResource:
    """Make the resource, once per process."""
    settings = Settings.from_environment(os.environ)
    return make_resource(
        wanted=settings.configuration(),
        policy=settings.existing_policy,
        metered_log_group=settings.metered_log_group,
        logging_state_parameter=settings.logging_state_parameter,
        state_table=settings.state_table,
        stack_id=settings.stack_id,
    )
