"""The functions have only the variables and permissions that they need."""

import json
import re
from typing import Any

import pytest

from cdk.config import ConfigurationError
from lambdas.adapters.s3.quarantine import PREFIX
from lambdas.domain.ledger.state_table import LOGGING_STATE_KEY
from tests.infrastructure.synthesis import (
    CONFIGURATIONS,
    as_list,
    deployment,
    find_function,
    grants,
    named,
    only,
    resources,
    statements,
    synthesize,
    wildcard,
    wildcards,
)

JOBS = {
    "LogProcessor": "log_processor",
    "LoggingConfigurator": "logging_configurator",
    "MetricPublisher": "metric_publisher",
}
LOGS_MAY_INVOKE = "LogProcessorLogsMayInvoke"
each_configuration = pytest.mark.parametrize("configuration", CONFIGURATIONS)


PATTERN = {"model_id": "x", "project": "x", "effective_from": "2026-01-01T00:00:00Z"}


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("role_rollup_patterns", ["a" * 4000]),
        ("role_rollup_patterns", ["\u00e9" * 600]),
        ("role_rollup_patterns", ["\U0001f600" * 300]),
        ("attribution", {"patterns": [PATTERN] * 50}),
        (
            "contracted_prices",
            [
                {"model": f"m-{n}", "effective_from": "2026-01-01", "discount_percent": 5}
                for n in range(60)
            ],
        ),
    ],
)
def test_settings_too_large_for_an_environment_are_refused_at_synthesis(
    setting: str, value: Any
) -> None:
    expected = rf"^{setting} is too large: it takes [2-9],\d+ bytes .* which takes [4-9],\d+ in all"
    with pytest.raises(ConfigurationError, match=expected):
        synthesize({setting: value})


def test_the_documented_number_of_patterns_fits() -> None:
    whole = {
        "account_id": "111122223333",
        "principal": "role/chat-service",
        "project": "customer-support",
        "department": "sales",
        "use_case": "answers",
        "effective_from": "2026-01-01T00:00:00Z",
    }
    synthesize({"attribution": {"patterns": [whole] * 18}})


def test_the_size_limit_covers_all_settings_together() -> None:
    half = {"role_rollup_patterns": ["a" * 2400]}
    synthesize(half)
    with pytest.raises(ConfigurationError, match="role_rollup_patterns is too large"):
        synthesize({**half, "attribution": {"patterns": [PATTERN] * 20}})


def test_the_configuration_reaches_the_functions() -> None:
    template = deployment("everything").ingestion
    publisher = find_function(template, JOBS["MetricPublisher"])["Environment"]["Variables"]
    assert publisher["METRIC_DETAIL"] == "full"
    assert publisher["MAX_IDENTITIES"] == "17"
    assert json.loads(publisher["ROLE_ROLLUP_PATTERNS"]) == ["^ci-\\d+$"]
    (pattern,) = json.loads(publisher["ATTRIBUTION"])["patterns"]
    assert (pattern["model_id"], pattern["project"]) == ("amazon.*", "pictures")
    processor = find_function(template, JOBS["LogProcessor"])["Environment"]["Variables"]
    assert processor["LEDGER_RETENTION_DAYS"] == publisher["LEDGER_RETENTION_DAYS"] == "400"


@pytest.mark.parametrize("stack", ["ingestion", "monitoring"])
def test_only_the_log_processor_may_write_calls_and_no_function_may_delete_them(stack: str) -> None:
    """If its `PutItem` lowered a count, the stream would show it."""
    template = getattr(deployment("everything"), stack)
    writers: dict[str, set[str]] = {}
    for role in resources(template, "AWS::IAM::Role"):
        for statement in statements(template, role):
            actions = {action for action in as_list(statement["Action"]) if is_write(action)}
            if actions and "UsageLedger" in json.dumps(statement["Resource"]):
                writers.setdefault(role[:-8], set()).update(actions)  # without its hash
    expected = {"LogProcessorRole": {"dynamodb:PartiQLInsert", "dynamodb:PutItem"}}
    assert writers == (expected if stack == "ingestion" else {})


def is_write(action: str) -> bool:
    """Check if an action may change an item of a table."""
    return action.startswith("dynamodb:") and not re.match(
        "(BatchGet|Describe|Get|List|PartiQLSelect|Query|Scan)", action.removeprefix("dynamodb:")
    )


