"""Reading the log group again adds only missing calls."""

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import boto3
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdk.operations.invocation import FunctionFailedError
from cdk.operations.replay import (
    MAX_DELIVERY_BYTES,
    MAX_DELIVERY_EVENTS,
    Replay,
    deliveries,
)
from dashboards.command_line.parameters import IsoTime
from lambdas.domain.invocations import BEDROCK_LOG_STREAM
from lambdas.functions.log_processor import handler
from tests.aws import LEDGER, LOG_GROUP, lambda_context, set_log_processor_variables
from tests.invocation_logs import log
from tests.operations.deployed import RunningFunctions

GROUP = LOG_GROUP
NOW = datetime.now(UTC)
CONTEXT = lambda_context()


@pytest.fixture
def logged(aws: None, monkeypatch: pytest.MonkeyPatch) -> None:
    set_log_processor_variables(monkeypatch)
    logs = boto3.client("logs")
    logs.create_log_group(logGroupName=GROUP)
    logs.create_log_stream(logGroupName=GROUP, logStreamName=BEDROCK_LOG_STREAM)
    for hours in (1, 2, 3):
        time = NOW - timedelta(hours=hours)
        message = json.dumps(log(f"{hours} hours ago", timestamp=time.isoformat()))
        event: Any = {"timestamp": int(time.timestamp() * 1000), "message": message}
        logs.put_log_events(logGroupName=GROUP, logStreamName=BEDROCK_LOG_STREAM, logEvents=[event])


def replay(function: Any) -> Replay:
    functions: Any = RunningFunctions(processor=function)
    return Replay(boto3.client("logs"), functions, GROUP, "processor")


def in_ledger() -> set[str]:
    items = boto3.client("dynamodb").scan(TableName=LEDGER)["Items"]
    return {item["request_id"]["S"] for item in items}


def process(event: Any) -> None:
    handler.lambda_handler(event, CONTEXT)


@pytest.mark.usefixtures("logged")
def test_calls_logged_in_the_time_range_are_in_the_ledger_once_after_any_replays() -> None:
    start = NOW - timedelta(hours=2, minutes=30)
    for _ in range(2):
        assert replay(process).deliver(start, NOW) == 2
        assert in_ledger() == {"1 hours ago", "2 hours ago"}


@pytest.mark.usefixtures("logged")
def test_calls_logged_after_the_time_range_are_not_replayed() -> None:
    start, end = (NOW - timedelta(minutes=minutes) for minutes in (150, 90))
    assert replay(process).deliver(start, end) == 1
    assert in_ledger() == {"2 hours ago"}


@pytest.mark.usefixtures("logged")
def test_a_failed_delivery_is_reported() -> None:
    boto3.client("dynamodb").delete_table(TableName=LEDGER)
    with pytest.raises(FunctionFailedError, match="LedgerUnavailableError"):
        replay(process).deliver(NOW - timedelta(days=1), NOW)


events = st.lists(
    st.builds(
        lambda stream, size: {"logStreamName": stream, "message": "x" * size},
        st.sampled_from("ab"),
        st.sampled_from([1, 10, MAX_DELIVERY_BYTES // 2, MAX_DELIVERY_BYTES]),
    ),
    max_size=8,
)


@given(events)
def test_deliveries_hold_every_event_in_order_and_fit(given_events: list[Any]) -> None:
    cut = list(deliveries(given_events))
    assert [event for delivery in cut for event in delivery] == given_events
    for delivery in cut:
        assert len({event["logStreamName"] for event in delivery}) == 1
        assert sum(len(event["message"]) for event in delivery) <= MAX_DELIVERY_BYTES


def test_a_delivery_holds_at_most_a_thousand_events() -> None:
    many = [{"logStreamName": "a", "message": "x"}] * (2 * MAX_DELIVERY_EVENTS + 1)
    assert [len(delivery) for delivery in deliveries(many)] == [1000, 1000, 1]


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("2026-01-31", datetime(2026, 1, 31, tzinfo=UTC)),
        ("2026-01-31T08:00", datetime(2026, 1, 31, 8, tzinfo=UTC)),
        ("2026-01-31T08:00+01:00", datetime(2026, 1, 31, 8, tzinfo=timezone(timedelta(hours=1)))),
    ],
)
def test_a_time_without_a_zone_is_utc(text: str, time: datetime) -> None:
    assert IsoTime().convert(text, None, None) == time
