"""Calls that a stopped gateway left open are settled by the ledger, to the token."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import boto3
import pytest
from botocore.exceptions import ClientError

from lambdas.adapters.dynamodb.limit_items import make_item_key
from lambdas.adapters.dynamodb.limits_store import DynamoDbLimits
from lambdas.adapters.dynamodb.usage_ledger import DynamoDbUsageLedger
from lambdas.domain.budgets import MonthPeriods, find_gateway_subject
from lambdas.domain.invocations import TokenCounts, UsageRecord
from lambdas.domain.limits import (
    CalendarUnit,
    LimitMode,
    LimitUnit,
    make_calendar_window,
)
from lambdas.functions.limit_settler import handler
from tests.aws import (
    LEDGER,
    clear_caches,
    create_sorted_table,
    embedded_metrics,
    lambda_context,
)
from tests.builders import ANA
from tests.functions.test_budgets import SMALL, apply, budgets, build, count, environment
from tests.functions.test_usage_counter import NOW, call
from tests.limits import CALLER_ROLE, gateway_call, limit, make_admitter, subject, tokens

__all__ = ["environment"]  # a fixture of each test

LIMITS = "limits"
ZONE = next(
    zone
    for zone in ("UTC", "Asia/Tokyo")
    if len({(NOW + timedelta(hours=hours)).astimezone(ZoneInfo(zone)).month for hours in (-2, 1)})
    == 1
)
"""A zone in which no month ends while a test runs."""
MONTH = make_calendar_window(CalendarUnit.MONTH, ZONE)
ENFORCED = replace(SMALL, gateway=LimitMode.ENFORCE, periods=MonthPeriods(ZONE))
TEAM = subject(limit(10**6, MONTH), limit(10**15, MONTH, LimitUnit.USD), name="team")
CALL_PICODOLLARS = 8_750_000
"""Pico-dollars of a call of 10 input and 5 output tokens."""


@pytest.fixture(autouse=True)
def settling(environment: None, monkeypatch: pytest.MonkeyPatch) -> None:
    create_sorted_table(LIMITS)
    monkeypatch.setenv("LIMITS_TABLE", LIMITS)
    monkeypatch.setenv("CALLER_ROLE", CALLER_ROLE)
    clear_caches()


def ago(minutes: float) -> datetime:
    """Get a time before now: the whole run of the tests may take longer than a call."""
    return datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=minutes)


def limits() -> DynamoDbLimits:
    return DynamoDbLimits(boto3.client("dynamodb"), LIMITS)


def crash_after_admission(minutes_ago: float = 20) -> str:
    """Admit a call, and stop: nothing settles it."""
    admission = make_admitter(limits()).admit([TEAM], tokens(5000, usd=10**12), ago(minutes_ago))
    assert admission.reservation is not None
    return admission.reservation.id


def record(*records: UsageRecord) -> None:
    client = boto3.client("dynamodb")
    DynamoDbUsageLedger(client, LEDGER, timedelta(days=90), caller_role=CALLER_ROLE).write(records)


def read_counters(name: str = "team") -> list[int]:
    state = limits().read(name)
    assert state is not None
    return [state.get_total(each.key) for each in TEAM.limits if each.key]


def count_open() -> int:
    return len(list(limits().list_open(ago(0) + timedelta(days=1))))


def test_a_call_is_settled_to_the_token_and_the_pico_dollar(
    capsys: pytest.CaptureFixture[str],
) -> None:
    record(gateway_call(crash_after_admission(), timestamp=ago(20)))
    handler.lambda_handler({}, lambda_context())
    assert read_counters() == [15, CALL_PICODOLLARS]
    assert count_open() == 0
    (metric,) = embedded_metrics(capsys.readouterr().out)
    assert (metric.name, metric.value) == ("RecoveredReservations", 1)


def test_a_reservation_that_someone_else_names_settles_nothing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    reservation = crash_after_admission()
    record(gateway_call(reservation, identity_arn=ANA, timestamp=ago(20)))
    handler.lambda_handler({}, lambda_context())
    assert read_counters() == [5000, 10**12]
    assert count_open() == 1
    assert embedded_metrics(capsys.readouterr().out) == []


def test_a_forged_index_entry_settles_nothing() -> None:
    """A neighbour may write to the ledger; the settler reads who made the call."""
    forged = gateway_call(crash_after_admission(), timestamp=ago(20))
    record(forged)
    boto3.client("dynamodb").update_item(
        TableName=LEDGER,
        Key={"pk": {"S": f"111122223333#us-east-1#{forged.request_id}"}},
        UpdateExpression="SET identity_arn = :ana",
        ExpressionAttributeValues={":ana": {"S": ANA}},
    )
    handler.lambda_handler({}, lambda_context())
    assert read_counters() == [5000, 10**12]


def test_a_call_without_a_record_is_given_back_and_counted(
    capsys: pytest.CaptureFixture[str],
) -> None:
    crash_after_admission(61)
    handler.lambda_handler({}, lambda_context())
    assert read_counters() == [0, 0]
    (metric,) = embedded_metrics(capsys.readouterr().out)
    assert (metric.name, metric.value) == ("ReturnedReservations", 1)


def test_a_call_whose_log_reports_no_usage_stays_as_reserved() -> None:
    unread = gateway_call(crash_after_admission(), timestamp=ago(20), tokens=TokenCounts())
    record(unread)
    handler.lambda_handler({}, lambda_context())
    assert read_counters() == [5000, 10**12]
    assert count_open() == 0


def test_a_call_that_may_still_run_is_left_alone() -> None:
    record(gateway_call(crash_after_admission(5), timestamp=ago(0)))
    handler.lambda_handler({}, lambda_context())
    assert read_counters() == [5000, 10**12]


def test_the_gateway_knows_the_usage_of_budgets() -> None:
    apply(ENFORCED)
    count(call(1), call(2))
    build()
    clear_caches()
    handler.lambda_handler({}, lambda_context())
    who = find_gateway_subject(budgets().read().budgets["small"])
    assert who is not None
    admission = make_admitter(limits()).admit([who], tokens(11), ago(0))
    assert admission.refusal is not None
    admission = make_admitter(limits()).admit([who], tokens(10), ago(0))
    assert admission.refusal is None


def test_an_item_that_cannot_be_read_stops_no_budget_and_no_other_subject(
    caplog: pytest.LogCaptureFixture,
) -> None:
    apply(ENFORCED)
    count(call(1), call(2))
    build()
    clear_caches()
    client = boto3.client("dynamodb")
    limits().reserve(subject(limit(10**6), name="ana"), "open", tokens(1), ago(20))
    client.update_item(
        TableName=LIMITS,
        Key=make_item_key("ana"),
        UpdateExpression="SET #clock = :text",
        ExpressionAttributeNames={"#clock": "m"},
        ExpressionAttributeValues={":text": {"S": "soon"}},
    )
    record(gateway_call(crash_after_admission(), timestamp=ago(20)))
    with caplog.at_level(logging.ERROR), pytest.raises(handler.SettlingError, match="1 "):
        handler.lambda_handler({}, lambda_context())
    assert read_counters() == [15, CALL_PICODOLLARS]
    (logged,) = [each for each in caplog.records if "not all read" in each.message]
    assert vars(logged)["subjects"] == "ana"
    who = find_gateway_subject(budgets().read().budgets["small"])
    assert who is not None
    assert make_admitter(limits()).admit([who], tokens(11), ago(0)).refusal is not None


def test_a_settler_that_fails_stops_no_budget() -> None:
    apply(ENFORCED)
    count(call(1), call(2))
    build()
    clear_caches()
    crash_after_admission()
    settler: Any = handler.settler()
    settler.recorded.calls._items._table_name = "missing"  # noqa: SLF001  # a table that was deleted
    with pytest.raises(ClientError, match="ResourceNotFound"):
        handler.lambda_handler({}, lambda_context())
    who = find_gateway_subject(budgets().read().budgets["small"])
    assert who is not None
    assert make_admitter(limits()).admit([who], tokens(11), ago(0)).refusal is not None


def test_a_budget_that_fails_raises_the_alarm_after_all_is_settled(
    caplog: pytest.LogCaptureFixture,
) -> None:
    apply(ENFORCED)
    count(call(1))
    build()
    clear_caches()
    record(gateway_call(crash_after_admission(), timestamp=ago(20)))
    enforcer: Any = handler.enforcer()
    enforcer.limits._table_name = "missing"  # noqa: SLF001  # a table that was deleted
    with caplog.at_level(logging.ERROR), pytest.raises(handler.SettlingError, match="1 "):
        handler.lambda_handler({}, lambda_context())
    assert count_open() == 0