@pytest.mark.parametrize("configuration", ["default", "adopting"])
def test_the_log_processor_accepts_only_records_of_the_subscribed_log_group(
    configuration: str,
) -> None:
    template = deployment(configuration).ingestion
    (subscription,) = resources(template, "AWS::Logs::SubscriptionFilter").values()
    processor = find_function(template, JOBS["LogProcessor"])["Environment"]["Variables"]
    assert processor["LOG_GROUP"] == subscription["LogGroupName"]
    assert processor["ACCOUNT_ID"] == {"Ref": "AWS::AccountId"}
    assert processor["REGION"] == {"Ref": "AWS::Region"}


@each_configuration
def test_each_function_has_a_separate_role_and_log_group(configuration: str) -> None:
    functions = resources(deployment(configuration).ingestion, "AWS::Lambda::Function").values()
    roles = [json.dumps(function["Role"]) for function in functions]
    groups = [json.dumps(function["LoggingConfig"]["LogGroup"]) for function in functions]
    assert len(set(roles)) == len(set(groups)) == len(functions)


@each_configuration
def test_no_role_uses_a_managed_policy(configuration: str) -> None:
    for template in deployment(configuration).templates.values():
        for role in resources(template, "AWS::IAM::Role").values():
            assert "ManagedPolicyArns" not in role


@each_configuration
def test_every_wildcard_has_a_documented_reason(configuration: str) -> None:
    """Covers actions that take no resource, objects below a prefix, and the lists below."""
    allowed = {
        "LogProcessorRole": {"/rejected/*", "/aws/lambda/*"},
        "MetricPublisherRole": {
            *("*", "/aws/lambda/*", "/editions/*"),
            *(":application-inference-profile/*", ":role/*", ":user/*"),
        },
        "LoggingConfiguratorRole": {"*"},
        "LoggingProviderRole": {":*"},
    }
    if configuration in ("everything", "adopting"):
        allowed["LoggingConfiguratorRole"] |= {":role/*"}
    for role, endings in allowed.items():
        assert wildcards(deployment(configuration).ingestion, role) == endings, role


def test_a_bare_wildcard_is_used_only_if_aws_supports_no_resource() -> None:
    taking_none = {
        "MetricPublisherRole": ["cloudwatch:PutMetricData", "dynamodb:ListStreams"],
        "LoggingConfiguratorRole": [
            f"bedrock:{verb}ModelInvocationLoggingConfiguration"
            for verb in ("Delete", "Get", "Put")
        ],
    }
    for role, actions in taking_none.items():
        starred = [
            action
            for statement in statements(deployment().ingestion, role)
            if statement["Resource"] == "*"
            for action in as_list(statement["Action"])
        ]
        assert sorted(starred) == actions


def test_metrics_can_be_published_only_in_the_meter_s_namespace() -> None:
    (statement,) = (
        candidate
        for candidate in statements(deployment().ingestion, "MetricPublisherRole")
        if candidate["Action"] == "cloudwatch:PutMetricData"
    )
    condition = {"StringEquals": {"cloudwatch:namespace": "BedrockMeter"}}
    assert statement["Condition"] == condition


def test_rejected_records_are_written_under_an_allowed_prefix() -> None:
    assert f"/{PREFIX}*" == "/rejected/*"


def test_only_bedrock_in_this_account_and_region_assumes_the_logging_role() -> None:
    roles = resources(deployment().ingestion, "AWS::IAM::Role")
    (name,) = (name for name in roles if name.startswith("LoggingRole"))
    (trust,) = roles[name]["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Principal"] == {"Service": "bedrock.amazonaws.com"}
    assert trust["Condition"]["StringEquals"] == {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}
    assert trust["Condition"]["ArnLike"]["aws:SourceArn"]["Fn::Join"][1] == [
        "arn:",
        {"Ref": "AWS::Partition"},
        ":bedrock:",
        {"Ref": "AWS::Region"},
        ":",
        {"Ref": "AWS::AccountId"},
        ":*",
    ]
    (writing,) = statements(deployment().ingestion, "LoggingRole0")
    assert writing["Action"] == ["logs:CreateLogStream", "logs:PutLogEvents"]
    assert writing["Resource"]["Fn::Join"][1][-1].endswith(
        ":log-stream:aws/bedrock/modelinvocations"
    )


@pytest.mark.parametrize(
    ("configuration", "is_any_role"),
    [("default", False), ("everything", True), ("adopting", True)],
)
def test_roles_are_passed_only_to_bedrock_and_any_role_only_to_restore(
    configuration: str, is_any_role: bool
) -> None:
    (passing,) = (
        statement
        for statement in statements(deployment(configuration).ingestion, "LoggingConfiguratorRole")
        if statement["Action"] == "iam:PassRole"
    )
    bedrock = {"StringEquals": {"iam:PassedToService": "bedrock.amazonaws.com"}}
    assert passing["Condition"] == bedrock
    assert (wildcard(passing["Resource"]) is not None) is is_any_role


