"""Every subscriber is notified of each caller over a threshold, and of no other caller."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from cdk.components.dashboards import dashboard_name
from cdk.local_cloud.alarm_clients import open_alarm_clients
from cdk.local_cloud.cloud import REGION
from cdk.local_cloud.subscriber import Subscriber, open_subscriber
from dashboards.cloudwatch import AlarmEvaluation, AlarmState
from tests.end_to_end.conftest import EXTRA_DASHBOARDS, WARNING
from tests.end_to_end.deployed import Deployed, calls, make, user
from tests.local_cloud.waiting import wait_for

DASHBOARDS = (
    *("usage_overview", "identity_detail", "gateway", "credits", "pipeline_health"),
    *EXTRA_DASHBOARDS,
)
ALARM = "BedrockMeter-EveryIdentity-Hour-Warning"


@pytest.fixture
def subscriber(deployed: Deployed) -> Iterator[Subscriber]:
    with open_subscriber(deployed.cloud, deployed.topic) as opened:
        yield opened


@pytest.fixture
def queue(deployed: Deployed) -> str:
    sqs = deployed.cloud.client("sqs")
    url: str = sqs.create_queue(QueueName="notifications")["QueueUrl"]
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
    arn = attributes["Attributes"]["QueueArn"]
    grant = {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": arn,
        "Condition": {"ArnEquals": {"aws:SourceArn": deployed.topic}},
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [grant]})
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    deployed.cloud.client("sns").subscribe(TopicArn=deployed.topic, Protocol="sqs", Endpoint=arn)
    return url


def received(deployed: Deployed, queue: str) -> list[dict[str, Any]]:
    """The notifications in a queue, each given once."""
    sqs, messages = deployed.cloud.client("sqs"), []
    while found := sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages"):
        messages += found
    return [json.loads(json.loads(message["Body"])["Message"]) for message in messages]


def state(deployed: Deployed) -> str:
    cloudwatch = deployed.cloud.client("cloudwatch")
    (alarm,) = cloudwatch.describe_alarms(AlarmNames=[ALARM])["MetricAlarms"]
    found: str = alarm["StateValue"]
    return found


def test_only_the_identity_that_crosses_its_threshold_is_notified(
    deployed: Deployed, subscriber: Subscriber, queue: str
) -> None:
    spender, saver = user("spender"), user("saver")
    evaluation = AlarmEvaluation(open_alarm_clients(deployed.cloud))
    evaluation.evaluate()
    deployed.log_calls(*calls(saver, 2), *calls(spender, 80))
    deployed.wait_for_tokens(spender, 80 * 15)
    deployed.wait_for_tokens(saver, 30)

    states = {
        contributor.series.label: contributor.state for contributor in evaluation.evaluate()[ALARM]
    }
    assert states[spender] is AlarmState.ALARM
    assert states[saver] is AlarmState.OK
    assert state(deployed) == "ALARM"
    ours = wait_for(
        lambda: [message for message in subscriber.messages if spender in message["Message"]]
    )
    assert json.loads(ours[0]["Message"])["AlarmName"] == ALARM
    assert f"{80 * 15:,}, and the threshold is {WARNING:,}" in ours[0]["Message"]
    assert not [message for message in subscriber.messages if saver in message["Message"]]
    (in_queue,) = [
        notification
        for notification in received(deployed, queue)
        if spender in notification["NewStateReason"]
    ]
    assert in_queue["AlarmName"] == ALARM

    received_before = len(subscriber.messages)
    evaluation.evaluate()
    assert len(subscriber.messages) == received_before  # no second notification
    evaluation.evaluate(datetime.now(UTC) + timedelta(hours=2))
    assert state(deployed) == "OK"


def test_alarms_without_local_evaluation_are_named(deployed: Deployed) -> None:
    evaluation = AlarmEvaluation(open_alarm_clients(deployed.cloud))
    evaluation.evaluate()
    assert evaluation.left_out.keys() == {
        "BedrockMeter-Account-Anomaly",
        "BedrockMeter-Account-CostAnomaly",
        "BedrockMeter-Health-AuditProblems",
        "BedrockMeter-Health-AuditWriterNotStarted",
        "BedrockMeter-Health-BrakeControllerNotStarted",
        "BedrockMeter-Health-BrakeWatchdogNotStarted",
        "BedrockMeter-Health-BudgetBuilderNotStarted",
        "BedrockMeter-Health-BudgetEvaluatorNotStarted",
        "BedrockMeter-Health-Coverage",
        "BedrockMeter-Health-CoverageAuditorNotStarted",
        "BedrockMeter-Health-CreditBookerNotStarted",
        "BedrockMeter-Health-FocusExporterNotStarted",
        "BedrockMeter-Health-DeploymentDrift",
        "BedrockMeter-Health-ForecastCalibratorNotStarted",
        "BedrockMeter-Health-LimitSettlerNotStarted",
        "BedrockMeter-Health-LoggingWatcherNotStarted",
        "BedrockMeter-Health-PriceListAge",
        "BedrockMeter-Health-PriceRefresherNotStarted",
        "BedrockMeter-Health-PriceRefresherSilent",
        "BedrockMeter-Health-PriceUpdaterNotStarted",
        "BedrockMeter-Health-TrafficAuditorNotStarted",
        "BedrockMeter-Health-UnreadableRegions",
        "BedrockMeter-Health-UsageMismatch",
        "BedrockMeter-Health-UsageRecounterNotStarted",
        "BedrockMeter-Health-WeeklySummarizerNotStarted",
        "BedrockMeter-Health-ForgedSeries",
    }


def test_a_test_notification_arrives(deployed: Deployed, subscriber: Subscriber) -> None:
    printed = make(deployed.cloud, "test-notification")
    assert "http   http://127.0.0.1" in printed
    (notified,) = wait_for(
        lambda: [
            message
            for message in subscriber.messages
            if "make test-notification" in message["Message"]
        ]
    )
    assert json.loads(notified["Message"])["NewStateValue"] == "ALARM"


def test_every_dashboard_is_deployed_and_one_shows_budgets(deployed: Deployed) -> None:
    cloudwatch = deployed.cloud.client("cloudwatch")
    expected = {dashboard_name(file, REGION) for file in DASHBOARDS}
    found = cloudwatch.list_dashboards()["DashboardEntries"]
    assert {entry["DashboardName"] for entry in found} == expected
    cost = cloudwatch.get_dashboard(DashboardName=dashboard_name("cost", REGION))
    assert "BudgetUsed" in cost["DashboardBody"]


def test_the_doctor_reports_the_deployment(deployed: Deployed) -> None:
    printed = make(deployed.cloud, "doctor", deployed.context)
    assert "; configured by Bedrock Meter." in printed
    assert "CREATE_COMPLETE" in printed
    found = dict(re.findall(r"^│ (\w[\w -]+?) +│ (\w+) ", printed, re.MULTILINE))
    assert (found["stacks"], found["weekly summary"], found["budgets"]) == ("ok", "ok", "ok")
    assert "is deployed, but" not in printed
    assert "Off: switch" not in printed
