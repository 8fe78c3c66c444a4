"""Deployed alarms are evaluated, and each new breaching contributor is notified once."""

import json
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest

from dashboards.cloudwatch import AlarmEvaluation

pytestmark = pytest.mark.usefixtures("aws")
NOW = datetime.now(UTC).replace(second=30)
THRESHOLD = 10
ANA, BEN, CEM = "arn:aws:iam::111122223333:user/ana", "ben", "cem"


@pytest.fixture
def topic() -> str:
    arn: str = boto3.client("sns").create_topic(Name="notifications")["TopicArn"]
    queue = boto3.client("sqs").create_queue(QueueName="subscriber")["QueueUrl"]
    endpoint = f"arn:aws:sqs:us-east-1:123456789012:{queue.rsplit('/', 1)[-1]}"
    boto3.client("sns").subscribe(TopicArn=arn, Protocol="sqs", Endpoint=endpoint)
    return arn


@pytest.fixture
def evaluation(topic: str) -> AlarmEvaluation:
    """The evaluation of one alarm on every identity's tokens of an hour."""
    put_alarm("the alarm", topic, 'FROM SCHEMA("BedrockMeter", IdentityArn) GROUP BY IdentityArn')
    return AlarmEvaluation(client)


def client(service: str) -> Any:
    return boto3.client(service)  # type: ignore[call-overload]  # any service


def put_alarm(name: str, topic: str, clauses: str, missing: str = "notBreaching") -> None:
    boto3.client("cloudwatch").put_metric_alarm(
        AlarmName=name,
        AlarmActions=[topic],
        Metrics=[
            {"Id": "q", "Expression": f"SELECT SUM(QuotaTokens) {clauses}", "Period": 3600},
        ],
        EvaluationPeriods=1,
        Threshold=THRESHOLD,
        ComparisonOperator="GreaterThanOrEqualToThreshold",
        TreatMissingData=missing,
    )


def spend(tokens: int, *identities: str) -> None:
    boto3.client("cloudwatch").put_metric_data(
        Namespace="BedrockMeter",
        MetricData=[
            {
                "MetricName": "QuotaTokens",
                "Dimensions": [{"Name": "IdentityArn", "Value": identity}],
                "Timestamp": NOW,
                "Value": tokens,
            }
            for identity in identities
        ],
    )


def alarm() -> Any:
    (definition,) = boto3.client("cloudwatch").describe_alarms(AlarmNames=["the alarm"])[
        "MetricAlarms"
    ]
    return definition


def published() -> list[str]:
    """Return the reasons that the subscriber received since the last call."""
    sqs = boto3.client("sqs")
    url = sqs.get_queue_url(QueueName="subscriber")["QueueUrl"]
    found = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
    for message in found:
        sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    messages = [json.loads(json.loads(message["Body"])["Message"]) for message in found]
    return [notification["NewStateReason"] for notification in messages]


def test_an_alarm_changes_state_once_and_names_the_identity(evaluation: AlarmEvaluation) -> None:
    spend(THRESHOLD, ANA)
    for _ in range(2):
        evaluation.evaluate(NOW)
        assert alarm()["StateValue"] == "ALARM"
        assert alarm()["StateReason"] == f"{ANA}: 10, and the threshold is 10."
    assert evaluation.notified == 1


def test_a_second_breaching_identity_is_notified_separately(
    evaluation: AlarmEvaluation,
) -> None:
    spend(THRESHOLD, ANA)
    spend(2 * THRESHOLD, BEN)
    evaluation.evaluate(NOW)
    assert published() == [f"{ANA}: 10, and the threshold is 10."]
    spend(THRESHOLD, CEM)
    evaluation.evaluate(NOW)
    assert published() == ["cem: 10, and the threshold is 10."]
    evaluation.evaluate(NOW)
    assert published() == []
    assert evaluation.notified == 3


def test_an_unsupported_alarm_is_listed_with_the_reason(
    evaluation: AlarmEvaluation, topic: str
) -> None:
    put_alarm("another", topic, 'FROM SCHEMA("BedrockMeter", IdentityArn)')
    assert set(evaluation.evaluate(NOW)) == {"the alarm"}
    assert list(evaluation.left_out) == ["another"]
    assert "SELECT SUM" in evaluation.left_out["another"]


def test_each_alarm_tracks_its_notified_identities(evaluation: AlarmEvaluation, topic: str) -> None:
    put_alarm("a second", topic, 'FROM SCHEMA("BedrockMeter", IdentityArn) GROUP BY IdentityArn')
    spend(THRESHOLD, BEN, CEM)
    evaluation.evaluate(NOW)
    assert len(published()) == 2
    evaluation.evaluate(NOW)
    assert published() == []


def test_an_alarm_on_missing_data_does_not_notify_in_a_new_cloud(
    evaluation: AlarmEvaluation, topic: str
) -> None:
    put_alarm("nothing", topic, 'FROM SCHEMA("Nothing", Who) GROUP BY Who', missing="breaching")
    assert "nothing" not in evaluation.evaluate()
    assert evaluation.left_out.keys() == {"nothing"}
    assert evaluation.notified == 0


def test_skipped_alarms_are_listed_with_the_reason(evaluation: AlarmEvaluation) -> None:
    spend(THRESHOLD, BEN)
    evaluation.skipped = {"the alarm": "history"}
    assert evaluation.evaluate(NOW) == {}
    assert evaluation.left_out == {"the alarm": "history"}
    assert published() == []
