"""What `logging_configurator` is told: by its environment, and by the resource's properties."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from lambdas.domain.logging_configuration import YOUNG_FLAGS, ExistingPolicy, LoggingConfiguration
from lambdas.functions.environment import EnvironmentSettings

_DELIVERY_FLAGS = (
    "textDataDeliveryEnabled",
    "imageDataDeliveryEnabled",
    "embeddingDataDeliveryEnabled",
    *YOUNG_FLAGS,
)


class Settings(EnvironmentSettings):
    """Where to remember.

    Attributes:
        memory_parameter: The SSM parameter that outlives the deployment.
    """

    memory_parameter: str = Field(min_length=1)


class Properties(BaseModel):
    """Properties of the custom resource.

    Attributes:
        log_group_name: The log group that Bedrock is to write to.
        role_arn: The role with which it does.
        is_content_logged: Whether prompts and completions are logged as well as metadata.
        existing_policy: What to do about somebody else's configuration.
        adopted_log_group: The log group of somebody else's, with the policy `adopt`.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    log_group_name: str = Field(alias="LogGroupName", min_length=1)
    role_arn: str = Field(alias="RoleArn", min_length=1)
    is_content_logged: bool = Field(alias="IsContentLogged", default=False)
    existing_policy: ExistingPolicy = Field(alias="ExistingPolicy", default=ExistingPolicy.REFUSE)
    adopted_log_group: str | None = Field(alias="AdoptedLogGroup", default=None)

    def configuration(self) -> LoggingConfiguration:
        """The configuration that is wanted, with every flag: one left out would mean yes."""
        return {
            "cloudWatchConfig": {"logGroupName": self.log_group_name, "roleArn": self.role_arn},
            **dict.fromkeys(_DELIVERY_FLAGS, self.is_content_logged),
        }
