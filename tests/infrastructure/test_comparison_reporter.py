"""The weekly comparison of models: its schedule, permissions and the location of requests."""

import json
from typing import Any

from cdk.config import stack_names
from tests.infrastructure.synthesis import (
    deployment,
    find_function,
    grants,
    resources,
    started_by,
    synthesize,
    wildcard,
)

ROLE = "ComparisonReporterRole"
READ = "logs:FilterLogEvents"


def by_action(configuration: str = "default") -> dict[str, list[dict[str, Any]]]:
    return grants(deployment(configuration).reporting, ROLE)


def get_log_group(configuration: str) -> Any:
    function = find_function(deployment(configuration).reporting, "comparison_reporter")
    return function["Environment"]["Variables"]["CONTENT_LOG_GROUP"]


def test_it_starts_on_mondays_with_two_attempts() -> None:
    template = deployment().reporting
    (rule,) = started_by("ComparisonReporter", stack=stack_names.REPORTING)
    assert rule["ScheduleExpression"] == "cron(30 4 ? * MON *)"
    configs = resources(template, "AWS::Lambda::EventInvokeConfig")
    assert [
        config["MaximumRetryAttempts"]
        for name, config in configs.items()
        if name.startswith("ComparisonReporter")
    ] == [1]


def test_it_can_read_calls_and_write_only_comparisons_and_tags() -> None:
    allowed = by_action()
    assert set(allowed) == {
        *("logs:CreateLogStream", "logs:PutLogEvents"),
        *("dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Scan"),
        *("bedrock:GetInferenceProfile", "bedrock:ListTagsForResource"),
        *("bedrock:ListModelInvocationJobs", "cloudwatch:GetMetricData", "cloudwatch:ListMetrics"),
        *("iam:ListRoleTags", "iam:ListUserTags"),
        *("s3:GetObject", "s3:ListBucket", "s3:PutObject"),
    }
    (write,) = allowed["s3:PutObject"]
    assert wildcard(write["Resource"]) == "/comparison/*"
    assert all("Condition" in statement for statement in allowed["dynamodb:PutItem"])


def test_it_cannot_read_logs_if_no_content_is_logged() -> None:
    assert get_log_group("default") == ""
    assert READ not in by_action()


def test_it_reads_only_the_metered_log_group_if_content_is_logged() -> None:
    group = get_log_group("everything")
    assert "InvocationLogs" in group["Fn::ImportValue"]
    arns = [statement["Resource"]["Fn::Join"][1] for statement in by_action("everything")[READ]]
    assert [(arn[-2], arn[-1]) for arn in arns] == [(":log-group:", group), (group, ":*")]
    assert by_action("everything").keys() >= {"kms:Decrypt", "kms:GenerateDataKey*"}


def test_it_reads_an_adopted_log_group() -> None:
    assert get_log_group("adopting") == "/audit/bedrock"
    arns = [statement["Resource"]["Fn::Join"][1][-1] for statement in by_action("adopting")[READ]]
    assert arns == [":log-group:/audit/bedrock", ":log-group:/audit/bedrock:*"]


def test_without_the_setting_it_is_not_deployed() -> None:
    without = synthesize({"comparison_report": False})
    for template in (without.reporting, without.monitoring):
        assert "ComparisonReporter" not in json.dumps(template)  # nor an alarm of it
        assert "FocusExporter" in json.dumps(template)


def test_without_reports_there_is_no_reporting_stack() -> None:
    without = synthesize({"comparison_report": False, "focus_export": False})
    assert stack_names.REPORTING not in without.templates
    assert stack_names.REPORTING not in json.dumps(
        find_function(without.monitoring, "logging_watcher")["Environment"]
    )
