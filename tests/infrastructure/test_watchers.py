"""The coverage auditor and the logging watcher: their schedules, permissions and variables."""

import json
from typing import Any

import pytest

from lambdas.domain.alerts.notifications import EVENT_SOURCE
from lambdas.domain.ledger.state_table import LOGGING_STATE_KEY, WATCH_KEY
from lambdas.domain.logging_configuration import WATCHED, Subject
from tests.infrastructure.synthesis import (
    CONFIGURATIONS,
    as_list,
    deployment,
    function_of,
    grants,
    resources,
    started_by,
    wildcards,
)

each_configuration = pytest.mark.parametrize("configuration", CONFIGURATIONS)


@each_configuration
def test_each_has_a_role_and_a_log_group_of_its_own(configuration: str) -> None:
    functions = resources(deployment(configuration).monitoring, "AWS::Lambda::Function").values()
    has_summary = configuration != "default"
    assert len(functions) == 3 + has_summary
    assert len({json.dumps(function["Role"]) for function in functions}) == len(functions)
    assert len({json.dumps(function["LoggingConfig"]) for function in functions}) == len(functions)


@each_configuration
def test_every_wildcard_is_one_with_a_written_reason(configuration: str) -> None:
    stacks = {
        f":stack/BedrockMeter-{name}/*"
        for name in ("Storage", "Ingestion", "Reporting", "Monitoring")
    }
    allowed = {
        "CoverageAuditorRole": {"*"},
        "LoggingWatcherRole": {
            *("*", ":log-group:*", ":rule/BedrockMeter-*", ":function:BedrockMeter-*"),
            *stacks,
        },
    }
    for role, endings in allowed.items():
        assert wildcards(deployment(configuration).monitoring, role) == endings, role


def test_neither_can_change_what_it_watches() -> None:
    def actions(role: str) -> set[str]:
        return {*grants(deployment().monitoring, role)}

    writing_its_log = {"logs:CreateLogStream", "logs:PutLogEvents"}
    notifying = {"sns:Publish", "kms:Decrypt", "kms:GenerateDataKey"}
    assert actions("CoverageAuditorRole") == writing_its_log | notifying | {
        *("cloudwatch:GetMetricData", "cloudwatch:ListMetrics"),
        *("cloudformation:DescribeStacks", "dynamodb:GetItem"),
    }
    assert actions("LoggingWatcherRole") == writing_its_log | notifying | {
        "bedrock:GetModelInvocationLoggingConfiguration",
        *("cloudformation:DescribeStackEvents", "cloudformation:DescribeStacks"),
        *("cloudformation:GetTemplate", "cloudformation:ListStackResources"),
        "cloudtrail:LookupEvents",
        *("cloudwatch:DescribeAlarms", "cloudwatch:GetAlarmMuteRule"),
        "cloudwatch:ListAlarmMuteRules",
        *("dynamodb:DescribeContinuousBackups", "dynamodb:DescribeTable"),
        *("dynamodb:DescribeTimeToLive", "dynamodb:GetItem"),
        *("dynamodb:GetResourcePolicy", "dynamodb:PutItem"),
        *("iam:GetRole", "iam:GetRolePolicy"),
        *("iam:ListAttachedRolePolicies", "iam:ListRolePolicies"),
        *("events:DescribeRule", "events:ListTargetsByRule", "events:PutEvents"),
        *("kms:DescribeKey", "kms:GetKeyPolicy"),
        *("lambda:GetEventSourceMapping", "lambda:GetFunctionConcurrency"),
        *("lambda:GetFunctionConfiguration", "lambda:GetFunctionEventInvokeConfig"),
        *("logs:DescribeAccountPolicies", "logs:DescribeLogGroups"),
        *("logs:DescribeSubscriptionFilters", "logs:GetDataProtectionPolicy"),
        "logs:GetTransformer",
        *("sns:GetSubscriptionAttributes", "sns:GetTopicAttributes"),
        "sns:ListSubscriptionsByTopic",
        "ssm:GetParameter",
    }


def test_the_watcher_remembers_in_one_item_and_can_reach_no_other() -> None:
    (statement,) = grants(deployment().monitoring, "LoggingWatcherRole")["dynamodb:PutItem"]
    assert statement["Condition"] == {
        "ForAllValues:StringLike": {"dynamodb:LeadingKeys": [WATCH_KEY]},
        "Null": {"dynamodb:LeadingKeys": "false"},
    }
    (statement,) = grants(deployment().monitoring, "LoggingWatcherRole")["dynamodb:GetItem"]
    assert statement["Condition"] == {
        "ForAllValues:StringLike": {"dynamodb:LeadingKeys": [LOGGING_STATE_KEY, WATCH_KEY]},
        "Null": {"dynamodb:LeadingKeys": "false"},
    }


def test_watcher_reads_the_settings_of_both_tables_and_no_call() -> None:
    allowed = grants(deployment().monitoring, "LoggingWatcherRole")
    for action in ("dynamodb:DescribeTable", "dynamodb:DescribeTimeToLive"):
        tables = json.dumps([statement["Resource"] for statement in allowed[action]])
        assert "UsageLedger" in tables
        assert "MeterState" in tables
    for action in ("dynamodb:GetItem", "dynamodb:PutItem"):
        assert "UsageLedger" not in json.dumps(
            [statement["Resource"] for statement in allowed[action]]
        )


