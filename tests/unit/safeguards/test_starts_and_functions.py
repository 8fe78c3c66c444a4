"""Changed rules, event source mappings and functions are found."""

from dataclasses import replace
from typing import Any

import pytest

from lambdas.domain.safeguards.deployed import UNKNOWN
from lambdas.domain.safeguards.functions import Function, compare_functions
from lambdas.domain.safeguards.starts import Rule, compare_mappings, compare_rules
from tests.unit.safeguards.deployed import FUNCTION, FUNCTION_ARN, get_text, resource

SCHEDULE = resource(
    "AWS::Events::Rule",
    "schedule",
    {
        "ScheduleExpression": "rate(5 minutes)",
        "State": "ENABLED",
        "Targets": [{"Arn": FUNCTION_ARN, "Id": "Target0"}],
    },
)
LIVE_SCHEDULE = Rule("ENABLED", None, "rate(5 minutes)", ({"Arn": FUNCTION_ARN, "Id": "any"},))
PATTERN = {"source": ["aws.cloudwatch"], "detail": {"state": {"value": ["ALARM"]}}}
EVENTS = resource(
    "AWS::Events::Rule", "events", {"EventPattern": PATTERN, "Targets": [{"Arn": FUNCTION_ARN}]}
)
LIVE_EVENTS = Rule("ENABLED", PATTERN, None, ({"Arn": FUNCTION_ARN, "Id": "Target0"},))


@pytest.mark.parametrize(
    ("schedule", "texts"),
    [
        (LIVE_SCHEDULE, []),
        (None, ["is gone"]),
        (replace(LIVE_SCHEDULE, state="DISABLED"), ["is DISABLED, was ENABLED"]),
        (replace(LIVE_SCHEDULE, schedule="rate(7 days)"), ["has schedule 'rate(7 days)'"]),
        (replace(LIVE_SCHEDULE, pattern=PATTERN), ["has a different event pattern"]),
        (replace(LIVE_SCHEDULE, targets=()), ["has different targets"]),
        (replace(LIVE_SCHEDULE, targets=({"Arn": "other"},)), ["has different targets"]),
        (
            replace(LIVE_SCHEDULE, targets=({"Arn": FUNCTION_ARN, "Input": "{}"},)),
            ["has different targets"],
        ),
    ],
)
def test_a_rule_with_another_target_is_drift(schedule: Rule | None, texts: list[str]) -> None:
    live = {"events": LIVE_EVENTS} | ({"schedule": schedule} if schedule else {})
    found = [get_text(difference) for difference in compare_rules([SCHEDULE, EVENTS], live)]
    assert found == [f"rule schedule {text}" for text in texts]


def test_a_changed_pattern_is_drift() -> None:
    live = {"events": replace(LIVE_EVENTS, pattern={"source": ["nothing"]})}
    assert [get_text(difference) for difference in compare_rules([EVENTS], live)] == [
        "rule events has a different event pattern"
    ]


MAPPING = resource(
    "AWS::Lambda::EventSourceMapping",
    "mapping-id",
    {
        "BatchSize": 1000,
        "DestinationConfig": {"OnFailure": {"Destination": "arn:failures"}},
        "EventSourceArn": "arn:stream",
        "FilterCriteria": {"Filters": [{"Pattern": '{"a": [1]}'}]},
        "FunctionName": FUNCTION,
        "MaximumRetryAttempts": 100,
    },
)
LIVE_MAPPING = {
    "BatchSize": 1000,
    "DestinationConfig": {"OnFailure": {"Destination": "arn:failures"}},
    "EventSourceArn": "arn:stream",
    "FilterCriteria": {"Filters": [{"Pattern": '{"a":[1]}'}]},
    "FunctionArn": FUNCTION_ARN,
    "MaximumRetryAttempts": 100,
    "State": "Enabled",
}


@pytest.mark.parametrize(
    ("changes", "texts"),
    [
        ({}, []),
        ({"State": "Enabling"}, []),
        ({"State": "Disabled"}, ["is stopped: its state is Disabled"]),
        ({"FunctionArn": "arn:aws:lambda:us-east-1:1:function:x"}, ["starts 'arn:aws:lambda"]),
        ({"MaximumRetryAttempts": 0}, ["has MaximumRetryAttempts 0, was 100"]),
        ({"ParallelizationFactor": 10}, ["has ParallelizationFactor 10, was 1"]),
        ({"TumblingWindowInSeconds": 900}, ["has TumblingWindowInSeconds 900, was 0"]),
        ({"ParallelizationFactor": 1, "TumblingWindowInSeconds": 0}, []),
        ({"DestinationConfig": {}}, ["has DestinationConfig {}, was {'OnFailure'"]),
        ({"FilterCriteria": None}, ["has a different filter"]),
        ({"FilterCriteria": {"Filters": [{"Pattern": "{}"}]}}, ["has a different filter"]),
    ],
)
def test_a_changed_event_source_mapping_is_drift(changes: dict[str, Any], texts: list[str]) -> None:
    live = {"mapping-id": LIVE_MAPPING | changes}
    found = [get_text(difference) for difference in compare_mappings([MAPPING], live)]
    assert len(found) == len(texts)
    for difference, text in zip(found, texts, strict=True):
        assert difference.startswith(f"the event source mapping of {FUNCTION} {text}")


