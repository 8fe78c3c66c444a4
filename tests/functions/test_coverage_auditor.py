"""`coverage_auditor`: from an event to health metrics, or to a notice that names models."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from pydantic import ValidationError

from lambdas.adapters.dynamodb.tag_cache import DynamoDbTagCache
from lambdas.adapters.dynamodb.usage_counters import DynamoDbUsageCounters
from lambdas.domain.attribution import TagHistory
from lambdas.domain.attribution.ports import TagEntry
from lambdas.domain.completeness import AuditWindow
from lambdas.domain.counters import (
    CellKey,
    CellSpan,
    Chunk,
    PriceEdition,
    Sums,
    UsageTotals,
    begin_counting,
)
from lambdas.functions.coverage_auditor import handler
from tests.adapters.dynamodb.test_usage_counters import COUNTERS, create_table
from tests.aws import (
    LEDGER,
    STATE,
    clear_caches,
    deploy_stack,
    event,
    health_metrics,
    lambda_context,
    subscribe_queue,
)
from tests.builders import HAIKU_3
from tests.unit.budgets.builders import LABELS

CONTEXT = lambda_context()
PROFILES = "arn:aws:bedrock:us-east-1:111122223333:application-inference-profile/"
NOW = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=6)
"""Some hours after the deployment: earlier hours are not audited."""
WITHIN = AuditWindow.at(NOW).start


@pytest.fixture(autouse=True)
def received(aws: None, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The messages that the topic's subscriber has received."""
    topic, received = subscribe_queue()
    monkeypatch.setenv("TOPIC_ARN", topic)
    monkeypatch.setenv("STATE_TABLE", STATE)
    monkeypatch.setenv("PROFILES_ARN", PROFILES)
    monkeypatch.setenv("ALARM_METRIC", "QuotaTokens")
    monkeypatch.setenv("MAX_MODELS", "2")
    monkeypatch.setenv("STACK_ID", deploy_stack())
    return received


def count(
    namespace: str, model: str, value: int, *, name: str = "Invocations", at: datetime = WITHIN
) -> None:
    dimensions: Any = [{"Name": "ModelId", "Value": model}] if model else []
    datum: Any = {"MetricName": name, "Timestamp": at, "Value": value, "Dimensions": dimensions}
    boto3.client("cloudwatch").put_metric_data(Namespace=namespace, MetricData=[datum])


def handle(kind: str, at: datetime = NOW, **detail: Any) -> None:
    handler.lambda_handler(event(kind, at, detail), CONTEXT)


def test_a_scheduled_audit_measures_without_notifying(
    capsys: pytest.CaptureFixture[str], received: Any
) -> None:
    count("AWS/Bedrock", f"us.{HAIKU_3}", 200)
    count("BedrockMeter", HAIKU_3, 150)
    handle("Scheduled Event")
    health = health_metrics(capsys.readouterr().out)
    assert health["CoverageRatio"] == [0.75]
    assert health["MissingCalls"] == [50]
    assert health["CoverageShortfall"] == [1]
    assert received() == []


def test_no_ratio_is_published_without_calls(capsys: pytest.CaptureFixture[str]) -> None:
    handle("Scheduled Event")
    health = health_metrics(capsys.readouterr().out)
    assert "CoverageRatio" not in health
    assert health["MissingCalls"] == health["CoverageShortfall"] == [0]


