"""Settings of Bedrock's invocation logging and of the metered log group."""

from __future__ import annotations

from typing import Annotated, Self, TypeAlias

from pydantic import BeforeValidator, model_validator

from cdk.config.setting_types import Words
from lambdas.domain.logging_configuration import ExistingPolicy
from lambdas.domain.safeguards.account_policies import ACCOUNT_POLICY_EFFECTS
from lambdas.domain.safeguards.log_policies import DATA_PROTECTION
from lambdas.wiring.allowed_values import SettingsModel, allowed, check, like

# https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html
_LOG_RETENTIONS = (
    *(1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731),
    *(1096, 1827, 2192, 2557, 2922, 3288, 3653),
)

_LogRetentionDays: TypeAlias = Annotated[
    int, allowed(", ".join(map(str, _LOG_RETENTIONS)), _LOG_RETENTIONS.__contains__)
]


def _read_empty(value: object) -> object:
    """Read `-c adopted_log_group=` as no group."""
    return None if value == "" else value


_LogGroupName: TypeAlias = Annotated[
    str, like(r"[A-Za-z0-9_./#-]{1,512}", "the name of a log group, such as /company/bedrock")
]
_KnownLogPolicy: TypeAlias = Annotated[
    str,
    like(
        rf"data-protection|transformer|account:({'|'.join(ACCOUNT_POLICY_EFFECTS)}):.{{1,256}}"
        r"|subscription:[^:*]{1,512}=arn:.{1,2048}",
        "data-protection, transformer, account:KIND:NAME or subscription:NAME=DESTINATION-ARN",
    ),
]


class LoggingSettings(SettingsModel):
    """Settings of Bedrock's invocation logging.

    Attributes:
        log_content: Let Bedrock log prompts and completions as well.
        mask_log_content: Mask secrets in logged prompts and completions. Without `log_content`, and
            in an adopted log group, it masks nothing.
        log_retention_days: The retention of the invocation logs, in days.
        existing_logging: The action if Bedrock's logging is already configured by others.
        adopted_log_group: The log group of that configuration, for `adopt`.
        known_log_policies: Policies of the account's owner on the metered log group, which are
            not reported: `data-protection`, `transformer`, `account:NAME`, `subscription:NAME`.
    """

    log_content: bool = False
    mask_log_content: bool = True
    log_retention_days: _LogRetentionDays = 90
    existing_logging: ExistingPolicy = ExistingPolicy.REFUSE
    adopted_log_group: Annotated[_LogGroupName | None, BeforeValidator(_read_empty)] = None
    known_log_policies: Annotated[tuple[_KnownLogPolicy, ...], Words] = ()

    @property
    def is_content_masked(self) -> bool:
        """True if the deployment masks secrets in the metered log group."""
        return self.log_content and self.mask_log_content and self.adopted_log_group is None

    @model_validator(mode="after")
    def _adopts_a_group(self) -> Self:
        is_adopted = self.existing_logging is ExistingPolicy.ADOPT
        check(
            "adopted_log_group",
            "the log group that Bedrock already writes to (make doctor shows it), because"
            " existing_logging is 'adopt'",
            is_so=self.adopted_log_group is not None or not is_adopted,
        )
        check(
            "adopted_log_group",
            "a name only if existing_logging is 'adopt'",
            is_so=self.adopted_log_group is None or is_adopted,
        )
        return self

    @model_validator(mode="after")
    def _keeps_the_owner_s_masks(self) -> Self:
        check(
            "mask_log_content",
            f"false while known_log_policies has {DATA_PROTECTION}, for a log group has one data"
            " protection policy and a deployment would replace yours",
            is_so=not self.is_content_masked or DATA_PROTECTION not in self.known_log_policies,
        )
        return self
