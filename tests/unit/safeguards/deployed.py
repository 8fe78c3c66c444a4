"""A small deployment for tests of comparisons with it."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

from lambdas.domain.logging_configuration import Drift
from lambdas.domain.safeguards.deployed import DeployedResource

NOON = datetime(2026, 9, 8, 12, tzinfo=UTC)
BEFORE = datetime(2026, 9, 1, tzinfo=UTC)
ACCOUNT = "111122223333"
TOPIC = f"arn:aws:sns:us-east-1:{ACCOUNT}:BedrockMeter-Notifications"
KEY = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/11111111-2222-3333-4444-555555555555"
COVERAGE = "BedrockMeter-Health-Coverage"
FUNCTION = "BedrockMeter-Ingestion-LogProcessor"
FUNCTION_ARN = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:{FUNCTION}"


def resource(
    kind: str, physical_id: str, properties: dict[str, Any], updated_at: datetime = BEFORE
) -> DeployedResource:
    return DeployedResource(kind, physical_id, properties, updated_at)


def get_text(drift: Drift) -> str:
    """The text without fingerprints of live values."""
    return re.sub(r" \((now )?[0-9a-f]{16}\)", "", drift.text)


ALARM_PROPERTIES: dict[str, Any] = {
    "AlarmActions": [TOPIC],
    "AlarmName": COVERAGE,
    "ComparisonOperator": "GreaterThanOrEqualToThreshold",
    "Dimensions": [{"Name": "FunctionName", "Value": FUNCTION}],
    "EvaluationPeriods": 3,
    "MetricName": "Errors",
    "Namespace": "AWS/Lambda",
    "OKActions": [TOPIC],
    "Period": 300,
    "Statistic": "Sum",
    "Threshold": 1,
    "TreatMissingData": "notBreaching",
}
LIVE_ALARM: dict[str, Any] = ALARM_PROPERTIES | {
    "ActionsEnabled": True,
    "AlarmArn": f"arn:aws:cloudwatch:us-east-1:{ACCOUNT}:alarm:{COVERAGE}",
    "InsufficientDataActions": [],
    "StateValue": "OK",
    "Threshold": 1.0,
}
ALARM = resource("AWS::CloudWatch::Alarm", COVERAGE, ALARM_PROPERTIES)
ALARMS_PUBLISH = {
    "Effect": "Allow",
    "Principal": {"Service": "cloudwatch.amazonaws.com"},
    "Action": ["kms:Decrypt", "kms:GenerateDataKey*"],
    "Resource": "*",
}
"""The statement of the topic's key for alarms."""
