"""The gateway's stack: a public URL that streams, and a role that calls models and nothing else."""

import json
import re
from decimal import Decimal
from typing import Any

import pytest

from cdk.components.bundle import bundle_code
from cdk.config import Config, ConfigurationError, stack_names
from cdk.functions.gateway import EXEC_WRAPPER
from cdk.stacks.gateway import GATEWAY
from lambdas.domain.limit_policies import DUE_MARKS, MARKS
from lambdas.domain.limits import choose_partition
from lambdas.wiring.attribution_rules import AttributionSetting
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
)
from tests.operations.test_boundary import ACCOUNT, REGION, Names

ON = "everything"
TEMPLATE = deployment(ON).gateway
ROLE, CALLERS = "GatewayRole", "CallerRole"
CALLER_ROLE = f"arn:aws:iam::{ACCOUNT}:role/BedrockMeter-GatewayCaller-{REGION}"


def resolve(value: Any) -> str:
    return Names(deployment(ON).templates, stack_names.GATEWAY).resolve(value)


def function(**settings: Any) -> dict[str, Any]:
    found = synthesize({"governance": True, "gateway": True} | settings)
    return named(found.gateway, "AWS::Lambda::Function", GATEWAY)


def test_the_gateway_is_off_by_default() -> None:
    assert stack_names.GATEWAY not in deployment().templates
    others = [deployment().ingestion, deployment().monitoring, deployment().reporting]
    # The prefix of its names is among those that LoggingWatcher watches.
    assert set(re.findall(r"\w*Gateway\w*", json.dumps(others))) <= {"Gateway"}


def test_it_needs_governance_whose_audit_trail_has_changes_of_keys() -> None:
    with pytest.raises(ConfigurationError, match="only with governance"):
        Config.from_context({"gateway": True})


def test_its_url_is_public_and_streams() -> None:
    url = only(TEMPLATE, "AWS::Lambda::Url")
    assert (url["AuthType"], url["InvokeMode"]) == ("NONE", "RESPONSE_STREAM")


def test_a_script_that_can_be_run_takes_the_place_of_lambdas_own_client() -> None:
    variables = named(TEMPLATE, "AWS::Lambda::Function", GATEWAY)["Environment"]["Variables"]
    script = bundle_code() / variables[EXEC_WRAPPER].removeprefix("/var/task/")
    assert script.read_text().startswith("#!/bin/sh\n")
    assert script.stat().st_mode & 0o111 == 0o111


def test_a_call_may_take_as_long_as_lambda_allows() -> None:
    assert named(TEMPLATE, "AWS::Lambda::Function", GATEWAY)["Timeout"] == 15 * 60


def test_its_concurrency_is_reserved_unless_the_setting_says_none() -> None:
    assert function()["ReservedConcurrentExecutions"] == 50
    assert "ReservedConcurrentExecutions" not in named(TEMPLATE, "AWS::Lambda::Function", GATEWAY)
    assert CONFIGURATIONS[ON]["gateway_concurrency"] == "none"


@pytest.mark.parametrize("value", [0, -1, "many", None, 1.5, True, "true"])
def test_other_values_of_the_concurrency_are_refused(value: object) -> None:
    with pytest.raises(ConfigurationError) as failure:
        Config.from_context({"gateway_concurrency": value})
    problem = str(failure.value).splitlines()[-1]
    assert problem.startswith("  gateway_concurrency = ")
    assert problem.endswith(': allowed: a whole number from 1, or "none"')


def test_the_concurrency_of_a_command_line_is_a_number() -> None:
    assert Config.from_context({"gateway_concurrency": "7"}).reserved_concurrency == 7


@pytest.mark.parametrize("name", ["bedrock-meter-reservation", "Ärger", "{}", "", "x" * 257])
def test_a_name_of_the_project_that_metadata_cannot_have_is_refused(name: str) -> None:
    with pytest.raises(ConfigurationError, match=r"gateway_project_name.*allowed: "):
        Config.from_context({"gateway_project_name": name})


@pytest.mark.parametrize("tokens", [{"": 5}, {"[": 5}, {"a?": 5}, {"a*": True}, {"a*": 0}])
def test_the_largest_answers_have_patterns_and_whole_numbers(tokens: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match="gateway_max_output_tokens"):
        Config.from_context({"gateway_max_output_tokens": tokens})


