"""`price_refresher`: from calls without a price to their cost in CloudWatch."""

import json
from datetime import UTC, datetime, timedelta

import boto3
import pytest

from lambdas.adapters.dynamodb.unpriced_calls import DynamoDbUnpricedCalls
from lambdas.adapters.dynamodb.usage_ledger import DynamoDbUsageLedger
from lambdas.domain.metrics.sink import MetricsUnavailableError
from lambdas.functions.price_refresher import handler
from tests.aws import LEDGER, STATE, clear_caches, health_metrics, lambda_context, published
from tests.builders import ANA, CONTRACTED, PRIVATE, usage_record

CONTEXT = lambda_context(900_000)


@pytest.fixture(autouse=True)
def environment(aws: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEDGER_TABLE", LEDGER)
    monkeypatch.setenv("STATE_TABLE", STATE)
    monkeypatch.setenv("ACCOUNT_ID", "111122223333")


def note_a_call() -> datetime:
    """Make a call that waits for a price of its model; returns its time."""
    now = datetime.now(UTC).replace(microsecond=0)
    record = usage_record(model_id=PRIVATE, timestamp=now)
    client = boto3.client("dynamodb")
    DynamoDbUsageLedger(client, LEDGER, timedelta(days=90)).write([record])
    DynamoDbUnpricedCalls(client, STATE, LEDGER).write([record], now)
    return now


def test_a_new_price_gives_calls_their_cost_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    now = note_a_call()
    report = handler.lambda_handler({}, CONTEXT)
    assert report["waiting"] == {PRIVATE: datetime.now(UTC).date().isoformat()}
    health = health_metrics(capsys.readouterr().out)
    assert (health["RepricedCalls"], health["WaitingModels"]) == ([0], [1])

    monkeypatch.setenv("CONTRACTED_PRICES", json.dumps([CONTRACTED]))
    clear_caches()
    for calls in (1, 0):
        report = handler.lambda_handler({}, CONTEXT)
        assert sum(model["calls"] for model in report["by_model"].values()) == calls
        health = health_metrics(capsys.readouterr().out)
        assert (health["RepricedCalls"], health["WaitingModels"]) == ([calls], [0])
    assert json.loads(json.dumps(report)) == report
    usd = published("EstimatedCostUSD", now, IdentityArn=ANA)
    assert usd == pytest.approx(0.00002)


@pytest.mark.parametrize(("left", "is_done"), [(45_000, False), (45_001, True)])
def test_a_run_starts_no_step_that_may_exceed_its_time(
    left: int, *, is_done: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An AWS request with its retries takes up to 45 seconds; interrupted, it would be repeated."""
    monkeypatch.setenv("CONTRACTED_PRICES", json.dumps([CONTRACTED]))
    note_a_call()
    context = lambda_context(left)
    report = handler.lambda_handler({}, context)
    assert (PRIVATE in report["by_model"], report["reason"] is None) == (is_done, is_done)


def test_costs_refused_by_cloudwatch_are_logged_and_fail_the_run(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("CONTRACTED_PRICES", json.dumps([CONTRACTED]))
    monkeypatch.setenv("AWS_ENDPOINT_URL_CLOUDWATCH", "http://127.0.0.1:9")  # nothing listens there
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    note_a_call()
    with pytest.raises(MetricsUnavailableError, match=r"127\.0\.0\.1:9"):
        handler.lambda_handler({}, CONTEXT)
    (line,) = (vars(record) for record in caplog.records)
    assert (line["is_refused"], line["by_model"]) == (True, {})


def test_a_run_beside_another_succeeds_without_naming_waiting_models(
    capsys: pytest.CaptureFixture[str],
) -> None:
    note_a_call()
    DynamoDbUnpricedCalls(boto3.client("dynamodb"), STATE, LEDGER).acquire_lock(datetime.now(UTC))
    assert handler.lambda_handler({}, CONTEXT)["reason"] == "another run is in progress"
    assert "WaitingModels" not in health_metrics(capsys.readouterr().out)


def test_the_models_that_wait_longest_for_a_price_are_named(
    caplog: pytest.LogCaptureFixture,
) -> None:
    now = datetime.now(UTC)
    records = [
        usage_record(
            request_id=str(model),
            model_id=f"imported-model/{model}",
            timestamp=now - timedelta(days=model % 2),
        )
        for model in range(25)
    ]
    DynamoDbUnpricedCalls(boto3.client("dynamodb"), STATE, LEDGER).write(records, now)
    waiting = handler.lambda_handler({}, CONTEXT)["waiting"]
    yesterday = (now - timedelta(days=1)).date().isoformat()
    assert len(waiting) == 21
    assert sum(day == yesterday for day in waiting.values()) == 12
    assert next(iter(waiting.values())) == yesterday
    assert waiting["5 other models"] == now.date().isoformat()
    (line,) = (vars(record) for record in caplog.records)
    assert line["waiting"] == waiting