def test_a_deleted_mapping_is_drift() -> None:
    (difference,) = compare_mappings([MAPPING], {})
    assert difference.text == f"the event source mapping of {FUNCTION} is gone"


DEPLOYED = resource(
    "AWS::Lambda::Function",
    FUNCTION,
    {
        "Environment": {"Variables": {"TABLE": "ledger", "STREAM": UNKNOWN}},
        "Handler": "handler",
        "Layers": ["arn:layer:1"],
        "LoggingConfig": {"LogGroup": "its-log"},
        "Timeout": 60,
    },
)
RETRIES = resource(
    "AWS::Lambda::EventInvokeConfig",
    "retries",
    {
        "DestinationConfig": {"OnFailure": {"Destination": "arn:failures"}},
        "FunctionName": FUNCTION,
        "MaximumRetryAttempts": 1,
        "Qualifier": "$LATEST",
    },
)
LIVE_RETRIES = {
    "DestinationConfig": {"OnFailure": {"Destination": "arn:failures"}, "OnSuccess": {}},
    "MaximumEventAgeInSeconds": 21_600,
    "MaximumRetryAttempts": 1,
}
CONFIGURATION = {
    "Environment": {"Variables": {"TABLE": "ledger", "STREAM": "stream"}},
    "Handler": "handler",
    "Layers": [{"Arn": "arn:layer:1", "CodeSize": 5}],
    "LoggingConfig": {"LogFormat": "Text", "LogGroup": "its-log"},
    "VpcConfig": {"SubnetIds": [], "SecurityGroupIds": [], "VpcId": ""},
    "Timeout": 60,
}


@pytest.mark.parametrize(
    ("changes", "reserved", "text"),
    [
        ({}, 0, "has reserved concurrency 0, was not set"),
        ({"Handler": "other"}, None, "has Handler 'other', was 'handler'"),
        ({"Timeout": 1}, None, "has Timeout 1, was 60"),
        ({"Layers": []}, None, "has different layers"),
        (
            {"VpcConfig": {"SubnetIds": ["subnet-1"], "VpcId": "vpc-1"}},
            None,
            "runs in subnets ['subnet-1'], was []",
        ),
        ({"LoggingConfig": {"LogGroup": "other"}}, None, "logs to 'other'"),
        (
            {"Environment": {"Variables": {"TABLE": "secret", "STREAM": "s", "NEW": "x"}}},
            None,
            "has different environment variables: NEW, TABLE",
        ),
        ({"Environment": None}, None, "has different environment variables: TABLE"),
    ],
)
def test_a_changed_function_is_drift_reported_without_its_values(
    changes: dict[str, Any], reserved: int | None, text: str
) -> None:
    as_deployed = {FUNCTION: Function(CONFIGURATION, None)}
    assert not [*compare_functions([DEPLOYED], as_deployed)]
    live = {FUNCTION: Function(CONFIGURATION | changes, reserved)}
    (difference,) = compare_functions([DEPLOYED], live)
    assert get_text(difference) == f"function {FUNCTION} {text}"


def test_a_deleted_function_is_drift() -> None:
    (difference,) = compare_functions([DEPLOYED], {})
    assert difference.text == f"function {FUNCTION} is gone"


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({}, None),
        ({"MaximumEventAgeInSeconds": None}, None),
        (
            {"MaximumRetryAttempts": 0},
            "has MaximumRetryAttempts 0 for asynchronous events, was 1",
        ),
        (
            {"MaximumEventAgeInSeconds": 60},
            "has MaximumEventAgeInSeconds 60 for asynchronous events, was 21600",
        ),
        (
            {"DestinationConfig": {"OnFailure": {}}},
            "has destinations {} for asynchronous events, was {'OnFailure': 'arn:failures'}",
        ),
    ],
)
def test_fewer_retries_or_a_missing_failure_destination_are_drift(
    changes: dict[str, Any], text: str | None
) -> None:
    retries = {name: value for name, value in (LIVE_RETRIES | changes).items() if value is not None}
    live = {FUNCTION: Function(CONFIGURATION, None, retries)}
    found = [difference.text for difference in compare_functions([DEPLOYED, RETRIES], live)]
    assert found == ([] if text is None else [f"function {FUNCTION} {text}"])


def test_an_undeployed_destination_is_drift() -> None:
    copied = {"DestinationConfig": {"OnSuccess": {"Destination": "arn:elsewhere"}}}
    live = {FUNCTION: Function(CONFIGURATION, None, copied)}
    (difference,) = compare_functions([DEPLOYED], live)
    assert difference.text.endswith(
        "{'OnSuccess': 'arn:elsewhere'} for asynchronous events, was {}"
    )
