"""`traffic_auditor`: from events to notices and health metrics."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from lambdas.adapters.cloudwatch.traffic_reader import CloudWatchTrafficReader
from lambdas.domain.unmetered import AsyncInvocation, RegionTraffic, traffic_window
from lambdas.functions.traffic_auditor import handler
from lambdas.services.audit_traffic import TrafficSources
from lambdas.wiring import traffic_auditor as wiring
from lambdas.wiring.client_timeouts import BRIEF
from tests.aws import (
    REGION,
    STATE,
    client_configs,
    embedded_metrics,
    event,
    health_metrics,
    lambda_context,
    list_batch_jobs,
    subscribe_queue,
    take_events,
)
from tests.builders import HAIKU_3
from tests.traffic import InMemoryAsyncInvocations, InMemoryTraffic
from tests.unit.unmetered.test_jobs import INVOCATION, JOB, REEL, ROLE, batch_detail, trail_detail
from tests.unlogged import BUCKET

CONTEXT = lambda_context()
NOW = datetime.now(UTC).replace(microsecond=0)
WINDOW = traffic_window(NOW)
NORTH = "eu-north-1"
REGIONS = InMemoryTraffic(RegionTraffic(REGION), RegionTraffic(NORTH))
BATCH, TRAIL = "Batch Inference Job State Change", "AWS API Call via CloudTrail"
AWS_SOURCES = wiring.make_sources  # fixtures replace it


@pytest.fixture
def invocations() -> InMemoryAsyncInvocations:
    return InMemoryAsyncInvocations()


@pytest.fixture(autouse=True)
def received(
    aws: None, monkeypatch: pytest.MonkeyPatch, invocations: InMemoryAsyncInvocations
) -> Any:
    """Return the messages of the topic; moto lacks Regions and asynchronous invocations."""
    topic, received = subscribe_queue()
    for name, value in (
        ("TOPIC_ARN", topic),
        ("STATE_TABLE", STATE),
        ("REGION", REGION),
        ("ARE_TIERS_LOGGED", "false"),
    ):
        monkeypatch.setenv(name, value)
    reader = CloudWatchTrafficReader(
        REGION, lambda region: boto3.client("cloudwatch", region_name=region)
    )
    sources = TrafficSources(REGIONS, reader, invocations)
    monkeypatch.setattr(wiring, "make_sources", lambda _: sources)
    return received


def count(region: str, value: int, **dimensions: str) -> None:
    datum: Any = {
        "MetricName": "Invocations",
        "Timestamp": WINDOW.middle,
        "Value": value,
        "Dimensions": [{"Name": name, "Value": value} for name, value in dimensions.items()],
    }
    client = boto3.client("cloudwatch", region_name=region)
    client.put_metric_data(Namespace="AWS/Bedrock", MetricData=[datum])


def handle(kind: str, detail: Any = None, at: datetime = NOW) -> None:
    handler.lambda_handler(event(kind, at, detail), CONTEXT)


def test_calls_in_another_region_are_measured_and_notified_once(
    capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture, received: Any
) -> None:
    count(NORTH, 12, ModelId="amazon.nova-lite-v1:0")
    with caplog.at_level("INFO"):
        handle("Scheduled Event")
    health = health_metrics(capsys.readouterr().out)
    assert health["UnmeteredCalls"] == [12]
    assert health["UnreadableRegions"] == [0]
    assert "UnloggedJobs" not in health
    (line,) = (record for record in caplog.records if record.msg == "Traffic outside the logs")
    assert vars(line)["unmetered"][NORTH]["calls"] == {"amazon.nova-lite-v1:0": 12}
    (message,) = received()
    assert message["Subject"] == "Bedrock Meter: calls in a Region that is not metered"
    assert "- amazon.nova-lite-v1:0: 12 calls" in message["Message"]
    assert "eu-north-1" in message["Message"]
    handle("Scheduled Event")
    assert received() == []


def test_calls_in_the_deployment_s_region_are_not_unmetered(
    capsys: pytest.CaptureFixture[str], received: Any
) -> None:
    count(REGION, 12, ModelId="amazon.nova-lite-v1:0")
    handle("Scheduled Event")
    assert health_metrics(capsys.readouterr().out)["UnmeteredCalls"] == [0]
    assert received() == []


def test_only_the_first_deployment_checks_other_regions(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, received: Any
) -> None:
    monkeypatch.setenv("REGIONS", f'["eu-west-1", "{REGION}"]')
    count(NORTH, 12, ModelId="amazon.nova-lite-v1:0")
    handle("Scheduled Event")
    health = health_metrics(capsys.readouterr().out)
    assert "UnmeteredCalls" not in health
    assert health["UnreadableRegions"] == [0]
    assert received() == []


def test_a_region_that_denies_access_is_counted_and_logged(
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
    invocations: InMemoryAsyncInvocations,
) -> None:
    invocations.is_denied = True
    with caplog.at_level("INFO"):
        handle("Scheduled Event")
    assert health_metrics(capsys.readouterr().out)["UnreadableRegions"] == [1]
    assert "AccessDenied" in vars(caplog.records[-1])["unreadable"][REGION]


def test_calls_at_another_tier_are_measured_and_explained(
    capsys: pytest.CaptureFixture[str], received: Any
) -> None:
    tiers = {"ServiceTier": "priority", "ResolvedServiceTier": "priority"}
    count(REGION, 30, ModelId="a", **tiers)
    handle("Scheduled Event")
    assert health_metrics(capsys.readouterr().out)["MisreadTierCalls"] == [30]
    (message,) = received()
    assert "- a: 30 calls at priority" in message["Message"]
    assert "too low" in message["Message"]


def test_tiers_are_not_audited_if_logs_name_them(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, received: Any
) -> None:
    monkeypatch.setenv("ARE_TIERS_LOGGED", "true")
    tiers = {"ServiceTier": "priority", "ResolvedServiceTier": "priority"}
    count(REGION, 30, ModelId="a", **tiers)
    handle("Scheduled Event")
    assert "MisreadTierCalls" not in health_metrics(capsys.readouterr().out)
    assert received() == []


def test_asynchronous_invocations_are_counted_and_notified(
    capsys: pytest.CaptureFixture[str], received: Any, invocations: InMemoryAsyncInvocations
) -> None:
    invocations += [AsyncInvocation(INVOCATION, REEL, WINDOW.middle)] * 2
    handle("Scheduled Event")
    assert health_metrics(capsys.readouterr().out)["UnloggedJobs"] == [2]
    (message,) = received()
    assert f"- {REEL}: 2" in message["Message"]


def test_a_trail_event_names_the_caller_and_is_not_repeated_by_the_audit(
    capsys: pytest.CaptureFixture[str], received: Any, invocations: InMemoryAsyncInvocations
) -> None:
    handle(TRAIL, trail_detail(), WINDOW.middle)
    (message,) = received()
    assert ROLE in message["Message"]
    assert '"_aws"' not in capsys.readouterr().out  # the audit counts it
    invocations.append(AsyncInvocation(INVOCATION, REEL, WINDOW.middle))
    handle("Scheduled Event")
    assert received() == []
    assert health_metrics(capsys.readouterr().out)["UnloggedJobs"] == [1]


def test_a_batch_job_is_counted_and_notified_at_its_first_event(
    capsys: pytest.CaptureFixture[str], received: Any
) -> None:
    documented = event(BATCH, NOW, batch_detail()) | {"time": "Wed Aug 28 22:58:30 UTC 2026"}
    handler.lambda_handler(documented, CONTEXT)
    assert health_metrics(capsys.readouterr().out)["UnloggedJobs"] == [1]
    (message,) = received()
    assert JOB in message["Message"]
    handle(BATCH, batch_detail(status="Completed"))
    assert received() == []
    assert '"_aws"' not in capsys.readouterr().out


def test_regions_denied_by_policy_are_logged_and_not_counted(
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DENIED_REGIONS", f'["{NORTH}"]')
    denied = InMemoryTraffic()
    denied.denied = {NORTH}
    sources = replace(wiring.make_sources(REGION), reader=denied)
    monkeypatch.setattr(wiring, "make_sources", lambda _: sources)
    with caplog.at_level("INFO"):
        handle("Scheduled Event")
    assert health_metrics(capsys.readouterr().out)["UnreadableRegions"] == [0]
    assert NORTH in vars(caplog.records[-1])["unreadable"]


@pytest.mark.parametrize("kind", ["Scheduled Event", BATCH])
def test_a_notice_refused_by_the_topic_is_counted_logged_and_published_as_an_event(
    kind: str,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TOPIC_ARN", f"arn:aws:sns:{REGION}:123456789012:deleted")
    published = take_events()
    count(NORTH, 12, ModelId="amazon.nova-lite-v1:0")
    with caplog.at_level("INFO"), pytest.raises(ClientError, match="NotFound"):
        handle(kind, batch_detail())
    health = health_metrics(capsys.readouterr().out)
    found = health["UnloggedJobs"] if kind == BATCH else health["UnmeteredCalls"]
    assert found == [1 if kind == BATCH else 12]
    assert any("outside the logs" in record.getMessage() for record in caplog.records)
    (entry,) = published
    assert entry["DetailType"] == "Bedrock Meter Notice"


def test_a_trail_event_dated_ahead_does_not_suppress_later_notices(
    caplog: pytest.LogCaptureFixture, received: Any
) -> None:
    handle(TRAIL, trail_detail(), NOW + timedelta(hours=2))
    assert "from the future" in caplog.records[-1].getMessage()
    assert received() == []
    handle(TRAIL, trail_detail(), NOW + timedelta(minutes=30))
    assert len(received()) == 1


@pytest.mark.parametrize("kind", [BATCH, TRAIL])
def test_an_event_without_a_job_or_model_is_logged(
    kind: str, caplog: pytest.LogCaptureFixture, received: Any
) -> None:
    handle(kind, {})
    assert "does not name" in caplog.records[-1].getMessage()
    assert received() == []


def test_the_tokens_of_a_batch_job_are_published_once(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    ended_at = NOW - timedelta(hours=1)
    monkeypatch.setenv("BATCH_OUTPUT_BUCKETS", f'["{BUCKET}"]')
    output = {"s3Uri": f"s3://{BUCKET}/nightly/", "s3BucketOwner": "123456789012"}
    list_batch_jobs(
        monkeypatch,
        {
            "jobArn": JOB,
            "modelId": HAIKU_3,
            "endTime": ended_at.isoformat(),
            "outputDataConfig": {"s3OutputDataConfig": output},
        },
    )
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket=BUCKET)
    key = f"nightly/{JOB.rpartition('/')[2]}/manifest.json.out"
    s3.put_object(Bucket=BUCKET, Key=key, Body=b'{"inputTokenCount": 9, "outputTokenCount": 4}')
    for expected in ({"BatchInputTokens": 18, "BatchOutputTokens": 8}, {}):
        handle("Scheduled Event")
        found = Counter[str]()
        for metric in embedded_metrics(capsys.readouterr().out):
            if metric.namespace == "BedrockMeter":
                assert metric.at == ended_at
                found[metric.name] += round(metric.value)
        assert found == expected  # for the account and for the model


def test_without_buckets_no_jobs_are_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    list_batch_jobs(monkeypatch, {"endTime": NOW.isoformat()})  # a list of it would fail
    handle("Scheduled Event")


def test_slow_regions_time_out_early(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    for name in ("TOPIC_ARN", "STATE_TABLE", "REGION"):
        monkeypatch.setenv(name, "anything")
    monkeypatch.setenv("ARE_TIERS_LOGGED", "true")
    assert client_configs(lambda: AWS_SOURCES(REGION), monkeypatch) == {
        "account": BRIEF,
        "bedrock-runtime": BRIEF,
    }