def test_values_below_zero_are_counted_and_named_once_an_hour(
    capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    hour = NOW.replace(minute=15, second=0)
    count("BedrockMeter", HAIKU_3, -5, name="QuotaTokens", at=hour - timedelta(minutes=30))
    count("BedrockMeter", "honest", 5, name="QuotaTokens", at=hour - timedelta(minutes=30))
    handle("Scheduled Event", hour)
    assert health_metrics(capsys.readouterr().out)["ForgedSeries"] == [1]
    assert vars(caplog.records[-1])["negative"] == {HAIKU_3: -5}
    handle("Scheduled Event", hour + timedelta(minutes=5))
    assert "ForgedSeries" not in health_metrics(capsys.readouterr().out)


def test_a_coverage_alarm_is_followed_by_the_missing_calls(
    capsys: pytest.CaptureFixture[str], received: Any
) -> None:
    count("AWS/Bedrock", f"us.{HAIKU_3}", 200)
    count("BedrockMeter", HAIKU_3, 150)
    handle(
        "CloudWatch Alarm State Change",
        alarmName="BedrockMeter-Health-Coverage",
        state={"value": "ALARM"},
    )
    (message,) = received()
    assert message["Subject"] == "Bedrock Meter: calls are missing"
    assert f"- {HAIKU_3}: 150 of 200 calls (75.00%); 50 are missing" in message["Message"]
    assert f"{WITHIN:%Y-%m-%d %H:%M}" in message["Message"]
    assert message["Message"].endswith("Account 123456789012, us-east-1")
    assert '"_aws"' not in capsys.readouterr().out  # a second audit of an hour is not measured


def test_the_log_lists_every_model_and_unattributable_usage(
    caplog: pytest.LogCaptureFixture,
) -> None:
    # The hour of the clock that is whole by the time of the event.
    at = NOW.replace(minute=15, second=30) - timedelta(hours=1)
    start = at.replace(minute=0, second=0) - timedelta(hours=1)
    count("AWS/Bedrock", f"us.{HAIKU_3}", 2, at=start)
    count("BedrockMeter", HAIKU_3, 2, at=start)
    count("AWS/BedrockMantle", "", 2, name="Inferences", at=start)
    with caplog.at_level("INFO"):
        handle("Scheduled Event", at)
    logged = vars(caplog.records[0])
    assert json.loads(json.dumps(logged["models"])) == {
        HAIKU_3: {"calls": {"metered": 2, "bedrock": 2}}
    }
    assert json.loads(json.dumps(logged["not_attributable"])) == {"calls": 2}


def hide_tokens() -> datetime:
    """Count calls alone in two settled hours; says when both are audited."""
    at = NOW.replace(minute=15, second=30) - timedelta(hours=1)
    for hours in (2, 3):
        start = at.replace(minute=0, second=0) - timedelta(hours=hours)
        for namespace, model in (("AWS/Bedrock", f"us.{HAIKU_3}"), ("BedrockMeter", HAIKU_3)):
            count(namespace, model, 2, at=start)
        count("AWS/Bedrock", f"us.{HAIKU_3}", 20_000, name="InputTokenCount", at=start)
    return at


def test_settled_hours_are_judged_once_an_hour(
    capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture, received: Any
) -> None:
    at = hide_tokens()
    with caplog.at_level("INFO"):
        handle("Scheduled Event", at)
    assert health_metrics(capsys.readouterr().out)["UsageMismatch"] == [1]
    logged = vars(caplog.records[-1])["models"][HAIKU_3]["input tokens"]
    assert logged == {"metered": 0, "bedrock": 20_000}
    handle("Scheduled Event", at + timedelta(minutes=5))
    assert "UsageMismatch" not in health_metrics(capsys.readouterr().out)
    assert received() == []


def test_a_mismatch_alarm_is_followed_by_the_differences(received: Any) -> None:
    handle(
        "CloudWatch Alarm State Change",
        hide_tokens(),
        alarmName="BedrockMeter-Health-UsageMismatch",
        state={"value": "ALARM"},
    )
    (message,) = received()
    assert message["Subject"] == "Bedrock Meter: the counts differ from Bedrock's"
    assert f"- {HAIKU_3}: 20,000 input tokens missing (the meter counted 0," in message["Message"]


def test_hours_before_the_deployment_are_not_judged(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Bedrock has calls of them that the meter did not count."""
    at = datetime.now(UTC).replace(minute=15, second=30) + timedelta(hours=1)
    for hours in (1, 2, 3):
        start = at.replace(minute=0, second=0) - timedelta(hours=hours)
        count("AWS/Bedrock", HAIKU_3, 10_000, at=start)
    handle("Scheduled Event", at)
    health = health_metrics(capsys.readouterr().out)
    assert health["CoverageShortfall"] == health["UsageMismatch"] == health["MissingCalls"] == [0]
    assert "CoverageRatio" not in health


def test_a_missing_setting_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TOPIC_ARN")
    with pytest.raises(ValidationError, match="topic_arn"):
        handle("Scheduled Event")


def test_bedrock_s_count_of_a_profile_is_compared_with_the_meter_s_count_of_its_model(
    capsys: pytest.CaptureFixture[str],
) -> None:
    logging_state = DynamoDbTagCache(boto3.client("dynamodb"), STATE)
    entry = TagEntry(TagHistory(model_id=HAIKU_3), NOW, frozenset())
    logging_state.save(f"{PROFILES}abc123", entry, None)
    count("AWS/Bedrock", "abc123", 200)
    count("BedrockMeter", HAIKU_3, 200)
    handle("Scheduled Event")
    assert health_metrics(capsys.readouterr().out)["MissingCalls"] == [0]


def test_forged_series_in_the_meter_s_namespace_are_a_mismatch(
    capsys: pytest.CaptureFixture[str], received: Any
) -> None:
    at = NOW.replace(minute=15, second=30) - timedelta(hours=1)
    start = at.replace(minute=0, second=0) - timedelta(hours=2)
    for number in range(6):  # two models of two months, and the rest, are five
        count("BedrockMeter", f"fake-{number}", 1, name="OutputTokens", at=start)
    handle("Scheduled Event", at)
    assert health_metrics(capsys.readouterr().out)["UsageMismatch"] == [1]
    handle("CloudWatch Alarm State Change", at, alarmName="BedrockMeter-Health-UsageMismatch")
    (message,) = received()
    assert "More than 5 models have metrics" in message["Message"]


def test_counters_without_the_calls_are_a_mismatch_where_governance_is_on(
    monkeypatch: pytest.MonkeyPatch, received: Any
) -> None:
    create_table()
    monkeypatch.setenv("COUNTER_TABLE", COUNTERS)
    clear_caches()
    counters = DynamoDbUsageCounters(boto3.client("dynamodb"), COUNTERS, LEDGER)
    state = begin_counting(PriceEdition("shipped"), "stack", NOW, None)
    assert state is not None
    counters.write_state(replace(state, recounts=()))
    at = NOW.replace(minute=15, second=30) - timedelta(hours=1)
    for hours in (3, 2):
        start = at.replace(minute=0, second=0) - timedelta(hours=hours)
        count("AWS/Bedrock", f"us.{HAIKU_3}", 20, at=start)
        count("BedrockMeter", HAIKU_3, 20, at=start)
        key = CellKey(CellSpan.HOUR, start, LABELS._replace(model_id=HAIKU_3))
        sums = Sums({key: UsageTotals(calls=5)})
        counters.commit(Chunk(1, "shard", 10 - hours, 10 - hours, sums, (), NOW))
    handle("CloudWatch Alarm State Change", at, alarmName="BedrockMeter-Health-UsageMismatch")
    (message,) = received()
    expected = f"- {HAIKU_3}: 15 calls missing (the counters have 5, Bedrock 20)"
    assert expected in message["Message"]
