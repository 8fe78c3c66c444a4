"""The coverage auditor and the logging watcher: their schedules, permissions and variables."""

import json
from typing import Any

import pytest

from lambdas.domain.alerts.notifications import EVENT_SOURCE
from lambdas.domain.counters.table import CELL_PREFIX, STATE_KEY
from lambdas.domain.ledger.state_table import LOGGING_STATE_KEY, WATCH_KEY
from lambdas.domain.logging_configuration import WATCHED, Subject
from tests.infrastructure.synthesis import (
    CONFIGURATIONS,
    as_list,
    deployment,
    find_function,
    grants,
    resources,
    started_by,
    statements,
    wildcards,
)

each_configuration = pytest.mark.parametrize("configuration", CONFIGURATIONS)


@each_configuration
def test_each_has_a_separate_role_and_log_group(configuration: str) -> None:
    functions = resources(deployment(configuration).monitoring, "AWS::Lambda::Function").values()
    has_summary, has_all = configuration != "default", configuration == "everything"
    assert len(functions) == 3 + has_summary + 2 * has_all  # budgets and credits
    assert len({json.dumps(function["Role"]) for function in functions}) == len(functions)
    assert len({json.dumps(function["LoggingConfig"]) for function in functions}) == len(functions)


@each_configuration
def test_every_wildcard_has_a_documented_reason(configuration: str) -> None:
    stacks = {
        f":stack/BedrockMeter-{name}/*"
        for name in (
            *("Storage", "Ingestion", "Reporting", "Monitoring"),
            *(("Governance", "Gateway", "Webhooks") if configuration == "everything" else ()),
        )
    }
    if configuration == "everything":
        stacks.add(":event-source-mapping:*")
    allowed = {
        "CoverageAuditorRole": {"*"},
        "LoggingWatcherRole": {
            *("*", ":log-group:*", ":rule/BedrockMeter-*", ":function:BedrockMeter-*"),
            *stacks,
        },
    }
    for role, endings in allowed.items():
        assert wildcards(deployment(configuration).monitoring, role) == endings, role


def test_the_coverage_auditor_reads_counters_only_where_governance_is_on() -> None:
    def reads_counters(configuration: str) -> list[dict[str, Any]]:
        return [
            statement
            for statement in statements(deployment(configuration).monitoring, "CoverageAuditorRole")
            if "UsageCounters" in json.dumps(statement["Resource"])
        ]

    assert reads_counters("default") == []
    (statement,) = reads_counters("everything")
    assert set(as_list(statement["Action"])) == {"dynamodb:GetItem", "dynamodb:Query"}
    keys = statement["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"]
    assert set(keys) == {f"{CELL_PREFIX}*", STATE_KEY}
    for configuration in ("default", "everything"):
        function = find_function(deployment(configuration).monitoring, "coverage_auditor")
        names = function["Environment"]["Variables"].keys()
        assert ("COUNTER_TABLE" in names) == (configuration == "everything")


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


def test_the_watcher_can_access_only_its_state_item() -> None:
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


def test_the_watcher_reads_the_settings_of_both_tables_and_no_calls() -> None:
    allowed = grants(deployment().monitoring, "LoggingWatcherRole")
    for action in ("dynamodb:DescribeTable", "dynamodb:DescribeTimeToLive"):
        tables = json.dumps([statement["Resource"] for statement in allowed[action]])
        assert "UsageLedger" in tables
        assert "MeterState" in tables
    for action in ("dynamodb:GetItem", "dynamodb:PutItem"):
        assert "UsageLedger" not in json.dumps(
            [statement["Resource"] for statement in allowed[action]]
        )


def test_changes_of_either_table_start_the_watcher() -> None:
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


def test_the_auditor_reads_only_its_stack_s_creation_time() -> None:
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
def test_both_start_on_a_schedule(function: str, rate: str) -> None:
    schedules = [
        rule["ScheduleExpression"] for rule in started_by(function) if "EventPattern" not in rule
    ]
    assert schedules == [rate]


