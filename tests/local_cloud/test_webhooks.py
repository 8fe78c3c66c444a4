"""Events of alarms, receivers and contexts of keys in the local cloud, which webhooks need."""

import json
from collections.abc import Iterator
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.exceptions import ClientError

from cdk.local_cloud.cloud import LocalCloud, open_local_cloud
from cdk.local_cloud.receiver import open_receiver
from tests.local_cloud.callers import client_with
from tests.local_cloud.functions import make_function
from tests.local_cloud.waiting import wait_for

SEND = """
import http.client
import socket
import ssl

def lambda_handler(event, context):
    host = event["host"]
    try:
        address = socket.getaddrinfo(host, 443, type=socket.SOCK_STREAM)[0][4]
        plain = socket.create_connection(address[:2], 10)
    except OSError:
        return "unreachable"
    connection = http.client.HTTPSConnection(host)
    connection.sock = ssl.create_default_context().wrap_socket(plain, server_hostname=host)
    connection.request("POST", "/", body=b"{}")
    return [address[0], connection.getresponse().status]
"""
"""Resolves a name and connects to its address, as the sender does."""


@pytest.fixture(scope="module")
def evaluated() -> Iterator[LocalCloud]:
    with open_local_cloud(settings={"AUTH": "true"}) as cloud:
        yield cloud


def test_changes_of_an_alarm_are_events(cloud: LocalCloud) -> None:
    sqs, events, cloudwatch = (cloud.client(name) for name in ("sqs", "events", "cloudwatch"))
    url = sqs.create_queue(QueueName="alarm-events")["QueueUrl"]
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
    pattern = json.dumps({"source": ["aws.cloudwatch"]})
    events.put_rule(Name="alarm-events", EventPattern=pattern)
    target = {"Id": "queue", "Arn": attributes["Attributes"]["QueueArn"]}
    events.put_targets(Rule="alarm-events", Targets=[target])
    cloudwatch.put_metric_alarm(
        AlarmName="Watched",
        Namespace="Tests",
        MetricName="Watched",
        Dimensions=[{"Name": "Model", "Value": "m"}],
        Period=60,
        Statistic="Sum",
        Threshold=1,
        EvaluationPeriods=1,
        ComparisonOperator="GreaterThanThreshold",
    )
    found = list[Any]()

    def receive() -> bool:
        messages = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
        for message in messages:
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        bodies = [json.loads(message["Body"]) for message in messages]
        found.extend(body for body in bodies if body["detail"]["alarmName"] == "Watched")
        return len(found) >= 2

    for state in ("ALARM", "OK"):
        cloudwatch.set_alarm_state(AlarmName="Watched", StateValue=state, StateReason="tests")
    wait_for(receive)
    details = [event["detail"] for event in found]
    changes = {(each["previousState"]["value"], each["state"]["value"]) for each in details}
    assert ("ALARM", "OK") in changes
    assert {event["detail-type"] for event in found} == {"CloudWatch Alarm State Change"}
    (watched,) = details[0]["configuration"]["metrics"]
    assert watched["metricStat"]["metric"]["dimensions"] == {"Model": "m"}


def call(cloud: LocalCloud, name: str, url: str) -> Any:
    make_function(cloud, name, SEND)
    payload = json.dumps({"host": urlsplit(url).hostname}).encode()
    answer = cloud.client("lambda").invoke(FunctionName=name, Payload=payload)
    return json.loads(answer["Payload"].read())


def test_receivers_are_reached_by_the_sender_alone(cloud: LocalCloud) -> None:
    with open_receiver(cloud) as receiver:
        address, status = call(cloud, "Tests-WebhookSender", receiver.url)
        assert ip_address(address).is_global
        assert status == 200
        assert len(receiver.requests) == 1
        assert call(cloud, "Tests-Other", receiver.url) == "unreachable"
        assert len(receiver.requests) == 1


def test_a_grant_for_a_context_of_a_key_is_for_no_other_context(evaluated: LocalCloud) -> None:
    kms = evaluated.client("kms")
    key = kms.create_key()["KeyMetadata"]["Arn"]
    sealed = {
        name: kms.encrypt(KeyId=key, Plaintext=b"text", EncryptionContext={name: "pager"})
        for name in ("webhook", "other")
    }
    reader = client_with(
        evaluated,
        "kms",
        "reader",
        {
            "Effect": "Allow",
            "Action": "kms:Decrypt",
            "Resource": key,
            "Condition": {"Null": {"kms:EncryptionContext:webhook": "false"}},
        },
    )

    def decrypt(name: str) -> bytes:
        plain: bytes = reader.decrypt(
            KeyId=key,
            CiphertextBlob=sealed[name]["CiphertextBlob"],
            EncryptionContext={name: "pager"},
        )["Plaintext"]
        return plain

    assert decrypt("webhook") == b"text"
    with pytest.raises(ClientError, match="AccessDenied"):
        decrypt("other")
