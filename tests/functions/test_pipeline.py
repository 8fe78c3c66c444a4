"""The whole pipeline: gzipped deliveries, ledger, stream and metrics in CloudWatch."""

import json
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import boto3
import pytest

from tests.aws import deploy_stack, lambda_context, published, set_log_processor_variables
from tests.functions.deliveries import Table, deliver, publish
from tests.invocation_logs import log

CONTEXT = lambda_context(120_000)
NOW = datetime.now(UTC).replace(microsecond=0)
ANA, BEN = (f"arn:aws:iam::111122223333:user/{name}" for name in ("ana", "ben"))


@pytest.fixture(autouse=True)
def environment(aws: None, monkeypatch: pytest.MonkeyPatch) -> None:
    set_log_processor_variables(monkeypatch)
    monkeypatch.setenv("STACK_ID", deploy_stack())


def messages(count: int) -> list[str]:
    """Calls of two people over an hour, each of 15 tokens; every seventh is Ben's."""
    return [
        json.dumps(
            log(
                f"call-{number}",
                timestamp=(NOW - timedelta(minutes=number % 60)).isoformat(),
                identity={"arn": ANA if number % 7 else BEN},
            )
        )
        for number in range(count)
    ]


def tokens(**dimensions: str) -> float:
    return published("TotalTokens", NOW, **dimensions)


def test_every_token_is_published_once_for_its_caller() -> None:
    table = Table()
    deliver(*messages(90))
    publish(table.changes())
    assert (tokens(IdentityArn=ANA), tokens(IdentityArn=BEN)) == (77 * 15, 13 * 15)


def test_repeated_deliveries_in_any_order_and_grouping_change_nothing() -> None:
    table = Table()
    everything = messages(90)
    for delivery in (everything[:50], everything[30:], everything[::-1]):
        deliver(*delivery)
        publish(table.changes())
    assert len(table.before) == 90
    assert (tokens(IdentityArn=ANA), tokens(IdentityArn=BEN)) == (77 * 15, 13 * 15)


def test_a_correction_adds_its_difference_to_the_metrics() -> None:
    table = Table()
    (message,) = messages(1)
    deliver(message)
    publish(table.changes())
    deliver(message.replace('"inputTokenCount": 10', '"inputTokenCount": 500'))
    publish(table.changes())
    (item,) = table.before.values()
    assert item["input"]["N"] == "500"
    assert tokens(IdentityArn=BEN) == 505
    assert published("Invocations", NOW, IdentityArn=BEN) == 1


def test_calls_refused_by_cloudwatch_are_retried_and_published_once() -> None:
    table = Table()
    deliver(*messages(300))
    calls = iter([True, False, False])  # the second chunk is refused, and once more on its return

    def refuse(**_: Any) -> Any:
        if next(calls, True):
            return None
        error = {"Error": {"Code": "Throttling", "Message": "Rate exceeded"}}
        return SimpleNamespace(status_code=400), error

    session = boto3.DEFAULT_SESSION  # the function's client comes from it
    assert session is not None
    session.events.register("before-call.cloudwatch.PutMetricData", refuse)
    assert publish(table.changes()) == 3
    assert (tokens(IdentityArn=ANA), tokens(IdentityArn=BEN)) == (257 * 15, 43 * 15)
