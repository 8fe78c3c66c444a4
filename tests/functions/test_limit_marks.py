"""Marks of limits from the gateway's table to the message, as `budget_evaluator` sends them."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest

from lambdas.adapters.dynamodb.due_marks import DynamoDbDueMarks
from lambdas.adapters.dynamodb.limit_marks import DynamoDbMarks
from lambdas.domain.limit_notices import DueMark, write_due_mark
from lambdas.domain.limit_policies import NearMark
from lambdas.domain.limits import to_moment
from lambdas.functions.budget_evaluator import handler as evaluator
from tests.aws import (
    create_sorted_table,
    embedded_metrics,
    health_metrics,
    lambda_context,
    take_events,
)
from tests.functions.test_budgets import environment, inbox
from tests.limit_marks import CALLERS, near_mark

__all__ = ["environment", "inbox"]  # fixtures

LIMITS = "limits"
NOW = datetime.now(UTC)


@pytest.fixture(autouse=True)
def table(environment: None, monkeypatch: pytest.MonkeyPatch) -> None:
    create_sorted_table(LIMITS)
    monkeypatch.setenv("LIMITS_TABLE", LIMITS)


def reach(*marks: NearMark, at: datetime = NOW) -> None:
    """Let a gateway note marks."""

    def write(mark: NearMark, at: datetime) -> DueMark:
        return write_due_mark(mark, CALLERS, at)

    client = boto3.client("dynamodb")
    DynamoDbMarks(client, LIMITS, write, lambda _: None, pytest.fail).report(marks, at)


def current_mark(caller: str) -> NearMark:
    """A mark whose window ends in an hour."""
    return near_mark(caller, ends_at=to_moment(NOW + timedelta(hours=1)))


def list_due() -> list[DueMark]:
    return list(DynamoDbDueMarks(boto3.client("dynamodb"), LIMITS).list_due())


def test_marks_are_sent_once_as_one_message_and_an_event_for_each(
    inbox: Any,
    capsys: pytest.CaptureFixture[str],
) -> None:
    events = take_events()
    reach(current_mark("ana"), current_mark("ben"))
    for _ in range(2):
        evaluator.lambda_handler({}, lambda_context())
    (message,) = inbox()
    assert message["Subject"] == "Bedrock limits: 2 nearly used up"
    details = [json.loads(event["Detail"]) for event in events]
    assert {event["DetailType"] for event in events} == {"Bedrock Meter Limit Near"}
    assert {detail["counted_by"]["caller"].rpartition("/")[2] for detail in details} == {
        "ana",
        "ben",
    }
    assert all(detail["id"] in message["Message"] for detail in details)
    assert health_metrics(capsys.readouterr().out)["LimitsNear"] == [2.0]
    assert list_due() == []


def test_marks_that_are_not_delivered_stay_due_and_fail_the_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    take_events()
    monkeypatch.setenv("TOPIC_ARN", "arn:aws:sns:us-east-1:111122223333:missing")
    reach(current_mark("ana"))
    with pytest.raises(evaluator.BudgetRunError, match=r"mark of a limit not sent: SNS"):
        evaluator.lambda_handler({}, lambda_context())
    assert len(list_due()) == 1


def test_a_mark_whose_window_has_ended_is_dropped_and_counted(
    inbox: Any,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level("INFO")
    reach(near_mark(ends_at=to_moment(NOW)), at=NOW - timedelta(hours=1))
    evaluator.lambda_handler({}, lambda_context())
    assert inbox() == []
    assert list_due() == []
    (line,) = (vars(each) for each in caplog.records if each.message == "Marks of limits")
    assert (line["sent"], line["expired"]) == (0, 1)
    (metric,) = embedded_metrics(capsys.readouterr().out)
    assert (metric.name, metric.value) == ("ExpiredMarks", 1)


def test_nothing_is_read_where_the_gateway_is_off(
    inbox: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("LIMITS_TABLE")
    reach(current_mark("ana"))
    evaluator.lambda_handler({}, lambda_context())
    assert inbox() == []
    assert len(list_due()) == 1
