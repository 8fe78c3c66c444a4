"""The settings of `logging_configurator`: the logging configuration to put."""

from __future__ import annotations

from pydantic import Field

from lambdas.domain.logging_configuration import (
    ExistingPolicy,
    LoggingConfiguration,
    deployed_configuration,
)
from lambdas.wiring.environment import EnvironmentSettings


class Settings(EnvironmentSettings):
    """The configuration to write, its stack, and the places that store the previous one.

    Attributes:
        stack_id: The stack that the function belongs to.
        logging_state_parameter: The SSM parameter that outlives the deployment.
        state_table: The DynamoDB table with the copy of it.
        log_group: The log group of the deployment, which Bedrock is to write to.
        role_arn: The role with which it writes.
        is_content_logged: True if prompts and completions are logged as well as metadata.
        existing_policy: The treatment of a configuration that the meter did not write.
        metered_log_group: The log group that is metered: with the policy `adopt` an existing one.
    """

    stack_id: str = Field(min_length=1)
    logging_state_parameter: str = Field(min_length=1)
    state_table: str = Field(min_length=3)
    log_group: str = Field(min_length=1)
    role_arn: str = Field(min_length=1)
    is_content_logged: bool
    existing_policy: ExistingPolicy
    metered_log_group: str = Field(min_length=1)

    def configuration(self) -> LoggingConfiguration:
        """Return the configuration that Bedrock is to have."""
        return deployed_configuration(
            self.log_group, self.role_arn, is_content_logged=self.is_content_logged
        )
