"""The daily export of costs: its schedule, permissions and resources."""

import json

from cdk.config import stack_names
from lambdas.domain.ledger.state_table import BATCH_JOB_PREFIX, TAGS_PREFIX
from tests.infrastructure.synthesis import (
    deployment,
    find_function,
    grants,
    resources,
    started_by,
    synthesize,
    wildcard,
    wildcards,
)

ROLE = "FocusExporterRole"


def allowed(configuration: str = "default") -> set[str]:
    return {*grants(deployment(configuration).reporting, ROLE)}


def test_it_has_the_layer_for_parquet_and_room_for_a_million_charges() -> None:
    template = deployment().reporting
    function = find_function(template, "focus_exporter")
    layers = [layer["Ref"] for layer in function["Layers"]]
    assert [layer.startswith("Parquet") for layer in layers] == [True, False]
    assert function["MemorySize"] == 2048
    assert function["EphemeralStorage"] == {"Size": 1024}
    assert function["Timeout"] == 900
    others = [
        other
        for other in resources(template, "AWS::Lambda::Function").values()
        if other["Handler"] != function["Handler"]
    ]
    assert not any(layers[0] == layer["Ref"] for other in others for layer in other["Layers"])


def test_it_starts_once_a_day_with_two_attempts() -> None:
    template = deployment().reporting
    (rule,) = started_by("FocusExporter", stack=stack_names.REPORTING)
    assert rule["ScheduleExpression"] == "cron(30 3 * * ? *)"
    configs = resources(template, "AWS::Lambda::EventInvokeConfig").values()
    assert {config["MaximumRetryAttempts"] for config in configs} == {1}


def test_it_can_read_calls_and_write_only_costs_and_tags() -> None:
    assert allowed() == {
        *("logs:CreateLogStream", "logs:PutLogEvents"),
        *("dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Scan"),
        *("bedrock:GetInferenceProfile", "bedrock:ListTagsForResource"),
        *("bedrock:ListModelInvocationJobs", "cloudwatch:GetMetricData", "cloudwatch:ListMetrics"),
        *("iam:ListRoleTags", "iam:ListUserTags"),
        *("s3:GetObject", "s3:ListBucket", "s3:PutObject"),
    }
    by_action = grants(deployment().reporting, ROLE)
    (write,) = by_action["s3:PutObject"]
    assert wildcard(write["Resource"]) == "/focus/*"
    assert wildcards(deployment().reporting, ROLE) == {
        *("/editions/*", "/focus/*"),
        *("*", ":application-inference-profile/*", ":role/*", ":user/*"),
    }
    keys = {
        "dynamodb:BatchGetItem": [[f"{TAGS_PREFIX}*"], [f"{BATCH_JOB_PREFIX}*"]],
        "dynamodb:GetItem": [[f"{TAGS_PREFIX}*"]],
        "dynamodb:PutItem": [[f"{TAGS_PREFIX}*"]],
    }
    for action, patterns in keys.items():
        conditions = [
            {
                "ForAllValues:StringLike": {"dynamodb:LeadingKeys": pattern},
                "Null": {"dynamodb:LeadingKeys": "false"},
            }
            for pattern in patterns
        ]
        statements = by_action[action]
        found = sorted((statement["Condition"] for statement in statements), key=str)
        assert found == sorted(conditions, key=str)
        assert all("MeterState" in json.dumps(entry["Resource"]) for entry in statements)
    (scan,) = by_action["dynamodb:Scan"]
    assert "Condition" not in scan
    assert "UsageLedger" in json.dumps(scan["Resource"])


def test_a_customer_key_can_be_used() -> None:
    assert allowed("everything") >= {"kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey*"}


def test_without_the_setting_it_is_not_deployed() -> None:
    without = synthesize({"focus_export": False})
    names = without.reporting["Resources"]
    assert not [name for name in names if name.startswith(("Focus", "Parquet"))]
    for template in (without.reporting, without.monitoring):
        assert "FocusExporter" not in json.dumps(template)  # nor an alarm of it on a dashboard
