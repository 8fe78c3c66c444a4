"""The logging configuration that a deployment puts into Bedrock."""

from __future__ import annotations

from lambdas.domain.logging_configuration.plan import YOUNG_FLAGS, LoggingConfiguration

_DELIVERY_FLAGS = (
    "textDataDeliveryEnabled",
    "imageDataDeliveryEnabled",
    "embeddingDataDeliveryEnabled",
    *YOUNG_FLAGS,
)


def deployed_configuration(
    log_group: str, role_arn: str, *, is_content_logged: bool
) -> LoggingConfiguration:
    """Make the configuration, with every flag: one left out would mean yes.

    Args:
        log_group: The log group that Bedrock writes to.
        role_arn: The role with which Bedrock writes.
        is_content_logged: Whether prompts and completions are logged as well as metadata.
    """
    return {
        "cloudWatchConfig": {"logGroupName": log_group, "roleArn": role_arn},
        **dict.fromkeys(_DELIVERY_FLAGS, is_content_logged),
    }