def test_the_stream_delivers_new_corrected_and_removed_calls_with_limited_retries() -> None:
    mapping = only(deployment().ingestion, "AWS::Lambda::EventSourceMapping")
    patterns = [json.loads(given["Pattern"]) for given in mapping["FilterCriteria"]["Filters"]]
    assert patterns == [
        {"eventName": ["INSERT", "MODIFY"]},
        {"eventName": ["REMOVE"], "userIdentity": {"principalId": [{"exists": False}]}},
    ]
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert mapping["StartingPosition"] == "TRIM_HORIZON"
    assert mapping["BisectBatchOnFunctionError"]
    assert 0 < mapping["MaximumRetryAttempts"] <= 10_000
    assert 60 <= mapping["MaximumRecordAgeInSeconds"] < 86_400
    assert "OnFailure" in mapping["DestinationConfig"]


def test_deliveries_that_fail_go_to_the_failure_bucket() -> None:
    config = named(deployment().ingestion, "AWS::Lambda::EventInvokeConfig", "LogProcessor")
    destination = config["DestinationConfig"]["OnFailure"]["Destination"]
    assert "Failures" in destination["Fn::ImportValue"]


@pytest.mark.parametrize("role", ["LogProcessorRole", "MetricPublisherRole"])
def test_a_function_may_store_its_failed_events(role: str) -> None:
    """Source: https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html"""
    allowed = {
        action
        for statement in statements(deployment().ingestion, role)
        for action in as_list(statement["Action"])
        if "Failures" in json.dumps(statement["Resource"])
    }
    assert allowed == {"s3:ListBucket", "s3:PutObject"}


def test_new_prices_are_looked_up_every_hour_without_retries() -> None:
    template = deployment().ingestion
    rule = named(template, "AWS::Events::Rule", "PriceRefresherSchedule")
    assert rule["ScheduleExpression"] == "rate(1 hour)"
    assert "PriceRefresher" in json.dumps(rule["Targets"])
    config = named(template, "AWS::Lambda::EventInvokeConfig", "PriceRefresher")
    assert config["MaximumRetryAttempts"] == 0


def test_the_price_refresher_queries_the_index_of_unpriced_calls() -> None:
    granted = grants(deployment().ingestion, "PriceRefresherRole")
    (query,) = granted["dynamodb:Query"]
    assert query["Resource"]["Fn::Join"][1][-1] == "/index/Unpriced"
    assert "MeterState" in json.dumps(query["Resource"])


def test_the_price_refresher_reads_the_ledger_for_the_calls_at_superseded_prices() -> None:
    granted = grants(deployment().ingestion, "PriceRefresherRole")
    (scan,) = granted["dynamodb:Scan"]
    assert "UsageLedger" in json.dumps(scan["Resource"])
    assert "dynamodb:Scan" not in grants(deployment().ingestion, "MetricPublisherRole")


@pytest.mark.parametrize("role", ["MetricPublisherRole", "PriceRefresherRole"])
def test_publishing_functions_may_read_tags_of_local_profiles_roles_and_users(role: str) -> None:
    allowed = {
        (action, statement["Resource"]["Fn::Join"][1][-1])
        for statement in statements(deployment().ingestion, role)
        for action in as_list(statement["Action"])
        if action.startswith(("bedrock:", "iam:"))
    }
    assert allowed == {
        ("bedrock:GetInferenceProfile", ":application-inference-profile/*"),
        ("bedrock:ListTagsForResource", ":application-inference-profile/*"),
        ("iam:ListRoleTags", ":role/*"),
        ("iam:ListUserTags", ":user/*"),
    }


@pytest.mark.parametrize("role", ["LogProcessorRole", "MetricPublisherRole", "PriceRefresherRole"])
def test_data_encrypted_with_the_customer_key_can_be_written_and_read(role: str) -> None:
    def allowed(configuration: str) -> set[str]:
        return {
            action
            for statement in statements(deployment(configuration).ingestion, role)
            for action in as_list(statement["Action"])
            if action.startswith("kms:")
        }

    assert allowed("everything") >= {"kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey*"}
    assert allowed("default") <= {"kms:GenerateDataKey"}  # to write failures, not to read them


def test_only_logs_of_this_account_start_the_log_processor() -> None:
    permission = named(deployment().ingestion, "AWS::Lambda::Permission", LOGS_MAY_INVOKE)
    assert permission["Principal"] == "logs.amazonaws.com"
    assert permission["SourceAccount"] == {"Ref": "AWS::AccountId"}


