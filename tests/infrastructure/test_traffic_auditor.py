"""The function that finds calls outside the logs: its starts, permissions and alarms."""

import json
from typing import Any

import pytest

from dashboards.cloudwatch import AlarmState, Statistic
from lambdas.domain.unmetered import traffic_window
from tests.builders import NOON
from tests.infrastructure.synthesis import (
    as_list,
    deployment,
    find_function,
    grants,
    started_by,
    synthesize,
)
from tests.infrastructure.test_alarm_behavior import state

ROLE = "TrafficAuditorRole"


def variables(template: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = find_function(template, "traffic_auditor")["Environment"]["Variables"]
    return found


def patterns() -> list[dict[str, Any]]:
    rules = started_by("TrafficAuditor")
    return [rule["EventPattern"] for rule in rules if "EventPattern" in rule]


def test_it_starts_once_an_hour_after_the_hour_s_metrics_arrive() -> None:
    (schedule,) = (
        rule["ScheduleExpression"]
        for rule in started_by("TrafficAuditor")
        if "ScheduleExpression" in rule
    )
    assert schedule == "cron(20 * * * ? *)"
    ends = [traffic_window(NOON.replace(hour=hour, minute=20)).end for hour in range(24)]
    assert ends == [NOON.replace(hour=hour) for hour in range(24)]


def test_bedrock_events_on_batch_jobs_start_it_without_a_trail() -> None:
    assert {
        "source": ["aws.bedrock"],
        "detail-type": ["Batch Inference Job State Change"],
    } in patterns()


def test_asynchronous_invocations_that_a_trail_reports_start_it() -> None:
    (pattern,) = (
        pattern
        for pattern in patterns()
        if pattern["detail-type"] == ["AWS API Call via CloudTrail"]
    )
    assert pattern["detail"] == {
        "eventSource": ["bedrock.amazonaws.com"],
        "eventName": ["StartAsyncInvoke"],
        "errorCode": [{"exists": False}],
    }


def test_it_can_read_metrics_and_lists_and_no_ledger_calls() -> None:
    allowed = grants(deployment().monitoring, ROLE)
    assert {*allowed} == {
        *("logs:CreateLogStream", "logs:PutLogEvents"),
        *("events:PutEvents", "sns:Publish", "kms:Decrypt", "kms:GenerateDataKey"),
        *("cloudwatch:GetMetricData", "cloudwatch:ListMetrics"),
        *("account:ListRegions", "bedrock:ListAsyncInvokes"),
        *("dynamodb:GetItem", "dynamodb:PutItem"),
    }
    for action in ("dynamodb:GetItem", "dynamodb:PutItem"):
        (statement,) = allowed[action]
        assert "MeterState" in json.dumps(statement["Resource"])
        assert statement["Condition"] == {
            "ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["notice#*"]},
            "Null": {"dynamodb:LeadingKeys": "false"},
        }


def test_only_manifests_of_configured_buckets_can_be_read() -> None:
    """A manifest has counts; prompts and answers lie beside it."""
    allowed = grants(deployment("everything").monitoring, ROLE)
    resources = [resource(statement) for statement in allowed["s3:GetObject"]]
    assert resources == [
        ":s3:::batch-results/*/manifest.json.out",
        ":s3:::other.results/*/manifest.json.out",
    ]
    assert [statement["Resource"] for statement in allowed["bedrock:ListModelInvocationJobs"]] == [
        "*"
    ]
    assert keys(allowed["dynamodb:BatchGetItem"]) == [["batch#*"]]
    assert keys(allowed["dynamodb:PutItem"]) == [["notice#*"], ["batch#*"]]
    assert keys(allowed["dynamodb:GetItem"]) == [["notice#*"]]


def test_its_role_reads_each_configured_bucket() -> None:
    found = variables(deployment("everything").monitoring)["BATCH_OUTPUT_BUCKETS"]
    assert json.loads(found) == ["batch-results", "other.results"]


def resource(statement: dict[str, Any]) -> str:
    text: str = statement["Resource"]["Fn::Join"][1][-1]
    return text


def keys(statements: list[dict[str, Any]]) -> list[list[str]]:
    return [
        statement["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"]
        for statement in statements
    ]


def test_it_can_list_only_the_regions_of_its_account() -> None:
    (statement,) = grants(deployment().monitoring, ROLE)["account:ListRegions"]
    (resource,) = as_list(statement["Resource"])
    assert json.dumps(resource).count("AWS::AccountId") == 1
    assert resource["Fn::Join"][1][-1] == ":account"


def test_a_state_table_with_a_customer_key_can_be_written() -> None:
    allowed = grants(deployment("everything").monitoring, ROLE)
    assert allowed.keys() >= {"kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey*"}


@pytest.mark.parametrize(
    ("configuration", "is_logged"), [("default", "false"), ("everything", "true")]
)
def test_tiers_are_read_from_metrics_if_logs_have_no_content(
    configuration: str, is_logged: str
) -> None:
    assert variables(deployment(configuration).monitoring)["ARE_TIERS_LOGGED"] == is_logged


def test_each_deployment_knows_its_region_and_all_deployed_regions() -> None:
    assert variables(deployment().monitoring)["REGION"] == {"Ref": "AWS::Region"}
    assert json.loads(variables(deployment().monitoring)["REGIONS"]) == []
    both = ["eu-central-1", "us-east-1"]
    templates = synthesize({"regions": both}).templates
    for region in both:
        found = variables(templates[f"BedrockMeter-Monitoring-{region}"])
        assert found["REGION"] == region
        assert json.loads(found["REGIONS"]) == both


def test_it_knows_the_regions_denied_by_policy() -> None:
    template = synthesize({"denied_regions": ["eu-north-1"]}).monitoring
    assert variables(template)["DENIED_REGIONS"] == '["eu-north-1"]'
    assert variables(deployment().monitoring)["DENIED_REGIONS"] == "[]"


def test_regions_unreadable_for_two_hours_raise_an_alarm() -> None:
    def after(*regions: float | None) -> AlarmState:
        figures = {"BedrockMeter/Health UnreadableRegions": regions}
        return state("Health-UnreadableRegions", figures, statistic=Statistic.MAXIMUM, seconds=3600)

    assert [after(1, 2), after(1, 0), after(0, 1)] == [
        AlarmState.ALARM,
        AlarmState.OK,
        AlarmState.OK,
    ]
