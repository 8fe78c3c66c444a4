"""Alarms of CloudWatch, and the rules that mute them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, cast

from botocore.exceptions import ClientError

from lambdas.adapters.refusals import ignore_absent, is_not_offered, refusal_as_not_readable
from lambdas.domain.safeguards.alarms import MuteRule
from lambdas.meter_name import METER_NAME

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_cloudwatch.literals import AlarmMuteRuleStatusType

_PREFIX = f"{METER_NAME}-"
_STATUSES: tuple[AlarmMuteRuleStatusType, ...] = ("ACTIVE", "SCHEDULED")


class CloudWatchAlarms:
    """Reads the meter's alarms in one account and Region."""

    def __init__(self, client: CloudWatchClient) -> None:
        """Read with a CloudWatch client."""
        self._client = client

    def read(self) -> Mapping[str, Mapping[str, Any]]:
        """The meter's alarms, by name."""
        with refusal_as_not_readable():
            pages = self._client.get_paginator("describe_alarms").paginate(
                AlarmNamePrefix=_PREFIX, AlarmTypes=["MetricAlarm"]
            )
            return {
                alarm["AlarmName"]: cast("Mapping[str, Any]", alarm)
                for page in pages
                for alarm in page["MetricAlarms"]
            }

    def read_mute_rules(self) -> list[MuteRule]:
        """Rules that mute alarms now or later; none where the Region does not have them.

        Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_ListAlarmMuteRules.html
        """
        with refusal_as_not_readable():
            try:
                return [self._mute_rule(name) for name in self._mute_rule_names()]
            except ClientError as error:
                if is_not_offered(error):
                    return []
                raise

    def _mute_rule_names(self) -> Iterator[str]:
        pages = self._client.get_paginator("list_alarm_mute_rules").paginate(Statuses=[*_STATUSES])
        for page in pages:
            for rule in page["AlarmMuteRuleSummaries"]:
                # A name may hold colons: arn:aws:cloudwatch:REGION:ACCOUNT:alarm-mute-rule:NAME
                yield rule["AlarmMuteRuleArn"].split(":", 6)[6]

    def _mute_rule(self, name: str) -> MuteRule:
        with ignore_absent():
            rule = self._client.get_alarm_mute_rule(AlarmMuteRuleName=name)
            return MuteRule(name, frozenset(rule.get("MuteTargets", {}).get("AlarmNames", [])))
        return MuteRule(name, None)
