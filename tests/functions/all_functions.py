"""An account in which calls are metered, audited and reported."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, time, timedelta
from typing import Any

import boto3
import pytest

from lambdas.domain.reports.weekly import ReportedWeek
from lambdas.functions.coverage_auditor import handler as coverage_auditor
from tests.aws import deploy_stack, event, lambda_context, set_log_processor_variables

REPORTS = "reports"
CONTEXT = lambda_context(900_000)
NOW = datetime.now(UTC).replace(microsecond=0)
LAST_WEEK = NOW - timedelta(days=NOW.weekday() + 3)
SETTLED_WEEK = datetime.combine(ReportedWeek.last_closed(NOW).last_day, time(12), UTC)
_AUDITED = NOW + timedelta(hours=6)  # hours before the deployment are not audited


def set_variables_of_all_functions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Set the variables of publishers, reporters and auditors except the topic; make the bucket."""
    set_log_processor_variables(monkeypatch)
    for name, value in {
        "STACK_ID": deploy_stack(),
        "METRIC_DETAIL": "full",
        "REPORT_BUCKET": REPORTS,
        "LEDGER_RETENTION_DAYS": "90",
        "DASHBOARD_URL": "https://console.example.com/usage",
        "ALARM_METRIC": "QuotaTokens",
        "PROFILES_ARN": "arn:aws:bedrock:us-east-1:111122223333:application-inference-profile/",
    }.items():
        monkeypatch.setenv(name, value)
    boto3.client("s3").create_bucket(Bucket=REPORTS)


def audit_missing_calls(models: Iterable[str]) -> None:
    """Audit an hour in which Bedrock alone has calls of these models."""
    data: list[Any] = [
        {
            "MetricName": "Invocations",
            "Timestamp": _AUDITED - timedelta(minutes=45),
            "Value": 1000,
            "Dimensions": [{"Name": "ModelId", "Value": model}],
        }
        for model in models
    ]
    boto3.client("cloudwatch").put_metric_data(Namespace="AWS/Bedrock", MetricData=data)
    alarm = {"alarmName": "BedrockMeter-Health-Coverage", "state": {"value": "ALARM"}}
    change = event("CloudWatch Alarm State Change", _AUDITED, alarm)
    coverage_auditor.lambda_handler(change, CONTEXT)