def test_watcher_is_started_by_changes_of_either_table() -> None:
    (pattern,) = (
        rule["EventPattern"]["detail"]["$or"]
        for rule in started_by("LoggingWatcher")
        if "UpdateTimeToLive" in json.dumps(rule.get("EventPattern", {}))
    )
    for table in ("UsageLedger", "MeterState"):
        names = [each["requestParameters"] for each in pattern if table in json.dumps(each)]
        assert {name for named in names for name in named} == {"tableName", "resourceArn"}


def test_the_auditor_reads_tags_of_profiles_and_no_calls() -> None:
    (statement,) = grants(deployment().monitoring, "CoverageAuditorRole")["dynamodb:GetItem"]
    (keys,) = as_list(statement["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"])
    _, parts = keys["Fn::Join"]
    assert (parts[0], parts[-1]) == ("tags#arn:", ":application-inference-profile/*")
    assert statement["Condition"]["Null"] == {"dynamodb:LeadingKeys": "false"}


def test_the_auditor_asks_for_the_creation_of_its_own_stack_alone() -> None:
    allowed = grants(deployment().monitoring, "CoverageAuditorRole")
    (statement,) = allowed["cloudformation:DescribeStacks"]
    assert statement["Resource"] == {"Ref": "AWS::StackId"}


def test_a_state_table_with_a_customer_key_can_be_written() -> None:
    allowed = grants(deployment("everything").monitoring, "LoggingWatcherRole")
    assert allowed.keys() >= {"kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey*"}


@pytest.mark.parametrize(
    ("function", "rate"),
    [("CoverageAuditor", "rate(5 minutes)"), ("LoggingWatcher", "rate(15 minutes)")],
)
def test_both_are_started_on_a_schedule(function: str, rate: str) -> None:
    schedules = [
        rule["ScheduleExpression"] for rule in started_by(function) if "EventPattern" not in rule
    ]
    assert schedules == [rate]


def test_the_auditor_is_started_when_an_alarm_on_its_counts_begins_to_tell() -> None:
    (pattern,) = (
        rule["EventPattern"] for rule in started_by("CoverageAuditor") if "EventPattern" in rule
    )
    (alarms, state) = (pattern["detail"]["alarmName"], pattern["detail"]["state"])
    found = deployment().monitoring["Resources"]
    assert [found[alarm["Ref"]]["Properties"]["AlarmName"] for alarm in alarms] == [
        "BedrockMeter-Health-Coverage",
        "BedrockMeter-Health-UsageMismatch",
    ]
    assert state == {"value": ["ALARM"]}
    assert pattern["detail-type"] == ["CloudWatch Alarm State Change"]


@each_configuration
def test_the_watcher_is_started_by_each_change_that_a_trail_tells_of(configuration: str) -> None:
    patterns = [
        rule["EventPattern"]
        for rule in started_by("LoggingWatcher", configuration)
        if "EventPattern" in rule
    ]
    assert {pattern["detail-type"][0] for pattern in patterns} == {"AWS API Call via CloudTrail"}
    started = {
        (pattern["detail"]["eventSource"][0], *pattern["detail"]["eventName"])
        for pattern in patterns
    }
    assert started == {
        (f"{watched.service}.amazonaws.com", *watched.actions) for watched in WATCHED.values()
    }
    for pattern in patterns:
        assert pattern["detail"]["errorCode"] == [{"exists": False}]


def test_what_a_deployment_does_to_alarms_and_functions_starts_nothing() -> None:
    details = [
        rule["EventPattern"]["detail"]
        for rule in started_by("LoggingWatcher")
        if "$or" in rule.get("EventPattern", {}).get("detail", {})
    ]
    assert len(details) == len([subject for subject in Subject if not subject.is_logging])
    for detail in details:
        assert detail["userIdentity"]["invokedBy"] == [
            {"exists": False},
            {"anything-but": ["cloudformation.amazonaws.com"]},
        ]
        assert all(pattern.keys() == {"requestParameters"} for pattern in detail["$or"])


@pytest.mark.parametrize("role", ["LoggingWatcherRole", "TrafficAuditorRole"])
def test_it_publishes_events_of_its_own_source_alone(role: str) -> None:
    (statement,) = grants(deployment().monitoring, role)["events:PutEvents"]
    assert statement["Condition"] == {
        "ForAllValues:StringEquals": {"events:source": [EVENT_SOURCE]},
        "Null": {"events:source": "false"},
    }


