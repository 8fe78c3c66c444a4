"""The weekly summary: where it exists, its schedule, permissions and destination."""

import json
from typing import Any

import pytest

from cdk.config import Config, stack_names
from tests.infrastructure.synthesis import (
    deployment,
    find_function,
    grants,
    named,
    resources,
    started_by,
)

NAME = "WeeklySummarizer"
ROLE = f"{NAME}Role"
ON = "adopting"  # by the setting alone, without an e-mail address


def by_action(configuration: str = ON) -> dict[str, list[dict[str, Any]]]:
    return grants(deployment(configuration).monitoring, ROLE)


def variables(configuration: str) -> dict[str, Any]:
    function = find_function(deployment(configuration).monitoring, "weekly_summarizer")
    environment: dict[str, Any] = function["Environment"]["Variables"]
    return environment


@pytest.mark.parametrize(
    ("settings", "is_sent"),
    [
        ({}, False),
        ({"notify_https": ["https://example.com/hook"]}, False),
        ({"notify_emails": ["finops@example.com"]}, True),
        ({"notify_emails": ["finops@example.com"], "weekly_summary": False}, False),
        ({"weekly_summary": True}, True),
        ({"weekly_summary": "true"}, True),
        ({"weekly_summary": None}, False),
    ],
)
def test_it_is_sent_where_an_address_is_notified_unless_the_setting_says_otherwise(
    settings: dict[str, Any], *, is_sent: bool
) -> None:
    assert Config.from_context(settings).has_weekly_summary is is_sent


def test_without_a_subscriber_there_is_no_function_and_no_alarm() -> None:
    for template in deployment().templates.values():
        assert NAME not in json.dumps(template)
    assert NAME in json.dumps(deployment("everything").monitoring)


def test_it_starts_every_day_and_is_tried_twice() -> None:
    (rule,) = started_by(NAME, stack=stack_names.MONITORING, configuration=ON)
    assert rule["ScheduleExpression"] == "cron(0 5 * * ? *)"
    configs = resources(deployment(ON).monitoring, "AWS::Lambda::EventInvokeConfig")
    assert [
        config["MaximumRetryAttempts"] for name, config in configs.items() if name.startswith(NAME)
    ] == [1]


def test_it_can_read_calls_and_publish_to_the_topic_and_write_no_file() -> None:
    allowed = by_action()
    assert set(allowed) == {
        *("logs:CreateLogStream", "logs:PutLogEvents"),
        *("dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Scan"),
        *("dynamodb:DeleteItem", "dynamodb:DescribeTable"),
        *("bedrock:GetInferenceProfile", "bedrock:ListTagsForResource"),
        "bedrock:ListModelInvocationJobs",
        *("cloudwatch:GetMetricData", "cloudwatch:ListMetrics"),
        *("iam:ListRoleTags", "iam:ListUserTags"),
        *("s3:GetObject", "s3:ListBucket"),
        *("kms:Decrypt", "kms:GenerateDataKey", "sns:Publish"),
    }
    (publish,) = allowed["sns:Publish"]
    assert "Notifications" in publish["Resource"]["Ref"]


def test_it_writes_tags_and_summaries_alone_to_the_state_table() -> None:
    keys = {
        action: {
            key
            for statement in by_action()[action]
            for key in statement["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"]
        }
        for action in ("dynamodb:DeleteItem", "dynamodb:PutItem")
    }
    assert keys == {
        "dynamodb:DeleteItem": {"summary#*"},
        "dynamodb:PutItem": {"summary#*", "tags#*"},
    }


def test_it_names_identities_as_metrics_do_and_links_the_overview() -> None:
    environment = variables("everything")
    assert json.loads(environment["ROLE_ROLLUP_PATTERNS"]) == ["^ci-\\d+$"]
    assert environment["LEDGER_RETENTION_DAYS"] == "400"
    assert "BedrockMeter-Usage" in json.dumps(environment["DASHBOARD_URL"])


def test_it_has_alarms_on_errors_missed_starts_and_slow_runs() -> None:
    template = deployment(ON).monitoring
    names = {alarm["AlarmName"] for alarm in resources(template, "AWS::CloudWatch::Alarm").values()}
    found = {name for name in names if NAME in str(name)}
    assert found == {
        f"BedrockMeter-Health-{NAME}{check}" for check in ("Errors", "NotStarted", "Slow")
    }


def test_its_time_and_memory_are_those_of_a_report() -> None:
    function = named(deployment(ON).monitoring, "AWS::Lambda::Function", f"{NAME}")
    assert (function["Timeout"], function["MemorySize"]) == (900, 2048)
