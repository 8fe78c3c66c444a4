"""Rules, event source mappings and functions that do not do what was deployed are found."""

from dataclasses import replace
from typing import Any

import pytest

from lambdas.domain.safeguards.deployed import UNKNOWN
from lambdas.domain.safeguards.functions import Function, compare_functions
from lambdas.domain.safeguards.starts import Rule, compare_mappings, compare_rules
from tests.unit.safeguards.deployed import FUNCTION, FUNCTION_ARN, resource, text_of

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
        (replace(LIVE_SCHEDULE, schedule="rate(7 days)"), ["starts at 'rate(7 days)'"]),
        (replace(LIVE_SCHEDULE, pattern=PATTERN), ["starts with other events"]),
        (replace(LIVE_SCHEDULE, targets=()), ["has other targets"]),
        (replace(LIVE_SCHEDULE, targets=({"Arn": "other"},)), ["has other targets"]),
        (
            replace(LIVE_SCHEDULE, targets=({"Arn": FUNCTION_ARN, "Input": "{}"},)),
            ["has other targets"],
        ),
    ],
)
def test_a_rule_that_starts_something_else_is_a_difference(
    schedule: Rule | None, texts: list[str]
) -> None:
    live = {"events": LIVE_EVENTS} | ({"schedule": schedule} if schedule else {})
    found = [text_of(difference) for difference in compare_rules([SCHEDULE, EVENTS], live)]
    assert found == [f"rule schedule {text}" for text in texts]


def test_a_changed_pattern_is_a_difference() -> None:
    live = {"events": replace(LIVE_EVENTS, pattern={"source": ["nothing"]})}
    assert [text_of(difference) for difference in compare_rules([EVENTS], live)] == [
        "rule events starts with other events"
    ]


MAPPING = resource(
    "AWS::Lambda::EventSourceMapping",
    "mapping-id",
    {
        "BatchSize": 1000,
        "EventSourceArn": "arn:stream",
        "FilterCriteria": {"Filters": [{"Pattern": '{"a": [1]}'}]},
        "FunctionName": FUNCTION,
        "MaximumRetryAttempts": 100,
    },
)
LIVE_MAPPING = {
    "BatchSize": 1000,
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
        ({"FilterCriteria": None}, ["filters other records"]),
        ({"FilterCriteria": {"Filters": [{"Pattern": "{}"}]}}, ["filters other records"]),
    ],
)
def test_a_mapping_that_delivers_something_else_is_a_difference(
    changes: dict[str, Any], texts: list[str]
) -> None:
    live = {"mapping-id": LIVE_MAPPING | changes}
    found = [text_of(difference) for difference in compare_mappings([MAPPING], live)]
    assert len(found) == len(texts)
    for difference, text in zip(found, texts, strict=True):
        assert difference.startswith(f"the event source mapping of {FUNCTION} {text}")


def test_a_deleted_mapping_is_a_difference() -> None:
    (difference,) = compare_mappings([MAPPING], {})
    assert difference.text == f"the event source mapping of {FUNCTION} is gone"


DEPLOYED = resource(
    "AWS::Lambda::Function",
    FUNCTION,
    {
        "Environment": {"Variables": {"TABLE": "ledger", "STREAM": UNKNOWN}},
        "Handler": "handler",
        "Layers": ["arn:layer:1"],
        "Timeout": 60,
    },
)
CONFIGURATION = {
    "Environment": {"Variables": {"TABLE": "ledger", "STREAM": "stream"}},
    "Handler": "handler",
    "Layers": [{"Arn": "arn:layer:1", "CodeSize": 5}],
    "Timeout": 60,
}


@pytest.mark.parametrize(
    ("changes", "reserved", "text"),
    [
        ({}, 0, "may run 0 times at once, was not set"),
        ({"Handler": "other"}, None, "has Handler 'other', was 'handler'"),
        ({"Timeout": 1}, None, "has Timeout 1, was 60"),
        ({"Layers": []}, None, "has other layers"),
        (
            {"Environment": {"Variables": {"TABLE": "secret", "STREAM": "s", "NEW": "x"}}},
            None,
            "has other environment variables: NEW, TABLE",
        ),
        ({"Environment": None}, None, "has other environment variables: TABLE"),
    ],
)
def test_a_function_that_runs_otherwise_is_a_difference_without_its_values(
    changes: dict[str, Any], reserved: int | None, text: str
) -> None:
    as_deployed = {FUNCTION: Function(CONFIGURATION, None)}
    assert not [*compare_functions([DEPLOYED], as_deployed)]
    live = {FUNCTION: Function(CONFIGURATION | changes, reserved)}
    (difference,) = compare_functions([DEPLOYED], live)
    assert text_of(difference) == f"function {FUNCTION} {text}"


def test_a_deleted_function_is_a_difference() -> None:
    (difference,) = compare_functions([DEPLOYED], {})
    assert difference.text == f"function {FUNCTION} is gone"