def test_alarms_on_its_counts_start_the_auditor() -> None:
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
def test_each_change_reported_by_a_trail_starts_the_watcher(configuration: str) -> None:
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


def test_a_deployment_s_changes_to_alarms_and_functions_start_nothing() -> None:
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
def test_it_can_publish_events_only_with_its_source(role: str) -> None:
    (statement,) = grants(deployment().monitoring, role)["events:PutEvents"]
    assert statement["Condition"] == {
        "ForAllValues:StringEquals": {"events:source": [EVENT_SOURCE]},
        "Null": {"events:source": "false"},
    }


def test_only_changes_of_deployed_resources_start_it() -> None:
    variables = find_function(deployment().monitoring, "logging_watcher")["Environment"][
        "Variables"
    ]
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
def test_the_watcher_compares_with_the_configurator_s_configuration(
    configuration: str,
) -> None:
    stacks = deployment(configuration)
    put = find_function(stacks.ingestion, "logging_configurator")["Environment"]["Variables"]
    watched = find_function(stacks.monitoring, "logging_watcher")["Environment"]["Variables"]
    assert watched["IS_CONTENT_LOGGED"] == put["IS_CONTENT_LOGGED"]
    (imported,) = watched["ROLE_ARN"].values()
    assert "LoggingRole" in imported
    assert "LoggingRole" in json.dumps(put["ROLE_ARN"])
    if configuration == "adopting":
        assert watched["LOG_GROUP"] == put["METERED_LOG_GROUP"]
    else:
        assert watched["LOG_GROUP"] == put["LOG_GROUP"]


def test_the_watcher_knows_the_deployed_logging_role() -> None:
    """Its documents are those of the ingestion stack's template."""
    template = deployment().ingestion
    variables = find_function(deployment().monitoring, "logging_watcher")["Environment"][
        "Variables"
    ]
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
    """A document with one text for every value known only to the cloud."""
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
    function = find_function(deployment(configuration).monitoring, "logging_watcher")
    assert boundaries == {json.dumps(function["Environment"]["Variables"]["ROLE_BOUNDARY"])}


def test_the_watcher_knows_an_adopted_log_group() -> None:
    def get_variables(configuration: str) -> dict[str, Any]:
        template = deployment(configuration).monitoring
        variables: dict[str, Any]
        variables = find_function(template, "logging_watcher")["Environment"]["Variables"]
        return variables

    assert json.loads(get_variables("adopting")["KNOWN_LOG_POLICIES"]) == [
        "subscription:audit=arn:aws:lambda:us-east-1:111122223333:function:audit"
    ]
    assert get_variables("adopting")["LOG_GROUP"] == "/audit/bedrock"
    assert get_variables("adopting")["IS_ADOPTED"] == "true"
    assert get_variables("default")["IS_ADOPTED"] == "false"
    assert get_variables("everything")["RETENTION_DAYS"] == "30"


def test_audits_know_the_limit_of_published_models() -> None:
    audit = find_function(deployment().monitoring, "coverage_auditor")
    publisher = find_function(deployment().ingestion, "metric_publisher")
    bounds = [each["Environment"]["Variables"]["MAX_MODELS"] for each in (audit, publisher)]
    assert bounds == ["100", "100"]


def test_their_layer_is_in_their_stack() -> None:
    layers = resources(deployment().monitoring, "AWS::Lambda::LayerVersion")
    (dependencies,) = (name for name in layers if name.startswith("Dependencies"))
    (newest,) = (name for name in layers if name.startswith("NewestBoto3"))
    for job, wanted in (
        ("coverage_auditor", [dependencies]),
        ("logging_watcher", [newest, dependencies]),  # mute rules of alarms are new
    ):
        found = find_function(deployment().monitoring, job)["Layers"]
        assert found == [{"Ref": name} for name in wanted]
