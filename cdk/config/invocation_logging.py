"""Settings of Bedrock's invocation logging and of the metered log group."""

from __future__ import annotations

from typing import Self

from pydantic import model_validator

from cdk.config.section import Section
from cdk.config.setting_types import KnownLogPolicies, LogGroupName, LogRetentionDays
from lambdas.domain.logging_configuration import ExistingPolicy


class LoggingSettings(Section):
    """What Bedrock logs, where to, and for how long.

    Attributes:
        log_content: Whether Bedrock is to log prompts and completions as well.
        log_retention_days: How long the invocation logs are kept, in days.
        existing_logging: What to do where someone else has configured Bedrock's logging.
        adopted_log_group: The log group that it goes to, for `adopt`.
        known_log_policies: What the account's owner does with the metered log group, which is
            not reported: `data-protection`, `transformer`, `account:NAME`, `subscription:NAME`.
    """

    log_content: bool = False
    log_retention_days: LogRetentionDays = 90
    existing_logging: ExistingPolicy = ExistingPolicy.REFUSE
    adopted_log_group: LogGroupName | None = None
    known_log_policies: KnownLogPolicies = ()

    @model_validator(mode="after")
    def _adopts_a_group(self) -> Self:
        if self.existing_logging is ExistingPolicy.ADOPT and self.adopted_log_group is None:
            message = (
                "adopted_log_group is missing: existing_logging 'adopt' needs the name of the log"
                " group that Bedrock writes to already (make doctor shows it)"
            )
            raise ValueError(message)
        if self.existing_logging is not ExistingPolicy.ADOPT and self.adopted_log_group is not None:
            message = "adopted_log_group is set: it goes with existing_logging 'adopt' alone"
            raise ValueError(message)
        return self