@pytest.mark.parametrize(("configuration", "name"), [("adopting", "/audit/bedrock")])
def test_an_adopted_log_group_is_subscribed(configuration: str, name: str) -> None:
    template = deployment(configuration).ingestion
    assert only(template, "AWS::Logs::SubscriptionFilter")["LogGroupName"] == name
    permission = named(template, "AWS::Lambda::Permission", LOGS_MAY_INVOKE)
    source = permission["SourceArn"]["Fn::Join"][1]
    assert source[-1] == f":log-group:{name}:*"


@each_configuration
def test_logging_is_switched_on_last(configuration: str) -> None:
    template = deployment(configuration).ingestion
    needs = set(template["Resources"]["InvocationLogging"]["DependsOn"])
    (subscription,) = resources(template, "AWS::Logs::SubscriptionFilter")
    assert subscription in needs
    assert any(name.startswith("LoggingRoleWriting") for name in needs)
    (permission,) = template["Resources"][subscription]["DependsOn"]
    assert permission.startswith(LOGS_MAY_INVOKE)


def test_the_stream_s_mapping_keeps_its_name() -> None:
    """A new name replaces the mapping, and a new mapping publishes the last day again."""
    mappings = resources(deployment().ingestion, "AWS::Lambda::EventSourceMapping")
    assert list(mappings) == ["MetricPublisherLedgerStream99554A02"]


@each_configuration
def test_the_publisher_may_describe_only_its_stack(configuration: str) -> None:
    template = deployment(configuration).ingestion
    (asking,) = (
        statement
        for statement in statements(template, "MetricPublisherRole")
        if statement["Action"] == "cloudformation:DescribeStacks"
    )
    own = {"Ref": "AWS::StackId"}
    assert asking["Resource"] == own
    assert (
        find_function(template, JOBS["MetricPublisher"])["Environment"]["Variables"]["STACK_ID"]
        == own
    )


@each_configuration
def test_each_configurator_setting_makes_cloudformation_call_it(configuration: str) -> None:
    template = deployment(configuration).ingestion
    properties = only(template, "Custom::BedrockInvocationLogging")
    variables = find_function(template, JOBS["LoggingConfigurator"])["Environment"]["Variables"]
    assert properties["Settings"] == variables
    wanted = CONFIGURATIONS[configuration]
    assert variables["IS_CONTENT_LOGGED"] == json.dumps(wanted.get("log_content", False))
    assert variables["EXISTING_POLICY"] == wanted.get("existing_logging", "refuse")
    if "adopted_log_group" in wanted:
        assert variables["METERED_LOG_GROUP"] == wanted["adopted_log_group"]
    else:
        assert variables["METERED_LOG_GROUP"] == variables["LOG_GROUP"]
    assert variables["STACK_ID"] == {"Ref": "AWS::StackId"}


@each_configuration
def test_the_configurator_is_called_after_its_environment_has_changed(configuration: str) -> None:
    """A rollback uses the same order, so that the function runs with the earlier environment."""
    template = deployment(configuration).ingestion
    needs = template["Resources"]["InvocationLogging"]["DependsOn"]
    (function,) = (
        name
        for name, found in resources(template, "AWS::Lambda::Function").items()
        if found["Handler"].startswith("lambdas.functions.logging_configurator.")
    )
    assert function in needs


@each_configuration
def test_the_configurator_writes_one_state_item_and_describes_only_its_stack(
    configuration: str,
) -> None:
    allowed = grants(deployment(configuration).ingestion, "LoggingConfiguratorRole")
    for action in ("dynamodb:GetItem", "dynamodb:PutItem"):
        (statement,) = allowed[action]
        assert "MeterState" in json.dumps(statement["Resource"])
        assert statement["Condition"] == {
            "ForAllValues:StringLike": {"dynamodb:LeadingKeys": [LOGGING_STATE_KEY]},
            "Null": {"dynamodb:LeadingKeys": "false"},
        }
    (asking,) = allowed["cloudformation:DescribeStacks"]
    assert asking["Resource"] == {"Ref": "AWS::StackId"}


@each_configuration
def test_only_the_configurator_has_the_newest_boto3(configuration: str) -> None:
    template = deployment(configuration).ingestion
    layers = {name: len(find_function(template, JOBS[name])["Layers"]) for name in JOBS}
    assert layers == {"LogProcessor": 1, "MetricPublisher": 1, "LoggingConfigurator": 2}


def test_the_functions_share_one_code_asset() -> None:
    template = deployment().ingestion
    assert len({json.dumps(find_function(template, JOBS[name])["Code"]) for name in JOBS}) == 1
