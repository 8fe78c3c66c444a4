"""Custom resource: switches Bedrock's invocation logging on, and in the end leaves it as it was."""

from __future__ import annotations

import os
from functools import cache
from typing import TYPE_CHECKING, Any

from lambdas.domain.logging_configuration import (
    DELETE,
    DamagedMemoryError,
    check_request,
    is_rollback,
)
from lambdas.functions.logging_configurator.settings import Settings
from lambdas.observability import log_request_id, logger
from lambdas.services.configure_logging import LoggingConfigurator
from lambdas.wiring.logging_configurator import make_configurator, read_stack_status

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
    request_type, stack_status = event["RequestType"], read_stack_status(settings().stack_id)
    check_request(request_type, stack_status)
    respond(request_type, stack_status, settings(), configurator())
    return {"PhysicalResourceId": PHYSICAL_ID}


def respond(
    request_type: str, stack_status: str, wanted: Settings, configurator: LoggingConfigurator
) -> None:
    """Carry out a request."""
    if request_type == DELETE:
        not_restored = configurator.delete(wanted.configuration())
        if not_restored is not None:
            logger.warning(
                "The logging configuration that was there before was not put back; ours is off",
                reason=not_restored.reason,
                configuration=not_restored.configuration,
            )
        return
    try:
        configurator.put(wanted.configuration(), wanted.existing_policy, wanted.metered_log_group)
    except DamagedMemoryError as error:
        if not is_rollback(stack_status):
            raise
        # An error now would leave the stack stuck. The update was refused for the same reason, so
        # nothing was changed; had it been, the watch would report it.
        logger.warning("The rollback leaves the logging configuration alone", reason=str(error))


@cache
def settings() -> Settings:
    """Read the settings, once per process."""
    return Settings.from_environment(os.environ)


@cache
def configurator() -> LoggingConfigurator:
    """Make the configurator, once per process."""
    return make_configurator(settings().memory_parameter, settings().state_table)
