"""Missing calls and changes of logging are found by the functions as they are deployed."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import dropwhile
from typing import Any

import pytest

from cdk.local_cloud.subscriber import Subscriber, open_subscriber
from tests.aws import event
from tests.end_to_end.deployed import Deployed, calls, user
from tests.local_cloud.callers import MODEL
from tests.local_cloud.waiting import wait_for
from tests.unit.logging_configuration.deployed import MALLORY, trail_record

COVERAGE_ALARM = "BedrockMeter-Health-Coverage"


@pytest.fixture
def subscriber(deployed: Deployed) -> Iterator[Subscriber]:
    with open_subscriber(deployed.cloud, deployed.topic) as opened:
        yield opened


def wait_for_texts(subscriber: Subscriber, first: str, count: int) -> list[str]:
    """Wait for this number of notifications of the functions; returns their texts.

    Args:
        subscriber: Receives them.
        first: A part of the first text. What comes before it is the end of other tests' changes.
        count: The number.
    """

    def find_texts() -> list[str]:
        texts = [
            message["Message"]
            for message in subscriber.messages
            if message["Message"].endswith("us-east-1")
        ]
        return list(dropwhile(lambda text: first not in text, texts))

    wait_for(lambda: len(find_texts()) >= count)
    return find_texts()


def test_a_logging_change_and_its_end_are_notified(
    deployed: Deployed, subscriber: Subscriber
) -> None:
    bedrock = deployed.cloud.client("bedrock")
    live = bedrock.get_model_invocation_logging_configuration()["loggingConfig"]
    now = datetime.now(UTC)
    deployed.start("LoggingWatcher", event("Scheduled Event", now))
    bedrock.delete_model_invocation_logging_configuration()
    try:
        record = trail_record("DeleteModelInvocationLoggingConfiguration")
        deployed.start("LoggingWatcher", event("AWS API Call via CloudTrail", now, record))
        deployed.start("LoggingWatcher", event("Scheduled Event", now))
    finally:
        bedrock.put_model_invocation_logging_configuration(loggingConfig=live)
    deployed.start("LoggingWatcher", event("Scheduled Event", now))
    off = "- Bedrock's invocation logging is off"
    changed, resolved = wait_for_texts(subscriber, off, 2)
    assert f"Changed by: {MALLORY}" in changed
    assert "match the deployment" in resolved


def test_silenced_alarms_and_rules_and_their_end_are_notified(
    deployed: Deployed, subscriber: Subscriber
) -> None:
    cloudwatch, rules = deployed.cloud.client("cloudwatch"), deployed.cloud.client("events")
    (rule,) = (
        candidate["Name"]
        for candidate in rules.list_rules(NamePrefix="BedrockMeter-")["Rules"]
        if "compares the meter's count" in candidate.get("Description", "")
    )
    now = datetime.now(UTC)
    cloudwatch.disable_alarm_actions(AlarmNames=[COVERAGE_ALARM])
    rules.disable_rule(Name=rule)
    deployed.start("LoggingWatcher", event("Scheduled Event", now))
    cloudwatch.enable_alarm_actions(AlarmNames=[COVERAGE_ALARM])
    rules.enable_rule(Name=rule)
    deployed.start("LoggingWatcher", event("Scheduled Event", now))
    disabled = f"- rule {rule} is DISABLED, was ENABLED"
    changed, resolved = wait_for_texts(subscriber, disabled, 2)
    assert "The meter itself differs from the deployment:" in changed
    assert f"- actions were turned off or on for alarms: {COVERAGE_ALARM}\n" in changed
    assert "match the deployment" in resolved


def test_foreign_masks_on_the_log_group_and_their_end_are_notified(
    deployed: Deployed, subscriber: Subscriber
) -> None:
    logs, now = deployed.cloud.client("logs"), datetime.now(UTC)
    arn = "arn:aws:dataprotection::aws:data-identifier/EmailAddress"
    masking = {"DataIdentifier": [arn], "Operation": {"Deidentify": {"MaskConfig": {}}}}
    logs.put_data_protection_policy(
        logGroupIdentifier=deployed.log_group,
        policyDocument=json.dumps({"Name": "x", "Version": "2021-06-01", "Statement": [masking]}),
    )
    deployed.start("LoggingWatcher", event("Scheduled Event", now))
    logs.delete_data_protection_policy(logGroupIdentifier=deployed.log_group)
    deployed.start("LoggingWatcher", event("Scheduled Event", now))
    masked = f"- a data protection policy masks text in log group {deployed.log_group}"
    _, resolved = wait_for_texts(subscriber, masked, 2)
    assert "match the deployment" in resolved


def test_calls_missing_from_the_meter_are_named(deployed: Deployed, subscriber: Subscriber) -> None:
    metered = user("metered")
    deployed.log_calls(*calls(metered, 6))
    deployed.wait_for_tokens(metered, 90)
    before = deployed.metric("Invocations", ModelId=MODEL)
    assert before is not None
    # In an hour that began after the deployment: the others are not judged.
    made = datetime.now(UTC) + timedelta(minutes=10)
    datum: Any = {
        "MetricName": "Invocations",
        "Dimensions": [{"Name": "ModelId", "Value": f"us.{MODEL}"}],
        "Timestamp": made,
        "Value": before + 1_000,
    }
    cloudwatch = deployed.cloud.client("cloudwatch")
    cloudwatch.put_metric_data(Namespace="AWS/Bedrock", MetricData=[datum])
    later = made + timedelta(minutes=75)
    deployed.start("CoverageAuditor", event("Scheduled Event", later))
    deployed.start("CoverageAuditor", event("CloudWatch Alarm State Change", later))
    (text,) = wait_for_texts(subscriber, f"- {MODEL}: ", 1)
    assert "are missing" in text