def test_only_the_gateway_assumes_the_role_of_callers() -> None:
    role = named(TEMPLATE, "AWS::IAM::Role", CALLERS)
    (trust,) = role["AssumeRolePolicyDocument"]["Statement"]
    assert (trust["Effect"], trust["Action"]) == ("Allow", "sts:AssumeRole")
    assert list(trust["Principal"]) == ["AWS"]
    assert trust["Principal"]["AWS"]["Fn::GetAtt"][0].startswith(ROLE)


def test_the_role_of_callers_calls_models_and_does_nothing_else() -> None:
    found = grants(TEMPLATE, CALLERS)
    assert found.keys() == {
        "bedrock:CountTokens",
        "bedrock:InvokeModel",
        "bedrock:InvokeModelWithResponseStream",
    }
    (statement,) = found["bedrock:InvokeModel"]
    assert list(map(resolve, statement["Resource"])) == [
        "arn:aws:bedrock:*::foundation-model/*",
        f"arn:aws:bedrock:*:{ACCOUNT}:*",
    ]


def test_the_role_of_callers_has_a_name_that_never_changes() -> None:
    role = named(TEMPLATE, "AWS::IAM::Role", CALLERS)
    assert resolve(role["RoleName"]) == f"BedrockMeter-GatewayCaller-{REGION}"


def test_the_gateway_assumes_the_role_of_callers_and_no_other() -> None:
    (statement,) = grants(TEMPLATE, ROLE)["sts:AssumeRole"]
    assert list(map(resolve, as_list(statement["Resource"]))) == [CALLER_ROLE]
    of_bedrock = {action for action in grants(TEMPLATE, ROLE) if action.startswith("bedrock:")}
    assert of_bedrock == {"bedrock:GetInferenceProfile"}


def test_the_gateway_reads_prices_and_models_of_profiles_and_no_tags() -> None:
    found = grants(TEMPLATE, ROLE)
    (profiles,) = found["bedrock:GetInferenceProfile"]
    assert resolve(profiles["Resource"]) == (
        f"arn:aws:bedrock:{REGION}:{ACCOUNT}:application-inference-profile/*"
    )
    objects = [resolve(each["Resource"]).partition("/")[2] for each in found["s3:GetObject"]]
    assert objects == ["current.json", "editions/*"]
    (stored,) = (
        statement
        for statement in found["dynamodb:GetItem"]
        if "MeterState" in json.dumps(statement["Resource"])
    )
    condition = stored["Condition"]
    (keys,) = condition["ForAllValues:StringLike"]["dynamodb:LeadingKeys"]
    assert resolve(keys) == "tags#arn:aws:bedrock:*"
    allowed = condition["ForAllValues:StringEquals"]["dynamodb:Attributes"]
    assert allowed == ["pk", "model_id", "is_global"]
    state = [each for each in statements(TEMPLATE, ROLE) if "MeterState" in json.dumps(each)]
    assert [each["Action"] for each in state] == ["dynamodb:GetItem"]


def test_the_gateway_has_the_prices_of_the_configuration() -> None:
    contracted = {"model": "amazon.nova-pro-v1:0", "effective_from": "2026-01-01"}
    made = function(contracted_prices=[contracted | {"discount_percent": 10}], assume_prices=False)
    variables = made["Environment"]["Variables"]
    (price,) = json.loads(variables["CONTRACTED_PRICES"])
    assert price["discount_percent"] == "10"
    assert variables["ASSUME_PRICES"] == "false"


def test_it_may_send_traces_only_where_their_share_is_above_zero() -> None:
    found = grants(TEMPLATE, ROLE)
    sent = {action for action in found if action.startswith("xray:")}
    assert sent == {"xray:PutSpans", "xray:PutTraceSegments"}
    assert CONFIGURATIONS[ON]["gateway_trace_share"] == "0.25"
    without = synthesize({"governance": True, "gateway": True}).gateway
    assert not [action for action in grants(without, ROLE) if action.startswith("xray:")]


@pytest.mark.parametrize(
    ("value", "share"), [(0, "0"), (1, "1"), ("0.25", "0.25"), (0.1, "0.1"), ("0", "0")]
)
def test_the_share_of_traces_is_a_number_or_text_of_one(value: object, share: str) -> None:
    context = {"governance": True, "gateway": True, "gateway_trace_share": value}
    config = Config.from_context(context)
    assert config.gateway_trace_share == Decimal(share)
    assert config.has_gateway_traces is (config.gateway_trace_share > 0)
    assert not Config.from_context({"gateway_trace_share": value}).has_gateway_traces


