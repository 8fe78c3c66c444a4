"""The settings of `logging_watcher`."""

from __future__ import annotations

import json
from typing import Annotated

from pydantic import BeforeValidator, Field

from lambdas.domain.logging_configuration import (
    DeployedLogging,
    DeployedRole,
    deployed_configuration,
)
from lambdas.wiring.environment import EnvironmentSettings, from_json_text


class Settings(EnvironmentSettings):
    """The deployed logging, the stores of the state, and the destination of notices.

    Attributes:
        logging_state_parameter: The SSM parameter in which deployments save the configuration.
        state_table: The DynamoDB table with the copy of it, and with the findings so far.
        topic_arn: The topic that people subscribe to.
        stacks: The stacks of the deployment, as a JSON list.
        deploying_role_arn: The role with which deployments configure Bedrock's logging.
        is_adopted: True if the meter uses a log group and a role that it did not create.
        log_group: The log group that is metered.
        retention_days: The days for which it keeps logs.
        destination_arn: The destination of its subscription.
        known_log_policies: The policies that the account's owner set on the log group, as a JSON
            list.
        is_content_logged: True if prompts and completions are logged as well as metadata.
        role_arn: The role with which Bedrock writes logs.
        role_name: Its name.
        role_trust: Its trust policy, as JSON.
        role_policy: Its permissions policy, as JSON.
        role_boundary: The ARN of its permissions boundary.
    """

    logging_state_parameter: str = Field(min_length=1)
    state_table: str = Field(min_length=3)
    topic_arn: str = Field(min_length=1)
    stacks: Annotated[tuple[str, ...], BeforeValidator(from_json_text)]
    deploying_role_arn: str = Field(min_length=1)
    is_adopted: bool
    log_group: str = Field(min_length=1)
    retention_days: int
    destination_arn: str = Field(min_length=1)
    known_log_policies: Annotated[tuple[str, ...], BeforeValidator(from_json_text)] = ()
    is_content_logged: bool
    role_arn: str = Field(min_length=1)
    role_name: str = Field(min_length=1)
    role_trust: str = Field(min_length=2)
    role_policy: str = Field(min_length=2)
    role_boundary: str = Field(min_length=1)

    def deployed(self) -> DeployedLogging:
        """Return the deployed logging; adopted resources only have to exist."""
        role = DeployedRole(
            self.role_name,
            json.loads(self.role_trust),
            json.loads(self.role_policy),
            self.role_boundary,
        )
        configuration = deployed_configuration(
            self.log_group, self.role_arn, is_content_logged=self.is_content_logged
        )
        return DeployedLogging(
            None if self.is_adopted else configuration,
            self.log_group,
            self.destination_arn,
            retention_days=None if self.is_adopted else self.retention_days,
            role=None if self.is_adopted else role,
            logging_state_parameter=self.logging_state_parameter,
        )
