"""A second change of the same thing is a new drift, even where its text names no value."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import pytest

from lambdas.domain.logging_configuration import Drift
from lambdas.domain.safeguards.account_policies import AccountPolicy, find_account_policies
from lambdas.domain.safeguards.alarms import compare_alarms
from lambdas.domain.safeguards.functions import Function, compare_functions
from lambdas.domain.safeguards.log_policies import compare_log_groups
from lambdas.domain.safeguards.starts import Rule, compare_mappings, compare_rules
from lambdas.domain.safeguards.topic import Key, Topic, compare_key, compare_topic
from tests.unit.safeguards.deployed import (
    ALARM_PROPERTIES,
    ALARMS_PUBLISH,
    FUNCTION,
    FUNCTION_ARN,
    KEY,
    NOON,
    TOPIC,
    resource,
)

POLICY: dict[str, Any] = {"Statement": [ALARMS_PUBLISH]}
TOPIC_RESOURCES = [
    resource("AWS::SNS::Topic", TOPIC, {"KmsMasterKeyId": KEY}),
    resource("AWS::SNS::TopicPolicy", "policy", {"PolicyDocument": POLICY}),
    resource("AWS::KMS::Key", KEY, {"KeyPolicy": POLICY}),
]
RULE = resource("AWS::Events::Rule", "rule", {"EventPattern": {}, "Targets": []})
LIVE_RULE = Rule("ENABLED", {}, None, ())
FUNCTION_RESOURCE = resource("AWS::Lambda::Function", FUNCTION, {})
MAPPING = resource("AWS::Lambda::EventSourceMapping", "mapping", {"FunctionName": FUNCTION})
LIVE_MAPPING = {"State": "Enabled", "FunctionArn": FUNCTION_ARN}
ALARMS = [resource("AWS::CloudWatch::Alarm", f"alarm-{one}", {}) for one in range(8)]
GROUP = resource("AWS::Logs::LogGroup", "group", {"RetentionInDays": 30})


def deny(action: str) -> dict[str, Any]:
    return {"Statement": [{"Effect": "Deny", "Action": action}]}


@pytest.mark.parametrize(
    ("compare", "first", "second"),
    [
        (
            lambda policy: compare_topic(TOPIC_RESOURCES, Topic(KEY, policy, ()), NOON),
            deny("sns:AddPermission"),
            deny("sns:Publish"),
        ),
        (
            lambda policy: compare_key(TOPIC_RESOURCES, Key("Enabled", policy)),
            deny("kms:Encrypt"),
            deny("kms:Decrypt"),
        ),
        (
            lambda pattern: compare_rules([RULE], {"rule": replace(LIVE_RULE, pattern=pattern)}),
            {"source": ["aws.s3"]},
            {"source": ["nothing"]},
        ),
        (
            lambda arn: compare_rules(
                [RULE], {"rule": replace(LIVE_RULE, targets=({"Arn": arn},))}
            ),
            "arn:one",
            "arn:other",
        ),
        (
            lambda pattern: compare_mappings(
                [MAPPING],
                {"mapping": LIVE_MAPPING | {"FilterCriteria": {"Filters": [{"Pattern": pattern}]}}},
            ),
            '{"a": [1]}',
            '{"a": [2]}',
        ),
        (
            lambda arn: compare_functions(
                [FUNCTION_RESOURCE], {FUNCTION: Function({"Layers": [{"Arn": arn}]}, None)}
            ),
            "arn:one",
            "arn:other",
        ),
        (
            lambda value: compare_functions(
                [FUNCTION_RESOURCE],
                {FUNCTION: Function({"Environment": {"Variables": {"TABLE": value}}}, None)},
            ),
            "one",
            "other",
        ),
        (
            lambda document: find_account_policies(
                [AccountPolicy("TRANSFORMER_POLICY", "corp", None, document)],
                log_groups=["group"],
                known=(),
            ),
            "[1]",
            "[2]",
        ),
        (lambda days: compare_log_groups([GROUP], {"group": days}), 7, 1),
        (lambda gone: compare_alarms(ALARMS, {gone: ALARM_PROPERTIES}), "alarm-6", "alarm-7"),
    ],
)
def test_a_second_change_is_new_drift(
    compare: Callable[[Any], Iterable[Drift]], first: Any, second: Any
) -> None:
    texts = [[drift.text for drift in compare(value)] for value in (first, second)]
    assert texts[0] != texts[1]
    assert texts[0] == [drift.text for drift in compare(first)]