def test_only_changes_of_what_was_deployed_start_it() -> None:
    variables = function_of(deployment().monitoring, "logging_watcher")["Environment"]["Variables"]
    group, role = [variables["LOG_GROUP"]], [variables["ROLE_NAME"]]
    memory = [variables["LOGGING_STATE_PARAMETER"]]
    parameters = {
        tuple(rule["EventPattern"]["detail"]["eventName"]): rule["EventPattern"]["detail"].get(
            "requestParameters"
        )
        for rule in started_by("LoggingWatcher")
        if "source" in rule.get("EventPattern", {})
    }
    assert {
        subject: parameters[WATCHED[subject].actions] for subject in Subject if subject.is_logging
    } == {
        Subject.CONFIGURATION: None,
        Subject.LOG_GROUP: {"logGroupName": group},
        Subject.SUBSCRIPTION: {"logGroupName": group},
        Subject.ROLE: {"roleName": role},
        Subject.LOGGING_STATE: {"$or": [{"name": memory}, {"names": memory}]},
    }


@each_configuration
def test_the_watcher_compares_with_the_configuration_that_the_configurator_puts(
    configuration: str,
) -> None:
    stacks = deployment(configuration)
    put = function_of(stacks.ingestion, "logging_configurator")["Environment"]["Variables"]
    watched = function_of(stacks.monitoring, "logging_watcher")["Environment"]["Variables"]
    assert watched["IS_CONTENT_LOGGED"] == put["IS_CONTENT_LOGGED"]
    (imported,) = watched["ROLE_ARN"].values()
    assert "LoggingRole" in imported
    assert "LoggingRole" in json.dumps(put["ROLE_ARN"])
    if configuration == "adopting":
        assert watched["LOG_GROUP"] == put["METERED_LOG_GROUP"]
    else:
        assert watched["LOG_GROUP"] == put["LOG_GROUP"]


def test_the_watcher_is_told_of_the_role_as_it_is_deployed() -> None:
    """Its documents are those of the ingestion stack's template."""
    template = deployment().ingestion
    variables = function_of(deployment().monitoring, "logging_watcher")["Environment"]["Variables"]
    (role,) = (
        properties
        for name, properties in resources(template, "AWS::IAM::Role").items()
        if name.startswith("LoggingRole")
    )
    (policy,) = (
        properties["PolicyDocument"]
        for name, properties in resources(template, "AWS::IAM::Policy").items()
        if name.startswith("LoggingRole")
    )
    assert _filled(variables["ROLE_TRUST"]) == _filled(role["AssumeRolePolicyDocument"])
    assert _filled(variables["ROLE_POLICY"]) == _filled(policy)


def _filled(document: Any) -> Any:
    """A document in which everything that only the cloud knows is one and the same text."""
    match document:
        case {"Fn::Join": ["", list(parts)]}:
            text = "".join(part if isinstance(part, str) else "?" for part in parts)
            return json.loads(text) if text.startswith("{") else text
        case {"Ref": _} | {"Fn::ImportValue": _}:
            return "?"
        case dict():
            return {key: _filled(item) for key, item in document.items()}
        case list():
            return [_filled(item) for item in document]
    return document


@each_configuration
def test_the_watcher_knows_the_boundary_of_the_logging_role(configuration: str) -> None:
    boundaries = {
        json.dumps(role["PermissionsBoundary"])
        for name, role in resources(deployment(configuration).ingestion, "AWS::IAM::Role").items()
        if name.startswith("LoggingRole")
    }
    function = function_of(deployment(configuration).monitoring, "logging_watcher")
    assert boundaries == {json.dumps(function["Environment"]["Variables"]["ROLE_BOUNDARY"])}


def test_what_is_adopted_is_told_as_such() -> None:
    def get_variables(configuration: str) -> dict[str, Any]:
        template = deployment(configuration).monitoring
        variables: dict[str, Any]
        variables = function_of(template, "logging_watcher")["Environment"]["Variables"]
        return variables

    assert json.loads(get_variables("adopting")["KNOWN_LOG_POLICIES"]) == [
        "subscription:audit=arn:aws:lambda:us-east-1:111122223333:function:audit"
    ]
    assert get_variables("adopting")["LOG_GROUP"] == "/audit/bedrock"
    assert get_variables("adopting")["IS_ADOPTED"] == "true"
    assert get_variables("default")["IS_ADOPTED"] == "false"
    assert get_variables("everything")["RETENTION_DAYS"] == "30"


def test_audits_know_how_many_models_the_meter_publishes() -> None:
    audit = function_of(deployment().monitoring, "coverage_auditor")
    publisher = function_of(deployment().ingestion, "metric_publisher")
    bounds = [each["Environment"]["Variables"]["MAX_MODELS"] for each in (audit, publisher)]
    assert bounds == ["100", "100"]


def test_their_layer_is_of_their_own_stack_since_exports_cannot_change() -> None:
    layers = resources(deployment().monitoring, "AWS::Lambda::LayerVersion")
    (dependencies,) = (name for name in layers if name.startswith("Dependencies"))
    (newest,) = (name for name in layers if name.startswith("NewestBoto3"))
    for job, wanted in (
        ("coverage_auditor", [dependencies]),
        ("logging_watcher", [newest, dependencies]),  # mute rules of alarms are new
    ):
        found = function_of(deployment().monitoring, job)["Layers"]
        assert found == [{"Ref": name} for name in wanted]
