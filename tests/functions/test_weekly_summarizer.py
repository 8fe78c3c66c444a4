"""`weekly_summarizer`: from calls in the ledger to a message, once a week."""

from datetime import UTC, datetime, time, timedelta
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from lambdas.adapters.dynamodb.usage_ledger import DynamoDbUsageLedger
from lambdas.domain.invocations import TokenCounts
from lambdas.domain.reports.files import ReportUnfinishedError
from lambdas.domain.reports.weekly import ReportedWeek
from lambdas.functions.weekly_summarizer import handler
from tests.aws import LEDGER, STATE, client_configs, lambda_context, subscribe_queue
from tests.builders import BEN, usage_record

CONTEXT = lambda_context(900_000)
WEEK = ReportedWeek.last_closed(datetime.now(UTC))
SUNDAY_NOON = datetime.combine(WEEK.last_day, time(12), UTC)
DOLLAR = TokenCounts(input=0, output=800_000)
DASHBOARD = "https://console.example.com/usage"


@pytest.fixture(autouse=True)
def received(aws: None, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Gives the messages of the topic."""
    topic, received = subscribe_queue()
    for name, value in {
        "LEDGER_TABLE": LEDGER,
        "LEDGER_RETENTION_DAYS": "90",
        "STATE_TABLE": STATE,
        "ACCOUNT_ID": "111122223333",
        "TOPIC_ARN": topic,
        "DASHBOARD_URL": DASHBOARD,
    }.items():
        monkeypatch.setenv(name, value)
    return received


def write_calls() -> None:
    """Two calls of the week, one of the week before, and one of today."""
    DynamoDbUsageLedger(boto3.client("dynamodb"), LEDGER, timedelta(days=90)).write(
        [
            usage_record(request_id="1", timestamp=SUNDAY_NOON, tokens=DOLLAR),
            usage_record(request_id="2", timestamp=SUNDAY_NOON, tokens=DOLLAR, identity_arn=BEN),
            usage_record(request_id="3", timestamp=SUNDAY_NOON - timedelta(days=7)),
            usage_record(request_id="4", timestamp=datetime.now(UTC)),
        ]
    )


def test_the_summary_of_the_week_is_sent_with_account_and_region(
    received: Any, caplog: pytest.LogCaptureFixture
) -> None:
    write_calls()
    handler.lambda_handler({}, CONTEXT)
    (message,) = received()
    assert message["Subject"].startswith("Bedrock Meter: 123456789012 us-east-1, $2.00, ")
    text = message["Message"]
    assert "Calls: 2" in text
    assert "New identities, without a call in the 28 days before:\n- 111122223333 user/ben" in text
    assert f"Dashboard: {DASHBOARD}" in text
    assert text.endswith("Account 123456789012, us-east-1")
    (logged,) = (vars(line) for line in caplog.records)
    assert (logged["week"], logged["calls"]) == (WEEK.name, 2)


def test_the_log_names_no_identity_and_no_cost(caplog: pytest.LogCaptureFixture) -> None:
    write_calls()
    handler.lambda_handler({}, CONTEXT)
    logged = str([vars(line) for line in caplog.records])
    assert "user/ben" not in logged
    assert "$" not in logged


def test_a_second_run_sends_nothing(received: Any) -> None:
    handler.lambda_handler({}, CONTEXT)
    handler.lambda_handler({}, CONTEXT)
    (message,) = received()
    assert "No calls." in message["Message"]


def test_a_topic_that_refuses_is_an_error_and_the_next_run_sends(
    received: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as without_topic:
        without_topic.setenv("TOPIC_ARN", "arn:aws:sns:us-east-1:123456789012:gone")
        handler.summarizer.cache_clear()
        with pytest.raises(ClientError):
            handler.lambda_handler({}, CONTEXT)
    handler.summarizer.cache_clear()
    handler.lambda_handler({}, CONTEXT)
    assert len(received()) == 1


def test_without_time_it_fails_and_sends_nothing(received: Any) -> None:
    write_calls()
    with pytest.raises(ReportUnfinishedError):
        handler.lambda_handler({}, lambda_context(44_000))
    assert received() == []


def test_a_ledger_that_cannot_be_read_is_an_error(
    received: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEDGER_TABLE", "no-such-table")
    with pytest.raises(ClientError):
        handler.lambda_handler({}, CONTEXT)
    assert received() == []


def test_it_waits_for_sns_no_longer_than_for_others(monkeypatch: pytest.MonkeyPatch) -> None:
    configs = client_configs(handler.summarizer, monkeypatch)
    assert configs["sns"] is configs["dynamodb"]