@pytest.mark.parametrize("value", [-0.1, "1.01", "many", None, "NaN", [1]])
def test_other_shares_are_refused(value: object) -> None:
    with pytest.raises(ConfigurationError, match="gateway_trace_share"):
        Config.from_context({"gateway_trace_share": value})


def test_the_gateway_reads_keys_policies_budgets_and_credits_and_revives_no_key() -> None:
    of_keys = [
        statement
        for statement in statements(TEMPLATE, ROLE)
        if "Governance" in json.dumps(statement["Resource"])
    ]
    reading, of_budgets, noting = of_keys
    assert reading["Action"] == "dynamodb:GetItem"
    assert of_budgets["Action"] == ["dynamodb:GetItem", "dynamodb:Query"]
    assert noting["Action"] == "dynamodb:UpdateItem"
    for statement, keys in (
        (reading, ["api-keys", "policies"]),
        (of_budgets, ["budgets", "credit-exhausted", "credit-grants", "credits"]),
        (noting, ["api-keys"]),
    ):
        condition = statement["Condition"]
        assert condition["ForAllValues:StringLike"] == {"dynamodb:LeadingKeys": keys}
        assert condition["Null"] == {"dynamodb:LeadingKeys": "false"}
    allowed = noting["Condition"]["ForAllValues:StringEquals"]["dynamodb:Attributes"]
    assert allowed == ["pk", "sk", "last_used_at"]


def test_the_gateway_deletes_no_limit() -> None:
    statement, of_marks = (
        statement
        for statement in statements(TEMPLATE, ROLE)
        if "Limits" in json.dumps(statement["Resource"])
    )
    assert of_marks["Action"] == "dynamodb:PutItem"
    noted = of_marks["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"]
    assert noted == [MARKS, DUE_MARKS]
    assert statement["Action"] == ["dynamodb:GetItem", "dynamodb:UpdateItem"]
    (pattern,) = statement["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"]
    assert choose_partition("any subject").startswith(pattern.removesuffix("*"))


@pytest.mark.parametrize(("configuration", "has_role"), [("default", False), (ON, True)])
def test_calls_around_the_gateway_are_counted_where_it_is_deployed(
    configuration: str, *, has_role: bool
) -> None:
    for job in ("log_processor", "metric_publisher"):
        properties = find_function(deployment(configuration).ingestion, job)
        assert ("CALLER_ROLE" in properties["Environment"]["Variables"]) is has_role


def test_its_dashboard_shows_the_deployed_function_and_table() -> None:
    monitoring = deployment(ON).monitoring
    body = named(monitoring, "AWS::CloudWatch::Dashboard", GATEWAY)["DashboardBody"]
    parts = body["Fn::Join"][1]
    alarms = resources(monitoring, "AWS::CloudWatch::Alarm").values()
    (alarm,) = (each for each in alarms if each["AlarmName"].endswith("LimitThrottles"))
    (table,) = (each["Value"] for each in alarm["Dimensions"] if each["Name"] == "TableName")
    assert table in parts
    name = named(TEMPLATE, "AWS::Lambda::Function", GATEWAY)["FunctionName"]
    text = "".join(part for part in parts if isinstance(part, str))
    assert f'"FunctionName","{name}"' in text


def test_the_gateway_knows_what_labels_calls() -> None:
    variables = named(TEMPLATE, "AWS::Lambda::Function", GATEWAY)["Environment"]["Variables"]
    config = Config.from_context(CONFIGURATIONS[ON])
    setting = AttributionSetting.model_validate(json.loads(variables["ATTRIBUTION"]))
    assert setting == config.attribution


def test_marks_are_sent_only_where_the_gateway_is_on() -> None:
    off = synthesize({"governance": True}).monitoring
    for template, is_on in ((deployment(ON).monitoring, True), (off, False)):
        evaluator = named(template, "AWS::Lambda::Function", "BudgetEvaluator")
        assert ("LIMITS_TABLE" in evaluator["Environment"]["Variables"]) is is_on
        granted = json.dumps(statements(template, "BudgetEvaluatorRole"))
        assert (DUE_MARKS in granted) is is_on
